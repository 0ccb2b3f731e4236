"""The inner loops of the ceiling: weights of shapes for one series, with the load at the anchor integrated out.

The likelihood of a result is tabulated over true loads, finely; a shape moves along the table, so that no exponential is
taken inside the loop over shapes and anchor loads.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

Numbers = NDArray[np.float64]
Whole = NDArray[np.int64]

FINE = 10  # points of a likelihood table for one step of the grid of anchor loads
LOWEST_LOG10 = -14.0  # of the table: far under every limit, where each likelihood is flat
HIT_RATE_POINT = 1.645
NEGLIGIBLE = 1e-12  # of the greatest weight so far: such a shape is not followed any further
NOT_DETECTED, BELOW_LLOQ, QUANTIFIED, ABOVE_ULOQ = range(4)  # places in cmvmon.domain.words.DETECTION


@njit(cache=True)
def _phi(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2.0))


@njit(cache=True)
def _table(state: int, value: float, limits: Numbers, loads: Numbers, sd: Numbers) -> Numbers:
    """Likelihood of one result over true loads, laid out as [point within a step, step]."""
    out = np.empty((FINE, loads.size // FINE))
    lod, lloq, uloq = limits
    for m in range(loads.size):
        load, s = loads[m], sd[m]
        if state == QUANTIFIED:
            z = (value - load) / s
            found = math.exp(-0.5 * z * z) / s if abs(z) < 12.0 else 0.0
        elif state == ABOVE_ULOQ:
            found = _phi((load - uloq) / s)
        else:
            detected_from = (lod - load) / s - HIT_RATE_POINT
            found = _phi(detected_from)
            if state == BELOW_LLOQ:
                found = _phi((lloq - load) / s) - found
        out[m % FINE, m // FINE] = found
    return out


@njit(cache=True)
def _shape(day: float, starts: Numbers, declines: Numbers, growth: float) -> float:
    """log10 load relative to that at the anchor."""
    if day <= 0.0:
        return growth * day / 7.0
    load = 0.0
    for k in range(starts.size):
        if starts[k] >= day:
            break
        end = day if k + 1 == starts.size else min(day, starts[k + 1])
        load -= declines[k] * (end - starts[k]) / 7.0
    return load


@njit(cache=True, fastmath=True)
def _times(mass: Numbers, n: int, left: Numbers, right: Numbers, share: float) -> float:
    """Multiplies the mass over anchor loads by a likelihood read between two columns of its table; the new sum."""
    total = 0.0
    for g in range(n):
        mass[g] *= left[g] + share * (right[g] - left[g])
        total += mass[g]
    return total


@njit(cache=True)
def series_posterior(
    days: Numbers,
    state: Whole,
    value: Numbers,
    limits: Numbers,
    loads: Numbers,
    sd: Numbers,
    step: float,
    low: float,
    prior: Numbers,
    starts: Numbers,
    declines: Numbers,
    growth: Numbers,
    classes: Whole,
    changed: Numbers,
    rising: Numbers,
    used: Whole,
    at_days: Numbers,
    weights: Numbers,
) -> Numbers:
    """Fills `weights` [day, shape]; returns by row: P(rising by then), weight of class 1, of class 2, effective number.

    The load at the anchor is (low + g) step for place g of `prior`. `used[d]` results count for day d.
    """
    n_rows = days.size
    tables = np.empty((n_rows, FINE, loads.size // FINE))
    for j in range(n_rows):
        tables[j] = _table(state[j], value[j], limits[j], loads, sd)
    sums = np.zeros((5, n_rows))
    greatest = np.zeros(n_rows)
    # Around the first result, if that is a number: where its likelihood is not negligible.
    is_narrow = n_rows > 0 and state[0] == QUANTIFIED
    half = 0
    if is_narrow:
        near = min(max(int((value[0] - 0.5 - loads[0]) / (step / FINE)), 0), loads.size - 1)
        half = int(7.0 * sd[near] / step) + 1
    mass = np.empty(prior.size)
    total_prior = prior.sum()
    for p in range(growth.size):
        first, last = 0, prior.size
        if is_narrow:
            middle = round((value[0] - _shape(days[0], starts[p], declines[p], growth[p])) / step - low)
            first, last = max(middle - half, 0), min(middle + half + 1, prior.size)
        n = max(last - first, 0)
        for g in range(n):
            mass[g] = prior[first + g]
        for d in range(at_days.size):
            weights[d, p] = total_prior if used[d] == 0 and changed[p] > at_days[d] else 0.0
        if n == 0:
            continue
        for j in range(n_rows):
            shift = (low + first) * step + _shape(days[j], starts[p], declines[p], growth[p])
            place = (shift - loads[0]) / (step / FINE)
            place = min(max(place, 0.0), loads.size - FINE * (n + 1.0) - 1.0)  # flat beyond both ends
            m = int(place)
            left, right = tables[j, m % FINE, m // FINE :], tables[j, (m + 1) % FINE, (m + 1) // FINE :]
            weight = _times(mass, n, left, right, place - m)
            if weight > greatest[j]:
                greatest[j] = weight
            if weight < NEGLIGIBLE * greatest[j] or weight == 0.0:
                break
            if changed[p] > days[j]:
                sums[0, j] += weight
                sums[4, j] += weight * weight
                if rising[p] <= days[j]:
                    sums[1, j] += weight
                if classes[p] > 0:
                    sums[1 + classes[p], j] += weight
            for d in range(at_days.size):
                if used[d] == j + 1 and changed[p] > at_days[d]:
                    weights[d, p] = weight
    out = np.empty((4, n_rows))
    for j in range(n_rows):
        out[0, j] = sums[1, j] / sums[0, j] if sums[0, j] > 0.0 else np.nan
        out[1, j] = sums[2, j]
        out[2, j] = sums[3, j]
        out[3, j] = sums[0, j] ** 2 / sums[4, j] if sums[4, j] > 0.0 else 0.0
    return out


@njit(cache=True)
def weighted_quantiles(values: Numbers, order: Whole, weights: Numbers, shares: Numbers) -> Numbers:
    """Quantiles [share, row] of each row of `values`, of which `order` gives the order, under the row's weights."""
    out = np.empty((shares.size, values.shape[0]))
    for d in range(values.shape[0]):
        total = weights[d].sum()
        reached, q = 0.0, 0
        for p in order[d]:
            reached += weights[d, p]
            while q < shares.size and reached >= shares[q] * total:
                out[q, d] = values[d, p]
                q += 1
            if q == shares.size:
                break
    return out
