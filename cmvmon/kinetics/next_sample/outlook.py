"""How likely one more sample, on a given day, would settle the call of one series: every outcome weighed by the bank.

Kernel module (imports numba). What follows from an outcome is decided by the rules of the week kernel: its spans, status
and call. The probability of a decisive outcome is exact for the bank's mixture: the loads at which the call turns are
sought by halving, and what lies between them is a difference of distribution functions.
"""

from __future__ import annotations

import math

import numpy as np

from cmvmon.kinetics.bank.update import rates, rebound, update, weigh
from cmvmon.kinetics.inputs.arrays import Bank, Clocks, Rows
from cmvmon.kinetics.inputs.codes import (
    ABOVE_ULOQ,
    BELOW_LLOQ,
    INDETERMINATE,
    NO_CALL,
    NOT_DETECTED,
    QUANTIFIED,
    WEEK_US,
    Policy,
)
from cmvmon.kinetics.next_sample.outcomes import Outcomes
from cmvmon.kinetics.numerics.compiling import compiled
from cmvmon.kinetics.numerics.mixture import share_above
from cmvmon.kinetics.trajectory.levels import followed, loads
from cmvmon.kinetics.weeks.kernel import is_interrupted
from cmvmon.kinetics.weeks.spans import baseline_of
from cmvmon.kinetics.weeks.status import call_of, is_above_uloq, is_held_back, is_near_lloq, is_suppressed, status_of

DAY_US = 24 * 3_600_000_000
NODES = 25  # loads at which the call is asked before its turns are sought
REACH_SD = 5.0  # how far from the foretold mean they stand
HALVINGS = 14
MOST_TURNS = 8  # between two nodes


@compiled
def with_room(rows: Rows, start: int, stop: int) -> Rows:
    """The rows of one series and an empty one after them."""
    n = stop - start
    number = np.zeros((6, n + 1))
    number[0, :n], number[1, :n] = rows.fit_lo[start:stop], rows.fit_hi[start:stop]
    number[2, :n], number[3, :n] = rows.reported_lo[start:stop], rows.reported_hi[start:stop]
    number[4, :n] = rows.sigma[start:stop]
    time, fault = np.zeros(n + 1, dtype=np.int64), np.zeros(n + 1, dtype=np.int64)
    detection = np.zeros(n + 1, dtype=np.int8)
    time[:n], fault[:n], detection[:n] = rows.time[start:stop], rows.fault[start:stop], rows.detection[start:stop]
    return Rows(time, number[0], number[1], number[2], number[3], number[4], detection, fault)


@compiled
def call_after(
    rows: Rows,
    segment: int,
    origin: int,
    is_censored_before: bool,
    lines: np.ndarray,
    alarm: float,
    before: np.ndarray,
    after: np.ndarray,
    room: np.ndarray,
    policy: Policy,
) -> int:
    """The call at the moment of the series' last row, given the bank `before` it; the status is that of its week."""
    last = len(rows.time) - 1
    t = (rows.time[last] - origin) / WEEK_US
    after[:] = before
    update(lines, after, t, rows.fit_lo[last], rows.fit_hi[last], rows.sigma[last], policy.growth, policy.growth_sd)
    w, kept, mean, sd = room[0], room[1], room[2], room[3]
    weigh(after, w)
    n = rates(lines, after, w, 0.0, t, kept, mean, sd)
    probability = share_above(policy.target, kept, mean, sd, n)
    suppressed = is_suppressed(rows.detection, segment, last)
    status = status_of(
        False,
        False,
        False,
        False,
        False,
        is_censored_before and rows.detection[last] != QUANTIFIED,
        False,
        suppressed,
        is_near_lloq(rows.detection, rows.reported_lo, rows.reported_hi, segment, last, t, policy.target),
        is_above_uloq(rows.detection, rows.time, segment, last, policy.too_close_us),
        False,  # a sample too close to the last one is called all the same
    )
    call = call_of(status, probability, rows.reported_lo, rows.reported_hi, rows.time, segment, last, policy)
    return INDETERMINATE if is_held_back(call, suppressed, rebound(lines, after, w, t), alarm) else call


@compiled
def is_decisive(call: int) -> bool:
    """Whether a call answers the question."""
    return call not in (NO_CALL, INDETERMINATE)


@compiled
def set_last(rows: Rows, detection: int, fit_lo: float, fit_hi: float, reported_lo: float, reported_hi: float) -> None:
    """Let the last row report this."""
    last = len(rows.time) - 1
    rows.detection[last] = detection
    rows.fit_lo[last], rows.fit_hi[last] = fit_lo, fit_hi
    rows.reported_lo[last], rows.reported_hi[last] = reported_lo, reported_hi


@compiled
def between(low: float, high: float, w: np.ndarray, mean: np.ndarray, sd: np.ndarray, n: int) -> float:
    """P(low < x < high) of the mixture's first n components."""
    above_low = 1.0 if low == -math.inf else share_above(low, w, mean, sd, n)
    above_high = 0.0 if high == math.inf else share_above(high, w, mean, sd, n)
    return max(above_low - above_high, 0.0)


@compiled
def settled_on(
    rows: Rows,
    day: int,
    clocks: Clocks,
    i: int,
    gaps: np.ndarray,
    outcomes: Outcomes,
    bank: Bank,
    policy: Policy,
    work: np.ndarray,
) -> tuple[float, int]:
    """(P(the call is decisive), call if not detected) of a sample `day` days after `as_of`; -1 for a day outside the weeks.

    `rows` = the series with an empty row at its end; `work` = bank before and after it, and the foretold load.
    """
    anchor, last = clocks.anchor[i], len(rows.time) - 1
    moment = policy.as_of_us + day * DAY_US
    week_start = anchor + (moment - anchor) // WEEK_US * WEEK_US
    if moment < anchor or week_start >= clocks.until[i]:
        return -1.0, NO_CALL
    rows.time[last], rows.sigma[last] = moment, outcomes.sigma[i]
    first, _ = baseline_of(rows.time, 0, last + 1, anchor, policy)
    which = clocks.prior[i]
    lines, alarm = bank.lines[which], bank.rebound_alarm[which]
    n_lines = len(lines)
    before, after = work[:n_lines], work[n_lines : 2 * n_lines]
    if first < 0 or first == last:
        return 0.0, NO_CALL
    segment, _, _ = followed(rows, first, last, moment, anchor, lines, policy, before)
    is_new = moment - rows.time[last - 1] > policy.new_segment_us or (
        segment != first and rows.time[segment] >= week_start
    )
    if is_new or is_interrupted(gaps, clocks.gap_start[i], clocks.gap_stop[i], week_start, week_start + WEEK_US):
        return 0.0, NO_CALL
    origin = rows.time[segment] if segment != first else anchor
    if moment <= origin:
        return 0.0, NO_CALL
    is_censored_before = True
    for j in range(segment, last):
        is_censored_before = is_censored_before and rows.detection[j] != QUANTIFIED
    foretold = work[2 * n_lines :, :4].T.copy()
    w, kept, mean, sd = foretold[0], foretold[1], foretold[2], foretold[3]
    weigh(before, w)
    n = loads(lines, before, w, (moment - origin) / WEEK_US, kept, mean, sd)
    for k in range(n):
        sd[k] = math.sqrt(sd[k] ** 2 + outcomes.sigma[i] ** 2)

    total = 0.0
    if_not_detected = NO_CALL
    for detection in (NOT_DETECTED, BELOW_LLOQ, ABOVE_ULOQ):
        if not outcomes.is_possible[i, detection]:
            continue
        lo, hi = outcomes.fit_lo[i, detection], outcomes.fit_hi[i, detection]
        set_last(rows, detection, lo, hi, outcomes.reported_lo[i, detection], outcomes.reported_hi[i, detection])
        call = call_after(rows, segment, origin, is_censored_before, lines, alarm, before, after, bank.room, policy)
        if detection == NOT_DETECTED:
            if_not_detected = call
            if outcomes.is_possible[i, BELOW_LLOQ] and outcomes.fit_lo[i, BELOW_LLOQ] == -math.inf:
                continue  # one outcome for all that lies below the LLOQ
        if is_decisive(call):
            total += between(lo, hi, kept, mean, sd, n)
    total += quantified_part(
        rows,
        outcomes.lloq[i],
        outcomes.uloq[i],
        segment,
        origin,
        lines,
        alarm,
        before,
        after,
        bank.room,
        policy,
        kept,
        mean,
        sd,
        n,
    )
    return min(total, 1.0), if_not_detected


@compiled
def quantified_part(
    rows: Rows,
    lloq: float,
    uloq: float,
    segment: int,
    origin: int,
    lines: np.ndarray,
    alarm: float,
    before: np.ndarray,
    after: np.ndarray,
    room: np.ndarray,
    policy: Policy,
    w: np.ndarray,
    mean: np.ndarray,
    sd: np.ndarray,
    n: int,
) -> float:
    """P(the sample is quantified and its call decisive): the call at evenly spaced loads, and where it turns between them."""
    centre, square = 0.0, 0.0
    for k in range(n):
        centre += w[k] * mean[k]
        square += w[k] * (sd[k] * sd[k] + mean[k] * mean[k])
    reach = REACH_SD * math.sqrt(max(square - centre * centre, 0.0))
    low, high = max(centre - reach, lloq), min(centre + reach, uloq)
    if low >= high:  # hardly any quantified load is foretold: its call at the nearest limit
        low = high = min(max(centre, lloq), uloq)
    step = (high - low) / (NODES - 1)
    begun = lloq
    x = low
    set_last(rows, QUANTIFIED, x, x, x, x)
    call = call_after(rows, segment, origin, False, lines, alarm, before, after, room, policy)
    total = 0.0
    for j in range(1, NODES):
        y = low + j * step
        set_last(rows, QUANTIFIED, y, y, y, y)
        call_y = call_after(rows, segment, origin, False, lines, alarm, before, after, room, policy)
        for _ in range(MOST_TURNS):
            if call == call_y:
                break
            left, right, call_right = x, y, call_y
            for _ in range(HALVINGS):
                middle = 0.5 * (left + right)
                set_last(rows, QUANTIFIED, middle, middle, middle, middle)
                found = call_after(rows, segment, origin, False, lines, alarm, before, after, room, policy)
                if found == call:
                    left = middle
                else:
                    right, call_right = middle, found
            if is_decisive(call):
                total += between(begun, right, w, mean, sd, n)
            begun = x = right
            call = call_right
        x, call = y, call_y
    if is_decisive(call):
        total += between(begun, uloq, w, mean, sd, n)
    return total


@compiled
def next_samples(
    rows: Rows,
    clocks: Clocks,
    gaps: np.ndarray,
    outcomes: Outcomes,
    bank: Bank,
    policy: Policy,
    days: int,
    wanted: float,
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(chosen day, whether `wanted` is reached, its probability, call if not detected) of each clock.

    The first of the days 1 to `days` that reaches `wanted`; without one the best, the earlier on a tie. Day 0: the clock
    is not asked, or no such day belongs to its weeks.
    """
    n = len(clocks.start)
    chosen, call = np.zeros(n, dtype=np.int64), np.full(n, NO_CALL, dtype=np.int64)
    reached, best = np.zeros(n, dtype=np.bool_), np.full(n, -1.0)
    n_lines = bank.lines.shape[1]
    work = np.empty((3 * n_lines, bank.state.shape[1]))
    for i in range(n):
        if not outcomes.is_asked[i]:
            continue
        own = with_room(rows, clocks.start[i], clocks.stop[i])
        for day in range(1, days + 1):
            probability, if_not_detected = settled_on(own, day, clocks, i, gaps, outcomes, bank, policy, work)
            if probability > best[i]:
                chosen[i], best[i], call[i] = day, probability, if_not_detected
            if probability >= wanted:
                reached[i] = True
                break
    return chosen, reached, best, call
