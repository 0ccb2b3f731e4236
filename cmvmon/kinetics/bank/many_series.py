"""The bank over many series in one call: what it says after each row, what it ends with, and sums to learn from.

Kernel module (imports numba). Series i holds the rows offsets[i] .. offsets[i + 1]; the lines are as in `bank.update`.
"""

from __future__ import annotations

import math

import numpy as np

from cmvmon.kinetics.bank.lines import STATE_COLUMNS
from cmvmon.kinetics.bank.update import begin, odds, place, rates, rebound, update, weigh
from cmvmon.kinetics.numerics.compiling import compiled
from cmvmon.kinetics.numerics.mixture import share_above


@compiled
def is_usable(t: float, lo: float, hi: float, s: float, last: float) -> bool:
    """Whether a row can be filtered: a finite time not before the last one, lo <= hi, a value or a limit, s > 0."""
    finite = math.isfinite(t) and math.isfinite(s) and s > 0.0 and t >= last
    limits = lo <= hi and lo < math.inf and hi > -math.inf
    return finite and limits


@compiled
def track_many(
    offsets: np.ndarray,
    t: np.ndarray,
    lo: np.ndarray,
    hi: np.ndarray,
    s: np.ndarray,
    prior: np.ndarray,
    target: float,
    growth: float,
    growth_sd: float,
) -> tuple[np.ndarray, np.ndarray]:
    """(8 numbers after every row, whether each series could be used); see `bank.Track` for the numbers."""
    out = np.full((8, len(t)), np.nan)
    good = np.zeros(len(offsets) - 1, dtype=np.bool_)
    n_lines = len(prior)
    state = np.empty((n_lines, STATE_COLUMNS))
    w, kept, mean, sd = np.empty(n_lines), np.empty(n_lines), np.empty(n_lines), np.empty(n_lines)
    for i in range(len(offsets) - 1):
        usable = offsets[i + 1] > offsets[i]
        last = -math.inf
        for j in range(offsets[i], offsets[i + 1]):
            usable = usable and is_usable(t[j], lo[j], hi[j], s[j], last)
            last = t[j]
        good[i] = usable
        if not usable:
            continue
        begin(prior, state)
        before = 0.0
        for j in range(offsets[i], offsets[i + 1]):
            update(prior, state, t[j], lo[j], hi[j], s[j], growth, growth_sd)
            now = weigh(state, w)
            out[7, j] = now - before
            before = now
            moment = max(t[j], 0.0)
            n = rates(prior, state, w, moment, moment, kept, mean, sd)
            centre, square = 0.0, 0.0
            for k in range(n):
                centre += kept[k] * mean[k]
                square += kept[k] * (sd[k] * sd[k] + mean[k] * mean[k])
            out[0, j], out[1, j] = centre, math.sqrt(max(square - centre * centre, 0.0))
            out[2, j] = share_above(target, kept, mean, sd, n)
            if t[j] > 0.0:
                n = rates(prior, state, w, 0.0, t[j], kept, mean, sd)
                out[3, j] = 0.0
                for k in range(n):
                    out[3, j] += kept[k] * mean[k]
                out[4, j] = share_above(target, kept, mean, sd, n)
            out[5, j] = rebound(prior, state, w, moment)
            out[6, j] = odds(prior, w)
    return out, good


@compiled
def states_of(
    offsets: np.ndarray,
    t: np.ndarray,
    lo: np.ndarray,
    hi: np.ndarray,
    s: np.ndarray,
    prior: np.ndarray,
    growth: float,
    growth_sd: float,
) -> np.ndarray:
    """The bank's state after all rows of each series (series, lines, STATE_COLUMNS); rows must be usable."""
    states = np.empty((len(offsets) - 1, len(prior), STATE_COLUMNS))
    for i in range(len(offsets) - 1):
        begin(prior, states[i])
        for j in range(offsets[i], offsets[i + 1]):
            update(prior, states[i], t[j], lo[j], hi[j], s[j], growth, growth_sd)
    return states


@compiled
def moments_of(
    offsets: np.ndarray,
    t: np.ndarray,
    lo: np.ndarray,
    hi: np.ndarray,
    s: np.ndarray,
    prior: np.ndarray,
    growth: float,
    growth_sd: float,
) -> tuple[np.ndarray, float]:
    """(sums over all series by line, log likelihood): weight, weight x mean, weight x second moment, as in `state`."""
    sums = np.zeros((len(prior), STATE_COLUMNS))
    state = np.empty((len(prior), STATE_COLUMNS))
    w = np.empty(len(prior))
    total = 0.0
    for i in range(len(offsets) - 1):
        begin(prior, state)
        for j in range(offsets[i], offsets[i + 1]):
            update(prior, state, t[j], lo[j], hi[j], s[j], growth, growth_sd)
        total += weigh(state, w)
        for k in range(len(prior)):
            sums[k, 0] += w[k]
            for a in range(int(prior[k, 1])):
                sums[k, 1 + a] += w[k] * state[k, 1 + a]
                for b in range(a, int(prior[k, 1])):
                    second = state[k, place(a, b)] + state[k, 1 + a] * state[k, 1 + b]
                    sums[k, place(a, b)] += w[k] * second
    return sums, total
