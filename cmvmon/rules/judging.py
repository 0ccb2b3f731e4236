"""How rules are judged: alert, clear, or not assessable with a reason, for every subject, each rule after those it reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.domain import words
from cmvmon.domain.errors import ContractBroken, ProgramError
from cmvmon.domain.results import VERDICTS
from cmvmon.domain.subjects import KINDS, subject_expr
from cmvmon.facts import Facts, FactTable
from cmvmon.facts.conditions import PROTOCOL, Condition, Value
from cmvmon.protocol.numbers import ByFact, number_of
from cmvmon.rules.evidence import evidence_of
from cmvmon.rules.order import in_order
from cmvmon.rules.rulebook import GROUND, VERDICT, Rule

_TEXTS = pl.List(pl.String)
_UNSAID = -1  # in place of marks
_VERDICTS = (words.ALERT, words.CLEAR, words.NOT_ASSESSABLE)
Truths = npt.NDArray[np.bool_]
_Listed = tuple[str, tuple[str, ...]]  # kind of subject, and the compartments that are expected of everyone


def check(rules: Collection[Rule], tables: Mapping[str, FactTable]) -> None:
    """Raises ProgramError when a rule can't be judged: a column that nobody gives, a fact that its subjects don't have."""
    in_order(rules)
    for rule in rules:
        joined_tables(rule, rule.reads | rule.result_columns, tables)


def judge(rules: Collection[Rule], facts: Facts) -> pl.DataFrame:
    """What every rule says of each of its subjects: the columns of `verdicts` without `protocol_version`, unsorted.

    Raises ContractBroken when a rule fires and clears at once.
    """
    said: dict[str, pl.DataFrame] = {}
    joined = Joined(facts, rules)
    for rule in in_order(rules):
        frame = read(rule, joined, said)
        verdicts = judged(rule, frame)
        evidence = pl.lit(None, dtype=pl.String)
        if verdicts.height:
            evidence = evidence_of(rule, frame.schema, guide=facts.protocol.rules[rule.code].provenance.guide)
        said[rule.code] = verdicts.with_columns(
            *_about(rule.subject, frame.columns), evidence=evidence, rule=pl.lit(rule.code)
        )
    kept = [name for name in VERDICTS.schema if name not in ("as_of", "protocol_version")]
    return pl.concat(frame.select(kept) for frame in said.values()).with_columns(as_of=facts.now)


def read(rule: Rule, joined: Joined, said: Mapping[str, pl.DataFrame] | None = None) -> pl.DataFrame:
    """One row per subject of the rule, with every column that it reads: only the fact tables that it needs are joined.

    Args:
        said: the verdicts of the rules that it follows, with `grounds`.
    """
    facts, wanted = joined.facts, read_by(rule, joined.facts)
    numbers = _numbers(rule, facts)
    there = joined.of(rule)
    listed = joined.listed(rule)
    kept = [name for name in there.columns if name in wanted or name in listed]
    frame = there.select(*kept, as_of=facts.now, **{name: _of_each(number) for name, number in numbers.items()})
    for code in sorted(rule.follows):
        frame = frame.join(_told(code, (said or {})[code], wanted), on="patient_id", how="left")
    return frame


def judged(rule: Rule, frame: pl.DataFrame) -> pl.DataFrame:
    """`frame`, where the rule applies, with `verdict`, `reason`, `tier`, `grounds` (names of those
    that hold) and `says` (sentence keys of an alert or of a state, else null).

    Raises ContractBroken when the rule fires and clears at once.
    """
    found = judged_each(rule, frame)
    both = int(found["is_contradictory"].sum())
    if both:
        raise ContractBroken(f"the rule {rule.code} fires and clears at once on {both} subjects", VERDICTS.name)
    return found.drop("is_contradictory")


def judged_each(rule: Rule, frame: pl.DataFrame) -> pl.DataFrame:
    """As `judged`, with `is_contradictory`: the rule fires and clears at once there, and the verdict means nothing.

    Only what `rule.reads` is looked at: the same columns, put back from a verdict's evidence, give the same answer. Each
    condition is asked once, in one step and beside the others; what follows from the answers is told by arrays of truth.
    """
    rows = frame.filter(rule.applies.expr)
    holds = _asked([*rule.conditions()], rows)
    inhibited, held = _any(rule.inhibitors, holds, rows.height), _any(rule.unless, holds, rows.height)
    grounds = _any(rule.fires, holds, rows.height)
    fires, clears = grounds & ~held & ~inhibited, holds[rule.clears] & ~inhibited
    is_held = inhibited | (grounds & held)
    held_by = _first([*rule.inhibitors.items(), *rule.unless.items()], is_held, holds, pl.String())
    untold = _first(rule.cannot_tell, ~fires & ~clears & ~is_held, holds, pl.String())
    marks = np.where(fires, _marks([sentence.when for sentence in rule.says], holds, rows.height), _UNSAID)
    alerts = fires & (not rule.is_state)
    return rows.with_columns(
        verdict=_each(_VERDICTS, np.where(alerts, 0, np.where(clears | fires, 1, 2)), pl.String()),
        reason=pl.coalesce(held_by, untold),
        tier=_first([*rule.tier.items()], alerts, holds, pl.Int64()),
        grounds=_those(list(rule.fires), _marks([*rule.fires.values()], holds, rows.height)),
        says=_those([sentence.key for sentence in rule.says], marks),
        is_contradictory=pl.Series(clears & (fires | is_held), dtype=pl.Boolean),
    )


class Joined:
    """The subjects of these rules with every fact table that one of them reads, joined once however many read it."""

    def __init__(self, facts: Facts, rules: Collection[Rule]) -> None:
        self.facts = facts
        self._read: dict[_Listed, dict[str, FactTable]] = {}
        self._joined: dict[_Listed, pl.DataFrame] = {}
        for rule in rules:
            tables = self._read.setdefault((rule.subject, rule.expects), {})
            tables |= {table.rows.name: table for table in joined_tables(rule, read_by(rule, facts), facts.tables)}

    def listed(self, rule: Rule) -> tuple[str, ...]:
        """The columns of the fact table that lists the rule's subjects."""
        return tuple(self._listing(rule.subject).rows.schema)

    def of(self, rule: Rule) -> pl.DataFrame:
        """The subjects of the rule, each with its facts. Raises ProgramError where a fact table tells one twice."""
        listed = (rule.subject, rule.expects)
        if listed not in self._joined:
            subjects = self._subjects(*listed)
            tables = [table for _, table in sorted(self._read[listed].items()) if table.lists != rule.subject]
            keys = {table.rows.key: subjects.select(table.rows.key) for table in tables}
            parts = pl.collect_all([self._beside(keys[table.rows.key], table) for table in tables])
            for table, part in zip(tables, parts, strict=True):
                if part.height != subjects.height:
                    raise ProgramError(f"the fact table {table.rows.name} has several rows of one {table.rows.key}")
            found = pl.concat([subjects, *parts], how="horizontal")
            self._joined[listed] = found
        return self._joined[listed]

    def _beside(self, keys: pl.DataFrame, table: FactTable) -> pl.LazyFrame:
        """The facts of that table, a row for each of the subjects' keys: only keys are joined, other columns stay as they are."""
        there, key = self.facts.of(table.rows), table.rows.key
        if keys.equals(there.select(key)):  # often: both are sorted by key, and there is nothing to join
            return there.lazy().select(table.facts)
        found = keys.lazy().join(there.lazy(), on=key, how="left", nulls_equal=True, maintain_order="left")
        return found.select(table.facts)

    def _listing(self, subject: str) -> FactTable:
        return next(table for table in self.facts.tables.values() if table.lists == subject)

    def _subjects(self, subject: str, expects: tuple[str, ...]) -> pl.DataFrame:
        """Those of the kind; besides, a row without a series for each place that is expected and that has none."""
        listing = self._listing(subject)
        rows = self.facts.of(listing.rows)
        if not expects:
            return rows
        patients = self.facts.of(self._listing("patient").rows).select("patient_id")
        expected = patients.join(pl.DataFrame({"compartment": expects}), how="cross")
        place = ["patient_id", "compartment"]
        return pl.concat([rows, expected.join(rows, on=place, how="anti")], how="diagonal").sort(*listing.rows.key)


def joined_tables(rule: Rule, columns: Collection[str], tables: Mapping[str, FactTable]) -> list[FactTable]:
    """The fact tables that give these columns. Raises ProgramError where one is given by none, or not for such subjects."""
    key = _key(rule, tables)
    needed = []
    for column in sorted(columns):
        if (
            column in key
            or column == "as_of"
            or column.startswith(PROTOCOL)
            or column.split(".")[0] in (VERDICT, GROUND)
        ):
            continue
        found = next((table for table in tables.values() if column in table.facts), None)
        if found is None:
            raise ProgramError(f"the rule {rule.code} reads {column!r}, which no fact table gives")
        if missing := set(found.rows.key) - set(key):
            raise ProgramError(
                f"the rule {rule.code} reads {column!r} of the fact table {found.rows.name}, whose rows are told apart by "
                f"{', '.join(sorted(missing))}: a subject of kind {rule.subject} has no such key"
            )
        if found not in needed:
            needed.append(found)
    return needed


def _about(kind: str, columns: Collection[str]) -> list[pl.Expr]:
    """What a verdict is about, as columns; patient and compartment are null where the kind has none."""
    absent = [name for name in ("patient_id", "compartment") if name not in columns]
    return [
        pl.lit(kind).alias("subject_kind"),
        subject_expr(kind),
        *(pl.lit(None, dtype=pl.String).alias(name) for name in absent),
    ]


def _key(rule: Rule, tables: Mapping[str, FactTable]) -> tuple[str, ...]:
    if rule.subject not in KINDS or not any(table.lists == rule.subject for table in tables.values()):
        raise ProgramError(f"the rule {rule.code} judges subjects of kind {rule.subject!r}, which no fact table lists")
    return KINDS[rule.subject]


def _told(code: str, verdicts: pl.DataFrame, wanted: Collection[str]) -> pl.DataFrame:
    """What the rule `code` said of each patient, as columns."""
    is_alert = pl.col("verdict") == words.ALERT
    gravest = (
        pl.when(is_alert.any())
        .then(pl.lit(words.ALERT))
        .when((pl.col("verdict") == words.NOT_ASSESSABLE).any())
        .then(pl.lit(words.NOT_ASSESSABLE))
        .otherwise(pl.lit(words.CLEAR))
    )
    grounds = {
        name: (is_alert & pl.col("grounds").list.contains(name.removeprefix(f"{GROUND}.{code}."))).any()
        for name in wanted
        if name.startswith(f"{GROUND}.{code}.")
    }
    return verdicts.group_by("patient_id").agg(gravest.alias(f"{VERDICT}.{code}"), **grounds)


def read_by(rule: Rule, facts: Facts) -> frozenset[str]:
    """Every column that judging it needs: those that it reads, and the facts by which its numbers differ."""
    by = {number.fact for number in _numbers(rule, facts).values() if isinstance(number, ByFact)}
    return rule.reads | rule.result_columns | by


def _numbers(rule: Rule, facts: Facts) -> dict[str, float | ByFact]:
    """The numbers of the protocol that it reads, by column."""
    names = sorted(name for name in rule.reads | rule.result_columns if name.startswith(PROTOCOL))
    return {name: number_of(facts.protocol, rule.code, name.removeprefix(PROTOCOL)) for name in names}


def _of_each(number: float | ByFact) -> pl.Expr:
    if isinstance(number, ByFact):
        return pl.col(number.fact).replace_strict(dict(number.values), default=None, return_dtype=pl.Float64)
    return pl.lit(number)


def _asked(conditions: Sequence[Condition], frame: pl.DataFrame) -> dict[Condition, Truths]:
    """Of which rows each of the conditions holds."""
    named = {f"condition {place}": condition for place, condition in enumerate(dict.fromkeys(conditions))}
    if frame.is_empty():  # often: most rules apply to few patients. What they read must be there all the same
        frame.select(sorted({column for condition in named.values() for column in condition.columns}))
        return {condition: np.zeros(0, dtype=np.bool_) for condition in named.values()}
    found = frame.select(condition.expr.alias(name) for name, condition in named.items())
    return {condition: found[name].to_numpy() for name, condition in named.items()}


def _any(named: Mapping[str, Condition], holds: Mapping[Condition, Truths], height: int) -> Truths:
    found = np.zeros(height, dtype=np.bool_)
    for condition in named.values():
        found = found | holds[condition]
    return found


def _first(
    said: Sequence[tuple[str | int | Value, Condition]],
    asked: Truths,
    holds: Mapping[Condition, Truths],
    dtype: pl.DataType,
) -> pl.Expr:
    """What stands beside the first condition that holds, in the rows that are asked; null in the others."""
    place = np.full(len(asked), len(said))
    for at, (_, condition) in reversed(list(enumerate(said))):
        place[asked & holds[condition]] = at
    told = _each([*(None if isinstance(what, Value) else what for what, _ in said), None], place, dtype)
    for at, (what, _) in enumerate(said):
        if isinstance(what, Value):
            told = pl.when(pl.lit(pl.Series(place == at))).then(what.expr).otherwise(told)
    return told


def _marks(conditions: Sequence[Condition], holds: Mapping[Condition, Truths], height: int) -> npt.NDArray[np.int64]:
    """Which of the conditions hold, as the bits of one number: far cheaper to fill than a list in each row."""
    found = np.zeros(height, dtype=np.int64)
    for place, condition in enumerate(conditions):
        found |= holds[condition].astype(np.int64) << place
    return found


def _those(names: Sequence[str], marks: npt.NDArray[np.int64]) -> pl.Expr:
    """The names whose bit is set, in order; null where it is unsaid."""
    found, at = np.unique(marks, return_inverse=True)
    lists = [
        None if mark == _UNSAID else [name for place, name in enumerate(names) if mark >> place & 1]
        for mark in found.tolist()
    ]
    return _each(lists, at, _TEXTS)


def _each(values: Sequence[object], place: npt.NDArray[np.int64], dtype: pl.DataType) -> pl.Expr:
    """For each row the value at its place."""
    return pl.lit(pl.Series(values, dtype=dtype)).gather(pl.lit(pl.Series(place)))
