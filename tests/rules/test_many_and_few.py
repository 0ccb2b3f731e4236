"""What verdicts of many subjects tell is written once for all rules, that of a few rule by rule: the same to the byte."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import cycle, islice
from typing import Any

import polars as pl
import pytest

from cmvmon.domain.columns import Kind
from cmvmon.facts import Facts, by_name
from cmvmon.facts.conditions import fact, number, otherwise, truth
from cmvmon.rules.evidence import FEW, written
from cmvmon.rules.judging import judge
from cmvmon.rules.rulebook import Rule, alerts_by, say, verdict_of
from tests.rules.test_the_engine import NOON, facts, rule, table

N = 3 * FEW


def spread(values: list[Any]) -> list[Any]:
    return [*islice(cycle(values), N)]


def made_up(start: int, stop: int) -> pl.DataFrame:
    """What three rules say of the patients from `start` to `stop`, two of them of two places each."""
    ids = [f"P{'é' if i % 7 else chr(34)}{i % 10}{i:04}" for i in range(N)][start:stop]
    people = table("people", ("patient_id",), "patient", patient_id=(Kind.TEXT, sorted(ids)))
    at = [NOON - timedelta(hours=i, microseconds=i % 3 * 500_000) for i in range(N)]
    key = {"patient_id": (Kind.TEXT, ids * 2), "compartment": (Kind.TEXT, ["plasma"] * len(ids) + ["bal"] * len(ids))}

    def of_places(kind: Kind, values: list[Any]) -> tuple[Kind, list[Any]]:
        each = spread(values)
        return kind, each[start:stop] + [*each[1:], *each[:1]][start:stop]

    places = table(
        "places",
        ("patient_id", "compartment"),
        "compartment",
        **key,
        celsius=of_places(Kind.NUMBER, [39.5, None, 36.0, 1e16, 1e-7, 40.1]),
        is_shivering=of_places(Kind.TRUTH, [True, None, False]),
        ward_word=of_places(Kind.TEXT, ["hot", None, 'a"b\\', "koud", "é"]),
        measured_at=of_places(Kind.MOMENT, [None, *at[:10]]),
        to_the_minute_at=of_places(Kind.MOMENT, [None, *(NOON - timedelta(minutes=613 * i) for i in range(9))]),
        long_ago_at=of_places(
            Kind.MOMENT, [NOON - timedelta(days=25_000), NOON, datetime(1969, 12, 31, 23, 59, tzinfo=UTC)]
        ),
        first=of_places(Kind.TEXT, ["r1", None, "r2"]),
        second=of_places(Kind.TEXT, ["r1", "r3", None, "r4"]),
        listed=of_places(Kind.TEXTS, [["z", "r1", "z"], None, []]),
        nothing=of_places(Kind.NUMBER, [None]),
        alike=of_places(Kind.TEXT, ["always"]),
    )
    celsius, told = (
        fact("celsius"),
        tuple(map(fact, ("ward_word", "measured_at", "to_the_minute_at", "long_ago_at", "nothing", "alike"))),
    )
    here: dict[str, Any] = {
        "subject": "compartment",
        "says": (say("hot", celsius, *told), say("shivers", when=truth("is_shivering"))),
        "rests_on": ((("listed", "first"), truth("is_shivering")), (("first", "second"), fact("first").is_known())),
    }
    rules: tuple[Rule, ...] = (
        rule("b_all", **here),
        rule("c_some", applies=truth("is_shivering") & (fact("compartment") == "bal"), **here),
        rule("a_none", applies=celsius > number("never"), **here),
        rule(
            "d_after",
            fires={"it": alerts_by("c_some", "hot")},
            clears=verdict_of("c_some") == "clear",
            says=(say("it"),),
            cannot_tell=(("not_measured", otherwise),),
        ),
    )
    given_ = facts(
        b_all={"line": 38.0}, c_some={"line": 39.6}, a_none={"line": 38.0, "never": 1e300}, d_after={"line": 0.0}
    )
    every = Facts(given_.prepared, protocol=given_.protocol, as_of=NOON, tables=by_name((people, places)))
    return judge(rules, every)


def test_of_many_subjects_the_same_is_written_as_of_a_few() -> None:
    """Texts with quotes and other signs, moments with and without fractions, lists, unknown values, and rules that follow others."""
    step = FEW // 6
    in_pieces = pl.concat([made_up(start, start + step) for start in range(0, N, step)])
    order = ("patient_id", "compartment", "subject", "rule")
    many = made_up(0, N).sort(order, nulls_last=False)
    assert many.height > 4 * FEW
    assert many.equals(in_pieces.sort(order, nulls_last=False))
    assert set(many["rule"]) == {"b_all", "c_some", "d_after"}


@pytest.mark.parametrize(
    "moments",
    [
        ["2026-03-01T08:00:00", "2026-03-01T08:01:00", "2026-03-02T00:00:00", "2026-03-09T23:59:00"],
        ["2026-03-01T00:00:00", None, "2026-02-28T23:59:00"],
        ["2026-03-01T08:00:00", "2026-03-01T08:00:30", "2026-03-01T08:00:00.000001"],  # one of a whole minute
        ["2026-03-01T08:00:30", "2026-03-01T08:01:30"],
        ["1969-12-31T23:59:00", "1970-01-01T00:00:00"],
        ["1980-01-01T12:00:00", "2026-03-01T08:00:00"],  # further apart than a few years
        [None, None, "2026-03-01T08:00:00"],
        [None],
    ],
)
def test_a_moment_is_written_alike_whatever_others_it_is_written_with(moments: list[str | None]) -> None:
    times = [None if text is None else datetime.fromisoformat(text).replace(tzinfo=UTC) for text in moments]
    column = pl.Series("seen_at", times, dtype=pl.Datetime("us", "UTC"))
    expected = column.dt.strftime("%Y-%m-%dT%H:%M:%S%.fZ")
    assert written(column.to_frame())["text of seen_at"].to_list() == expected.to_list()
