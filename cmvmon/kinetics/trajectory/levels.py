"""The load over time from the bank: mean and interval at evenly spaced moments since the anchor.

Kernel module (imports numba). Rows and weeks are those of `weeks.fill_weeks`, so that a drawn trajectory falls by exactly
the mean decline that the table states.
"""

from __future__ import annotations

import math

import numpy as np

from cmvmon.kinetics.bank.lines import STATE_COLUMNS
from cmvmon.kinetics.bank.update import SMALLEST_VARIANCE, begin, begin_above, begin_again, load_at, update, weigh
from cmvmon.kinetics.inputs.arrays import Clocks, Rows
from cmvmon.kinetics.inputs.codes import ABOVE_ULOQ, QUANTIFIED, WEEK_US, Policy
from cmvmon.kinetics.numerics.compiling import borrowing, compiled
from cmvmon.kinetics.numerics.mixture import NEGLIGIBLE_WEIGHT, lay_out, quantiles, room_of
from cmvmon.kinetics.weeks.spans import baseline_of, belongs_to, last_week

UNTIL_LAST, AFTER_LAST = 28, 7  # moments up to the last result, and after it: what a panel can show


@borrowing
def loads(
    lines: np.ndarray,
    state: np.ndarray,
    w: np.ndarray,
    t: float,
    kept: np.ndarray,
    mean: np.ndarray,
    sd: np.ndarray,
) -> int:
    """Weight, mean and sd of the log10 load at t >= 0 weeks, line by line; how many lines are kept."""
    n = 0
    total = 0.0
    for k in range(len(lines)):
        if w[k] < NEGLIGIBLE_WEIGHT:
            continue
        mean[n], variance = load_at(lines, state, k, t)
        sd[n] = math.sqrt(max(variance, SMALLEST_VARIANCE))
        kept[n] = w[k]
        total += w[k]
        n += 1
    for j in range(n):
        kept[j] /= total
    return n


@borrowing
def followed(
    rows: Rows,
    first: int,
    stop: int,
    until: int,
    anchor: int,
    lines: np.ndarray,
    policy: Policy,
    state: np.ndarray,
) -> tuple[int, int, bool]:
    """(first row of the last segment, last row, whether a trajectory can be drawn); `state` is the bank after those rows.

    Drawn is what two times of sampling and a quantified load speak of; less would show the prior alone.
    """
    segment, e, quantified = first, first - 1, 0
    while e + 1 < stop and belongs_to(rows.time, e + 1, first, until, policy):
        e += 1
        if rows.fault[e] != 0:
            return segment, e, False
        own = e > first and rows.time[e] - rows.time[e - 1] > policy.new_segment_us
        if own:
            segment, quantified = e, 0
            begin_again(lines, policy.window_mean, policy.window_sd, state)
        elif e == first and rows.detection[e] == ABOVE_ULOQ:
            begin_above(lines, policy.window_mean, policy.window_sd, state)
        elif e == first:
            begin(lines, state)
        origin = rows.time[segment] if segment != first else anchor
        t = (rows.time[e] - origin) / WEEK_US
        lo, hi, s = rows.fit_lo[e], rows.fit_hi[e], rows.sigma[e]
        update(lines, state, t, lo, hi, s, policy.growth, policy.growth_sd)
        quantified += rows.detection[e] == QUANTIFIED
    return segment, e, e >= first and quantified > 0 and rows.time[segment] < rows.time[e]


@borrowing
def moments(begun: int, last: int, end: int, out: np.ndarray) -> int:
    """Write the moments to `out`, the last result's and the end's among them; how many there are."""
    n = 0
    if begun < last:
        for i in range(UNTIL_LAST - 1):
            out[n] = begun + (last - begun) * i // (UNTIL_LAST - 1)
            n += 1
    out[n] = last
    n += 1
    if end > last:
        for i in range(1, AFTER_LAST + 1):
            out[n] = last + (end - last) * i // AFTER_LAST
            n += 1
    return n


@compiled
def trajectory_levels(
    rows: Rows, clocks: Clocks, lines: np.ndarray, policy: Policy
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(weeks, moments drawn, time of the last result, moments, load) of each clock.

    `load` holds mean, low and high. No moment is drawn before the anchor, after `as_of`, after the last week with a
    result, or, past the last result, after the clock's end.
    """
    n_clocks, n_lines = len(clocks.start), lines.shape[1]
    weeks, drawn = np.zeros(n_clocks, dtype=np.int64), np.zeros(n_clocks, dtype=np.int64)
    last_at = np.zeros(n_clocks, dtype=np.int64)
    time = np.zeros((n_clocks, UNTIL_LAST + AFTER_LAST), dtype=np.int64)
    load = np.full((3, n_clocks, UNTIL_LAST + AFTER_LAST), np.nan)
    state = np.empty((n_lines, STATE_COLUMNS))
    w, kept, mean, sd = np.empty(n_lines), np.empty(n_lines), np.empty(n_lines), np.empty(n_lines)
    room = np.empty(room_of(n_lines))
    for i in range(n_clocks):
        start, stop, anchor = clocks.start[i], clocks.stop[i], clocks.anchor[i]
        weeks[i] = last_week(rows.time, start, stop, anchor, clocks.until[i])
        if weeks[i] == 0:
            continue
        b, _ = baseline_of(rows.time, start, stop, anchor, policy)
        if b < 0:
            b = start + np.searchsorted(rows.time[start:stop], anchor)
        bank = lines[clocks.prior[i]]
        week_end = anchor + weeks[i] * WEEK_US
        segment, e, is_drawn = followed(rows, b, stop, week_end, anchor, bank, policy, state)
        if not is_drawn:
            continue
        origin = rows.time[segment] if segment != b else anchor
        last_at[i] = rows.time[e]
        end = max(min(week_end, policy.as_of_us, clocks.until[i]), rows.time[e])
        drawn[i] = moments(max(rows.time[segment], origin), rows.time[e], end, time[i])
        weigh(state, w)
        low, high = math.nan, math.nan
        for j in range(drawn[i]):
            n = loads(bank, state, w, (time[i, j] - origin) / WEEK_US, kept, mean, sd)
            centre = 0.0
            for k in range(n):
                centre += kept[k] * mean[k]
            extent = lay_out(kept, mean, sd, n, room)
            low, high = quantiles(policy.tail, low, high, n, extent, room)
            load[0, i, j], load[1, i, j], load[2, i, j] = centre, low, high
    return weeks, drawn, last_at, time, load
