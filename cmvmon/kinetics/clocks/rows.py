"""Rows of drugs given, one patient after the other -> courses, anchors and interruptions.

Kernel module (imports numba). Times are microseconds since 1970 in UTC; FOREVER stands for "still running".
"""

from __future__ import annotations

import numpy as np

from cmvmon.kinetics.numerics.compiling import compiled

FOREVER = np.iinfo(np.int64).max
NEVER = np.iinfo(np.int64).min


@compiled
def join_rows(
    patient: np.ndarray, started: np.ndarray, ended: np.ndarray, same_course: int
) -> tuple[np.ndarray, np.ndarray]:
    """(index of the course of each row, moment until which all earlier rows of that course have run).

    Rows are sorted by patient and start. A new course begins where nothing ran for longer than `same_course`. The
    moment of a course's first row is its own start.
    """
    course = np.empty(len(patient), dtype=np.int64)
    until = np.empty(len(patient), dtype=np.int64)
    last = np.int64(0)
    number = -1
    for i in range(len(patient)):
        new = i == 0 or patient[i] != patient[i - 1]
        if not new and last != FOREVER and started[i] - last > same_course:
            new = True
        if new:
            number += 1
            last = started[i]
        course[i] = number
        until[i] = last
        last = max(last, ended[i])
    return course, until


@compiled
def is_switch_back(ran_until: np.ndarray, group: int, given_until: int, started: int, interrupted: int) -> bool:
    """Whether a group that was given before comes back after a stop, another group having run in between.

    Its last dose, `given_until`, lies more than `interrupted` before `started`; `ran_until` holds, by group, until when
    the rows that began before `started` ran (NEVER: none).
    """
    if given_until == FOREVER or started - given_until <= interrupted:
        return False
    found = False
    for other in range(len(ran_until)):
        found = found or (other != group and ran_until[other] > given_until)
    return found


@compiled
def anchor_rows(
    course: np.ndarray, started: np.ndarray, ended: np.ndarray, group: np.ndarray, n_groups: int, interrupted: int
) -> np.ndarray:
    """For each row whether the response clock starts at it; of several at one moment of a course, the first row only.

    It starts at the first row of a course, at the first row of a drug group that the course has not seen, and at a
    switch back to one that it has.
    """
    anchors = np.zeros(len(course), dtype=np.bool_)
    given_until = np.empty(n_groups, dtype=np.int64)  # by group, all rows so far
    ran_until = np.empty(n_groups, dtype=np.int64)  # by group, rows that began before this one
    settled = 0  # rows before it are counted in `ran_until`
    last_anchor = NEVER
    for i in range(len(course)):
        if i == 0 or course[i] != course[i - 1]:
            given_until[:] = NEVER
            ran_until[:] = NEVER
            settled = i
            last_anchor = NEVER
        while started[settled] < started[i]:
            ran_until[group[settled]] = max(ran_until[group[settled]], ended[settled])
            settled += 1
        before = given_until[group[i]]
        starts = before == NEVER or is_switch_back(ran_until, group[i], before, started[i], interrupted)
        if starts and started[i] != last_anchor:
            anchors[i] = True
            last_anchor = started[i]
        given_until[group[i]] = max(before, ended[i])
    return anchors
