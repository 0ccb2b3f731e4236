"""From which sample a fall under treatment is counted: the same baseline as that of the weeks, a later sample, or lately."""

from __future__ import annotations

import polars as pl
import pytest

from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.falls import FALLS
from cmvmon.facts.response import RESPONSE
from tests.facts.reading import one
from tests.rules.reference_wards import Reference, assessed_ward


@pytest.mark.parametrize(
    ("results", "taken", "what"),
    [
        ("d-2 100, d0.5 200, d14 300", 0.5, "baseline"),
        ("d-6 100, d1.5 200, d14 300", -6, "baseline"),
        ("d2 100, d2.9 200, d14 300", 2, "baseline"),
        ("d5 100, d6 200, d17 300", 5, "stands_in"),
        ("d5 100, d6 200, d16.9 300", None, None),
        ("d-8 100, d14 300", None, None),
    ],
)
def test_a_fall_is_held_against_the_baseline_else_a_later_sample_twelve_days_old(
    results: str, taken: float | None, what: str | None
) -> None:
    found = one(FALLS, f"plasma {results}", courses="ganciclovir d0-")
    assert (found["fall_from_collected_at"], found["fall_from_is"]) == (taken, what)


@pytest.mark.parametrize(
    ("results", "at_least", "at_most"),
    [
        ("d0 10000, d14 1000", 1.0, 1.0),
        ("d0 10000, d14 <35", 2.455931956, None),
        ("d0 >10000000, d14 1000", 4.0, None),
        ("d0 1000, d14 >10000000", None, -4.0),
        ("d0 <35, d14 nd", None, None),
    ],
)
def test_how_far_is_told_by_the_reported_limits_of_both_ends(
    results: str, at_least: float | None, at_most: float | None
) -> None:
    found = one(FALLS, f"plasma {results}", courses="ganciclovir d0-")
    assert (found["fall_at_least_log10"], found["fall_at_most_log10"]) == (at_least, at_most)


def test_days_without_a_drug_between_the_two_are_counted_where_they_interrupt_the_course() -> None:
    courses = "ganciclovir d0-d3;ganciclovir d5-d8;ganciclovir d13-"
    assert one(FALLS, "plasma d0 900, d14 900", courses=courses)["interrupted_days"] == 5.0
    assert one(FALLS, "plasma d0 900, d10 900", courses=courses)["interrupted_days"] == 2.0


@pytest.mark.parametrize(
    "ward", [Reference("everything", 31, 40.0), Reference("ward", 32, 34.5), Reference("blips", 33, 55.0)]
)
def test_the_baseline_is_that_of_the_weeks(ward: Reference) -> None:
    """They are found twice, in rows here and in a kernel there; a load of one is never held against another sample."""
    facts = assessed_ward(ward).facts
    both = (
        facts.of(FALLS)
        .join(facts.of(RESPONSE), on=SERIES_KEY)
        .join(
            facts.prepared.clocks.select("patient_id", "anchor_at").unique("patient_id", keep="last"), on="patient_id"
        )
    )
    counted = pl.col("estimated_since") == pl.col("anchor_at")
    told = both.filter(counted, pl.col("fall_from_is") == "baseline", pl.col("status") != "prior_only")
    assert told.height > 5
    assert (told["fall_from_collected_at"] == told["first_used_collected_at"]).all()


@pytest.mark.parametrize(
    ("results", "from_peak"),
    [
        ("d0 100000, d7 1000, d14 100", 3.0),  # the baseline itself is of the first week
        ("d0 1000, d8.5 100000, d14 100", 3.0),  # a week of 7 days and the 36 hours that end it
        ("d0 1000, d8.55 100000, d14 100", 1.0),
        ("d-1 100000, d0 1000, d14 100", 1.0),  # what lies before the baseline is none of it
    ],
)
def test_the_peak_of_the_first_week_lies_from_the_baseline_to_day_8_and_a_half(results: str, from_peak: float) -> None:
    found = one(FALLS, f"plasma {results}", courses="ganciclovir d0-")
    assert found["peak_fall_at_least_log10"] == from_peak
