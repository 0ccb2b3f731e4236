"""Exact intervals of a share, and Student's t: the incomplete beta function by its continued fraction."""

from __future__ import annotations

import math
from functools import lru_cache

_TERMS = 10_000  # the fraction needs about sqrt(a + b) terms
_TINY = 1e-300
_ENOUGH = 1e-15
_HALVINGS = 80  # of [0, 1]: below the spacing of doubles


def beta_share(a: float, b: float, x: float) -> float:
    """I_x(a, b), the regularised incomplete beta function: P(X <= x) for X ~ Beta(a, b). a, b > 0.

    Lentz's continued fraction (Numerical Recipes, 6.4), on the side of the mean where it converges fast.

    >>> round(beta_share(2.0, 3.0, 0.5), 12)
    0.6875
    """
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    if x > (a + 1.0) / (a + b + 2.0):
        return 1.0 - beta_share(b, a, 1.0 - x)
    front = math.exp(
        math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x) - math.log(a)
    )
    c, d = 1.0, 1.0 / _away_from_0(1.0 - (a + b) * x / (a + 1.0))
    fraction = d
    for m in range(1, _TERMS):
        even = m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m))
        odd = -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))
        step = 1.0
        for term in (even, odd):
            d = 1.0 / _away_from_0(1.0 + term * d)
            c = _away_from_0(1.0 + term / c)
            step *= c * d
        fraction *= step
        if abs(step - 1.0) < _ENOUGH:
            break
    return front * fraction


@lru_cache(maxsize=4096)  # the same few counts come back for thousands of patients
def exact_interval(successes: float, n: float, probability: float) -> tuple[float, float]:
    """The Clopper-Pearson interval of a share: `successes` of `n`, two-sided, at that probability.

        low  = Beta quantile (1 - probability) / 2 of (k, n - k + 1), or 0 where k = 0
        high = Beta quantile (1 + probability) / 2 of (k + 1, n - k), or 1 where k = n

    `n` need not be whole: a number of observations divided by their design effect is an *effective* number. n > 0.
    Source: Clopper and Pearson 1934, Biometrika 26:404; with an effective n: Korn and Graubard 1998, Survey
    Methodology 24:193 (without their correction for degrees of freedom).

    >>> [round(end, 4) for end in exact_interval(5, 5, 0.95)]
    [0.4782, 1.0]
    """
    tail = (1.0 - probability) / 2.0
    low = 0.0 if successes <= 0 else _beta_quantile(successes, n - successes + 1.0, tail)
    high = 1.0 if successes >= n else _beta_quantile(successes + 1.0, n - successes, 1.0 - tail)
    return low, high


@lru_cache(maxsize=1024)
def student_quantile(probability: float, degrees: float) -> float:
    """t with P(|T| <= t) = probability, for Student's t with these degrees of freedom (> 0).

    >>> round(student_quantile(0.95, 4), 4)
    2.7764
    """
    x = _beta_quantile(degrees / 2.0, 0.5, 1.0 - probability)  # of degrees / (degrees + T^2)
    return math.sqrt(degrees * (1.0 - x) / x)


def _beta_quantile(a: float, b: float, share: float) -> float:
    low, high = 0.0, 1.0
    for _ in range(_HALVINGS):
        middle = 0.5 * (low + high)
        if beta_share(a, b, middle) < share:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def _away_from_0(x: float) -> float:
    return x if abs(x) > _TINY else _TINY
