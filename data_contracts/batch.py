"""A polars table as the pandas batch that Great Expectations can judge, each step with its reason.

Only the five types of cmvmon.domain are carried over. A column of any other type goes in empty: its type alone breaks
the contract, and no value of it need reach Great Expectations.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import polars as pl

from cmvmon.domain.columns import Kind

if TYPE_CHECKING:
    import pandas as pd


def pandas_batch(frame: pl.DataFrame) -> pd.DataFrame:
    """`frame` in pandas: text `str`, numbers `float64`, integers `Int64`, truths `boolean`, moments in UTC.

    Null stays null. NaN becomes infinity: pandas can't tell NaN from null, so it would pass every check as an empty
    cell, and it must break the promise of a finite number.
    """
    import pandas as pd

    return pd.DataFrame({series.name: _column(series) for series in frame}, index=range(frame.height))


def _column(series: pl.Series) -> pd.Series[Any]:
    import pandas as pd

    if series.dtype == Kind.TEXT.dtype:
        # `str`, not object: on a mixed object column Great Expectations flags every row.
        return pd.Series(series.to_list(), dtype="str")
    if series.dtype == Kind.NUMBER.dtype:
        return pd.Series(series.fill_nan(math.inf).to_numpy(), dtype="float64")
    if series.dtype == Kind.INTEGER.dtype:
        # Nullable: as floats, integers above 2**53 would change.
        return pd.Series(series.to_list(), dtype="Int64")
    if series.dtype == Kind.TRUTH.dtype:
        return pd.Series(series.to_list(), dtype="boolean")
    if series.dtype == Kind.MOMENT.dtype:
        counted = pd.Series(series.to_physical().fill_null(_NOT_A_TIME).to_numpy().view("datetime64[us]"))
        return counted.dt.tz_localize("UTC")
    return pd.Series([None] * len(series), dtype="object")


_NOT_A_TIME = -(2**63)  # numpy's NaT
