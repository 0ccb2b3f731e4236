"""What a load is compared with some days before: which samples count, across which gaps, and what can't be compared."""

from __future__ import annotations

import math
from typing import Any

import pytest

from cmvmon.facts.rises_lately import RISES_LATELY
from tests.facts.reading import one


def of(results: str) -> dict[str, Any]:
    return one(RISES_LATELY, f"plasma {results}")


@pytest.mark.parametrize(
    ("results", "compared_with"),
    [
        ("d0 500, d4 300, d8 700, d11 900", 4),  # the lowest of 3 to 14 days before
        ("d0 500, d4 500, d11 900", 4),  # of two as low the last
        ("d8 300, d8.1 200, d11 900", 8),  # newer than three days is too new
        ("d0 300, d20 900", 0),  # a gap ends no comparison
        ("d0 200, d1 300, d20 900", 1),  # before a gap the newest alone
        ("d0 200, d15 300, d20 900", 0),  # the gap lies before those days
        ("d0 200, d14 300, d20 900", 14),  # exactly fourteen days are no gap
        ("d0 200, d19 300, d20 900", 0),  # only a sample too new between
        ("d0 nd?, d1 200, d2 nd?, d30 900", 1),  # a load that is not known is nothing to compare with
        ("d18 300, d20 900", None),
        ("d20 900", None),
    ],
)
def test_the_sample_that_a_load_is_compared_with(results: str, compared_with: float | None) -> None:
    found = of(results)
    assert found["days_before_collected_at"] == compared_with
    assert (found["rise_lately_log10"] is None) == (compared_with is None)


def test_a_rise_at_once_counts_from_the_lowest_sample_of_less_than_three_days_before() -> None:
    found = of("d0 900, d5 300, d6 500, d7 9000")
    assert found["rise_at_once_log10"] == round(math.log10(9000) - math.log10(300), 9)
    assert found["rise_lately_log10"] == 1.0
    assert of("d0 900, d4 300, d7 9000")["rise_at_once_log10"] is None


@pytest.mark.parametrize(
    ("results", "is_unknown"),
    [
        ("d0 900, d7 1000", False),
        ("d0 clash, d2 900, d7 1000", True),
        ("d0 nd?, d2 900, d7 1000", True),
        ("d0 900, d5 clash, d7 1000", False),  # too new to be compared with
        ("d0 clash, d20 900, d27 1000", False),  # before those days
        ("d0 900, d7 clash", False),
    ],
)
def test_whether_a_load_of_those_days_is_not_known(results: str, is_unknown: bool) -> None:
    assert of(results)["is_load_before_unknown"] is is_unknown
