"""The load that a series has reached and not clearly left since, held against a switch that is thrown sample by sample."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmvmon.facts.held_loads import HELD_LOADS
from cmvmon.facts.rises import RISES
from cmvmon.facts.rises_lately import RISES_LATELY
from tests.depth import examples
from tests.facts.reading import PROTOCOL, one, told

BELOW = {"plasma": 0.2, "bal": 0.4}
SERIES = st.lists(st.tuples(st.integers(1, 6), st.integers(38, 48)), min_size=1, max_size=7)


def of(results: str) -> tuple[int, float]:
    """The load that holds, to a whole number, and the day of the sample that reached it."""
    found = one(HELD_LOADS, results)
    return round(found["held_at_least_iu_per_ml"]), found["held_collected_at"]


@pytest.mark.parametrize(
    ("results", "held"),
    [
        ("plasma d0 12000", (12000, 0)),
        ("plasma d0 10000, d3 9000", (10000, 0)),  # 0.05 log10 below
        ("plasma d0 10000, d3 9000, d6 9500", (10000, 0)),
        ("plasma d0 10000, d3 9000, d6 11000", (11000, 6)),
        ("plasma d0 10000, d3 9500, d6 10000", (10000, 6)),  # of two as high the last
        ("plasma d0 90000, d3 9000", (14264, 0)),  # a line of up to 0.2 log10 above the latest was reached and not left
        ("bal d0 90000, d3 9000", (22607, 0)),  # in the lower airways 0.4
        ("plasma d0 10000, d3 5000, d6 9000", (9000, 6)),  # left between, and not reached again
        ("plasma d0 10000, d3 <35, d6 9000", (9000, 6)),
        ("plasma d0 10000, d14 9000", (10000, 0)),
        ("plasma d0 10000, d14.01 9000", (9000, 14.01)),
        ("plasma d0 10000, d3 clash, d6 9000", (10000, 0)),
        ("plasma d0 >10000000, d3 9000000", (10000000, 0)),
        ("bal d0 10000, d3 9000, d3 90000", (10000, 0)),  # of two lobes the lower one
    ],
)
def test_the_load_that_holds(results: str, held: tuple[int, float]) -> None:
    assert of(results) == held


def test_below_the_limit_of_quantification_nothing_holds() -> None:
    assert told(HELD_LOADS, "plasma d0 10000, d3 <35") == []


def test_a_rise_is_told_to_the_load_that_holds_and_of_two_in_a_row_to_the_lower_one() -> None:
    results = "plasma d0 1000, d5 12000, d8 11000, d11 9000"
    found = one(RISES, results, courses="ganciclovir d0-")
    assert found["held_rise_log10"] == pytest.approx(1.079, abs=1e-3)
    assert found["held_two_rise_log10"] == pytest.approx(1.041, abs=1e-3)
    assert found["held_point_collected_at"] == 5
    assert one(RISES_LATELY, results)["held_rise_lately_log10"] == found["held_rise_log10"]
    once = one(RISES, "plasma d0 1000, d5 12000, d8 9000", courses="ganciclovir d0-")
    assert once["held_two_points_at_least_iu_per_ml"] == 9000


def test_what_was_reached_before_it_is_watched_holds_nothing() -> None:
    found = one(RISES, "plasma d-9 12000, d1 9000", courses="ganciclovir d0-")
    assert found["held_point_at_least_iu_per_ml"] == 9000


@settings(max_examples=examples(60, 600), deadline=None)
@given(SERIES, st.sampled_from(["plasma", "bal"]), st.integers(38, 48))
def test_it_says_of_every_line_whether_a_switch_at_that_line_would_be_on(
    series: list[tuple[int, int]], compartment: str, tenths: int
) -> None:
    """On at the line, off more than so much below it; whoever comes after the days begins with the first sample of these."""
    day, samples = 0, []
    for days, of_load in series:
        day += days
        samples.append((day, of_load / 10 + 0.001 * day))
    line = tenths / 10
    is_on = False
    for at, log10 in samples:
        if day - at <= PROTOCOL.watched.held_within_days:
            is_on = log10 >= line or (is_on and log10 >= line - BELOW[compartment])
    found: dict[str, Any] = one(
        HELD_LOADS, f"{compartment} " + ", ".join(f"d{at} {10**log10:.6f}" for at, log10 in samples)
    )
    assert (found["held_at_least_iu_per_ml"] >= 10**line) == is_on


def test_the_margins_are_those_of_the_protocol_and_smaller_than_every_rise_that_alerts() -> None:
    policy, rules = PROTOCOL.watched, PROTOCOL.rules
    assert {"plasma": policy.held_log10, "bal": policy.held_lower_airway_log10} == BELOW
    of_blood = [rules[rule]["rise_log10"] for rule in ("untreated_rise", "rise_on_prophylaxis", "rebound")]
    of_airways = [rules[rule]["lower_airway_rise_log10"] for rule in ("rise_on_prophylaxis", "rebound")]
    assert policy.held_log10 < min(of_blood)
    assert policy.held_lower_airway_log10 < min(of_airways)
