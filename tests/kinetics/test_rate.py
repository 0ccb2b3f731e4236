"""The interval of a rate, held against the exact one of a Poisson count and against samples of patients."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import chi2

from cmvmon.kinetics.numerics.rate import rate_interval


@pytest.mark.parametrize("count", [1, 2, 5, 10, 50, 400])
def test_where_events_come_independently_it_is_that_of_a_poisson_count(count: int) -> None:
    """Garwood's exact interval, by the quantiles of chi-square; Byar's formula is within three per cent of it."""
    low, high = rate_interval({f"{n}": 1 for n in range(count)}, {f"{n}": 1.0 for n in range(max(count, 10))})
    weeks = max(count, 10)
    assert low * weeks == pytest.approx(chi2.ppf(0.025, 2 * count) / 2, rel=0.03, abs=0.02)
    assert high * weeks == pytest.approx(chi2.ppf(0.975, 2 * count + 2) / 2, rel=0.03)


def test_without_an_event_it_ends_where_three_in_four_hundredths_would_be_seen() -> None:
    assert rate_interval({}, {"a": 4.0, "b": 6.0}) == (0.0, pytest.approx(-np.log(0.025) / 10.0, rel=0.02))


def test_the_unit_of_time_does_not_matter() -> None:
    in_weeks = rate_interval({"a": 3, "b": 1}, {"a": 2.0, "b": 5.0, "c": 1.0})
    in_days = rate_interval({"a": 3, "b": 1}, {"a": 14.0, "b": 35.0, "c": 7.0})
    assert [end * 7.0 for end in in_days] == pytest.approx(list(in_weeks))


def test_where_patients_bring_three_at_a_time_it_holds_the_true_rate_as_often_as_it_says() -> None:
    """40 patients of a week each; every fifth brings three. An interval that took these as independent held it in 85 %."""
    rng = np.random.default_rng(7)
    held = 0
    for _ in range(600):
        events = {f"{n}": 3 for n in range(40) if rng.random() < 0.2}
        low, high = rate_interval(events, {f"{n}": 1.0 for n in range(40)})
        held += low <= 0.6 <= high
    assert held / 600 > 0.92
