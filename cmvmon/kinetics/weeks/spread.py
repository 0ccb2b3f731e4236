"""The week kernel over many clocks on several cores: each takes a stretch of clocks, and no bit depends on how many."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.kinetics.inputs.arrays import Bank, Clocks, Rows
from cmvmon.kinetics.inputs.codes import WHOLE, Policy

LEAST_CLOCKS = 500  # of one core: fewer are done sooner than a thread is started

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]


def spread_weeks(
    rows: Rows,
    clocks: Clocks,
    gaps: Whole,
    priors: tuple[Numbers, Numbers],
    bank: Bank,
    policy: Policy,
    *,
    most_threads: int | None = None,
) -> tuple[Numbers, Whole]:
    """`kernel.all_weeks`, on as many cores as polars uses. `priors` = of the mean and of a week's window.

    A week depends on the rows of its own series and on its own clock, so the clocks can be cut anywhere.
    """
    from cmvmon.kinetics.weeks import kernel  # compiles: only who fits pays

    n_clocks = len(clocks.start)
    threads = max(1, min(most_threads or pl.thread_pool_size(), n_clocks // LEAST_CLOCKS))
    cuts = [n_clocks * part // threads for part in range(threads + 1)]

    def stretch(part: int) -> tuple[Numbers, Whole]:
        begin, end = cuts[part], cuts[part + 1]
        own = Clocks(*(column[begin:end] for column in clocks))
        mine = Bank(*(one.copy() for one in bank))  # works in rooms of its own
        numbers, whole = kernel.all_weeks(rows, own, gaps, *priors, mine, policy)
        whole[WHOLE.index("clock")] += begin
        return numbers, whole

    if threads == 1:
        return stretch(0)
    with ThreadPoolExecutor(threads) as pool:
        parts = list(pool.map(stretch, range(threads)))
    numbers, whole = (np.concatenate(part, axis=1) for part in zip(*parts, strict=True))
    return numbers, whole
