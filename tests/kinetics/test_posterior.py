"""Mean, interval and P(decline > target) of a line with limits, against a fine grid over the whole posterior."""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import pytest

from cmvmon.kinetics.line.fit import prior_numbers
from tests.kinetics.grid import posterior_on_grid
from tests.kinetics.random_series import Series, concatenated, many_series

TAIL = 0.025
JOINT = prior_numbers(([4.0, 0.9], [[0.64, 0.1], [0.1, 0.64]]))
WINDOW = prior_numbers(([4.0, 0.9], [[4.0, 0.0], [0.0, 0.64]]))


def summaries(series: list[Series], prior: np.ndarray, target: float = 1.0) -> np.ndarray:
    """(mean, low, high, P) of each series by the kernel."""
    from cmvmon.kinetics.line.posterior import posterior_many

    return posterior_many(*concatenated(series), prior, target, TAIL, -NormalDist().inv_cdf(TAIL))


@pytest.mark.parametrize("prior", [JOINT, WINDOW], ids=["joint prior", "window prior"])
def test_it_agrees_with_a_grid_on_random_short_series(prior, capsys):
    """P within 0.001, ends of the interval within 0.01 log10; the largest differences are printed."""
    series = [s for s in many_series(seed=23, count=200) if (s[1] != s[2]).any()][:80]
    grid = np.array([posterior_on_grid(s, prior, target=1.0, tail=TAIL) for s in series])
    mean, low, high, probability = np.abs(summaries(series, prior) - grid).max(axis=0)
    with capsys.disabled():
        print(f"\nlargest difference from a grid, {len(series)} series: mean {mean:.5f}, P {probability:.6f}")
        print(f"ends of the interval: {low:.5f}, {high:.5f}")

    assert probability < 1e-3
    assert max(low, high) < 0.01
    assert mean < 0.01


def test_series_that_lie_wholly_beyond_a_limit_agree_with_the_grid_too():
    t = np.array([0.0, 1.0, 2.0, 3.0])
    sigma = np.full(4, 0.1)
    no_lower, no_upper = np.full(4, -np.inf), np.full(4, np.inf)
    wholly = [
        (t, no_lower, np.full(4, 2.0), sigma),
        (t, np.full(4, 7.0), no_upper, sigma),
        (t, np.full(4, 2.0), np.full(4, 2.6), sigma),
    ]
    for s, found in zip(wholly, summaries(wholly, JOINT), strict=True):
        assert found == pytest.approx(posterior_on_grid(s, JOINT, target=1.0, tail=TAIL), abs=3e-3)


def test_without_a_limit_it_is_the_exact_normal_posterior():
    """Two results of sigma 0.1 and a wide prior: the decline is their difference, to its standard deviation."""
    t, y = np.array([0.0, 1.0]), np.array([5.0, 3.5])
    wide = prior_numbers(([4.0, 1.0], [[1e6, 0.0], [0.0, 1e6]]))
    mean, low, high, probability = summaries([(t, y, y, np.array([0.1, 0.1]))], wide)[0]
    sd = 0.1 * math.sqrt(2.0)
    assert mean == pytest.approx(1.5, abs=1e-6)
    assert (high - low) / 2.0 == pytest.approx(1.959964 * sd, abs=1e-6)
    assert probability == pytest.approx(NormalDist(1.5, sd).cdf(2.0), abs=1e-6)


def test_one_result_at_the_start_leaves_the_prior_of_the_decline_to_the_bit():
    for lo, hi in ((4.0, 4.0), (-np.inf, 2.0)):
        found = summaries([(np.zeros(1), np.array([lo]), np.array([hi]), np.array([0.2]))], WINDOW)[0]
        assert found[0] == 0.9


def test_a_higher_target_never_has_a_higher_probability():
    series = many_series(seed=31, count=200)
    found = np.array([summaries(series, JOINT, target)[:, 3] for target in (-1.0, 0.0, 0.5, 1.0, 2.0, 5.0)])
    assert (np.diff(found, axis=0) <= 1e-12).all()
    assert ((found >= 0.0) & (found <= 1.0)).all()


def test_the_numbers_stay_in_order_when_results_contradict_each_other():
    """A load of 9 log10 between two that were not detected, with hardly any noise: absurd, and still an answer."""
    t = np.array([0.0, 1.0, 2.0])
    series = [
        (t, np.array([-np.inf, 9.0, -np.inf]), np.array([1.0, 9.0, 1.0]), np.full(3, s)) for s in (0.3, 0.02, 1e-4)
    ]
    for mean, low, high, probability in summaries(series, JOINT):
        assert low <= mean <= high
        assert 0.0 <= probability <= 1.0
