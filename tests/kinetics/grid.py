"""The whole posterior of one line on a fine grid: what the quadrature is compared with. scipy, no kernel of ours."""

from __future__ import annotations

import numpy as np
from scipy.special import log_ndtr

from tests.kinetics.random_series import Array, Series


def posterior_on_grid(
    series: Series, prior: Array, *, target: float, tail: float, points: int = 400
) -> tuple[float, float, float, float]:
    """(mean, low, high, P(> target)) of the decline; prior = (mean_a, mean_d, P_aa, P_ad, P_dd).

    The grid zooms in until it just holds what lies within 25 log units of the best line.
    """
    covariance = np.linalg.inv(np.array([[prior[2], prior[3]], [prior[3], prior[4]]]))
    reach = 9.0 * np.sqrt(np.diag(covariance))
    (a_from, d_from), (a_to, d_to) = prior[:2] - reach, prior[:2] + reach
    for size in (161, 161, 161, points):
        a, d = np.linspace(a_from, a_to, size), np.linspace(d_from, d_to, size)
        density = log_density(a[:, None], d[None, :], series, prior)
        kept = density > density.max() - 25.0
        rows, columns = np.flatnonzero(kept.any(axis=1)), np.flatnonzero(kept.any(axis=0))
        a_step, d_step = a[1] - a[0], d[1] - d[0]
        a_from, a_to = a[rows[0]] - a_step, a[rows[-1]] + a_step
        d_from, d_to = d[columns[0]] - d_step, d[columns[-1]] + d_step
    marginal = np.exp(density - density.max()).sum(axis=0)
    below = np.concatenate([[0.0], np.cumsum(0.5 * (marginal[1:] + marginal[:-1]))])
    below /= below[-1]
    low, high = np.interp([tail, 1.0 - tail], below, d)
    return float(marginal @ d / marginal.sum()), float(low), float(high), float(1.0 - np.interp(target, d, below))


def log_density(a: Array, d: Array, series: Series, prior: Array) -> Array:
    """Log posterior density, up to a constant, at every pair of an intercept and a decline."""
    u, v = a - prior[0], d - prior[1]
    total: Array = -0.5 * (prior[2] * u * u + 2.0 * prior[3] * u * v + prior[4] * v * v)
    for t, lo, hi, sigma in zip(*series, strict=True):
        mean = a - d * t
        if lo == hi:
            total = total - 0.5 * ((lo - mean) / sigma) ** 2
        elif np.isinf(lo):
            total = total + log_ndtr((hi - mean) / sigma)
        elif np.isinf(hi):
            total = total + log_ndtr((mean - lo) / sigma)
        else:
            x, y = (lo - mean) / sigma, (hi - mean) / sigma
            flip = x + y > 0
            x, y = np.where(flip, -y, x), np.where(flip, -x, y)
            total = total + log_ndtr(y) + np.log1p(-np.exp(log_ndtr(x) - log_ndtr(y)))
    return total
