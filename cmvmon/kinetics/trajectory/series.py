"""Results and response clocks -> the series that the bank follows, as arrays: one per series and anchor."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.domain.series import SERIES_KEY
from cmvmon.kinetics.inputs.codes import WEEK_US
from cmvmon.kinetics.weeks.weekly_decline import kernel_input
from cmvmon.protocol import Protocol

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class TrajectorySeries:
    """Rows of each trajectory: series i holds offsets[i] .. offsets[i + 1], in order of time and result id.

    Attributes:
        keys: one row per series and anchor: the series' key and anchor_at, sorted.
        offsets: where each begins; all rows stand in the arrays.
        t_weeks: since the anchor, before it negative.
        lo, hi: limits for the fit, log10 IU/mL. sigma: noise, log10.
        result_ids: of the rows.
    """

    keys: pl.DataFrame
    offsets: npt.NDArray[np.int64]
    t_weeks: Array
    lo: Array
    hi: Array
    sigma: Array
    result_ids: pl.Series

    def of_compartments(self, names: frozenset[str]) -> TrajectorySeries:
        """Only the series of these compartments."""
        return self.only(self.keys.select(pl.col("compartment").is_in(sorted(names))).to_series().to_numpy())

    def only(self, taken: npt.NDArray[np.bool_]) -> TrajectorySeries:
        """Only the series that are `taken`, one flag for each."""
        lengths = np.diff(self.offsets)
        rows = np.repeat(taken, lengths)
        return TrajectorySeries(
            self.keys.filter(pl.Series(taken)),
            np.concatenate([[0], np.cumsum(lengths[taken])]).astype(np.int64),
            self.t_weeks[rows],
            self.lo[rows],
            self.hi[rows],
            self.sigma[rows],
            self.result_ids.filter(pl.Series(rows)),
        )


def trajectory_series(
    results: pl.DataFrame, clocks: pl.DataFrame, *, protocol: Protocol, as_of: datetime
) -> TrajectorySeries:
    """The rows that `weekly_decline` would follow by the bank from the anchor on.

    From the baseline (without one: the first result after the anchor) to the end of the last treatment week, or until
    a gap longer than the protocol's; a trajectory with a row that can't be used is left out. Arguments as `weekly_decline`.
    """
    from cmvmon.kinetics.weeks import spans  # compiles: only who fits pays

    given = kernel_input(results, clocks, protocol=protocol, as_of=as_of, method="line")
    first, last = spans.course_spans(given.rows, given.clocks, given.policy)
    good = last >= first
    first, last = first[good], last[good]
    lengths = last + 1 - first
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    place = np.repeat(first - offsets[:-1], lengths) + np.arange(offsets[-1])
    anchor = np.repeat(given.clocks.anchor[good], lengths)
    return TrajectorySeries(
        keys=given.starts.select(*SERIES_KEY, "anchor_at").filter(pl.Series(good)),
        offsets=offsets,
        t_weeks=(given.rows.time[place] - anchor) / WEEK_US,
        lo=given.rows.fit_lo[place],
        hi=given.rows.fit_hi[place],
        sigma=given.rows.sigma[place],
        result_ids=given.result_ids[place],
    )
