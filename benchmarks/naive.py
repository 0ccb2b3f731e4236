"""What a ward does with pen and paper: declines by subtraction and by least squares, and rises by subtraction.

Rows of one series, in order of time; a result that is only a limit gets a number here, which is what is wrong with it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

Numbers = NDArray[np.float64]
HALF_LOG10 = float(np.log10(2.0))
SURE = 99.0  # log10 per week: the score of a decline that counts as met whatever its size
Z = 1.959963984540054


@dataclass(frozen=True)
class Answer:
    """A decline in log10 per week with its 95 % interval and P(decline > target); not a number: none is given."""

    decline: float
    low: float
    high: float
    probability: float
    is_above_target: bool


def plain_values(lo: Numbers, hi: Numbers, lloq_log10: Numbers) -> Numbers:
    """The numbers that a ward subtracts: the value; below the LLOQ the LLOQ; above the range its end."""
    return np.where(lo == hi, lo, np.where(np.isinf(hi), lo, lloq_log10))


def last_two(t_weeks: Numbers, values: Numbers, sigma: Numbers, target: float) -> Answer:
    """From the last result but one to the last, as if neither were a limit."""
    apart = t_weeks[-1] - t_weeks[-2]
    if apart <= 0.0:
        return Answer(np.nan, np.nan, np.nan, np.nan, False)
    return _normal((values[-2] - values[-1]) / apart, float(np.hypot(sigma[-1], sigma[-2])) / apart, target)


def baseline_to_latest(t_weeks: Numbers, values: Numbers, is_below: NDArray[np.bool_], target: float) -> Answer:
    """From the baseline to the last result; a last result below the LLOQ counts as met. No interval, no probability."""
    apart = t_weeks[-1] - t_weeks[0]
    if is_below[-1] or apart <= 0.0:
        met = bool(is_below[-1])
        return Answer(SURE if met else np.nan, np.nan, np.nan, np.nan, met)
    decline = float((values[0] - values[-1]) / apart)
    return Answer(decline, np.nan, np.nan, np.nan, decline > target)


def least_squares(
    t_weeks: Numbers, values: Numbers, is_below: NDArray[np.bool_], sigma: Numbers, target: float
) -> Answer:
    """The line of least squares with half the LLOQ for a result below it; the noise is that of the assay."""
    y = np.where(is_below, values - HALF_LOG10, values)
    t = t_weeks - t_weeks.mean()
    spread = float(t @ t)
    if spread <= 0.0:
        return Answer(np.nan, np.nan, np.nan, np.nan, False)
    return _normal(-float(t @ y) / spread, float(np.sqrt((t * t) @ (sigma * sigma))) / spread, target)


def _normal(decline: float, sd: float, target: float) -> Answer:
    above = float(ndtr((decline - target) / sd))
    return Answer(decline, decline - Z * sd, decline + Z * sd, above, decline > target)


def last_rises(values: Numbers) -> Numbers:
    """Rise from the result before, log10, of each row; none at the first."""
    return np.concatenate([[-np.inf], np.diff(values)])


def rises_above_lowest(values: Numbers) -> Numbers:
    """Rise above the lowest of the results before, log10, of each row; none at the first."""
    return np.concatenate([[-np.inf], values[1:] - np.minimum.accumulate(values)[:-1]])
