"""What the next sample of a series may report, as the kernel takes it. No numba here."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Outcomes(NamedTuple):
    """What the next sample of each clock's series may report.

    Attributes:
        is_asked: whether the clock's latest call is open.
        sigma: noise of the sample. lloq, uloq: limits of quantification, log10; infinite where there is none.
        fit_lo, fit_hi, reported_lo, reported_hi: a row for each clock, a column for each detection state (as
            `inputs.codes` numbers them); those of a quantified load are not read.
        is_possible: whether the limits say what such a row means.
    """

    is_asked: np.ndarray
    sigma: np.ndarray
    lloq: np.ndarray
    uloq: np.ndarray
    fit_lo: np.ndarray
    fit_hi: np.ndarray
    reported_lo: np.ndarray
    reported_hi: np.ndarray
    is_possible: np.ndarray
