"""The current results series by series: ordered once, by a whole number for each series, for every fact table that reads them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.fact_table import Facts


def numbered_series(facts: Facts) -> pl.DataFrame:
    """Every series with its `series`, a number in the order of the series key, and `newest_collected_at`; sorted by it."""
    newest = pl.col("collected_at").max()
    series = facts.prepared.results.group_by(SERIES_KEY).agg(newest_collected_at=newest)
    return series.sort(SERIES_KEY).with_row_index("series")


def results_by_series(facts: Facts) -> pl.DataFrame:
    """The current results with `series`, sorted by it, moment and id, as they are sorted by moment and id before."""
    numbers = facts.shared(numbered_series).select(*SERIES_KEY, "series")
    return facts.prepared.results.join(numbers, on=SERIES_KEY, nulls_equal=True, maintain_order="left").sort(
        "series", maintain_order=True
    )


@dataclass(frozen=True)
class Ends:
    """Of rows sorted by `series`: each series, the place of its last row, and how many it has."""

    series: pl.Series
    last: npt.NDArray[np.int64]
    n_rows: npt.NDArray[np.int64]

    def back(self, steps: int) -> pl.Series:
        """The place of the row so many steps before the last one of each series; null where there is none."""
        places = pl.Series(self.last - steps)
        return places if steps == 0 else places.set(pl.Series(self.n_rows <= steps), None)


def ends_of(rows: pl.DataFrame) -> Ends:
    """Where the series of rows sorted by `series` end."""
    series = rows["series"].to_numpy()
    last = np.flatnonzero(np.append(series[1:] != series[:-1], True)) if len(series) else np.empty(0, dtype=np.int64)
    return Ends(pl.Series("series", series[last]), last, np.diff(last, prepend=-1))
