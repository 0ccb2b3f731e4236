"""The bank of change-point lines, one result after the other: each line's normal distribution and its weight.

Kernel module (imports numba). A line of the bank has the state theta = (b0, d1[, d2[, d3]]): log10 load at the anchor and
the decline of each of its pieces. A row of `prior` holds one line:

    0 log weight, 1 size of theta, 2:4 moments of change (weeks), 4 whether its last change is late, 5 response,
    6:10 mean, 10:20 covariance (upper triangle of 4 x 4, row by row)

and a row of `state` what became of it: 0 log weight plus log likelihood, 1:5 mean, 5:15 covariance. Each result moves a
line's distribution to the normal one with the exact first two moments (kinetics.md section 3); with limits among the
results the outcome depends on their order, so rows come sorted by time and result id.
"""

from __future__ import annotations

import math

import numpy as np

from cmvmon.kinetics.bank.lines import MOST_SIZE, STATE_COLUMNS
from cmvmon.kinetics.numerics.compiling import borrowing
from cmvmon.kinetics.numerics.mixture import NEGLIGIBLE_WEIGHT, phi_and_density
from cmvmon.kinetics.numerics.normal import LOG_SQRT_2PI, row_terms

RESPONDER, SLOW, NON_RESPONDER = 0, 1, 2
SMALLEST_ODDS, LARGEST_ODDS = 1e-12, 1e12
SMALLEST_VARIANCE = 1e-18
NOTHING = -50.0  # log of a weight that changes no sum: exp(-50) is 2e-22
NOT_SEEN = 1e-10  # weight of a line that is left out of P(rebound)


@borrowing
def begin(prior: np.ndarray, state: np.ndarray) -> None:
    """The bank before any result."""
    for k in range(len(prior)):
        state[k, 0] = prior[k, 0]
        for column in range(1, STATE_COLUMNS):
            state[k, column] = prior[k, 5 + column]


@borrowing
def begin_above(prior: np.ndarray, mean: float, sd: float, state: np.ndarray) -> None:
    """The bank before a first result above the ULOQ: every line, from a load of which nothing but mean and sd is said.

    Where the load stood above the ULOQ is not known; the loads of other patients must not tell it.
    """
    begin(prior, state)
    for k in range(len(prior)):
        state[k, 1], state[k, 5] = mean, sd * sd
        state[k, 6:9] = 0.0


@borrowing
def begin_again(prior: np.ndarray, mean: float, sd: float, state: np.ndarray) -> None:
    """The bank after a long gap: straight lines only, from a load of which nothing but mean and sd is said."""
    begin(prior, state)
    for k in range(len(prior)):
        if prior[k, 1] > 2.0:
            state[k, 0] = -math.inf
        state[k, 1], state[k, 5] = mean, sd * sd
        state[k, 6:9] = 0.0


@borrowing
def place(i: int, j: int) -> int:
    """Where the covariance of theta's numbers i <= j stands in a row of `state`."""
    return 1 + MOST_SIZE + i * MOST_SIZE - i * (i - 1) // 2 + j - i


@borrowing
def project(state: np.ndarray, k: int, x: tuple[float, float, float, float]) -> tuple[float, float]:
    """(mean, variance) of x'theta of line k; pieces that the line lacks stand as 0 in `state`."""
    x0, x1, x2, x3 = x
    mean = x0 * state[k, 1] + x1 * state[k, 2] + x2 * state[k, 3] + x3 * state[k, 4]
    g0, g1, g2, g3 = gains(state, k, x)
    return mean, x0 * g0 + x1 * g1 + x2 * g2 + x3 * g3


@borrowing
def gains(state: np.ndarray, k: int, x: tuple[float, float, float, float]) -> tuple[float, float, float, float]:
    """Covariance of x'theta with each number of theta, of line k."""
    x0, x1, x2, x3 = x
    return (
        state[k, 5] * x0 + state[k, 6] * x1 + state[k, 7] * x2 + state[k, 8] * x3,
        state[k, 6] * x0 + state[k, 9] * x1 + state[k, 10] * x2 + state[k, 11] * x3,
        state[k, 7] * x0 + state[k, 10] * x1 + state[k, 12] * x2 + state[k, 13] * x3,
        state[k, 8] * x0 + state[k, 11] * x1 + state[k, 13] * x2 + state[k, 14] * x3,
    )


@borrowing
def pieces(prior: np.ndarray, k: int, t: float) -> tuple[float, float, float]:
    """How much of the time from the anchor to t >= 0 line k spends in each of its pieces, in weeks."""
    first, second = prior[k, 2], prior[k, 3]
    return min(t, first), max(min(t, second) - first, 0.0), max(t - second, 0.0)


@borrowing
def load_at(prior: np.ndarray, state: np.ndarray, k: int, t: float) -> tuple[float, float]:
    """(mean, variance) of line k's log10 load at t >= 0 weeks."""
    a, b, c = pieces(prior, k, t)
    return project(state, k, (1.0, -a, -b, -c))


@borrowing
def update(
    prior: np.ndarray,
    state: np.ndarray,
    t: float,
    lo: float,
    hi: float,
    s: float,
    growth: float,
    growth_sd: float,
) -> None:
    """One result at t weeks with limits (lo, hi) and noise s; before the anchor it speaks of the load at the anchor.

    A row with t < 0 is raised by the untreated growth expected until the anchor, with that growth's variance added.
    """
    noise = s * s
    if t < 0.0:
        lo, hi = lo - growth * t, hi - growth * t
        noise += (growth_sd * t) ** 2
        t = 0.0
    for k in range(len(prior)):
        if state[k, 0] == -math.inf:
            continue
        a, b, c = pieces(prior, k, t)
        g0, g1, g2, g3 = gains(state, k, (1.0, -a, -b, -c))
        m = state[k, 1] - a * state[k, 2] - b * state[k, 3] - c * state[k, 4]
        v = g0 - a * g1 - b * g2 - c * g3 + noise
        if lo == hi:  # as `row_terms`, without the square root
            h = 1.0 / v
            g = (lo - m) * h
            value = -0.5 * ((lo - m) * g + math.log(v)) - LOG_SQRT_2PI
        else:
            value, g, h = row_terms(lo, hi, m, math.sqrt(v))
        state[k, 0] += value
        state[k, 1] += g0 * g
        state[k, 2] += g1 * g
        state[k, 3] += g2 * g
        state[k, 4] += g3 * g
        h0, h1, h2 = g0 * h, g1 * h, g2 * h
        state[k, 5] -= g0 * h0
        state[k, 6] -= g1 * h0
        state[k, 7] -= g2 * h0
        state[k, 8] -= g3 * h0
        state[k, 9] -= g1 * h1
        state[k, 10] -= g2 * h1
        state[k, 11] -= g3 * h1
        state[k, 12] -= g2 * h2
        state[k, 13] -= g3 * h2
        state[k, 14] -= g3 * g3 * h


@borrowing
def weigh(state: np.ndarray, w: np.ndarray) -> float:
    """Write the lines' probabilities to w; return the log of what they add up to before that."""
    top = -math.inf
    for k in range(len(state)):
        top = max(top, state[k, 0])
    total = 0.0
    for k in range(len(state)):
        fall = state[k, 0] - top
        w[k] = math.exp(fall) if fall > NOTHING else 0.0
        total += w[k]
    for k in range(len(state)):
        w[k] /= total
    return top + math.log(total)


@borrowing
def rates(
    prior: np.ndarray,
    state: np.ndarray,
    w: np.ndarray,
    t0: float,
    t1: float,
    kept: np.ndarray,
    mean: np.ndarray,
    sd: np.ndarray,
) -> int:
    """Weight, mean and sd of the mean decline from t0 to t1 weeks, line by line; how many lines are kept.

    A mean over no time (t0 = t1) is the decline at that moment. Lines of negligible weight are left out.
    """
    n = 0
    total = 0.0
    for k in range(len(prior)):
        if w[k] < NEGLIGIBLE_WEIGHT:
            continue
        mean[n], sd[n] = rate(prior, state, k, t0, t1)
        kept[n] = w[k]
        total += w[k]
        n += 1
    for j in range(n):
        kept[j] /= total
    return n


@borrowing
def rate(prior: np.ndarray, state: np.ndarray, k: int, t0: float, t1: float) -> tuple[float, float]:
    """(mean, sd) of the mean decline of line k from t0 to t1 weeks, or with t0 = t1 of the decline at that moment."""
    a, b, c = 1.0, 0.0, 0.0
    if t1 > t0:
        a0, b0, c0 = pieces(prior, k, t0)
        a1, b1, c1 = pieces(prior, k, t1)
        u = 1.0 / (t1 - t0)
        a, b, c = (a1 - a0) * u, (b1 - b0) * u, (c1 - c0) * u
    elif t0 > prior[k, 3]:
        a, b, c = 0.0, 0.0, 1.0
    elif t0 > prior[k, 2]:
        a, b, c = 0.0, 1.0, 0.0
    mean = a * state[k, 2] + b * state[k, 3] + c * state[k, 4]
    variance = (
        a * (a * state[k, 9] + 2.0 * (b * state[k, 10] + c * state[k, 11]))
        + b * (b * state[k, 12] + 2.0 * c * state[k, 13])
        + c * c * state[k, 14]
    )
    return mean, math.sqrt(max(variance, SMALLEST_VARIANCE))


@borrowing
def rebound(prior: np.ndarray, state: np.ndarray, w: np.ndarray, t: float) -> float:
    """P(the load rises after a late change that has passed by t): a plateau is no rebound."""
    total = 0.0
    for k in range(len(prior)):
        last = int(prior[k, 1]) - 1
        if prior[k, 4] > 0.0 and prior[k, last] < t and w[k] > NOT_SEEN:
            sd = math.sqrt(max(state[k, place(last, last)], SMALLEST_VARIANCE))
            total += w[k] * phi_and_density(-state[k, 1 + last] / sd)[0]
    return min(max(total, 0.0), 1.0)


@borrowing
def odds(prior: np.ndarray, w: np.ndarray) -> float:
    """Odds non-responder : responder, kept between 1e-12 and 1e12; NaN where the bank has neither."""
    responder, non_responder = 0.0, 0.0
    for k in range(len(prior)):
        if prior[k, 5] == RESPONDER:
            responder += w[k]
        elif prior[k, 5] == NON_RESPONDER:
            non_responder += w[k]
    if responder + non_responder == 0.0:
        return math.nan
    return min(max(non_responder / max(responder, SMALLEST_ODDS), SMALLEST_ODDS), LARGEST_ODDS)
