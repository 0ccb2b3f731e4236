"""How long a leading compartment went without a sample in this course: the stretch from its start to the first one is none."""

from __future__ import annotations

import pytest

from cmvmon.facts.leading_follow_up import LEADING_FOLLOW_UP
from tests.facts.reading import one


@pytest.mark.parametrize(
    ("results", "gap"),
    [
        ("d0 10000, d12 900", 12.0),
        ("d-5 10000, d12 900", 12.0),  # the days before the course do not count
        ("d-5 10000, d0 900", None),  # nor a sample of the minute at which it began
        ("d12 10000", None),
        ("d2 10000, d5 900, d12 900, d13 900", 7.0),
    ],
)
def test_the_longest_stretch_of_this_course_between_two_samples(results: str, gap: float | None) -> None:
    found = one(LEADING_FOLLOW_UP, f"bal {results}", courses="ganciclovir d0-", stays="d-9- bal", day=14.0)
    assert found["longest_ago_earlier_gap_days"] == gap
