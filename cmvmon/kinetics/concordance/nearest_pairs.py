"""Which samples of two series belong together in time: the nearest first, each used once. Whole numbers in, places out."""

from __future__ import annotations

import heapq
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Whole = npt.NDArray[np.int64]

_ROUNDS = 12  # almost every course is done after three; a long regular rhythm goes to the one-by-one form


def nearest_pairs(group: Whole, time: Whole, side: Whole, *, within: int) -> tuple[Whole, Whole]:
    """Pairs of places (of side 0, of side 1) in the same group at most `within` apart; the nearest are taken first.

    On a tie the pair that begins earlier. Rows are sorted by group, time and side; within a group a side has each time
    once. Two rows each of which is the other's nearest are a pair that nothing nearer can claim: they are taken now, in
    all groups at once, and the others look again among what is left.
    """
    left = np.arange(len(group), dtype=np.int64)
    taken: list[tuple[Whole, Whole]] = []
    for _ in range(_ROUNDS):
        first, second = _taken_now(left, group, time, side, within)
        if not len(first):
            break
        taken.append((first, second))
        stays = np.ones(len(group), dtype=np.bool_)
        stays[first] = stays[second] = False
        left = left[stays[left]]
    else:
        taken += _one_by_one(left, group, time, side, within)
    if not taken:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    a, b = (np.concatenate(part) for part in zip(*taken, strict=True))
    return np.where(side[a] == 0, a, b), np.where(side[a] == 0, b, a)


def _taken_now(left: Whole, group: Whole, time: Whole, side: Whole, within: int) -> tuple[Whole, Whole]:
    """The pairs in which each is the other's nearest of the other side, among the rows that are left."""
    n = len(left)
    place = np.arange(n)
    g, t, s = group[left], time[left], side[left]
    partner, gap = np.full(n, -1), np.full(n, within + 1)
    for number in (0, 1):  # the side that the partner is of
        there = s == number
        before = np.maximum.accumulate(np.where(there, place, -1))
        after = np.minimum.accumulate(np.where(there, place, n)[::-1])[::-1]
        for found in (before, after):  # on a tie the one before: its pair begins earlier
            known = ~there & (found >= 0) & (found < n)
            other = np.where(known, found, 0)
            apart = np.where(known & (g[other] == g), np.abs(t - t[other]), within + 1)
            nearer = apart < gap
            partner[nearer], gap[nearer] = other[nearer], apart[nearer]
    mutual = (partner > place) & (partner[partner] == place)
    return left[place[mutual]], left[partner[mutual]]


def _one_by_one(left: Whole, group: Whole, time: Whole, side: Whole, within: int) -> list[tuple[Whole, Whole]]:
    found = []
    for start, stop in _runs(group[left]):
        rows = left[start:stop]
        sides = [rows[side[rows] == number] for number in (0, 1)]
        pairs = matched_in_time(time[sides[0]].tolist(), time[sides[1]].tolist(), within=within)
        if pairs:
            places = np.array(pairs, dtype=np.int64)
            found.append((sides[0][places[:, 0]], sides[1][places[:, 1]]))
    return found


def _runs(group: Whole) -> list[tuple[int, int]]:
    if not len(group):
        return []
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]])
    return list(zip(starts.tolist(), [*starts[1:].tolist(), len(group)], strict=True))


def matched_in_time(first: Sequence[int], second: Sequence[int], *, within: int) -> list[tuple[int, int]]:
    """Pairs (place in `first`, place in `second`), as `nearest_pairs` gives them for one group; n log n for any rhythm.

    >>> matched_in_time([0, 10], [1, 9, 11], within=5)
    [(0, 0), (1, 1)]
    """
    merged = sorted([(t, 0, i) for i, t in enumerate(first)] + [(t, 1, i) for i, t in enumerate(second)])
    before = list(range(-1, len(merged) - 1))
    after = list(range(1, len(merged) + 1))
    waiting: list[tuple[int, int, int, int]] = []
    for left in range(len(merged) - 1):
        waiting += _edge(merged, left, left + 1, within)
    heapq.heapify(waiting)
    taken = [False] * len(merged)
    pairs = []
    while waiting:
        _, _, left, right = heapq.heappop(waiting)
        if taken[left] or taken[right]:
            continue
        taken[left] = taken[right] = True
        pairs.append((left, right))
        outer_left, outer_right = before[left], after[right]
        if outer_left >= 0:
            after[outer_left] = outer_right
        if outer_right < len(merged):
            before[outer_right] = outer_left
        for edge in _edge(merged, outer_left, outer_right, within):
            heapq.heappush(waiting, edge)
    ends = [(merged[left], merged[right]) for left, right in pairs]
    return sorted((a[2], b[2]) if a[1] == 0 else (b[2], a[2]) for a, b in ends)


def _edge(merged: list[tuple[int, int, int]], left: int, right: int, within: int) -> list[tuple[int, int, int, int]]:
    """The pair of two neighbours as the heap orders it; empty when they are of one side, too far apart, or not there."""
    if left < 0 or right >= len(merged) or merged[left][1] == merged[right][1]:
        return []
    apart = merged[right][0] - merged[left][0]
    return [(apart, merged[left][0], left, right)] if apart <= within else []
