"""The bank of change-point lines through one series: what can be said after every sample. `track`, in one pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cmvmon.kinetics.bank.lines import bank_numbers
from cmvmon.kinetics.line.fit import INVALID_INPUT, OK, checked
from cmvmon.protocol.trajectory_priors import TrajectoryLine

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Track:
    """What the bank says after each row, given that row and those before it; one entry per row, NaN where undefined.

    Attributes:
        decline_now: posterior mean of the decline at that moment, log10 per week, positive when falling.
        decline_now_sd: its posterior standard deviation.
        probability_above_target: P(decline at that moment > target).
        mean_decline: posterior mean of the mean decline since the anchor; NaN at and before the anchor.
        mean_probability_above_target: P(that mean > target).
        probability_rebound: P(the load rises after a late change that has passed).
        odds_non_responder: non-responder against responder, between 1e-12 and 1e12.
        log_score: log density (of a limit: log probability) of this row foretold by the rows before it.
        status: per series, `ok` or `invalid_input` (a row that can't be used, times that go back, or no row): then
            every number of that series is NaN.
    """

    decline_now: Array
    decline_now_sd: Array
    probability_above_target: Array
    mean_decline: Array
    mean_probability_above_target: Array
    probability_rebound: Array
    odds_non_responder: Array
    log_score: Array
    status: tuple[str, ...]


def track(
    series_offsets: npt.ArrayLike,
    t_weeks: npt.ArrayLike,
    lo: npt.ArrayLike,
    hi: npt.ArrayLike,
    sigma: npt.ArrayLike,
    *,
    lines: Sequence[TrajectoryLine],
    target_log10_per_week: float,
    growth_log10_per_week: float,
    growth_sd_log10_per_week: float,
) -> Track:
    """Decline, P(decline > target), P(rebound) and odds of non-response after every sample of every series.

    Args:
        series_offsets: series i holds the rows offsets[i] .. offsets[i + 1], in order of time (and result id).
        t_weeks: since the anchor; before it negative.
        lo, hi: limits in log10 as in `fit_line`.
        sigma: standard deviation of one result, log10; one number or one per row.
        lines: the prior of the series' compartment.
        growth_log10_per_week, growth_sd_log10_per_week: untreated growth expected before the anchor.

    Raises:
        ValueError: arrays of unequal length, or offsets that do not rise from 0 to the number of rows. A row that can't
            be used gives the status `invalid_input` to its series instead.
    Source: kinetics.md section 3. The rows of a series alone decide its numbers, to the bit.
    """
    from cmvmon.kinetics.bank import many_series  # compiles: only who fits pays

    offsets, rows = checked(series_offsets, t_weeks, lo, hi, sigma)
    numbers, good = many_series.track_many(
        offsets,
        *rows,
        bank_numbers(lines),
        target_log10_per_week,
        growth_log10_per_week,
        growth_sd_log10_per_week,
    )
    now, now_sd, above, mean, mean_above, rebound, odds, log_score = numbers
    status = tuple(OK if usable else INVALID_INPUT for usable in good)
    return Track(now, now_sd, above, mean, mean_above, rebound, odds, log_score, status)
