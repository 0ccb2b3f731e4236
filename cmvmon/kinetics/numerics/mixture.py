"""A mixture of normal distributions: mean, probability above a point, quantiles.

Kernel module (imports numba). Phi comes from a table (step 1/64, within 1e-10): the quantiles of a
million weeks are mostly evaluations of Phi.
"""

from __future__ import annotations

import math

import numpy as np

from cmvmon.kinetics.numerics.compiling import borrowing, compiled
from cmvmon.kinetics.numerics.normal import LOG_SQRT_2PI

STEPS_PER_UNIT = 64
TO = 9.0  # beyond it Phi is 0 or 1 within 1e-18
BRACKET_SD = 9.0
FREE_STEPS = 8  # after them every other step halves the bracket: a step may creep along a tail for ever
MOST_STEPS = 100
CLOSE = 1e-7  # in probability
# A cubic through F and its first three derivatives misses F by at most 0.551 / 24 x (distance / smallest sd)^4, for a
# normal distribution's fifth is nowhere above 0.551 / sd^4; within SURE of the smallest sd that is below 6e-8.
SURE = 0.04
SOLVED = 1e-8  # in probability, of the cubic itself
NEGLIGIBLE_WEIGHT = 1e-6  # such a component moves no probability by more than 3e-4 (kinetics.md section 3)


def _entries() -> np.ndarray:
    """Phi and its density at each step from -TO to TO."""
    z = np.arange(-int(TO * STEPS_PER_UNIT), int(TO * STEPS_PER_UNIT) + 2) / STEPS_PER_UNIT
    value = [0.5 * math.erfc(-x * math.sqrt(0.5)) for x in z]
    table = np.column_stack([value, np.exp(-0.5 * z * z - LOG_SQRT_2PI)])
    table.setflags(write=False)
    return table


PHI = _entries()


@borrowing
def phi_and_density(z: float) -> tuple[float, float]:
    """(Phi(z), its derivative), within 1e-10 and 1e-9: Taylor's series around the nearest entry, to its fourth term."""
    if z >= TO:
        return 1.0, 0.0
    if z <= -TO:
        return 0.0, 0.0
    i = int((z + TO) * STEPS_PER_UNIT + 0.5)
    near = i * (1.0 / STEPS_PER_UNIT) - TO
    u = z - near
    density = PHI[i, 1]
    q = near * near - 1.0
    value = PHI[i, 0] + density * u * (1.0 - u * (0.5 * near - u * q * (1.0 / 6.0)))
    return value, density * (1.0 - u * (near - u * (0.5 * q - u * near * (q - 2.0) * (1.0 / 6.0))))


@borrowing
def share_above(point: float, w: np.ndarray, mean: np.ndarray, sd: np.ndarray, n: int) -> float:
    """P(x > point) of the mixture's first n components; w adds up to 1."""
    total = 0.0
    for k in range(n):
        total += w[k] * phi_and_density((mean[k] - point) / sd[k])[0]
    return min(max(total, 0.0), 1.0)


@compiled
def quantile(p: float, guess: float, w: np.ndarray, mean: np.ndarray, sd: np.ndarray, n: int) -> float:
    """The point below which the mixture's first n components hold p, within CLOSE in probability."""
    per_sd = np.empty(n)
    low, high, narrowest = extent(mean, sd, per_sd, n)
    return quantile_within(p, guess, low, high, narrowest, w, mean, per_sd, n)


@borrowing
def extent(mean: np.ndarray, sd: np.ndarray, per_sd: np.ndarray, n: int) -> tuple[float, float, float]:
    """(a point with nothing below it, one with nothing above it, the smallest sd); 1 / sd is written to `per_sd`."""
    low, high, narrowest = math.inf, -math.inf, math.inf
    for k in range(n):
        per_sd[k] = 1.0 / sd[k]
        low = min(low, mean[k] - BRACKET_SD * sd[k])
        high = max(high, mean[k] + BRACKET_SD * sd[k])
        narrowest = min(narrowest, sd[k])
    return low, high, narrowest


@borrowing
def quantile_within(
    p: float,
    guess: float,
    low: float,
    high: float,
    narrowest: float,
    w: np.ndarray,
    mean: np.ndarray,
    per_sd: np.ndarray,
    n: int,
) -> float:
    """`quantile`, given what `extent` says.

    Each step solves the cubic with the value and the first three derivatives of the distribution at x, from `guess` on,
    inside a bracket that always holds the answer; bisection where it leaves that or takes long. A step so short that the
    cubic can't be wrong (SURE) is the last.
    """
    x = guess if low < guess < high else 0.5 * (low + high)
    for i in range(MOST_STEPS):
        below, density, bend, twist = 0.0, 0.0, 0.0, 0.0
        for k in range(n):
            r = per_sd[k]
            z = (x - mean[k]) * r
            value, slope = phi_and_density(z)
            slope *= w[k] * r
            below += w[k] * value
            density += slope
            slope *= r
            bend -= slope * z
            twist += slope * r * (z * z - 1.0)
        gap = below - p
        if abs(gap) < CLOSE:
            break
        if gap > 0.0:
            high = x
        else:
            low = x
        curved = density - 0.5 * gap * bend / density if density > 0.0 else 0.0
        step = -gap / curved if curved > 0.0 else low - x  # Halley's
        steep = density + step * (bend + 0.5 * step * twist)
        if steep > 0.0:
            step -= (gap + step * (density + step * (0.5 * bend + step * twist * (1.0 / 6.0)))) / steep
        free = i < FREE_STEPS or i % 2 == 0
        inside = free and low < x + step < high
        if inside and abs(step) < SURE * narrowest:
            left = gap + step * (density + step * (0.5 * bend + step * twist * (1.0 / 6.0)))
            if abs(left) < SOLVED:
                return x + step
        x = x + step if inside else 0.5 * (low + high)
    return x


@compiled
def summary(
    target: float,
    tail: float,
    z: float,
    guess_low: float,
    guess_high: float,
    w: np.ndarray,
    mean: np.ndarray,
    sd: np.ndarray,
    n: int,
) -> tuple[float, float, float, float]:
    """(mean, low, high, P(> target)) of the mixture; low and high leave `tail` outside on either side.

    z = the normal quantile of that tail. A guess that is not a number is replaced by the ends of the normal distribution
    with the mixture's mean and variance.
    """
    centre, spread = moments(w, mean, sd, n)
    if not (math.isfinite(guess_low) and math.isfinite(guess_high)):
        guess_low, guess_high = centre - z * spread, centre + z * spread
    per_sd = np.empty(n)
    low, high, above = ends(target, tail, guess_low, guess_high, w, mean, sd, per_sd, n)
    return centre, low, high, above


@borrowing
def moments(w: np.ndarray, mean: np.ndarray, sd: np.ndarray, n: int) -> tuple[float, float]:
    """(mean, standard deviation) of the mixture."""
    centre, square = 0.0, 0.0
    for k in range(n):
        centre += w[k] * mean[k]
        square += w[k] * (sd[k] * sd[k] + mean[k] * mean[k])
    return centre, math.sqrt(max(square - centre * centre, 0.0))


@borrowing
def ends(
    target: float,
    tail: float,
    guess_low: float,
    guess_high: float,
    w: np.ndarray,
    mean: np.ndarray,
    sd: np.ndarray,
    per_sd: np.ndarray,
    n: int,
) -> tuple[float, float, float]:
    """(low, high, P(> target)) of the mixture, as `summary` gives them; `per_sd` is room for n numbers."""
    bottom, top, narrowest = extent(mean, sd, per_sd, n)
    low = quantile_within(tail, guess_low, bottom, top, narrowest, w, mean, per_sd, n)
    high = quantile_within(1.0 - tail, guess_high, bottom, top, narrowest, w, mean, per_sd, n)
    above = 0.0
    for k in range(n):
        above += w[k] * phi_and_density((mean[k] - target) * per_sd[k])[0]
    return low, high, min(max(above, 0.0), 1.0)
