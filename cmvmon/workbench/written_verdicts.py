"""Verdicts that an analysis wrote, with the facts that it wrote beside them put back into their evidence."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from cmvmon.domain.errors import SiteError
from cmvmon.domain.results import VERDICTS
from cmvmon.facts import all_fact_tables
from cmvmon.protocol import Protocol
from cmvmon.rules import all_rules
from cmvmon.rules.subject_facts import NAME
from cmvmon.rules.whole_evidence import whole_evidence


def written_verdicts(out: Path, *, protocol: Protocol, rule: str | None = None) -> pl.DataFrame:
    """`verdicts` of a run, of all rules or of one, in the order in which they were written; `evidence` tells all that each rests on.

    Raises SiteError: `out` holds no tables of a run, there is no such rule, or another protocol judged.
    """
    rules = {known.code: known for known in all_rules()}
    if rule is not None and rule not in rules:
        raise SiteError(f"{rule!r} is no rule; known are {', '.join(rules)}")
    verdicts = _table(out, VERDICTS.name).with_row_index("place")
    if rule is not None:
        verdicts = verdicts.filter(rule=rule)
    judged_by = verdicts["protocol_version"].unique().to_list()
    if strange := sorted(version for version in judged_by if version.partition("+")[0] != protocol.version):
        raise SiteError(
            f"{out.name} was judged by the protocol {', '.join(strange)}, and this is {protocol.version}; give that one"
        )
    whole = [verdicts.clear()]
    for (code,), rows in verdicts.group_by("rule", maintain_order=True):
        known = rules[str(code)]
        told = _table(out, NAME.format(known.subject))
        evidence = whole_evidence(known, rows, told, protocol=protocol, tables=all_fact_tables())
        whole.append(rows.with_columns(evidence))
    return pl.concat(whole).sort("place").select(verdicts.columns[1:])


def _table(out: Path, name: str) -> pl.DataFrame:
    path = out / f"{name}.parquet"
    if not path.exists():
        raise SiteError(f"{out.name} holds no {name}.parquet; name a folder that `cmvmon analyze` wrote")
    return pl.read_parquet(path / "*.parquet" if path.is_dir() else path)
