"""A sample time with one result or with several: what its load is at least, at most, and as a lowest value."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from cmvmon.facts.points import points
from tests.facts.reading import facts, in_days

ASKED = ("at_least", "at_most", "as_lowest", "detection", "is_limit_missing", "is_unbounded", "is_below")


def points_of(results: str) -> list[dict[str, Any]]:
    found = facts(results)
    return in_days(found.shared(points).drop("result_id"))


@pytest.mark.parametrize(
    ("sample", "expected"),
    [
        ("d0 5000", (5000, 5000, 5000, "quantified", False, False, False)),
        ("d0 150", (150, 150, 200, "quantified", False, False, False)),  # a lowest value is at least the LLOQ
        ("d0 nd", (None, 200, 200, "not_detected", False, False, True)),
        ("d0 <200", (None, 200, 200, "below_lloq", False, False, True)),
        ("d0 >100000000", (1e8, None, None, "above_uloq", False, True, False)),
        ("d0 <200?", (None, None, None, "below_lloq", True, False, True)),
        ("d0 5000?", (5000, 5000, 5000, "quantified", False, False, False)),
        # several results of one moment
        ("d0 20000, d0 30000", (20000, 30000, 20000, "quantified", False, False, False)),
        ("d0 30000, d0 20000", (20000, 30000, 20000, "quantified", False, False, False)),
        ("d0 500, d0 nd", (None, 500, 200, "not_detected", False, False, False)),
        ("d0 nd, d0 <200", (None, 200, 200, "not_detected", False, False, True)),
        ("d0 500, d0 >100000000", (500, None, 500, "quantified", False, True, False)),
        ("d0 >100000000, d0 >100000000", (1e8, None, None, "above_uloq", False, True, False)),
        ("d0 500, d0 nd?", (None, None, 500, "not_detected", True, False, False)),
        ("d0 >100000000, d0 nd?", (None, None, None, "not_detected", True, False, False)),
        ("d0 nd?, d0 nd?", (None, None, None, "not_detected", True, False, True)),
    ],
)
def test_a_sample_time_is_one_point_at_its_lowest_and_at_its_highest(sample: str, expected: tuple[Any, ...]) -> None:
    (found,) = points_of(f"bal {sample}")
    assert tuple(found[name] for name in ASKED) == expected


def test_only_results_of_one_series_and_one_moment_are_joined_and_the_order_of_time_is_kept() -> None:
    found = points_of("bal d0 1000, d1 2000, d1 3000, d2 4000, d3 5000; plasma d1 70, d2 80")
    assert [(row["series"], row["collected_at"], row["at_most"]) for row in found] == [
        (0, 0.0, 1000.0),
        (0, 1.0, 3000.0),
        (0, 2.0, 4000.0),
        (0, 3.0, 5000.0),
        (1, 1.0, 70.0),
        (1, 2.0, 80.0),
    ]


def test_results_of_the_last_moment_are_joined_too() -> None:
    found = points_of("bal d0 1000, d1 2000, d1 3000, d1 4000")
    assert [(row["at_least"], row["at_most"]) for row in found] == [(1000, 1000), (2000, 4000)]


def test_a_conflicting_result_is_no_point() -> None:
    found = pl.DataFrame(points_of("bal d0 1000, d1 clash, d2 3000"))
    assert found["collected_at"].to_list() == [0.0, 2.0]
