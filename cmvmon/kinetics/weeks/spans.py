"""Which rows belong to a response clock: its baseline, its last week, its course until a long gap.

Kernel module (imports numba). Definitions: kinetics.md section 4.
"""

from __future__ import annotations

import numpy as np

from cmvmon.kinetics.inputs.arrays import Clocks, Rows
from cmvmon.kinetics.inputs.codes import R_BASELINE_EARLY, R_BASELINE_LATE, WEEK_US, Policy
from cmvmon.kinetics.numerics.compiling import borrowing, compiled


@borrowing
def last_week(time: np.ndarray, start: int, stop: int, anchor: int, until: int) -> int:
    """The last week that holds a result and begins before `until`; 0 for none."""
    found = 0
    for i in range(start, stop):
        if time[i] >= anchor:
            week = (time[i] - anchor) // WEEK_US
            if anchor + week * WEEK_US >= until:
                break
            found = week + 1
    return found


@borrowing
def baseline_of(time: np.ndarray, start: int, stop: int, anchor: int, policy: Policy) -> tuple[int, int]:
    """(row of the baseline or -1, reason bits). On a tie the earlier row, then the smaller result id."""
    nearest, early, late = -1, -1, -1
    for i in range(start, stop):
        x = time[i] - anchor
        if -policy.baseline_before_us <= x <= policy.baseline_after_us:
            if nearest < 0 or abs(x) < abs(time[nearest] - anchor):
                nearest = i
        elif -policy.early_from_us <= x < -policy.baseline_before_us:
            if early < 0 or time[i] > time[early]:
                early = i
        elif policy.baseline_after_us < x <= policy.late_until_us and late < 0:
            late = i
    if nearest >= 0:
        return nearest, 0
    if early >= 0:
        return early, R_BASELINE_EARLY
    return late, (R_BASELINE_LATE if late >= 0 else 0)


@borrowing
def belongs_to(time: np.ndarray, row: int, first: int, week_end: int, policy: Policy) -> bool:
    """Whether `row` is known to a week: it lies before its end, or so near after it that it stands for that end.

    The first result that counts, and one after a long gap, stand for no end of a week before them.
    """
    if time[row] < week_end:
        return True
    if row == first or time[row] - time[row - 1] > policy.new_segment_us:
        return False
    return bool(time[row] <= week_end + policy.week_end_us)


@borrowing
def nearest_to(time: np.ndarray, moment: int, first: int, last: int, policy: Policy) -> int:
    """The row of first..last nearest to `moment` and near enough to stand for it, on a tie the earlier; -1 for none."""
    found = -1
    for i in range(last, first - 1, -1):
        apart = abs(time[i] - moment)
        if apart <= policy.week_end_us and (found < 0 or apart <= abs(time[found] - moment)):
            found = i
        if time[i] < moment - policy.week_end_us:
            break
    return found


@borrowing
def ends_of(
    time: np.ndarray, first: int, last: int, baseline: int, before: int, week_start: int, week_end: int, policy: Policy
) -> tuple[int, int]:
    """(first, last) row of a week's observed pair among the rows first..last; -1 where there is none.

    `baseline` is the row that begins the pair whatever else lies near (week 1), or -1; `before` the last row at or
    before the week's start.
    """
    start = baseline if baseline >= 0 else nearest_to(time, week_start, first, last, policy)
    end = nearest_to(time, week_end, first, last, policy)
    return before if start < 0 else start, last if end < 0 else end


@compiled
def course_spans(rows: Rows, clocks: Clocks, policy: Policy) -> tuple[np.ndarray, np.ndarray]:
    """(first, last row) that the weeks of each clock rest on, up to a long gap; last < first: none, or one has a fault."""
    n_clocks = len(clocks.start)
    first, last = np.zeros(n_clocks, dtype=np.int64), np.full(n_clocks, -1, dtype=np.int64)
    for i in range(n_clocks):
        start, stop, anchor = clocks.start[i], clocks.stop[i], clocks.anchor[i]
        end = anchor + last_week(rows.time, start, stop, anchor, clocks.until[i]) * WEEK_US
        b, _ = baseline_of(rows.time, start, stop, anchor, policy)
        if b < 0:
            b = start + np.searchsorted(rows.time[start:stop], anchor)
        e = b
        while e < stop and belongs_to(rows.time, e, b, end, policy) and rows.fault[e] == 0:
            if e > b and rows.time[e] - rows.time[e - 1] > policy.new_segment_us:
                break
            e += 1
        faulty = e < stop and belongs_to(rows.time, e, b, end, policy) and rows.fault[e] != 0
        first[i] = b
        last[i] = b - 1 if faulty else e - 1
    return first, last
