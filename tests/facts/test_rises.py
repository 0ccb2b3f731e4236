"""How far the load stands above the lowest since it is watched: the points that are named, and what is left out."""

from __future__ import annotations

import math
from typing import Any

import polars as pl
import pytest

from cmvmon.facts.rises import RISES, can_be_ruled_out
from tests.facts.reading import one, told

CHANGED = "ganciclovir d0-d18.9; foscarnet d19-"


def of(results: str, courses: str = "ganciclovir d0-") -> dict[str, Any]:
    return one(RISES, f"plasma {results}", courses=courses)


def log10_rise(lowest: float, load: float) -> float:
    return round(math.log10(load) - math.log10(lowest), 9)


def test_lowest_latest_and_the_one_before_it_are_named_and_the_last_of_several_lowest() -> None:
    found = of("d0 5000, d5 300, d8 300, d12 700, d20 9000")
    assert found["n_points_since"] == 5
    assert [found[f"{which}_point_collected_at"] for which in ("lowest", "previous", "latest")] == [8, 12, 20]
    assert [found[f"{which}_point_result_id"] for which in ("lowest", "previous", "latest")] == [
        f"lab:plasma{number}:cmv_dna" for number in (2, 3, 4)
    ]
    assert found["lowest_point_iu_per_ml"] == 300
    assert found["latest_point_at_least_iu_per_ml"] == 9000
    assert found["previous_point_at_least_iu_per_ml"] == 700
    assert found["rise_log10"] == found["rise_at_most_log10"] == log10_rise(300, 9000)
    assert found["previous_rise_log10"] == log10_rise(300, 700)


def test_the_latest_point_is_never_its_own_lowest() -> None:
    found = of("d0 5000, d5 700, d8 60")
    assert (found["lowest_point_iu_per_ml"], found["rise_log10"]) == (700, log10_rise(700, 60))
    assert of("d0 5000")["lowest_point_iu_per_ml"] is None


def test_of_what_came_before_the_latest_anchor_only_the_first_rise_knows() -> None:
    found = of("d0 5000, d5 60, d18 800, d19 700, d22 500, d25 900", CHANGED)
    assert (found["lowest_point_iu_per_ml"], found["lowest_since_anchor_iu_per_ml"]) == (60, 500)
    assert found["rise_log10"] == log10_rise(60, 900)
    assert found["rise_since_anchor_log10"] == found["rise_since_anchor_at_most_log10"] == log10_rise(500, 900)


def test_a_sample_at_the_very_anchor_is_of_the_latest_anchor_on() -> None:
    assert of("d0 5000, d19 700, d25 900", CHANGED)["lowest_since_anchor_iu_per_ml"] == 700
    assert of("d0 5000, d18.99 700, d25 900", CHANGED)["lowest_since_anchor_iu_per_ml"] is None


def test_a_sample_at_the_start_of_the_course_is_watched_and_one_before_it_is_not() -> None:
    assert of("d-1 40, d0 5000, d5 900")["lowest_point_iu_per_ml"] == 5000
    assert told(RISES, "plasma d-2 40, d-1 50", courses="ganciclovir d0-") == []


def test_above_range_the_latest_has_no_upper_limit_and_is_no_lowest_value() -> None:
    found = of("d0 5000, d5 >10000000")
    assert (found["latest_point_is_unbounded"], found["rise_at_most_log10"]) == (True, None)
    assert found["rise_log10"] == log10_rise(5000, 1e7)
    assert of("d0 >10000000, d5 >10000000")["lowest_point_iu_per_ml"] is None
    assert of("d0 >10000000, d5 5000")["latest_point_is_unbounded"] is False


def test_a_latest_below_the_limit_rises_at_most_to_it() -> None:
    found = of("d0 5000, d5 700, d8 nd")
    assert (found["rise_log10"], found["rise_at_most_log10"]) == (None, log10_rise(700, 35))


@pytest.mark.parametrize(
    ("results", "since", "latest"),
    [
        ("d0 5000, d5 700", False, False),
        ("d0 5000, d3 clash, d5 700", True, False),
        ("d0 5000, d5 700, d5 clash", True, True),  # as new as the latest
        ("d0 5000, d5 700, d6 clash", True, True),
        ("d-1 clash, d0 5000, d5 700", False, False),
        ("d1 clash, d2 clash", True, True),
    ],
)
def test_a_conflict_is_told_and_whether_it_is_the_newest(results: str, since: bool, latest: bool) -> None:
    found = of(results)
    assert (found["has_conflict_since"], found["latest_conflicts"]) == (since, latest)


def test_where_every_result_conflicts_there_is_a_row_and_no_point() -> None:
    found = of("d1 clash, d2 clash")
    assert (found["n_points_since"], found["has_limit_missing_since"]) == (None, None)


def test_a_limit_that_is_missing_is_told_for_its_own_series_alone() -> None:
    rows = told(RISES, "plasma d0 5000, d5 <35?, d9 700; bal d0 5000, d9 700", courses="ganciclovir d0-")
    assert {row["compartment"]: row["has_limit_missing_since"] for row in rows} == {"bal": False, "plasma": True}
    assert {row["compartment"]: row["n_points_since"] for row in rows} == {"bal": 2, "plasma": 3}


KNOWN = {
    "n_points_since": 2,
    "lowest_point_iu_per_ml": 40.0,
    "has_conflict_since": False,
    "has_limit_missing_since": False,
}


@pytest.mark.parametrize(
    ("other", "holds"),
    [
        ({}, True),
        ({"n_points_since": 3}, True),
        ({"n_points_since": 1}, False),
        ({"n_points_since": None}, False),
        ({"lowest_point_iu_per_ml": None}, False),
        ({"has_conflict_since": True}, False),
        ({"has_limit_missing_since": True}, False),
    ],
)
def test_a_rise_can_be_ruled_out_with_two_points_a_lowest_value_no_conflict_and_every_limit(
    other: dict[str, Any], holds: bool
) -> None:
    frame = pl.DataFrame(
        [KNOWN | other], schema_overrides={"n_points_since": pl.Int64, "lowest_point_iu_per_ml": float}
    )
    assert frame.select(held=can_be_ruled_out.expr)["held"].to_list() == [holds]
