"""How rules are judged: alert, clear, or not assessable with a reason, for every subject, each rule after those it reads."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.domain import words
from cmvmon.domain.columns import RowType
from cmvmon.domain.errors import ContractBroken, ProgramError
from cmvmon.domain.results import VERDICTS
from cmvmon.domain.subjects import subject_expr
from cmvmon.facts import Facts, FactTable
from cmvmon.facts.conditions import Condition, Value
from cmvmon.rules.asking import Truths, asked
from cmvmon.rules.evidence import FEW, evidence_of, own_evidence
from cmvmon.rules.joining import Joined, giving, joined_tables
from cmvmon.rules.order import in_order
from cmvmon.rules.rulebook import GROUND, VERDICT, Rule
from cmvmon.rules.subject_facts import told_facts
from cmvmon.rules.verdict_order import in_order as sorted_verdicts

_TEXTS = pl.List(pl.String)
_UNSAID = -1  # in place of marks
_MARKS = "marks of what is told"
_VERDICTS = (words.ALERT, words.CLEAR, words.NOT_ASSESSABLE)
_KEPT = tuple(name for name in VERDICTS.schema if name not in ("as_of", "protocol_version"))
_TOLD = (*(name for name in _KEPT if name != "evidence"), "grounds")
_WHERE = ("patient_id", "compartment")
_WORTH = 4  # a rule that speaks of fewer than one in so many of its subjects writes what it tells of them by itself


def check(rules: Collection[Rule], tables: Mapping[str, FactTable]) -> None:
    """Raises ProgramError when a rule can't be judged: a column that nobody gives, a fact that its subjects don't have, or whom it
    applies to is asked of what another rule said."""
    in_order(rules)
    for rule in rules:
        if any(name.partition(".")[0] in (VERDICT, GROUND) for name in rule.applies.columns):
            raise ProgramError(
                f"whom the rule {rule.code} applies to may not depend on what another rule says: ask it in `fires` or `unless`"
            )
    given = giving(tables)
    for rule in rules:
        joined_tables(rule, rule.reads | rule.result_columns, tables, given)


def judge(rules: Collection[Rule], facts: Facts) -> pl.DataFrame:
    """What every rule says of each of its subjects: the columns of `verdicts` without `protocol_version`, by patient, compartment,
    subject and rule.

    Raises ContractBroken when a rule fires and clears at once.
    """
    joined = Joined(facts)
    return sorted_verdicts(*_judged(rules, joined, facts_apart=False), joined)


def judge_apart(
    rules: Collection[Rule], facts: Facts, tables: Collection[RowType]
) -> tuple[pl.DataFrame, dict[str, pl.DataFrame]]:
    """The same verdicts, whose evidence holds what each alone says, and the facts that they rest on, once for each subject.

    Args:
        tables: those of the facts, one for each kind of subject of these rules, as `subject_facts.facts_of` describes them.
    """
    joined = Joined(facts)
    verdicts, spoken = _judged(rules, joined, facts_apart=True)
    facts.forget(tables=False)  # each is large, and nobody asks for it any more
    told = told_facts(tables, joined)
    joined.forget_facts()
    facts.forget(tables=True)
    return sorted_verdicts(verdicts, spoken, joined), told


def _judged(rules: Collection[Rule], joined: Joined, *, facts_apart: bool) -> tuple[pl.DataFrame, list[Rule]]:
    """What every rule says, rule by rule, unsorted, and the rules that said something."""
    said: dict[str, pl.DataFrame] = {}
    for rule in in_order(rules):
        rows, which = _rows(rule, joined, said)
        if rows.is_empty():
            said[rule.code] = _nothing()
            continue
        said[rule.code] = _verdicts(rule, rows, which, joined, facts_apart=facts_apart)
        joined.note(rule, which)
    spoken = [rule for rule in in_order(rules) if said[rule.code].height]
    return pl.concat([said[rule.code] for rule in spoken] or [_nothing()]).select(
        *_KEPT, as_of=joined.facts.now
    ), spoken


def _rows(rule: Rule, joined: Joined, said: Mapping[str, pl.DataFrame]) -> tuple[pl.DataFrame, pl.Series | None]:
    """The subjects that the rule applies to, with every column that it reads, and which of its subjects they are (None = all). Of a
    rule that applies to nobody only what that needs is looked up: most rules speak of few patients, and the facts of the others
    need not be worked out.

    Args:
        said: what the rules that it follows said, with their grounds.
    """
    rows = joined.subjects(rule)
    if rows.is_empty():
        return rows, None
    rows = joined.read(rule, rule.applies.columns)
    applies = asked([rule.applies], rows)[rule.applies]
    if not applies.any():
        return rows.clear(), None
    rows = joined.read(rule, rule.reads | rule.result_columns)
    which = None if applies.all() else pl.Series(applies)
    rows = rows if which is None else rows.filter(which)
    for code in sorted(rule.follows):
        rows = rows.join(_told(code, said[code], rule.reads), on="patient_id", how="left", maintain_order="left")
    return rows, which


def _verdicts(
    rule: Rule, rows: pl.DataFrame, which: pl.Series | None, joined: Joined, *, facts_apart: bool
) -> pl.DataFrame:
    """The columns of `verdicts` that a rule gives, with `grounds`, of subjects that it applies to. `which`: as `_rows` gives it."""
    found = _told_of(rule, rows, with_marks=facts_apart)
    _refuse_both(rule, found)
    if facts_apart:
        texts = joined.subject_texts(rule)
        found = found.with_columns(texts if which is None else texts.filter(which))
    elif rows.height > FEW and rows.height * _WORTH >= joined.subjects(rule).height:
        written = joined.written(rule)
        found = found.hstack(written if which is None else written.filter(which))
    guide = joined.facts.protocol.rules[rule.code].provenance.guide
    evidence: pl.Expr | pl.Series
    if facts_apart:
        evidence = own_evidence(rule, found, marks=found[_MARKS].to_numpy(), by=joined.goes_by(rule), guide=guide)
    else:
        evidence = evidence_of(rule, found.schema, guide=guide).alias("evidence")
    has = tuple(name for name in (*_WHERE, "subject") if name in found.columns)
    return found.select(*_beside_evidence(rule.code, rule.subject, has), evidence)


@lru_cache(maxsize=200)
def _beside_evidence(code: str, kind: str, has: tuple[str, ...]) -> list[pl.Expr]:
    """The other columns of a rule's verdicts. `has`: of patient and compartment those that its subjects have (else null), and of
    `subject` its text where it was written before."""
    made = {name: pl.lit(None, dtype=pl.String) for name in _WHERE if name not in has}
    made |= {"rule": pl.lit(code), "subject_kind": pl.lit(kind)}
    made |= {} if "subject" in has else {"subject": subject_expr(kind)}
    return [made.get(name, pl.col(name)).alias(name) for name in _TOLD]


@lru_cache(maxsize=1)
def _nothing() -> pl.DataFrame:
    """What a rule that applies to nobody says: no row."""
    types = {**VERDICTS.schema, "grounds": _TEXTS}
    return pl.DataFrame(schema={name: types[name] for name in (*_TOLD, "evidence")})


def judged(rule: Rule, frame: pl.DataFrame) -> pl.DataFrame:
    """`frame`, where the rule applies, with `verdict`, `reason`, `tier`, `grounds` (names of those
    that hold) and `says` (sentence keys of an alert or of a state, else null).

    Raises ContractBroken when the rule fires and clears at once.
    """
    found = judged_each(rule, frame)
    _refuse_both(rule, found)
    return found.drop("is_contradictory")


def _refuse_both(rule: Rule, found: pl.DataFrame) -> None:
    both = int(found["is_contradictory"].sum())
    if both:
        raise ContractBroken(f"the rule {rule.code} fires and clears at once on {both} subjects", VERDICTS.name)


def judged_each(rule: Rule, frame: pl.DataFrame) -> pl.DataFrame:
    """As `judged`, with `is_contradictory`: the rule fires and clears at once there, and the verdict means nothing.

    Only what `rule.reads` is looked at: the same columns, put back from a verdict's evidence, give the same answer. Each
    condition is asked once, in one step and beside the others; what follows from the answers is told by arrays of truth.
    """
    return _told_of(rule, frame.filter(rule.applies.expr))


def _told_of(rule: Rule, rows: pl.DataFrame, *, with_marks: bool = False) -> pl.DataFrame:
    """As `judged_each`, of rows that the rule applies to. `with_marks`: a number too, one for the same grounds and sentences."""
    holds = asked(rule.conditions(), rows)
    inhibited, held = _any(rule.inhibitors, holds, rows.height), _any(rule.unless, holds, rows.height)
    grounds = _any(rule.fires, holds, rows.height)
    fires, clears = grounds & ~held & ~inhibited, holds[rule.clears] & ~inhibited
    is_held = inhibited | (grounds & held)
    holds_back = [*rule.inhibitors.items(), *rule.unless.items()]
    is_contradictory = clears & (fires | is_held)
    is_left_open = (clears | (fires & rule.is_state)) & _any(rule.open_while, holds, rows.height)
    fires, clears = fires & ~is_left_open, clears & ~is_left_open
    is_untold = ~fires & ~clears & ~is_held & ~is_left_open
    whys = (holds_back, is_held), ([*rule.open_while.items()], is_left_open), (rule.cannot_tell, is_untold)
    reasons = [why for said, _ in whys for why in said]
    place, before = np.full(rows.height, len(reasons)), 0
    for said, of_these in whys:
        place = np.where(of_these, before + _first(said, of_these, holds), place)
        before += len(said)
    marks = np.where(fires, _marks([sentence.when for sentence in rule.says], holds, rows.height), _UNSAID)
    held_grounds = _marks([*rule.fires.values()], holds, rows.height)
    alerts = fires & (not rule.is_state)
    told: dict[str, pl.Expr | pl.Series] = {
        "verdict": _each(_VERDICTS, np.where(alerts, 0, np.where(clears | fires, 1, 2)), pl.String()),
        "reason": _said(reasons, place, pl.String()),
        "tier": _said([*rule.tier.items()], _first([*rule.tier.items()], alerts, holds), pl.Int64()),
        "grounds": _those(tuple(rule.fires), held_grounds),
        "says": _those(tuple(sentence.key for sentence in rule.says), marks),
        "is_contradictory": pl.Series(is_contradictory, dtype=pl.Boolean),
    }
    if with_marks:
        told[_MARKS] = pl.Series(
            np.unique(marks, return_inverse=True)[1] << len(rule.fires) | held_grounds, dtype=pl.Int64
        )
    whole = rows.hstack([column.alias(name) for name, column in told.items() if isinstance(column, pl.Series)])
    asked_for = {name: column for name, column in told.items() if isinstance(column, pl.Expr)}
    return whole.with_columns(**asked_for) if asked_for else whole


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


def _any(named: Mapping[str, Condition], holds: Mapping[Condition, Truths], height: int) -> Truths:
    found = np.zeros(height, dtype=np.bool_)
    for condition in named.values():
        found = found | holds[condition]
    return found


def _first(
    said: Sequence[tuple[str | int | Value, Condition]], asked: Truths, holds: Mapping[Condition, Truths]
) -> npt.NDArray[np.int64]:
    """The place of the first condition that holds, in the rows that are asked; in the others how many there are."""
    place = np.full(len(asked), len(said))
    for at, (_, condition) in reversed(list(enumerate(said))):
        place[asked & holds[condition]] = at
    return place


def _said(
    said: Sequence[tuple[str | int | Value, Condition]], place: npt.NDArray[np.int64], dtype: pl.DataType
) -> pl.Expr | pl.Series:
    """What stands at that place; null where there is none so far."""
    told: pl.Expr | pl.Series = _each(
        (*(None if isinstance(what, Value) else what for what, _ in said), None), place, dtype
    )
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


def _those(names: tuple[str, ...], marks: npt.NDArray[np.int64]) -> pl.Series:
    """The names whose bit is set, in order; null where it is unsaid."""
    found, at = np.unique(marks, return_inverse=True)
    lists = tuple(
        None if mark == _UNSAID else tuple(name for place, name in enumerate(names) if mark >> place & 1)
        for mark in found.tolist()
    )
    return _each(lists, at, _TEXTS)


def _each(values: tuple[object, ...], place: npt.NDArray[np.int64], dtype: pl.DataType) -> pl.Series:
    """For each row the value at its place."""
    column = _column(values, dtype)
    return column.slice(int(place[0]), 1) if len(place) == 1 else column[place]


@lru_cache(maxsize=2_000)
def _column(values: tuple[object, ...], dtype: pl.DataType) -> pl.Series:
    """Made once: the words of a rule are the same for every patient, and making them a column takes longer than to pick one."""
    return pl.Series(values, dtype=dtype)
