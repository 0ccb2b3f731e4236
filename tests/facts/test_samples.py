"""The last two results of a compartment, follow-up of blood, and a first low load after two without."""

from __future__ import annotations

from typing import Any

import pytest

from cmvmon.facts.follow_up import FOLLOW_UP
from cmvmon.facts.newest_series import NEWEST_SERIES
from cmvmon.facts.samples import SAMPLES
from tests.facts.reading import one, told


def of(results: str) -> dict[str, Any]:
    return one(SAMPLES, f"plasma {results}")


def test_the_last_two_results_are_told_with_what_their_loads_are_at_least_and_at_most() -> None:
    found = of("d0 9, d1 5000, d2 nd")
    assert (found["latest_collected_at"], found["previous_collected_at"]) == (2, 1)
    assert (found["latest_detection"], found["previous_detection"]) == ("not_detected", "quantified")
    assert (found["latest_at_least_iu_per_ml"], found["latest_at_most_iu_per_ml"]) == (None, 35)
    assert (found["previous_at_least_iu_per_ml"], found["previous_at_most_iu_per_ml"]) == (5000, 5000)
    assert of("d0 9")["previous_collected_at"] is None


@pytest.mark.parametrize(
    ("results", "n", "latest", "previous", "either"),
    [
        ("d0 9, d1 10", 2, False, False, False),
        ("d0 9, d1 clash", 1, True, False, True),
        ("d0 9, d1 clash, d2 10", 2, False, True, True),
        ("d0 clash, d1 9, d2 10", 2, False, False, False),
        ("d0 9", 1, False, None, False),
    ],
)
def test_results_that_conflict_are_not_counted_and_told_where_they_are_one_of_the_last_two(
    results: str, n: int, latest: bool, previous: bool | None, either: bool
) -> None:
    found = of(results)
    assert found["n_series_results"] == n
    assert (found["latest_is_conflicting"], found["previous_is_conflicting"]) == (latest, previous)
    assert found["last_two_conflict"] is either


@pytest.mark.parametrize(
    ("results", "at_most"),
    [
        ("d0 nd, d7 nd, d14 40", 40),
        ("d0 nd, d7 <35, d14 40", 40),
        ("d0 5000, d7 nd, d14 40", None),
        ("d0 nd, d7 5000, d14 40", None),
        ("d0 nd, d7 nd, d14 nd", None),
        ("d7 nd, d14 40", None),
        ("d0 nd, d7 nd, d14 >10000000", None),
        ("d0 nd, d7 nd, d14 40, d21 50", None),
        ("d0 nd, d0 nd, d14 40", None),  # two results of one time are one time
        ("d0 nd, d7 nd, d14 40, d14 60", 60),
    ],
)
def test_a_first_load_comes_right_after_two_sample_times_below_the_limit(results: str, at_most: float | None) -> None:
    assert of(results)["first_positive_iu_per_ml"] == at_most


def test_each_series_has_its_own_last_two_and_its_own_first_load() -> None:
    rows = told(SAMPLES, "bal d0 nd, d1 nd, d2 900; plasma d0 nd, d1 5000; serum d4 nd", day=10.0)
    assert {row["compartment"]: row["first_positive_iu_per_ml"] for row in rows} == {
        "bal": 900,
        "plasma": None,
        "serum": None,
    }
    assert {row["compartment"]: row["previous_collected_at"] for row in rows} == {"bal": 1, "plasma": 0, "serum": None}


def test_the_newest_series_of_a_compartment_is_told_and_on_a_tie_the_first_by_name() -> None:
    newest = told(NEWEST_SERIES, "plasma@b d0 9, d5 10; plasma@a d3 11; bal@z d4 1; bal@y d4 2")
    assert [(row["compartment"], row["laboratory"], row["newest_collected_at"]) for row in newest] == [
        ("bal", "y", 4),
        ("plasma", "b", 5),
    ]


@pytest.mark.parametrize(
    ("results", "last", "days"),
    [
        ("plasma d0 9, d38 9; serum d20 9", 38, 2.0),
        ("plasma d0 9; serum d39.9 9", 39.9, 0.1),
        ("whole_blood d30 clash; bal d39 9", 30, 10.0),
        ("plasma d39.9874 9", 39.9874, 0.013),  # to a thousandth of a day
    ],
)
def test_blood_was_last_sampled_when_the_newest_of_any_matrix_was_drawn(results: str, last: float, days: float) -> None:
    found = one(FOLLOW_UP, results)
    assert found["last_blood_collected_at"] == pytest.approx(last)
    assert found["days_since_blood_result"] == days


def test_a_day_has_86_400_seconds_after_half_a_year_too() -> None:
    assert one(FOLLOW_UP, "plasma d0 9", day=200.0)["days_since_blood_result"] == 200.0


def test_without_blood_there_is_no_follow_up() -> None:
    assert told(FOLLOW_UP, "bal d0 9") == []


@pytest.mark.parametrize(
    ("says", "results", "contradict"),
    [
        ("exactly 1 log10 up", "d0 500, d0.5 5000", False),
        ("more than 1 log10 up", "d0 500, d0.5 5001", True),
        ("exactly 1 log10 down", "d0 5000, d0.5 500", False),
        ("more than 1 log10 down", "d0 5001, d0.5 500", True),
        ("not detected may have been 34: 300 is no contradiction", "d0 nd, d0.5 300", False),
        ("and 500 is one", "d0 nd, d0.5 500", True),
        ("100, and then not detected: perhaps 34", "d0 100, d0.5 nd", False),
        ("exactly 24 hours apart", "d0 500, d1 50000", True),
        ("an hour more than that", "d0 500, d1.0416667 50000", False),
        ("half an hour apart", "d0 500, d0.0208334 50000", True),
        ("of one moment: they are of one sample", "d0 500, d0 50000", False),
        ("no two results", "d0 500", False),
    ],
)
def test_two_results_within_a_day_contradict_each_other_where_they_surely_differ_by_more_than_1_log10(
    says: str, results: str, contradict: bool
) -> None:
    assert of(results)["last_two_contradict"] is contradict, says
