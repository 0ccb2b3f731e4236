"""Results and response clocks -> the table `fitted_trajectory`: the load over time as the bank estimates it, with a band."""

from __future__ import annotations

from datetime import datetime

import numpy as np
import polars as pl

from cmvmon.domain.fitted import FITTED_TRAJECTORY
from cmvmon.domain.series import SERIES_KEY
from cmvmon.kinetics.weeks.weekly_decline import KernelInput, bank_of, kernel_input
from cmvmon.protocol import Protocol


def bank_trajectory(
    results: pl.DataFrame, clocks: pl.DataFrame, *, protocol: Protocol, as_of: datetime
) -> pl.DataFrame:
    """The estimated log10 load of each series since its latest anchor, at most 35 moments each, with its 95 % interval.

        load(t) = b0 - d1 x (time spent in the first piece) - d2 x (in the second) ..., averaged over the bank's lines

    Arguments as `weekly_decline`, whose rows and weeks these are: where the trajectory begins at the anchor, it falls by
    exactly the mean decline of that table's last row. The interval is the protocol's (95 %), of the load itself, not of
    a measurement of it: a result scatters more.

    Returns:
        `fitted_trajectory`, sorted by its key. It runs from the first result used, not before the anchor, to the last one,
        and on (`is_extrapolated`) to the end of that treatment week, but not past `as_of` or the end of the clock. After a
        gap longer than the protocol's it begins anew. A series has no row where it has none in `weekly_decline`, where a
        result can't be used (`invalid_input`), and where the last segment holds one time of sampling or no quantified load:
        what could be drawn there is the prior alone.

    Raises:
        ProtocolError: the protocol's priors were not read.
    Source: kinetics.md section 3.
    """
    return drawn_from(kernel_input(results, clocks, protocol=protocol, as_of=as_of, method="bank"), protocol)


def drawn_from(given: KernelInput, protocol: Protocol) -> pl.DataFrame:
    """The same from the rows and clocks that the bank's weekly declines were estimated from."""
    if given.starts.is_empty():
        return FITTED_TRAJECTORY.empty()
    from cmvmon.kinetics.trajectory.levels import trajectory_levels  # compiles: only who fits pays

    lines = bank_of(protocol, "bank").lines
    weeks, drawn, last_at, time, load = trajectory_levels(given.rows, given.clocks, lines, given.policy)
    keys = given.starts.select(*SERIES_KEY, "anchor_at").with_row_index("clock")
    latest = (
        keys.filter(pl.Series(weeks > 0))
        .sort(*SERIES_KEY, "anchor_at")
        .group_by(SERIES_KEY, maintain_order=True)
        .last()
        .filter(pl.col("clock").is_in(np.flatnonzero(drawn).tolist()))
    )
    chosen = latest["clock"].to_numpy()
    number = drawn[chosen]
    clock = np.repeat(chosen, number)
    place = np.concatenate([np.arange(n) for n in number]) if len(number) else np.zeros(0, dtype=np.int64)
    moment = time[clock, place]
    points = latest.drop("clock")[np.repeat(np.arange(latest.height), number)].with_columns(
        moment=pl.Series(moment).cast(FITTED_TRAJECTORY.schema["moment"]),
        load_log10=load[0, clock, place],
        load_low_log10=load[1, clock, place],
        load_high_log10=load[2, clock, place],
        is_extrapolated=pl.Series(moment > last_at[clock]),
    )
    return FITTED_TRAJECTORY.conform(points).sort(FITTED_TRAJECTORY.key)
