"""At which value a verdict turns, and what is asked of what is not known: a made-up rule over made-up evidence."""

from __future__ import annotations

import inspect
import math
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
import pytest

from cmvmon.facts.conditions import Condition, fact, number, otherwise, truth
from cmvmon.rules.explaining import asked, turns, verdict_with
from cmvmon.rules.rulebook import Rule, say

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)
EVIDENCE: dict[str, Any] = {
    "as_of": NOON,
    "celsius": 39.5,
    "near": 39.2,
    "n_samples": 3,
    "word": "hot",
    "is_shivering": True,
    "not_known": None,
    "word_not_known": None,
    "truth_not_known": None,
    "measured_at": NOON - timedelta(days=2),
    "started_at": NOON - timedelta(days=5),
    "protocol.line": 38.0,
    "protocol.days": 1.0,
}
FRAME = pl.DataFrame(EVIDENCE | {"patient_id": "A"}).with_columns(
    pl.col("not_known").cast(pl.Float64),
    pl.col("word_not_known").cast(pl.String),
    pl.col("truth_not_known").cast(pl.Boolean),
)
below, above = (lambda x: math.nextafter(x, -math.inf)), (lambda x: math.nextafter(x, math.inf))
age, length = fact("as_of") - fact("measured_at"), number("days").days


def rule(fires: Condition, **other: Any) -> Rule:
    """Alerts where that holds, else can't tell."""
    given = {
        "code": "made_up",
        "subject": "patient",
        "applies": otherwise,
        "fires": {"it": fires},
        "clears": fact("celsius") < 0.0,
        "tier": {2: otherwise},
        "cannot_tell": (("nothing", otherwise),),
        "says": (say("it"),),
        "leaflet": "",
    }
    return Rule(**(given | other))


def turned(fires: Condition, frame: pl.DataFrame = FRAME, **other: Any) -> dict[str, Any]:
    """At which value of each column the question turns the verdict."""
    made = rule(fires, **other)
    return {turn.column: turn.at for turn in turns(made, frame) if turn.says == str(next(iter(fires.questions())))}


@pytest.mark.parametrize(
    ("fires", "expected"),
    [
        (fact("celsius") > number("line"), {"celsius": 38.0, "protocol.line": 39.5}),
        (fact("celsius") >= number("line"), {"celsius": below(38.0), "protocol.line": above(39.5)}),
        (fact("celsius") < number("line"), {"celsius": below(38.0), "protocol.line": above(39.5)}),
        (fact("celsius") <= number("line"), {"celsius": 38.0, "protocol.line": 39.5}),
        (fact("celsius") == number("line"), {"celsius": 38.0, "protocol.line": 39.5}),
        (fact("celsius") > 39.2, {"celsius": 39.2}),
        (fact("celsius") > fact("near"), {"celsius": 39.2, "near": 39.5}),
        (fact("celsius") == 39.5, {"celsius": below(39.5)}),
        (fact("n_samples") > 1, {"n_samples": 1}),
        (fact("n_samples") >= 2, {"n_samples": 1}),
        (fact("n_samples") > 4, {"n_samples": 5}),
        (fact("n_samples") >= 5, {"n_samples": 5}),
        (truth("is_shivering"), {"is_shivering": False}),
        (fact("word").is_in(["hot", "cold"]), {"word": None}),
        (fact("word") == "hot", {"word": None}),
        (fact("not_known") > 1.0, {}),
        (fact("celsius") > fact("not_known"), {"celsius": None}),
    ],
)
def test_a_value_turns_where_it_passes_the_other_side_and_not_before(
    fires: Condition, expected: dict[str, Any]
) -> None:
    holds = FRAME.select(held=fires.expr)["held"][0]
    expected = expected if holds or "not_known" not in str(fires) else {}
    assert turned(fires) == expected


@pytest.mark.parametrize(
    ("fires", "measured_at", "days"),
    [
        (age > length, NOON - timedelta(days=1), 2.0),
        (age >= length, NOON - timedelta(days=1) + TICK, 2.0 + 1e-9),
        (age < length, NOON - timedelta(days=1) + TICK, 2.0 + 1e-9),
        (age <= length, NOON - timedelta(days=1), 2.0),
    ],
)
def test_an_age_turns_a_microsecond_beyond_its_line_and_a_number_of_days_a_billionth(
    fires: Condition, measured_at: datetime, days: float
) -> None:
    found = turned(fires)
    assert found == {"measured_at": measured_at, "protocol.days": pytest.approx(days, abs=1e-12)}
    for column, value in found.items():
        assert verdict_with(rule(fires), FRAME, **{column: value}) != verdict_with(rule(fires), FRAME)


@pytest.mark.parametrize(("fires", "days"), [(age <= length, 2.0 - 1e-9), (age < length, 2.0)])
def test_a_number_of_days_turns_downwards_too(fires: Condition, days: float) -> None:
    frame = FRAME.with_columns(pl.lit(3.0).alias("protocol.days"))
    assert turned(fires, frame)["protocol.days"] == pytest.approx(days, abs=1e-12)


def test_what_a_rule_says_of_itself_is_said_by_name() -> None:
    assert {part.kind for part in inspect.signature(Rule).parameters.values()} == {inspect.Parameter.KEYWORD_ONLY}


@pytest.mark.parametrize(
    ("fires", "expected"),
    [
        (fact("measured_at") > fact("started_at"), (NOON - timedelta(days=5), NOON - timedelta(days=2))),
        (fact("measured_at") >= fact("started_at"), (NOON - timedelta(days=5) - TICK, NOON - timedelta(days=2) + TICK)),
        (fact("measured_at") < fact("started_at"), (NOON - timedelta(days=5) - TICK, NOON - timedelta(days=2) + TICK)),
    ],
)
def test_of_two_moments_either_turns_where_it_passes_the_other(
    fires: Condition, expected: tuple[datetime, datetime]
) -> None:
    assert turned(fires) == dict(zip(("measured_at", "started_at"), expected, strict=True))


def test_a_moment_that_is_not_known_turns_nothing_and_one_that_is_turns_the_age_when_it_is_lost() -> None:
    frame = FRAME.with_columns(measured_at=pl.lit(None, FRAME.schema["measured_at"]))
    assert turned(age > length, frame) == {}
    assert turned(age.is_known()) == {}


def test_the_moment_that_is_judged_is_no_fact_that_could_be_another() -> None:
    assert "as_of" not in turned(fact("as_of") > fact("measured_at"))


def test_only_the_nearest_value_is_told_for_each_verdict_and_none_with_which_facts_contradict() -> None:
    graded = rule(
        fact("celsius") > number("line"),
        tier={1: fact("celsius") > 39.0, 2: otherwise},
        clears=fact("celsius") <= 37.0,
    )
    found = [(turn.column, turn.at, turn.verdict, turn.now) for turn in turns(graded, FRAME)]
    assert sorted(found) == [
        ("celsius", 37.0, "clear", 39.5),
        ("celsius", 38.0, "not_assessable (nothing)", 39.5),
        ("celsius", 39.0, "alert tier 2", 39.5),  # though it would be so at a tick above 38, too
        ("protocol.line", 39.5, "not_assessable (nothing)", 38.0),
    ]
    contradictory = rule(fact("celsius") > number("line"), clears=~truth("is_shivering"))
    assert [turn.column for turn in turns(contradictory, FRAME)] == ["celsius", "protocol.line"]


YES, NO, UNKNOWN = truth("is_shivering"), ~truth("is_shivering"), truth("truth_not_known")


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        (YES, True),
        (NO, False),
        (UNKNOWN, None),
        (~UNKNOWN, True),  # the rule takes what is not known as not so
        (YES & NO, False),
        (NO & UNKNOWN, False),
        (UNKNOWN & NO, False),
        (YES & UNKNOWN, None),
        (YES & YES, True),
        (YES | UNKNOWN, True),
        (NO | UNKNOWN, None),
        (NO | NO, False),
        ((NO | NO) & UNKNOWN, False),
        (~(YES & YES) & UNKNOWN, False),
        ((NO & UNKNOWN) | NO, False),
        ((YES & UNKNOWN) | NO, None),
        (~(YES & UNKNOWN), True),
        (~(YES | UNKNOWN), False),
        (~(YES & YES), False),
        (fact("not_known").is_known(), False),
        (fact("celsius").is_known(), True),
        (fact("not_known") > 1.0, None),
        (number("line") > fact("not_known"), None),
        (fact("word_not_known").is_in(["x"]), None),
        (fact("word").is_in(["cold"]), False),
    ],
)
def test_a_condition_is_true_false_or_not_known(condition: Condition, holds: bool | None) -> None:
    told = next(one for one in asked(rule(condition), FRAME) if one.part == "fires it")
    assert (told.holds, told.depth, told.says) == (holds, 0, str(condition))


def test_both_sides_are_told_of_a_comparison_and_the_one_value_of_another_question() -> None:
    made = rule(
        (fact("celsius") > number("line")) & fact("word").is_in(["hot"]), unless={"cold": fact("word") == "cold"}
    )
    told = [(one.part, one.depth, one.says, one.holds, one.left, one.right) for one in asked(made, FRAME)]
    assert told == [
        ("applies", 0, "otherwise", True, None, None),
        ("fires it", 0, "(celsius > protocol.line and word is one of hot)", True, None, None),
        ("fires it", 1, "celsius > protocol.line", True, 39.5, 38.0),
        ("fires it", 1, "word is one of hot", True, "hot", None),
        ("unless cold", 0, "word == cold", False, "hot", "cold"),
        ("clears", 0, "celsius < 0.0", False, 39.5, 0.0),
        ("tier 2", 0, "otherwise", True, None, None),
    ]


def test_a_verdict_is_told_with_its_reason_or_its_tier_and_nothing_where_the_rule_does_not_apply() -> None:
    made = rule(fact("celsius") > number("line"), clears=fact("celsius") <= 37.0, applies=truth("is_shivering"))
    assert verdict_with(made, FRAME) == "alert tier 2"
    assert verdict_with(made, FRAME, celsius=37.0) == "clear"
    assert verdict_with(made, FRAME, celsius=37.5) == "not_assessable (nothing)"
    assert verdict_with(made, FRAME, is_shivering=False) == "not judged"
    assert verdict_with(made, FRAME, **{"protocol.line": 30.0, "celsius": 36.0}) == "contradictory"


BOUNDS = {"load_at_least_iu_per_ml": 46_000.0, "load_at_most_iu_per_ml": 46_000.0}


def _of_a_load(**bounds: float | None) -> list[tuple[str, Any, str]]:
    frame = FRAME.with_columns(pl.lit(value).cast(pl.Float64).alias(name) for name, value in (BOUNDS | bounds).items())
    of_load = rule(
        fact("load_at_least_iu_per_ml") >= number("line"), clears=fact("load_at_most_iu_per_ml") < number("line")
    )
    return [(turn.column, turn.at, turn.verdict) for turn in turns(of_load, frame) if turn.column in BOUNDS]


def test_the_bounds_of_one_known_number_go_together_and_are_told_once() -> None:
    assert _of_a_load() == [("load_at_least_iu_per_ml", below(38.0), "clear")]


def test_bounds_of_a_number_that_is_not_known_turn_each_by_itself() -> None:
    told = _of_a_load(load_at_most_iu_per_ml=90_000.0)
    assert ("load_at_least_iu_per_ml", below(38.0), "not_assessable (nothing)") in told
    assert all(verdict != "clear" for _, _, verdict in told)
    alone = _of_a_load(load_at_most_iu_per_ml=None)
    assert ("load_at_least_iu_per_ml", below(38.0), "not_assessable (nothing)") in alone
