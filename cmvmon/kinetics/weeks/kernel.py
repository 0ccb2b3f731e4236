"""The treatment weeks of one series after one anchor: what was observed, what is estimated, status and call.

Kernel module (imports numba). One call takes any number of series; each is a pure function of its own rows, so nothing
depends on which other series stand beside it. Definitions: kinetics.md section 4. Rows are sorted by collection time
and result id; times are microseconds in UTC; a number that does not exist is NaN.
"""

from __future__ import annotations

import math

import numpy as np

from cmvmon.kinetics.inputs.arrays import Bank, Clocks, Rows
from cmvmon.kinetics.inputs.codes import (
    ABOVE_ULOQ,
    BANK,
    INDETERMINATE,
    NUMBERS,
    QUANTIFIED,
    R_NOT_REPORTED,
    R_PROVISIONAL,
    R_REBOUND_SUSPECTED,
    R_SIGMA_UNKNOWN,
    R_TOO_CLOSE,
    WEEK_US,
    WHOLE,
    Policy,
)
from cmvmon.kinetics.line.posterior import posterior
from cmvmon.kinetics.numerics.compiling import borrowing, compiled
from cmvmon.kinetics.weeks.by_bank import bank_week, take_row
from cmvmon.kinetics.weeks.spans import baseline_of, belongs_to, ends_of, last_week
from cmvmon.kinetics.weeks.status import call_of, is_above_uloq, is_held_back, is_near_lloq, is_suppressed, status_of


@compiled
def estimate(
    rows: Rows,
    first: int,
    last: int,
    anchor: int,
    from_first: bool,
    prior: np.ndarray,
    policy: Policy,
    scratch: np.ndarray,
) -> tuple[float, float, float, float]:
    """(mean, low, high, P(> target)) of the decline through rows first..last, t from the anchor or from `first`.

    A row before the anchor must not be read as decline under treatment: it stands at t = 0, raised by the untreated
    growth that is expected until then, with the variance of that growth added (kinetics.md section 3).
    """
    t, lo, hi, s = scratch[0], scratch[1], scratch[2], scratch[3]
    origin = max((rows.time[first] - anchor) / WEEK_US, 0.0) if from_first else 0.0
    for i in range(first, last + 1):
        j = i - first
        x = (rows.time[i] - anchor) / WEEK_US
        before = max(-x, 0.0)
        grown = policy.growth * before
        spread = policy.growth_sd * before
        t[j] = max(x, 0.0) - origin
        lo[j], hi[j] = rows.fit_lo[i] + grown, rows.fit_hi[i] + grown
        s[j] = math.sqrt(rows.sigma[i] * rows.sigma[i] + spread * spread)
    return posterior(t, lo, hi, s, last + 1 - first, prior, policy.target, policy.tail, policy.z)


@compiled
def line_week(
    rows: Rows,
    anchor: int,
    own: bool,
    prior: np.ndarray,
    window_prior: np.ndarray,
    policy: Policy,
    scratch: np.ndarray,
    places: np.ndarray,
    kept: np.ndarray,
    out: np.ndarray,
) -> None:
    """Write week and mean decline of the line method to out[4:12].

    `places` = first row of the mean, first row of the week's window, last row; and the same three of the numbers in
    `kept`, which are used again while no row was added.
    """
    if places[3] != places[0] or places[5] != places[2]:
        kept[0], kept[1], kept[2], kept[3] = estimate(rows, places[0], places[2], anchor, own, prior, policy, scratch)
    if places[4] != places[1] or places[5] != places[2]:
        kept[4], kept[5], kept[6], kept[7] = estimate(
            rows, places[1], places[2], anchor, True, window_prior, policy, scratch
        )
    places[3:6] = places[0:3]
    out[8:12] = kept[0:4]
    out[4:8] = kept[4:8]


@borrowing
def observed_pair(rows: Rows, first: int, last: int, too_close_us: int, out: np.ndarray) -> int:
    """Write the observed pair of rows first and last to out[0:4]; return its reason bits."""
    if (
        first < 0
        or last < 0
        or rows.time[last] < rows.time[first]
        or first == last
        or (rows.fault[first] | rows.fault[last]) & R_NOT_REPORTED
    ):
        return 0
    low_f, high_f = rows.reported_lo[first], rows.reported_hi[first]
    low_t, high_t = rows.reported_lo[last], rows.reported_hi[last]
    out[0] = low_f if math.isfinite(low_f) else high_f
    out[1] = low_t if math.isfinite(low_t) else high_t
    apart = rows.time[last] - rows.time[first]
    if apart > 0:
        low, high = (low_f - high_t) / (apart / WEEK_US), (high_f - low_t) / (apart / WEEK_US)
        out[2] = low if math.isfinite(low) else math.nan
        out[3] = high if math.isfinite(high) else math.nan
    return R_TOO_CLOSE if apart < too_close_us else 0


@borrowing
def is_interrupted(gaps: np.ndarray, start: int, stop: int, week_start: int, week_end: int) -> bool:
    """Whether the week touches one of the interruptions (rows of `gaps`: start, end)."""
    found = False
    for i in range(start, stop):
        found = found or (gaps[i, 0] < week_end and gaps[i, 1] > week_start)
    return found


@borrowing
def fill_weeks(
    rows: Rows,
    clocks: Clocks,
    clock: int,
    n_weeks: int,
    gaps: np.ndarray,
    priors: np.ndarray,
    window_priors: np.ndarray,
    bank: Bank,
    policy: Policy,
    numbers: np.ndarray,
    whole: np.ndarray,
    place: int,
    scratch: np.ndarray,
    out: np.ndarray,
    places: np.ndarray,
    kept: np.ndarray,
) -> None:
    """Write the weeks 1..n_weeks of one clock to columns place, place + 1, ... of `numbers` and `whole`.

    Room to work in: `out` for the numbers of one week, the others for `line_week`.
    """
    start, stop, anchor = clocks.start[clock], clocks.stop[clock], clocks.anchor[clock]
    baseline, baseline_reason = baseline_of(rows.time, start, stop, anchor, policy)
    b = baseline
    if b < 0:
        b = start + np.searchsorted(rows.time[start:stop], anchor)
    which = clocks.prior[clock]
    prior, window_prior = priors[which], window_priors[which]
    e = b - 1  # last row used so far
    segment = b  # first row after the last long gap
    at_start = b - 1  # last row used at or before the week's start
    faults = 0
    n_censored = 0
    n_quantified = 0  # of the segment
    n_after = 0  # sample times of the segment after the anchor
    places[:] = -1
    for week in range(n_weeks):
        week_start = anchor + week * WEEK_US
        week_end = week_start + WEEK_US
        while e + 1 < stop and belongs_to(rows.time, e + 1, b, week_end, policy):
            e += 1
            if e > b and rows.time[e] - rows.time[e - 1] > policy.new_segment_us:
                segment, n_quantified, n_after = e, 0, 0
            n_after += rows.time[e] > anchor and (n_after == 0 or rows.time[e] != rows.time[e - 1])
            faults |= rows.fault[e]
            if policy.method == BANK and faults == 0:
                take_row(rows, e, segment, segment != b, anchor, bank.lines[which], bank, policy)
            n_censored += rows.detection[e] != QUANTIFIED
            n_quantified += rows.detection[e] == QUANTIFIED
        while at_start + 1 <= e and rows.time[at_start + 1] <= week_start:
            at_start += 1
        known = e >= b
        no_new = not known or rows.time[e] < week_start
        own_start = b if (week == 0 and baseline >= 0) else -1
        before = at_start if at_start >= b else -1
        since = own_start if own_start >= 0 else before
        reasons = baseline_reason | faults | (rows.fault[b] & R_SIGMA_UNKNOWN)
        provisional = policy.as_of_us < week_end
        if provisional:
            reasons |= R_PROVISIONAL
        out[:] = math.nan
        too_close = 0
        if not no_new:
            pair_from, pair_to = ends_of(rows.time, b, e, own_start, before, week_start, week_end, policy)
            too_close = observed_pair(rows, pair_from, pair_to, policy.too_close_us, out)
            reasons |= too_close
        invalid = (faults | (rows.fault[b] & R_SIGMA_UNKNOWN)) != 0
        if known and not invalid:
            own = segment != b
            since_us = rows.time[segment] if own else anchor
            if policy.method == BANK:
                bank_week(bank, which, since_us, rows.time[e], week_start, week_end, policy, out)
            else:
                chosen = window_prior if own or rows.detection[segment] == ABOVE_ULOQ else prior
                places[0], places[1], places[2] = segment, max(since, segment), e
                line_week(rows, anchor, own, chosen, window_prior, policy, scratch, places, kept, out)
            if policy.as_of_us == week_start:
                out[4:8] = math.nan
        suppressed = known and is_suppressed(rows.detection, segment, e)
        origin = rows.time[segment] if known and segment != b else anchor
        fell_for = (min(week_end, policy.as_of_us) - origin) / WEEK_US
        near = known and is_near_lloq(
            rows.detection, rows.reported_lo, rows.reported_hi, segment, e, fell_for, policy.target
        )
        status = status_of(
            invalid,
            baseline < 0,
            is_interrupted(gaps, clocks.gap_start[clock], clocks.gap_stop[clock], week_start, week_end),
            known and segment != b and rows.time[segment] >= week_start,
            known and rows.time[segment] == rows.time[e],
            n_quantified == 0,
            no_new,
            suppressed,
            near,
            known and is_above_uloq(rows.detection, rows.time, segment, e, policy.too_close_us),
            too_close != 0,
        )
        for row in range(len(out)):  # a slice would take three times as long
            numbers[row, place + week] = out[row]
        whole[0, place + week] = clock
        whole[1, place + week] = week + 1
        whole[2, place + week] = e + 1 - b
        whole[3, place + week] = n_censored
        whole[4, place + week] = status
        call = call_of(status, out[11], rows.reported_lo, rows.reported_hi, rows.time, segment, e, policy)
        if is_held_back(call, suppressed, out[12], bank.rebound_alarm[which]):
            call = INDETERMINATE
            reasons |= R_REBOUND_SUSPECTED
        whole[5, place + week] = call
        whole[6, place + week] = reasons
        whole[7, place + week] = segment if known else -1
        whole[8, place + week] = e if known else -1
        whole[9, place + week] = n_after


@compiled
def all_weeks(
    rows: Rows,
    clocks: Clocks,
    gaps: np.ndarray,
    priors: np.ndarray,
    window_priors: np.ndarray,
    bank: Bank,
    policy: Policy,
) -> tuple[np.ndarray, np.ndarray]:
    """(numbers, whole): a column for each week of each clock, in the order of the clocks."""
    n_clocks = len(clocks.start)
    weeks = np.empty(n_clocks, dtype=np.int64)
    longest = 0
    for i in range(n_clocks):
        weeks[i] = last_week(rows.time, clocks.start[i], clocks.stop[i], clocks.anchor[i], clocks.until[i])
        longest = max(longest, clocks.stop[i] - clocks.start[i])
    numbers = np.empty((len(NUMBERS), weeks.sum()))
    whole = np.empty((len(WHOLE), weeks.sum()), dtype=np.int64)
    scratch, out = np.empty((4, longest)), np.empty(len(NUMBERS))
    places, kept = np.empty(6, dtype=np.int64), np.empty(8)
    place = 0
    for i in range(n_clocks):
        if weeks[i] > 0:
            fill_weeks(
                rows,
                clocks,
                i,
                weeks[i],
                gaps,
                priors,
                window_priors,
                bank,
                policy,
                numbers,
                whole,
                place,
                scratch,
                out,
                places,
                kept,
            )
            place += weeks[i]
    return numbers, whole
