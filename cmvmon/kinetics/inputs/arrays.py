"""What the week kernel reads: results and response clocks as arrays. No numba here."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np


class Rows(NamedTuple):
    """All results, series after series. `fault` holds reason bits; 0 = the row can be used."""

    time: np.ndarray
    fit_lo: np.ndarray
    fit_hi: np.ndarray
    reported_lo: np.ndarray
    reported_hi: np.ndarray
    sigma: np.ndarray
    detection: np.ndarray
    fault: np.ndarray


class Clocks(NamedTuple):
    """One entry per series and anchor. `until` = next anchor or end of the course, whichever comes first."""

    start: np.ndarray
    stop: np.ndarray
    anchor: np.ndarray
    until: np.ndarray
    gap_start: np.ndarray  # its interruptions stand at gaps[gap_start:gap_stop]
    gap_stop: np.ndarray
    prior: np.ndarray  # row of the table of priors


class Bank(NamedTuple):
    """The bank's lines by row of the table of priors, the alarm of each, and room to work in: for the lines, and for a mixture.

    `guess` holds where the last quantiles of the mean and of the week lay (low, high, low, high), in standard deviations
    from the centre: the next ones are near.
    """

    lines: np.ndarray
    rebound_alarm: np.ndarray
    state: np.ndarray
    room: np.ndarray
    mixture: np.ndarray
    guess: np.ndarray
