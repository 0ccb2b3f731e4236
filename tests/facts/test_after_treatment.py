"""From when a load counts as one that came back, and how far it then stands above the lowest since."""

from __future__ import annotations

import math

import pytest

from cmvmon.facts.after_treatment import AFTER_TREATMENT
from tests.facts.reading import one


def of(results: str, courses: str = "ganciclovir d0-d14") -> dict[str, float | None]:
    return one(AFTER_TREATMENT, f"plasma {results}", courses=courses)


@pytest.mark.parametrize(
    ("courses", "ended"),
    [
        ("ganciclovir d0-d14", 14),
        ("ganciclovir d0-d5; ganciclovir d20-d30", 30),
        ("-", None),
        ("ganciclovir d0-", None),
    ],
)
def test_the_end_of_treatment_is_that_of_the_latest_course_that_has_ended(courses: str, ended: float | None) -> None:
    assert of("d1 5000", courses)["treatment_ended_at"] == ended


@pytest.mark.parametrize(
    ("results", "since", "days"),
    [
        ("d0 5000, d7 nd, d10 <35, d14 nd, d20 3000", 7, 7),
        ("d0 5000, d7 nd, d7.5 nd", 7, 0.5),
        ("d0 5000, d7 nd, d14 3000", None, None),
        ("d0 nd, d5 nd, d7 5000, d10 nd, d12 nd, d20 900", 10, 2),
        ("d0 nd, d5 nd, d7 5000, d10 nd, d20 900", 0, 5),
    ],
)
def test_a_run_below_the_limit_has_at_least_two_sample_times_and_the_latest_one_counts(
    results: str, since: float | None, days: float | None
) -> None:
    found = of(results)
    assert (found["below_since"], found["days_below"]) == (since, days)


@pytest.mark.parametrize(
    ("results", "courses", "lowest"),
    [
        ("d0 50, d13 100, d28 3000", "ganciclovir d0-d14", 100),  # the last one up to the end counts too
        ("d0 50, d7 60, d14 100, d28 3000", "ganciclovir d0-d14", 100),  # one at the very end is that one
        ("d0 50, d7 60, d14.1 100, d28 3000", "ganciclovir d0-d14", 60),
        ("d20 200, d24 700, d28 3000", "ganciclovir d0-d14", 200),  # none before the end
        ("d0 nd, d5 nd, d8 50, d28 3000", "ganciclovir d0-d14", 35),  # below since day 0, which is earlier
        ("d0 90, d13 70, d16 nd, d20 nd, d28 3000", "ganciclovir d0-d14", 35),
        ("d0 50, d13 70, d20 60, d28 3000", "ganciclovir d0-d14", 60),
    ],
)
def test_a_rise_counts_from_the_lowest_since_and_is_rounded_to_1e_9(results: str, courses: str, lowest: float) -> None:
    assert of(results, courses)["rise_after_treatment_log10"] == round(math.log10(3000) - math.log10(lowest), 9)


def test_without_an_end_or_a_run_below_there_is_no_rise() -> None:
    assert of("d0 50, d28 3000", "ganciclovir d0-")["rise_after_treatment_log10"] is None


def test_a_latest_sample_without_a_load_is_no_rise() -> None:
    assert of("d0 50, d13 70, d28 nd")["rise_after_treatment_log10"] is None
