"""One update of the bank against quadrature: weight, mean and covariance of a line after one result of each kind."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import pytest
from scipy.special import log_ndtr

from cmvmon.kinetics.bank.lines import MOST_SIZE, bank_numbers
from cmvmon.protocol import TrajectoryLine
from tests.kinetics.random_series import Array, random_lines

GROWTH, GROWTH_SD = 0.25, 0.35
KINDS = ("quantified", "left", "right", "interval")


@dataclass(frozen=True)
class State:
    """One line: log probability of the result, mean (n) and covariance (n, n) after it."""

    value: float
    mean: Array
    covariance: Array


def before(line: TrajectoryLine) -> State:
    return State(0.0, np.array(line.mean), _square(np.array(line.covariance), len(line.mean)))


def by_kernel(line: TrajectoryLine, t: float, lo: float, hi: float, sigma: float) -> State:
    """The line after one result."""
    from cmvmon.kinetics.bank import many_series

    row = (np.array([value]) for value in (t, lo, hi, sigma))
    state = many_series.states_of(np.array([0, 1]), *row, bank_numbers([line]), GROWTH, GROWTH_SD)[0, 0]
    size = len(line.mean)
    covariance = _square(state[1 + MOST_SIZE :], MOST_SIZE)[:size, :size]
    return State(state[0] - math.log(line.weight), state[1 : 1 + size], covariance)


def _square(upper: Array, size: int) -> Array:
    square = np.zeros((size, size))
    square[np.triu_indices(size)] = upper
    return square + np.triu(square, 1).T


def direction(line: TrajectoryLine, t: float) -> Array:
    """x: the load at t >= 0 is x'theta. Written out piece by piece."""
    begun, over = (0.0, *line.changes_at_weeks), (*line.changes_at_weeks, math.inf)
    return np.array([1.0, *(-max(min(t, to) - at, 0.0) for at, to in zip(begun, over, strict=True))])


def by_quadrature(prior: State, x: Array, lo: float, hi: float, sigma: float) -> State:
    """The same by integrating over the load m = x'theta that the result measures.

    m is normal before the result; after it, its density is that times the result's likelihood. Given m, theta is
    normal whatever the result was: its mean is linear in m, its covariance does not know m (conditional normal
    distributions). Gauss-Legendre on panels narrower than the narrower of the two distributions.
    """
    gain = prior.covariance @ x
    m0, v0 = float(x @ prior.mean), float(x @ gain)
    sd = math.sqrt(v0)
    edges = np.linspace(m0 - 14.0 * sd, m0 + 14.0 * sd, 2 + int(28.0 * max(1.0, sd / sigma)))
    nodes, weights = np.polynomial.legendre.leggauss(24)
    half = 0.5 * np.diff(edges)[:, None]
    m = (0.5 * (edges[1:] + edges[:-1])[:, None] + half * nodes).ravel()
    log_f = -0.5 * ((m - m0) / sd) ** 2 - math.log(sd * math.sqrt(2.0 * math.pi)) + log_likelihood(m, lo, hi, sigma)
    top = float(log_f.max())
    f = np.exp(log_f - top) * (half * weights).ravel()
    total = float(f.sum())
    mean = float(f @ m) / total
    variance = float(f @ (m - mean) ** 2) / total
    slope = gain / v0
    covariance = prior.covariance - np.outer(gain, slope) + variance * np.outer(slope, slope)
    return State(top + math.log(total), prior.mean + slope * (mean - m0), covariance)


def log_likelihood(m: Array, lo: float, hi: float, sigma: float) -> Array:
    """Log density of a value, or log probability of a range, around m."""
    if lo == hi:
        return np.asarray(-0.5 * ((lo - m) / sigma) ** 2 - math.log(sigma * math.sqrt(2.0 * math.pi)))
    a, b = (lo - m) / sigma, (hi - m) / sigma
    a, b = np.where(a + b > 0, -b, a), np.where(a + b > 0, -a, b)
    return np.asarray(log_ndtr(b) + np.log1p(-np.exp(log_ndtr(a) - log_ndtr(b))))


def limits(kind: str, value: float, width: float) -> tuple[float, float]:
    return {
        "quantified": (value, value),
        "left": (-math.inf, value),
        "right": (value, math.inf),
        "interval": (value - width, value + width),
    }[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_weight_mean_and_covariance_are_the_quadratures_within_1e_10(kind, capsys):
    """Random lines, times, noise, and results up to four standard deviations from what was expected."""
    rng = np.random.default_rng(17)
    worst = 0.0
    for _ in range(100):
        line = random_lines(rng, count=4)[int(rng.integers(0, 4))]
        t, sigma = float(rng.uniform(0.0, 5.0)), float(rng.uniform(0.1, 0.6))
        x, prior = direction(line, t), before(line)
        expected = float(x @ prior.mean)
        sd = math.sqrt(float(x @ prior.covariance @ x) + sigma**2)
        lo, hi = limits(kind, expected + float(rng.uniform(-4.0, 4.0)) * sd, float(rng.uniform(0.05, 1.0)))
        found, exact = by_kernel(line, t, lo, hi, sigma), by_quadrature(prior, x, lo, hi, sigma)
        gaps = (found.value - exact.value, found.mean - exact.mean, found.covariance - exact.covariance)
        worst = max(worst, *(float(np.abs(gap).max()) for gap in gaps))
    with capsys.disabled():
        print(f"\n{kind}: largest difference of log weight, mean and covariance from quadrature {worst:.1e}")
    assert worst < 1e-10


@pytest.mark.parametrize("kind", KINDS)
def test_a_result_before_the_anchor_is_one_at_the_anchor_raised_and_noisier(kind):
    line = random_lines(np.random.default_rng(5))[2]
    lo, hi = limits(kind, 4.0, 0.3)
    found = by_kernel(line, -0.4, lo, hi, 0.2)
    noise = math.sqrt(0.2**2 + (GROWTH_SD * 0.4) ** 2)
    same = by_kernel(line, 0.0, lo + GROWTH * 0.4, hi + GROWTH * 0.4, noise)
    assert found.value == pytest.approx(same.value, abs=1e-13)
    assert found.mean == pytest.approx(same.mean, abs=1e-13)
    assert found.covariance == pytest.approx(same.covariance, abs=1e-13)
    prior = before(line)
    of_load = prior.covariance[1:, 0] / prior.covariance[0, 0]
    moved = found.mean - prior.mean
    assert moved[1:] == pytest.approx(of_load * moved[0], abs=1e-12), (
        "declines move as the load at the anchor makes them"
    )
