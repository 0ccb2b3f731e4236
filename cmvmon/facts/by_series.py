"""The current results series by series: ordered once, by a whole number for each series, for every fact table that reads them."""

from __future__ import annotations

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


def ends_of(rows: pl.DataFrame) -> pl.DataFrame:
    """Of rows sorted by `series`: each series with `n_rows` and `last`, the place of its last row."""
    is_last = (pl.col("series") != pl.col("series").shift(-1)).fill_null(True)
    ends = rows.lazy().select("series", last=pl.int_range(pl.len())).filter(is_last)
    return ends.with_columns(n_rows=pl.col("last") - pl.col("last").shift(1, fill_value=-1)).collect()


def back(ends: pl.DataFrame, steps: int) -> pl.Series:
    """The place of the row so many steps before the last one of each series; null where there is none."""
    return ends.select(pl.when(pl.col("n_rows") > steps).then(pl.col("last") - steps)).to_series()
