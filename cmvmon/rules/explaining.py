"""Why a verdict is what it is: each condition of its rule with both sides, and the value at which the verdict would turn.

Everything is read from the verdict's own evidence, and a turning value is found by judging again with it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl

from cmvmon.facts.conditions import Among, AnyOf, Comparison, Condition, Every, Known, Not, Truth
from cmvmon.rules.judging import judged_each
from cmvmon.rules.rulebook import Rule

CONTRADICTORY = "contradictory"  # it would fire and clear at once: facts that can't be so together
_ROW = "row of what was tried"
_OF_A_DAY = 1e-9  # the least difference of a number of days that still is one as a length of time


@dataclass(frozen=True)
class Asked:
    """One condition of a rule, or one question inside it (`depth` 1), of one subject.

    Attributes:
        part: what it decides (`applies`, `fires by_call`, `unless ...`, `clears`, `open_while ...`, `tier 2`).
        says: as the rule's file says it.
        holds: true, false, or None: not known; the rule then takes it as not so.
        left, right: the two sides of a comparison, or the value that is asked; None where there is none.
    """

    part: str
    depth: int
    says: str
    holds: bool | None
    left: Any = None
    right: Any = None


@dataclass(frozen=True)
class Turn:
    """One column of the evidence with which the verdict would be another one, everything else as it is.

    Attributes:
        column: a fact, or `protocol.` and a number.
        says: the question that it is asked in.
        now: what it is.
        at: the nearest value with which the verdict is another one.
        verdict: that other verdict, with its reason where it has one.
    """

    column: str
    says: str
    now: Any
    at: Any
    verdict: str


def named_conditions(rule: Rule) -> Iterator[tuple[str, Condition]]:
    """The conditions that decide the verdict and the tier, each with what it decides."""
    yield "applies", rule.applies
    yield from ((f"fires {name}", condition) for name, condition in rule.fires.items())
    yield from ((f"unless {name}", condition) for name, condition in {**rule.inhibitors, **rule.unless}.items())
    yield "clears", rule.clears
    yield from ((f"open_while {name}", condition) for name, condition in rule.open_while.items())
    yield from ((f"tier {tier}", condition) for tier, condition in rule.tier.items())


def asked(rule: Rule, frame: pl.DataFrame) -> list[Asked]:
    """Every named condition and every question in it. `frame`: one row, as `cmvmon.rules.evidence.read_back` gives it."""
    answers: dict[Condition, tuple[bool | None, Any, Any]] = {}

    def answered(part: str, depth: int, condition: Condition) -> Asked:
        if condition not in answers:  # many conditions are joined from the same questions
            answers[condition] = (_state(condition, frame), *_sides(condition, frame))
        return Asked(part, depth, str(condition), *answers[condition])

    found = []
    for part, condition in named_conditions(rule):
        found.append(answered(part, 0, condition))
        if condition.parts:
            found += [answered(part, 1, question) for question in condition.questions()]
    return found


def turns(rule: Rule, frame: pl.DataFrame) -> list[Turn]:
    """What would have changed the verdict: one column at a time, each at the nearest value that does.

    Args:
        frame: one row, as `cmvmon.rules.evidence.read_back` gives it.
    """
    now = verdict_with(rule, frame)
    each_once = dict.fromkeys(question for _, condition in named_conditions(rule) for question in condition.questions())
    tried = [(question, column, value) for question in each_once for column, value in _crossings(question, frame)]
    found: dict[tuple[str, str], Turn] = {}
    verdicts = _verdicts(rule, [_with(frame, {column: value}) for _, column, value in tried])
    for (question, column, value), turned in zip(tried, verdicts, strict=True):
        turn = Turn(column, str(question), frame[column][0], value, turned)
        if turned not in (now, CONTRADICTORY) and _is_nearer(turn, found.get((column, turned))):
            found[column, turned] = turn
    return [turn for turn in found.values() if not _is_told_by_lower_bound(turn, found, frame)]


def _is_told_by_lower_bound(turn: Turn, found: Mapping[tuple[str, str], Turn], frame: pl.DataFrame) -> bool:
    """Whether it is the upper bound of a number of which the lower one, which is the same, turns the verdict at the same value."""
    other = _other_bound(turn.column, frame) if "at_most" in turn.column else None
    return other is not None and (twin := found.get((other, turn.verdict))) is not None and twin.at == turn.at


def _is_nearer(turn: Turn, other: Turn | None) -> bool:
    """Whether it lies nearer to what is now than another one of the same column; of those without a value, or where it is not known
    what is now, the first."""
    if other is None:
        return True
    return None not in (turn.now, turn.at, other.at) and bool(abs(turn.at - turn.now) < abs(other.at - other.now))


def verdict_with(rule: Rule, frame: pl.DataFrame, **changed: Any) -> str:
    """The verdict on a row with some columns put to other values: `alert tier 2`, `clear`, `not_assessable (reason)`.

    `not judged` where the rule then says nothing of the subject, `CONTRADICTORY` where it would fire and clear at once.
    """
    (verdict,) = _verdicts(rule, [_with(frame, changed)])
    return verdict


def _with(frame: pl.DataFrame, changed: Mapping[str, Any]) -> pl.DataFrame:
    """The row with those values. The bounds of one number that is known go together: a load of at least 9,999 and at most 46,000 is
    another kind of result, and says nothing of the load at which the verdict turns."""
    both = {twin: value for name, value in changed.items() if (twin := _other_bound(name, frame)) is not None}
    both |= changed
    return frame.with_columns(pl.lit(value).cast(frame.schema[name]).alias(name) for name, value in both.items())


def _other_bound(name: str, frame: pl.DataFrame) -> str | None:
    """The column of the other bound of the same number, where both are known and the same; else None."""
    at_least, at_most = "at_least", "at_most"
    other = name.replace(at_least, at_most) if at_least in name else name.replace(at_most, at_least)
    if other == name or other not in frame.columns or name not in frame.columns:
        return None
    return other if frame[other][0] is not None and frame[other][0] == frame[name][0] else None


def _verdicts(rule: Rule, rows: Sequence[pl.DataFrame]) -> list[str]:
    """Of each row, what `verdict_with` says of it: all of them are judged at once."""
    if not rows:
        return []
    found = judged_each(rule, pl.concat(rows).with_row_index(_ROW))
    said = found.select(_ROW, "verdict", "reason", "tier", "is_contradictory").rows()
    told = {
        row: CONTRADICTORY if is_both else _told(verdict, reason, tier) for row, verdict, reason, tier, is_both in said
    }
    return [told.get(row, "not judged") for row in range(len(rows))]


def _told(verdict: str, reason: str | None, tier: int | None) -> str:
    return f"{verdict} ({reason})" if reason else f"{verdict} tier {tier}" if tier else verdict


def _state(condition: Condition, frame: pl.DataFrame) -> bool | None:
    """True, false or not known, by three-valued logic; true also where the rule takes what is not known as so."""
    if frame.select(held=condition.expr)["held"][0]:
        return True
    return False if _known(condition, frame) is not None else None


def _known(condition: Condition, frame: pl.DataFrame) -> bool | None:
    if isinstance(condition, Every | AnyOf):
        states, decides = [_known(part, frame) for part in condition.parts], isinstance(condition, AnyOf)
        return decides if decides in states else None if None in states else not decides
    if isinstance(condition, Not):
        state = _known(condition.part, frame)
        return None if state is None else not state
    if not isinstance(condition, Known) and any(side is None for side in _raw_sides(condition, frame)):
        return None
    return bool(frame.select(held=condition.expr)["held"][0])


def _values(condition: Condition) -> tuple[pl.Expr, ...]:
    if isinstance(condition, Comparison):
        return condition.left.expr, condition.right.expr
    if isinstance(condition, Among | Known):
        return (condition.value.expr,)
    return (pl.col(condition.name),) if isinstance(condition, Truth) else ()


def _raw_sides(condition: Condition, frame: pl.DataFrame) -> tuple[Any, ...]:
    return tuple(frame.select(side=expr)["side"][0] for expr in _values(condition))


def _sides(condition: Condition, frame: pl.DataFrame) -> tuple[Any, Any]:
    """Both sides of a comparison; the value alone of another question."""
    left, right, *_ = (*_raw_sides(condition, frame), None, None)
    return left, right


def _crossings(question: Condition, frame: pl.DataFrame) -> Iterator[tuple[str, Any]]:
    """Columns of the evidence, each with values at which the answer to the question may turn, the nearest first."""
    if isinstance(question, Truth):
        value = frame[question.name][0]
        yield question.name, not value
    elif isinstance(question, Among):
        yield from ((name, None) for name in sorted(question.value.columns & set(frame.columns)))
    elif isinstance(question, Comparison):
        for name in sorted(question.columns & set(frame.columns) - {"as_of"}):
            yield from ((name, value) for value in _beside(question, name, frame))


def _beside(question: Comparison, column: str, frame: pl.DataFrame) -> tuple[Any, ...]:
    """The value of `column` at which both sides are equal, and those just beside it, the nearer to what it is first.

    A side is a column or a difference of two; what is written differently (days as a length of time) is solved from how
    far the sides stand apart.
    """
    now = frame[column][0]
    left, right = _raw_sides(question, frame)
    if isinstance(now, str) or now is None or left is None or right is None:
        return (None,) if now is not None else ()
    apart = left - right
    step = apart.total_seconds() / 86_400 if isinstance(apart, timedelta) and not isinstance(now, datetime) else apart
    for equal in (now - step, now + step):
        tried = frame.with_columns(pl.lit(equal).cast(frame.schema[column]).alias(column))
        a, b = _raw_sides(question, tried)
        if a == b or (not isinstance(a, timedelta | datetime) and math.isclose(a, b, rel_tol=1e-9, abs_tol=1e-12)):
            near = _OF_A_DAY if isinstance(apart, timedelta) and isinstance(equal, float) else 0.0
            found = _around(equal, right if isinstance(right, float) else equal, near)
            return tuple(sorted(found, key=lambda value: abs(value - now)))
    return ()


def _around(equal: Any, exact: Any, near: float) -> tuple[Any, ...]:
    """A value, and the next on either side: a microsecond, one, `near`, or the next number."""
    if isinstance(equal, datetime):
        return equal, equal - timedelta(microseconds=1), equal + timedelta(microseconds=1)
    if isinstance(equal, int):
        return equal, equal - 1, equal + 1
    close = exact if math.isclose(equal, exact, rel_tol=1e-9) else equal
    if near:
        return close, close - near, close + near
    return close, math.nextafter(close, -math.inf), math.nextafter(close, math.inf)
