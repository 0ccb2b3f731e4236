"""The normal distribution as the estimators need it: log probability, gradient and curvature of one result.

Kernel module (imports numba). Formulas: a result with limits (lo, hi) around a mean m with standard deviation s gives
the log likelihood l, the gradient g = dl/dm and the curvature h = -d2l/dm2 (Tobin 1958, Econometrica 26:24).
"""

from __future__ import annotations

import math

from cmvmon.kinetics.numerics.compiling import borrowing

SQRT_HALF = math.sqrt(0.5)
LOG_SQRT_2PI = 0.5 * math.log(2.0 * math.pi)
TAIL_FROM = -5.0  # below it erfc and its logarithm give way to a continued fraction
FRACTION_TERMS = 24  # at z = -5 the error of the fraction is below 1e-16 from 20 terms on
NARROW = 1e-3  # an interval narrower than this many sd takes its expansion: the closed form would cancel


@borrowing
def tail_excess(x: float) -> float:
    """phi(x) / Phi(-x) - x for x >= 5, by Laplace's continued fraction 1/(x + 2/(x + 3/(x + ...)))."""
    rest = x
    for k in range(FRACTION_TERMS, 1, -1):
        rest = x + k / rest
    return 1.0 / rest


@borrowing
def log_cdf(z: float) -> float:
    """log Phi(z), to rounding, for every z."""
    if z > 0.0:
        return math.log1p(-0.5 * math.erfc(z * SQRT_HALF))
    if z > TAIL_FROM:
        return math.log(0.5 * math.erfc(-z * SQRT_HALF))
    return -0.5 * z * z - LOG_SQRT_2PI - math.log(tail_excess(-z) - z)


@borrowing
def mills(z: float) -> tuple[float, float]:
    """(r, r + z) with r = phi(z) / Phi(z). The sum is given apart because it cancels in the left tail."""
    if z > TAIL_FROM:
        r = math.exp(-0.5 * z * z - LOG_SQRT_2PI) / (0.5 * math.erfc(-z * SQRT_HALF))
        return r, r + z
    excess = tail_excess(-z)
    return excess - z, excess


@borrowing
def interval_terms(a: float, b: float) -> tuple[float, float, float]:
    """(l, q, h) of a < b in standard units: log(Phi(b) - Phi(a)), its gradient and curvature by the mean."""
    flipped = a + b > 0.0
    if flipped:
        a, b = -b, -a
    width = b - a
    middle = 0.5 * (a + b)
    if width * (1.0 + abs(middle)) < NARROW:
        w2 = width * width
        log_z = -0.5 * middle * middle - LOG_SQRT_2PI + math.log(width) + w2 * (middle * middle - 1.0) / 24.0
        q = middle * (1.0 - w2 / 12.0)
        h = 1.0 - w2 / 12.0
    else:
        upper = log_cdf(b)
        e = math.exp(log_cdf(a) - upper)
        inside = -math.expm1(log_cdf(a) - upper)
        r_b, sum_b = mills(b)
        if e == 0.0:
            log_z, q, h = upper, -r_b, r_b * sum_b
        else:
            r_a, _ = mills(a)
            log_z = upper + math.log(inside)
            q = (r_a * e - r_b) / inside
            h = (b * r_b - a * r_a * e) / inside + q * q
    if h < 0.0:
        h = 0.0  # rounding, far from the interval
    return log_z, (-q if flipped else q), h


@borrowing
def row_terms(lo: float, hi: float, m: float, s: float) -> tuple[float, float, float]:
    """(l, g, h) of one result with limits lo <= hi around the mean m, standard deviation s > 0.

    lo = hi: quantified. lo = -inf: only an upper limit. hi = +inf: only a lower limit. Both infinite: says nothing.
    """
    if lo == hi:
        z = (lo - m) / s
        return -0.5 * z * z - LOG_SQRT_2PI - math.log(s), z / s, 1.0 / (s * s)
    if lo == -math.inf:
        if hi == math.inf:
            return 0.0, 0.0, 0.0
        z = (hi - m) / s
        r, r_plus_z = mills(z)
        return log_cdf(z), -r / s, r * r_plus_z / (s * s)
    if hi == math.inf:
        z = (m - lo) / s
        r, r_plus_z = mills(z)
        return log_cdf(z), r / s, r * r_plus_z / (s * s)
    log_z, q, h = interval_terms((lo - m) / s, (hi - m) / s)
    return log_z, q / s, h / (s * s)
