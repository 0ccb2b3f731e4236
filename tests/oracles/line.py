"""The same estimators in plain numpy, written apart from the kernels: slow, readable, and what the tests compare with.

Nothing here is used to assess a patient. log Phi comes from math.erfc and an asymptotic series (the kernels use a
continued fraction), an interval from a difference of logarithms, and all series climb together.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]
_ERFC = np.frompyfunc(math.erfc, 1, 1)
_LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)
_ASYMPTOTIC_BELOW = -30.0


@dataclass(frozen=True)
class ReferenceFits:
    """One entry per series: intercept, decline, their covariance (n, 2, 2), log likelihood of the results."""

    intercept: Array
    decline: Array
    covariance: Array
    log_likelihood: Array


def log_phi(z: Array) -> Array:
    """log Phi(z): erfc above -30, below it -z^2/2 - log(-z sqrt(2 pi)) + log(1 - 1/z^2 + 3/z^4 - 15/z^6 + 105/z^8)."""
    near = np.maximum(z, _ASYMPTOTIC_BELOW)
    upper = 0.5 * np.asarray(_ERFC(np.abs(near) / math.sqrt(2.0)), dtype=np.float64)
    values: Array = np.where(near > 0, np.log1p(-upper), np.log(np.where(near > 0, 1.0, upper)))
    far = np.minimum(z, _ASYMPTOTIC_BELOW)
    q = 1.0 / (far * far)
    series = np.log1p(-q + 3 * q**2 - 15 * q**3 + 105 * q**4)
    return np.where(z < _ASYMPTOTIC_BELOW, -0.5 * far * far - np.log(-far) - _LOG_SQRT_2PI + series, values)


def row_terms(lo: Array, hi: Array, mean: Array, sd: Array) -> tuple[Array, Array, Array]:
    """(l, g, h) of each result: log likelihood, its derivative by the mean, minus its second derivative."""
    a, b = (lo - mean) / sd, (hi - mean) / sd
    quantified = lo == hi
    flip = ~quantified & (a + b > 0)
    a, b = np.where(flip, -b, a), np.where(flip, -a, b)
    safe_b = np.where(np.isinf(b), 0.0, b)
    safe_a = np.where(np.isinf(a), 0.0, a)
    upper = np.where(np.isinf(b), 0.0, log_phi(safe_b))
    gap = np.where(np.isinf(a) | quantified, -np.inf, log_phi(safe_a) - upper)
    log_z = upper + np.log1p(-np.exp(np.minimum(gap, -1e-300)))
    at_a = np.exp(np.where(np.isinf(a) | quantified, -np.inf, -0.5 * safe_a**2 - _LOG_SQRT_2PI - log_z))
    at_b = np.exp(np.where(np.isinf(b) | quantified, -np.inf, -0.5 * safe_b**2 - _LOG_SQRT_2PI - log_z))
    q = at_a - at_b
    h = safe_b * at_b - safe_a * at_a + q * q
    z = np.where(quantified, (np.where(quantified, lo, 0.0) - mean) / sd, 0.0)
    value = np.where(quantified, -0.5 * z * z - _LOG_SQRT_2PI - np.log(sd), log_z)
    slope = np.where(quantified, z, np.where(flip, -q, q)) / sd
    return value, slope, np.where(quantified, 1.0, np.maximum(h, 0.0)) / sd**2


def fit_lines_reference(
    t: Array, lo: Array, hi: Array, sigma: Array, used: npt.NDArray[np.bool_], prior: Array, steps: int = 100
) -> ReferenceFits:
    """Best lines through series padded to one length (arrays n x rows; `used` marks the rows that exist).

    `prior` = (mean_a, mean_d, P_aa, P_ad, P_dd), zeros for none. Newton's method on all series together, each step
    halved until its series climbs. Series without one finite best line give numbers that mean nothing.
    """
    precision = np.array([[prior[2], prior[3]], [prior[3], prior[4]]])
    mean = np.array([prior[0], prior[1]])
    rough = np.where(np.isfinite(lo), lo, np.where(np.isfinite(hi), hi, 0.0))
    theta = np.stack([(rough * used).sum(1) / used.sum(1), np.zeros(len(t))], axis=1)
    x = np.stack([np.ones_like(t), -t], axis=-1) * used[..., None]

    def terms(at: Array) -> tuple[Array, Array, Array, Array]:
        value, g, h = row_terms(lo, hi, at[:, :1] - at[:, 1:] * t, sigma)
        likelihood = (value * used).sum(1)
        off = at - mean
        gradient = np.einsum("nr,nrk->nk", g, x) - off @ precision
        curvature = np.einsum("nr,nrk,nrm->nkm", h, x, x) + precision
        return likelihood, likelihood - 0.5 * np.einsum("nk,km,nm->n", off, precision, off), gradient, curvature

    likelihood, best, gradient, curvature = terms(theta)
    for _ in range(steps):
        size = 1e-16 * np.trace(curvature, axis1=1, axis2=2)[:, None, None]
        step = np.linalg.solve(curvature + size * np.eye(2), gradient[..., None])[..., 0]
        share = np.ones(len(t))
        for _ in range(50):
            new_likelihood, new_best, new_gradient, new_curvature = terms(theta + share[:, None] * step)
            worse = ~(new_best >= best - 1e-12 * np.abs(best))
            if not worse.any():
                break
            share = np.where(worse, 0.5 * share, share)
        theta = theta + share[:, None] * step
        likelihood, best, gradient, curvature = new_likelihood, new_best, new_gradient, new_curvature
        if float(np.abs(share[:, None] * step).max()) < 1e-12:
            break
    return ReferenceFits(theta[:, 0], theta[:, 1], np.asarray(np.linalg.inv(curvature), dtype=np.float64), likelihood)
