"""Kendall's tau-b within patients where values may be intervals: two that overlap are a tie."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cmvmon.kinetics.numerics.proportion import exact_interval, student_quantile

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Signs = npt.NDArray[np.int8]

LONGEST = 500  # pairs of one patient that are compared with one another: the latest; the work grows with the square
_NO_SCATTER = 1e-12
_AT_ONCE = 4_000_000  # comparisons held in memory together


@dataclass(frozen=True)
class Comparisons:
    """For each item (a pair of samples, or a patient): what its comparisons come to. Whole numbers, so sums are exact.

    Attributes:
        together: those ordered alike on both sides, less those ordered oppositely.
        first, second: those that are ordered at all, on each side.
    """

    together: Whole
    first: Whole
    second: Whole


def order(lo: Numbers, hi: Numbers, lo_then: Numbers, hi_then: Numbers) -> Signs:
    """+1 where the later interval lies wholly above the earlier, -1 where below, 0 where they overlap or are equal.

    A censored value is an open interval, so that 35 lies above "<35"; two equal numbers are a tie.
    """
    is_point = (lo == hi) & (lo_then == hi_then)
    above = (lo_then >= hi) & ~(is_point & (lo_then == hi))
    below = (lo >= hi_then) & ~(is_point & (lo == hi_then))
    signs: Signs = above.astype(np.int8) - below.astype(np.int8)
    return signs


def comparisons(group: Whole, first: tuple[Numbers, Numbers], second: tuple[Numbers, Numbers]) -> Comparisons:
    """Each item compared with every other one of its group. `group` is sorted; the sides are (low, high) of intervals.

    Of a group with more than `LONGEST` items, only the last ones are compared.
    """
    n = len(group)
    found = Comparisons(np.zeros(n, np.int64), np.zeros(n, np.int64), np.zeros(n, np.int64))
    starts = np.flatnonzero(np.r_[True, group[1:] != group[:-1]]) if n else np.zeros(0, np.int64)
    stops = np.r_[starts[1:], n].astype(np.int64) if n else starts
    starts = np.maximum(starts, stops - LONGEST)
    sizes = stops - starts
    for size in np.unique(sizes):
        of_size = starts[sizes == size]
        step = max(1, _AT_ONCE // int(size * size))
        for part in range(0, len(of_size), step):
            rows = of_size[part : part + step, None] + np.arange(size)[None, :]
            signs = [
                order(lo[rows][:, :, None], hi[rows][:, :, None], lo[rows][:, None, :], hi[rows][:, None, :])
                for lo, hi in (first, second)
            ]
            found.together[rows] = (signs[0] * signs[1]).sum(axis=2, dtype=np.int64)
            found.first[rows] = np.abs(signs[0]).sum(axis=2, dtype=np.int64)
            found.second[rows] = np.abs(signs[1]).sum(axis=2, dtype=np.int64)
    return found


def tau(
    items: Comparisons, group: Whole, n_groups: int, *, shared: int, probability: float, each: Whole | None = None
) -> tuple[Numbers, Numbers, Numbers]:
    """Kendall's tau-b of each group, and both ends of its interval; NaN where one side has no order at all.

        tau = sum(together) / sqrt(sum(first) * sum(second))

    Interval: delete-one jackknife over the items, Student's t, cut at -1 and 1; from -1 to 1 where leaving one out leaves
    no order. Where leaving out any item changes nothing (all comparisons agree), the jackknife knows no scatter; then the
    exact interval of the share of concordant comparisons, as if there were only as many as there are independent ones:
    items - 1 where a comparison joins two items, else the items.

    Args:
        group: of each item, from 0; sorted.
        shared: 2 where each comparison is counted in two items (pairs of one patient), 1 where in one (patients).
        each: how often each item occurs; None = once.
    """
    of_items = (items.together, items.first, items.second)
    often = np.ones(len(group), dtype=np.int64) if each is None else each
    n = np.bincount(group, weights=often, minlength=n_groups).astype(np.int64)
    sums = [np.bincount(group, weights=x * often, minlength=n_groups) for x in of_items]
    with np.errstate(invalid="ignore", divide="ignore"):
        estimate = sums[0] / np.sqrt(sums[1] * sums[2])
        without = [total[group] - shared * x for total, x in zip(sums, of_items, strict=True)]
        left_out = without[0] / np.sqrt(without[1] * without[2])
        mean = np.bincount(group, weights=left_out * often, minlength=n_groups) / n
        squares = np.bincount(group, weights=(left_out - mean[group]) ** 2 * often, minlength=n_groups)
        error = np.sqrt((n - 1) / n * squares)
    is_told = np.isfinite(estimate)
    low, high = (np.where(is_told, end, np.nan) for end in (-1.0, 1.0))
    has_scatter = is_told & np.isfinite(error) & (n > 1)
    steady = has_scatter & (error < _NO_SCATTER)
    for size in np.unique(n[has_scatter]):
        mine = has_scatter & ~steady & (n == size)
        reach = student_quantile(probability, int(size) - 1) * error[mine]
        low[mine], high[mine] = np.maximum(-1.0, estimate[mine] - reach), np.minimum(1.0, estimate[mine] + reach)
    for place in np.flatnonzero(steady):
        independent = max(int(n[place]) - 1 if shared == 2 else int(n[place]), 1)
        share = round(float(1 + estimate[place]) / 2 * independent, 9)
        ends = exact_interval(share, independent, probability)
        low[place] = min(2 * ends[0] - 1, estimate[place])
        high[place] = max(2 * ends[1] - 1, estimate[place])
    return estimate, low, high
