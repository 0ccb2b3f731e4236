"""The Aalen-Johansen estimate: against lifelines, by hand, and what must hold of it whatever the numbers."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmvmon.kinetics.numerics.cumulative_incidence import CumulativeIncidence, cumulative_incidence


def _drawn(seed: int, n: int, *, delayed: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times without a tie, as lifelines needs them; with `delayed`, half of them enter later."""
    rng = np.random.default_rng(seed)
    left = rng.exponential(20.0, n) + 0.5
    entered = np.where(rng.random(n) < 0.5, rng.uniform(0.0, 1.0, n) * left * 0.9, 0.0) if delayed else np.zeros(n)
    return entered, left, rng.choice([0, 1, 2, 3], n, p=[0.25, 0.35, 0.15, 0.25])


@pytest.mark.parametrize("delayed", [False, True])
@pytest.mark.parametrize(("seed", "n"), [(1, 12), (2, 60), (3, 300)])
@pytest.mark.parametrize("of", [1, 2, 3])
def test_incidence_variance_and_interval_are_those_of_lifelines(seed: int, n: int, of: int, *, delayed: bool) -> None:
    """Of each cause among its competitors. Delayed entry too: lifelines is given everybody's first moment from 0.01 on, so that it knows of no one at time 0."""
    from lifelines import AalenJohansenFitter  # slow to load

    entered, left, cause = _drawn(seed, n, delayed=delayed)
    mine = cumulative_incidence(entered, left, cause, of=of)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the logarithm of 0 before the first event
        theirs: Any = AalenJohansenFitter().fit(left, cause, event_of_interest=of, entry=entered if delayed else None)
    curve = theirs.cumulative_density_[f"CIF_{of}"]
    variances, bounds = theirs.variance_, theirs.confidence_interval_
    assert len(mine.times) > 0.5 * n
    told = [mine.is_told(time) for time in mine.times]
    assert sum(told) > 0.5 * n
    for time, f, variance in zip(mine.times[told], mine.incidence[told], mine.variance[told], strict=True):
        assert f == pytest.approx(float(curve.loc[:time].iloc[-1]), abs=1e-10)
        if time < mine.times[-1]:  # at the last, lifelines divides by those who are left: none
            assert variance == pytest.approx(float(variances.loc[:time].iloc[-1]), rel=1e-8, abs=1e-12)
            found = mine.interval(time, 0.95)
            if found is not None:
                high_low = sorted(float(x) for x in bounds.loc[:time].iloc[-1])
                assert list(found) == pytest.approx(high_low, abs=1e-8)


def test_by_hand_with_a_tie_and_one_who_came_later() -> None:
    """Six patients. Day 2: one reactivates of 5. Day 4: of 5 (one came on day 3) one reactivates and one dies. Day 6: of the
    two who are left after one was last seen on day 5, one reactivates.

        F(2) = 1/5                       S(2) = 4/5
        F(4) = 1/5 + 4/5 * 1/5 = 9/25    S(4) = 4/5 * 3/5 = 12/25
        F(6) = 9/25 + 12/25 * 1/2 = 3/5
    """
    entered = np.array([0.0, 0.0, 0.0, 0.0, 0.0, 3.0])
    left = np.array([2.0, 4.0, 4.0, 5.0, 6.0, 7.0])
    cause = np.array([1, 1, 2, 0, 1, 0])
    found = cumulative_incidence(entered, left, cause)
    assert found.n_at_risk.tolist() == [5, 5, 2]
    assert found.n_events.tolist() == [1, 1, 1]
    assert found.incidence.tolist() == pytest.approx([0.2, 0.36, 0.6])
    assert found.variance[0] == pytest.approx(0.2 * 0.8 / 5)
    assert (found.at(1.9), found.at(2.0), found.at(100.0)) == pytest.approx((0.0, 0.2, 0.6))
    assert (found.quantile(0.3), found.quantile(0.7)) == (4.0, None)
    assert (found.n, found.total) == (6, 3)


_TIMES = st.lists(
    st.tuples(st.integers(0, 12), st.integers(1, 12), st.integers(0, 3)), min_size=1, max_size=25
)  # whole days: ties of every kind


def _found(rows: list[tuple[int, int, int]], of: int = 1) -> CumulativeIncidence:
    entered = np.array([a for a, _, _ in rows], dtype=float)
    stay = np.array([b for _, b, _ in rows], dtype=float)
    return cumulative_incidence(entered, entered + stay, np.array([c for _, _, c in rows]), of=of)


@given(_TIMES)
@settings(max_examples=200)
def test_to_take_two_other_causes_as_one_changes_nothing(rows: list[tuple[int, int, int]]) -> None:
    """Death and discharge may be told apart or not: the incidence of the event of interest is the same, to the bit."""
    pooled = [(a, b, 2 if c == 3 else c) for a, b, c in rows]
    mine, other = _found(rows), _found(pooled)
    assert np.array_equal(mine.incidence, other.incidence, equal_nan=True)
    assert np.array_equal(mine.variance, other.variance, equal_nan=True)


@given(_TIMES)
@settings(max_examples=200)
def test_the_causes_and_those_left_add_up_to_everybody(rows: list[tuple[int, int, int]]) -> None:
    each = [_found(rows, of) for of in (1, 2, 3)]
    survival = np.cumprod(1 - sum(one.n_events for one in each) / each[0].n_at_risk)
    told = [each[0].is_told(time) for time in each[0].times]
    assert (sum(one.incidence for one in each) + survival)[told] == pytest.approx(np.ones(sum(told)))
    for one in each:
        assert (np.diff(one.incidence[told]) >= 0).all()
        assert (one.variance[told] >= 0).all()
        assert np.isnan(one.incidence[np.logical_not(told)]).all()
        assert (one.n_at_risk > 0).all()


@given(_TIMES, st.randoms(use_true_random=False))
def test_the_order_of_the_rows_does_not_matter(rows: list[tuple[int, int, int]], random: Any) -> None:
    mixed = list(rows)
    random.shuffle(mixed)
    assert np.array_equal(_found(rows).incidence, _found(mixed).incidence, equal_nan=True)
    assert _found(rows).empty_from == _found(mixed).empty_from


@given(_TIMES)
@settings(max_examples=300)
def test_nothing_is_told_from_the_first_moment_with_nobody_at_risk_before_others_come(
    rows: list[tuple[int, int, int]],
) -> None:
    """By counting, half a day after each day up to the last: somebody is there, and not all have met an event."""
    spells = [(a, a + b, c) for a, b, c in rows]
    last = max(left for _, left, _ in spells)
    empty = [day for day in range(last) if not any(entered <= day < left for entered, left, _ in spells)]
    emptied = [
        day
        for day in range(1, last)
        if (there := [(left, cause) for entered, left, cause in spells if entered < day <= left])
        and all(left == day and cause > 0 for left, cause in there)
    ]
    assert _found(rows).empty_from == min(empty + emptied, default=None)


NINE_LATE = [(5, 5 + i, 1) for i in range(1, 10)]


@pytest.mark.parametrize(
    ("early", "since"),
    [
        ([(0, 1, 2)], 1.0),  # left on day 1: the formula called everybody met, and 0 % for ever
        ([(0, 1, 1)], 1.0),  # reactivated on day 1: 100 % for ever
        (
            [(0, 1, 0)],
            1.0,
        ),  # last seen on day 1: whether one of those who came later would have met it before is not known
        ([], 0.0),  # nobody from the start on
        ([(0, 5, 2)], 5.0),  # who enters at the moment at which the last one leaves was not at risk before it
        ([(0, 5, 0)], None),  # last seen at it: watched without a gap
        ([(0, 6, 2)], None),
    ],
)
def test_an_early_risk_set_that_empties_is_told_as_such_and_never_as_none_or_all(
    early: list[tuple[int, int, int]], since: float | None
) -> None:
    rows = np.array([*early, *NINE_LATE])
    found = cumulative_incidence(rows[:, 0].astype(float), rows[:, 1].astype(float), rows[:, 2])
    assert found.empty_from == since
    if since is None:
        assert (found.at(20.0) or 0.0) > 0.5
        assert found.quantile(0.5) is not None
        return
    assert (found.at(since), found.at(20.0), found.interval(20.0, 0.95), found.quantile(0.5)) == (None,) * 4
    assert since == 0.0 or found.at(since - 0.5) == 0.0
    assert found.total >= 9


def test_with_nobody_or_no_event_the_incidence_is_zero_and_no_interval_is_given() -> None:
    nobody = cumulative_incidence(np.zeros(0), np.zeros(0), np.zeros(0, dtype=int))
    quiet = cumulative_incidence(np.zeros(2), np.array([3.0, 4.0]), np.array([0, 2]))
    for found in (nobody, quiet):
        assert found.at(30.0) == 0.0
        assert found.interval(30.0, 0.95) is None
        assert found.quantile(0.5) is None
        assert found.total == 0


def test_times_that_can_t_be_are_refused() -> None:
    with pytest.raises(ValueError, match="later than they entered"):
        cumulative_incidence(np.array([2.0]), np.array([2.0]), np.array([1]))
    with pytest.raises(ValueError, match="later than they entered"):
        cumulative_incidence(np.array([0.0]), np.array([np.nan]), np.array([1]))
    with pytest.raises(ValueError, match="of one length"):
        cumulative_incidence(np.array([0.0]), np.array([1.0, 2.0]), np.array([1, 1]))
