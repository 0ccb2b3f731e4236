"""The decline with the intercept summed in closed form, against a fine grid: one limit, two, and more."""

from __future__ import annotations

import numpy as np
import pytest

from tests.kinetics.grid import posterior_on_grid
from tests.kinetics.random_series import many_series
from tests.kinetics.test_posterior import JOINT, TAIL, WINDOW


def left_open(series, prior):
    """The Gaussian part and the limits that it leaves open, as `posterior` hands them on."""
    from cmvmon.kinetics.line.posterior import gaussian_part
    from cmvmon.kinetics.line.short_series import drop_sure

    t, lo, hi, s = (np.array(column) for column in series)
    gauss, k = gaussian_part(t, lo, hi, s, len(t), prior)
    return gauss, (t, lo, hi, s, drop_sure(t, lo, hi, s, k, gauss))


@pytest.mark.parametrize(("limits", "least"), [((1, 1), 40), ((2, 2), 40), ((3, 6), 8)], ids=["one", "two", "more"])
def test_it_agrees_with_a_grid_wherever_it_can_be_gone(limits, least):
    """P within 0.0001, ends of the interval within 0.001 log10; it is gone often enough to be worth having."""
    from cmvmon.kinetics.line.short_series import short_posterior

    gone = 0
    for at, series in enumerate(many_series(seed=29, count=700)):
        prior = (JOINT, WINDOW)[at % 2]
        gauss, open_limits = left_open(series, prior)
        if gone >= 60 or not limits[0] <= open_limits[4] <= limits[1]:
            continue
        done, *found = short_posterior(gauss, open_limits, 1.0, TAIL)
        if done:
            gone += 1
            mean, low, high, above = np.abs(np.array(found) - posterior_on_grid(series, prior, target=1.0, tail=TAIL))
            assert above < 1e-4
            assert max(mean, low, high) < 1e-3
    assert gone >= least


def test_limits_that_contradict_the_results_are_left_to_the_quadrature():
    """Two results below 10^1 beside one of 10^6: the tables see no chance in it, and nothing is said."""
    from cmvmon.kinetics.line.short_series import short_posterior

    t, y = np.array([0.0, 0.0, 0.1, 0.1]), np.array([6.0, 6.0, 1.0, 1.0])
    lo = np.where(y > 5.0, y, -np.inf)
    gauss, limits = left_open((t, lo, y, np.full(4, 0.1)), JOINT)
    assert limits[4] == 2
    assert not short_posterior(gauss, limits, 1.0, TAIL)[0]
