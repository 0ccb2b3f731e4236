"""Verdicts that an analysis wrote, with the facts that it wrote beside them put back into their evidence."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from cmvmon.domain.errors import SiteError
from cmvmon.domain.results import VERDICTS
from cmvmon.facts import all_fact_tables
from cmvmon.rules import all_rules
from cmvmon.rules.subject_facts import NAME
from cmvmon.rules.whole_evidence import whole_evidence

_AGAIN = "read it with that release, or analyze the tables again"


def written_verdicts(out: Path, *, rule: str | None = None) -> pl.DataFrame:
    """`verdicts` of a run, of all rules or of one, in the order in which they were written; `evidence` tells all that each rests on.

    Raises SiteError: `out` holds no tables of a run of this release, or there is no such rule.
    """
    rules = {known.code: known for known in all_rules()}
    if rule is not None and not (isinstance(rule, str) and rule in rules):
        raise SiteError(f"{rule!r} is no rule; known are {', '.join(rules)}")
    if out.is_file():
        raise SiteError(f"{out.name} is a file; name the folder that `cmvmon analyze` wrote")
    verdicts = _table(out, VERDICTS.name).with_row_index("place")
    if rule is not None:
        verdicts = verdicts.filter(rule=rule)
    if strange := sorted(set(verdicts["rule"]) - rules.keys()):
        raise SiteError(
            f"{out.name} was written by another release: this one has no rule {', '.join(strange)}; {_AGAIN}"
        )
    whole, tables = [verdicts.clear()], dict[str, pl.DataFrame]()
    facts = {fact for table in all_fact_tables().values() for fact in table.facts}
    for (code,), rows in verdicts.group_by("rule", maintain_order=True):
        known = rules[str(code)]
        name = NAME.format(known.subject)
        told = tables[name] = tables[name] if name in tables else _table(out, name)
        if lacking := sorted(known.reads.intersection(facts).difference(told.columns)):
            raise SiteError(f"{out.name} was written by another release: {name} has no column {lacking[0]}; {_AGAIN}")
        whole.append(rows.with_columns(whole_evidence(known, rows, told, tables=all_fact_tables())))
    return pl.concat(whole).sort("place").select(verdicts.columns[1:])


def _table(out: Path, name: str) -> pl.DataFrame:
    path = out / f"{name}.parquet"
    if not path.exists():
        raise SiteError(
            f"{out.name} holds no {name}.parquet; name a folder that `cmvmon analyze` of this release wrote"
        )
    return pl.read_parquet(path / "*.parquet" if path.is_dir() else path)
