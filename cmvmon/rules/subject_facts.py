"""The facts of each subject that rules spoke of, once for all of them: what stands in the evidence of each verdict else.

What five rules read of a series would stand five times as text. Of many patients it is written once, typed; the evidence then tells
what the verdict alone says, and `cmvmon.rules.whole_evidence` puts both together again.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from functools import reduce

import polars as pl

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.subjects import KINDS
from cmvmon.facts import FactTable
from cmvmon.facts.columns import PATIENT_ID
from cmvmon.rules.joining import Joined, Noted
from cmvmon.rules.rulebook import Rule

NAME = "facts_of_{}"
_SUBJECT = Column("subject", Kind.TEXT, "Whom or what they are of, as in `verdicts`.")
_NOT_READ = "no rule that reads it applies to the subject, or it is not known"


def facts_of(kind: str, rules: Collection[Rule], tables: Mapping[str, FactTable]) -> RowType:
    """The table of the facts that rules of that kind read: `subject`, what tells one from another, and the facts by name."""
    read = {name for rule in rules if rule.subject == kind for name in rule.reads}
    facts = {column.name: column for table in tables.values() for column in table.rows.columns}
    listing = next(table for table in tables.values() if table.lists == kind)
    told = sorted(read.intersection(facts).difference(KINDS[kind]))
    keys = [_plain(column, "not known") for column in listing.rows.columns if column.name in KINDS[kind][1:]]
    return RowType(
        name=NAME.format(kind),
        description=f"Of each {kind.replace('_', ' ')} that a verdict speaks of, the facts that its rules read.",
        key=("subject",),
        columns=(PATIENT_ID, *keys, _SUBJECT, *(_plain(facts[name], _NOT_READ) for name in told)),
    )


def kinds_of(rules: Collection[Rule]) -> tuple[str, ...]:
    """The kinds of subject that these rules speak of, by name."""
    return tuple(sorted({rule.subject for rule in rules}))


def _plain(column: Column, null_means: str) -> Column:
    """The column without what it promises of every row: here it may be null."""
    means = f"{null_means}: {column.null_means}" if column.null_means else null_means
    return replace(column, null_means=means, constraints=())


def told_facts(row_types: Collection[RowType], joined: Joined) -> dict[str, pl.DataFrame]:
    """By name of table the facts of the subjects that a rule applied to, by key. A fact is null where none of those rules reads it, so
    that what is told of one subject does not depend on the others."""
    found: dict[str, list[pl.DataFrame]] = {}
    by_kind = {NAME.format(rule.subject): rule.subject for noted in joined.noted.values() for rule, _ in noted}
    for noted in joined.noted.values():
        name = NAME.format(noted[0][0].subject)
        row_type = next(row_type for row_type in row_types if row_type.name == name)
        found.setdefault(name, []).append(_told(row_type, noted, joined))
    told = {}
    for row_type in row_types:
        parts = found.get(row_type.name)
        told[row_type.name] = row_type.empty() if not parts else _merged(parts, by_kind[row_type.name], row_type)
    return told


def _told(row_type: RowType, noted: Sequence[Noted], joined: Joined) -> pl.DataFrame:
    """The facts of one list of subjects."""
    first = noted[0][0]
    keys = KINDS[first.subject]
    columns = joined.facts_of(first, {name for rule, _ in noted for name in rule.reads.intersection(row_type.schema)})
    subjects = joined.subjects(first)
    spoken = _any([which for _, which in noted])
    made = [subjects.get_column(name) for name in keys] + [joined.subject_texts(first)]
    readers: dict[tuple[bool, ...], pl.Series | None] = {}
    for name in sorted(set(row_type.schema).difference(keys)):
        by = tuple(name in rule.reads for rule, _ in noted)
        if name not in columns or not any(by):
            continue
        if by not in readers:
            readers[by] = _any([which for (_, which), reads in zip(noted, by, strict=True) if reads])
        asked = readers[by]
        made.append(columns[name] if asked is None else columns[name].zip_with(asked, _none(columns[name])))
    frame = pl.DataFrame(made)
    return frame if spoken is None else frame.filter(spoken)


def _none(column: pl.Series) -> pl.Series:
    return column.clear(1).new_from_index(0, column.len()) if column.len() else column


def _any(whiches: Sequence[pl.Series | None]) -> pl.Series | None:
    """Which subjects at least one of the rules speaks of; None = all."""
    known = [which for which in whiches if which is not None]
    return None if len(known) < len(whiches) else reduce(lambda one, other: one | other, known)


def _merged(parts: Sequence[pl.DataFrame], kind: str, row_type: RowType) -> pl.DataFrame:
    """One row of each subject, though rules list it differently (with a place that is expected of everyone, or without)."""
    if len(parts) == 1:
        return row_type.conform(parts[0])
    keys = (*KINDS[kind], "subject")
    subjects = pl.concat([part.select(keys) for part in parts]).unique("subject").sort(KINDS[kind], nulls_last=False)
    made = {name: subjects.get_column(name) for name in keys}
    for part in parts:
        place = subjects.select("subject").join(
            part.select("subject").with_row_index("place"), on="subject", how="left", maintain_order="left"
        )["place"]
        for name in (name for name in part.columns if name not in keys):
            column = part.get_column(name).gather(place)
            made[name] = column if name not in made else made[name].zip_with(made[name].is_not_null(), column)
    return row_type.conform(pl.DataFrame(made))
