"""A mixture of normal distributions: mean, probability above a point, quantiles.

Kernel module (imports numba). Phi comes from a table (step 1/64, within 1e-10): the quantiles of a
million weeks are mostly evaluations of Phi.
"""

from __future__ import annotations

import math

import numpy as np

from cmvmon.kinetics.numerics.compiling import borrowing, compiled
from cmvmon.kinetics.numerics.lanes import BEND, DENSITY, HIGH, LANES, LOW, MEAN, ONE, PER_SD, ROOM, TWIST, room_for
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

room_of = borrowing(room_for)  # in a kernel


def _entries() -> np.ndarray:
    """Phi and its density at each step from -TO to TO; then what they are below all steps, and above all."""
    z = np.arange(-int(TO * STEPS_PER_UNIT), int(TO * STEPS_PER_UNIT) + 1) / STEPS_PER_UNIT
    value = [*(0.5 * math.erfc(-x * math.sqrt(0.5)) for x in z), 0.0, 1.0]
    table = np.column_stack([value, [*np.exp(-0.5 * z * z - LOG_SQRT_2PI), 0.0, 0.0]])
    table.setflags(write=False)
    return table


PHI = _entries()
BELOW_ALL, ABOVE_ALL = len(PHI) - 2, len(PHI) - 1


@borrowing
def phi_and_density(z: float) -> tuple[float, float]:
    """(Phi(z), its derivative), within 1e-10 and 1e-9: Taylor's series around the nearest entry, to its fourth term.

    Beyond TO exactly 0 or 1, and 0. No step depends on a branch, so that a processor can do several z side by side.
    """
    inside = TO if z >= TO else z
    inside = -TO if z <= -TO else inside
    i = np.int32((inside + TO) * STEPS_PER_UNIT + 0.5)
    near = i * (1.0 / STEPS_PER_UNIT) - TO
    u = inside - near
    entry = np.int64(i) if z > -TO else BELOW_ALL  # also where z is not a number: then u is none either
    place = np.uint64(ABOVE_ALL if z >= TO else entry)
    density = PHI[place, 1]
    q = near * near - 1.0
    value = PHI[place, 0] + density * u * (1.0 - u * (0.5 * near - u * q * (1.0 / 6.0)))
    return value, density * (1.0 - u * (near - u * (0.5 * q - u * near * (q - 2.0) * (1.0 / 6.0))))


@borrowing
def share_above(point: float, w: np.ndarray, mean: np.ndarray, sd: np.ndarray, n: int) -> float:
    """P(x > point) of the mixture's first n components; w adds up to 1."""
    total = 0.0
    for k in range(n):
        total += w[k] * phi_and_density((mean[k] - point) / sd[k])[0]
    return min(max(total, 0.0), 1.0)


@borrowing
def lay_out(w: np.ndarray, mean: np.ndarray, sd: np.ndarray, n: int, room: np.ndarray) -> tuple[float, float, float]:
    """Put the first n components into `room`; (a point with nothing below it, one with nothing above it, the smallest sd).

    `room` is laid out as `lanes` says, and no shorter than its `room_for(n)`; what is left over of it weighs nothing.
    """
    low, high, narrowest = math.inf, -math.inf, math.inf
    for k in range(np.uint64(n)):
        at = lane(k)
        room[at], room[at + MEAN], room[at + PER_SD] = w[k], mean[k], 1.0 / sd[k]
        low = min(low, mean[k] - BRACKET_SD * sd[k])
        high = max(high, mean[k] + BRACKET_SD * sd[k])
        narrowest = min(narrowest, sd[k])
    for k in range(np.uint64(n), blocks(n) * LANES):
        at = lane(k)
        room[at], room[at + MEAN], room[at + PER_SD] = 0.0, 0.0, 0.0
    return low, high, narrowest


@borrowing
def blocks(n: int) -> np.uint64:
    """How many times LANES components hold n."""
    return (np.uint64(n) + LANES - ONE) // LANES


@borrowing
def lane(k: int) -> np.uint64:
    """Where component k stands in `room`."""
    return k // LANES * ROOM + k % LANES


@borrowing
def terms_at(x: float, turn: float, side: np.uint64, n: int, room: np.ndarray) -> None:
    """What each component adds to the mixture's distribution function at x and to its first three derivatives.

    `turn` = 1; with -1 it is what the component holds above x. Written to `room` at `side`: LOW or HIGH.
    """
    for block in range(blocks(n)):
        begin = block * ROOM
        out = begin + side
        for j in range(LANES):
            at = begin + j
            w, r = room[at], turn * room[at + PER_SD]
            z = (x - room[at + MEAN]) * r
            value, slope = phi_and_density(z)
            slope *= w * r
            room[out + j] = w * value
            room[out + j + DENSITY] = slope
            slope *= r
            room[out + j + BEND] = slope * z
            room[out + j + TWIST] = slope * r * (z * z - 1.0)


@borrowing
def sums_of(side: np.uint64, n: int, room: np.ndarray) -> tuple[float, float, float, float]:
    """The mixture's distribution function and its first three derivatives, from `terms_at`, in the order of the components."""
    below, density, bend, twist = 0.0, 0.0, 0.0, 0.0
    for k in range(np.uint64(n)):
        at = lane(k) + side
        below += room[at]
        density += room[at + DENSITY]
        bend -= room[at + BEND]
        twist += room[at + TWIST]
    return below, density, bend, twist


@borrowing
def next_point(
    i: int,
    p: float,
    x: float,
    low: float,
    high: float,
    narrowest: float,
    sums: tuple[float, float, float, float],
) -> tuple[bool, float, float, float]:
    """(whether the quantile is found, the next x, the bracket) after step i at x."""
    below, density, bend, twist = sums
    gap = below - p
    if abs(gap) < CLOSE:
        return True, x, low, high
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
            return True, x + step, low, high
    return False, x + step if inside else 0.5 * (low + high), low, high


@borrowing
def quantiles(
    tail: float,
    guess_low: float,
    guess_high: float,
    n: int,
    extent: tuple[float, float, float],
    room: np.ndarray,
) -> tuple[float, float]:
    """The points below and above which the mixture holds `tail`, within CLOSE in probability; `extent` as of `lay_out`.

    Each step solves the cubic with the value and the first three derivatives of the distribution at x, from the guess on,
    inside a bracket that always holds the answer; bisection where it leaves that or takes long. A step so short that the
    cubic can't be wrong (SURE) is the last. Both are sought side by side: neither waits for the other.
    """
    low_from, low_to, narrowest = extent
    high_from, high_to = low_from, low_to
    low = guess_low if low_from < guess_low < low_to else 0.5 * (low_from + low_to)
    high = guess_high if high_from < guess_high < high_to else 0.5 * (high_from + high_to)
    low_found, high_found = False, False
    for i in range(MOST_STEPS):
        terms_at(low, 1.0, LOW, n, room)
        terms_at(high, 1.0, HIGH, n, room)
        if not low_found:
            sums = sums_of(LOW, n, room)
            low_found, low, low_from, low_to = next_point(i, tail, low, low_from, low_to, narrowest, sums)
        if not high_found:
            sums = sums_of(HIGH, n, room)
            high_found, high, high_from, high_to = next_point(i, 1.0 - tail, high, high_from, high_to, narrowest, sums)
        if low_found and high_found:
            break
    return low, high


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
    room = np.empty(room_of(n))
    low, high, above = ends(target, tail, guess_low, guess_high, w, mean, sd, n, room)
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
    n: int,
    room: np.ndarray,
) -> tuple[float, float, float]:
    """(low, high, P(> target)) of the mixture, as `summary` gives them; `room` is `room_for(n)` numbers to work in."""
    extent = lay_out(w, mean, sd, n, room)
    terms_at(target, -1.0, LOW, n, room)
    above = sums_of(LOW, n, room)[0]
    low, high = quantiles(tail, guess_low, guess_high, n, extent, room)
    return low, high, min(max(above, 0.0), 1.0)
