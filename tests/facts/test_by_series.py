"""Series as numbers: results in the order of series, moment and id, and the ends of each series."""

from __future__ import annotations

import polars as pl
import pytest

from cmvmon.facts.by_series import ends_of, latest_of, least_of, numbered_series, results_by_series
from cmvmon.facts.newest_series import newest_numbers
from tests.facts.reading import facts, in_days, moment

ROWS = pl.DataFrame({"series": pl.Series([0, 0, 1, 3, 3, 3], dtype=pl.UInt32)})


@pytest.mark.parametrize(
    ("steps", "places"), [(0, [1, 2, 5]), (1, [0, None, 4]), (2, [None, None, 3]), (3, [None, None, None])]
)
def test_the_place_of_a_row_before_the_last_of_its_series_is_null_where_the_series_is_too_short(
    steps: int, places: list[int | None]
) -> None:
    ends = ends_of(ROWS)
    assert ends.series.to_list() == [0, 1, 3]
    assert ends.n_rows.tolist() == [2, 1, 3]
    assert ends.back(steps).to_list() == places


def test_no_rows_have_no_ends() -> None:
    ends = ends_of(ROWS.clear())
    assert (ends.series.len(), ends.last.size, ends.n_rows.size, ends.back(0).len(), ends.back(1).len()) == (0,) * 5


def test_results_stand_by_series_then_by_moment_then_by_id() -> None:
    days = ", ".join(f"d{day / 8} {1000 + day}" for day in reversed(range(200)))
    found = facts(f"plasma {days}, d3 1, d3 2; bal {days}; plasma@other {days}")
    rows = found.shared(results_by_series).select("series", "collected_at", "result_id")
    assert rows.height == 602
    assert rows.equals(rows.sort("series", "collected_at", "result_id"))


def test_each_series_knows_its_newest_sample() -> None:
    found = in_days(facts("plasma d0 5, d9 6; bal d2 7, d3 8").shared(numbered_series))
    assert [(row["series"], row["compartment"], row["newest_collected_at"]) for row in found] == [
        (0, "bal", 3.0),
        (1, "plasma", 9.0),
    ]


def test_the_newest_series_of_each_compartment_stand_in_the_order_of_series() -> None:
    names = ("plasma", "bal", "urine", "csf", "serum", "whole_blood", "bronchial_wash", "tracheal_aspirate")
    found = facts("; ".join(f"{name}@{lab} d{day} 900" for name in names for day, lab in enumerate("zyx")))
    newest = found.shared(newest_numbers)
    assert newest["compartment"].to_list() == sorted(names)
    assert newest["series"].to_list() == [*range(0, 24, 3)]


def test_of_each_series_the_rows_that_are_as_new_as_the_last_one_stay() -> None:
    rows = ROWS.with_columns(
        collected_at=pl.Series([moment(day) for day in (0, 1, 5, 2, 3, 3)]), row=pl.Series(range(6))
    )
    assert latest_of(rows)["row"].to_list() == [1, 2, 4, 5]
    assert latest_of(rows.clear()).is_empty()


@pytest.mark.parametrize(
    ("numbers", "places"),
    [
        ([2, 1, 9, 4, 3, 3], [1, 2, 4]),
        ([1, 1, None, None, 7, 6], [0, 5]),
        ([None, 0, -5, 2, None, 2], [1, 2, 3]),
        ([None] * 6, []),
    ],
)
def test_of_each_series_the_first_row_with_the_least_number_stays(numbers: list[int | None], places: list[int]) -> None:
    rows = ROWS.with_row_index("row")
    assert least_of(rows, pl.Series(numbers, dtype=pl.Int64))["row"].to_list() == places
    assert least_of(rows.clear(), pl.Series([], dtype=pl.Int64)).is_empty()


def test_each_compartment_is_a_series_of_its_own_and_plasma_is_not_whole_blood() -> None:
    """Ten times more in whole blood than in plasma of the same minute is no rise, and no fall either."""
    found = facts("plasma d0 500, d7 500; whole_blood d0 5000, d7 5000; bal d0 90000, d7 90000; csf d0 200", day=8.0)
    rows = found.shared(numbered_series).sort("compartment")
    assert rows["compartment"].to_list() == ["bal", "csf", "plasma", "whole_blood"]
    assert found.prepared.weekly_decline["compartment"].unique().len() in (0, 4)
    loads = found.shared(results_by_series).group_by("series").agg(pl.col("viral_load_iu_per_ml").n_unique())
    assert loads["viral_load_iu_per_ml"].to_list() == [1, 1, 1, 1], "no series holds the loads of two"
