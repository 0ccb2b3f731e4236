"""A long table of log10 values in a CSV or Parquet file -> rows for the line estimator. Errors never hold a cell."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.errors import SiteError

# What each word says of the value beside it. The numbers are those of survival analysts: 1 = left-censored.
_STATES = {
    words.QUANTIFIED: 0,
    words.NOT_DETECTED: -1,
    words.BELOW_LLOQ: -1,
    words.ABOVE_ULOQ: 1,
    "0": 0,
    "1": -1,
    "0.0": 0,
    "1.0": -1,
    "false": 0,
    "true": -1,
}
_VOCABULARY = f"use {', '.join(words.DETECTION)}, or 0 and 1 (1 = left-censored at the value)"
_NAN = float("nan")


HIGHEST_LOG10 = 30  # no load has so many digits: where most values lie above it, the column is not in log10


@dataclass(frozen=True)
class Columns:
    """Which column of the table holds what."""

    series: str
    time: str
    value: str
    state: str


def read_rows(table: Path, columns: Columns) -> pl.DataFrame:
    """`series`, `time`, `lo`, `hi` and `censored` of each row; NaN where a row can't be used.

    Raises SiteError: a file or column that can't be read, or a state that is not known.
    """
    if not table.is_file():
        raise SiteError(f"{table.name} is no file; name the CSV or Parquet file that holds the rows")
    wanted = list(dict.fromkeys((columns.series, columns.time, columns.value, columns.state)))
    try:
        scan = pl.scan_csv(table, infer_schema=False) if table.suffix == ".csv" else pl.scan_parquet(table)
        _check_columns(table, columns, scan.collect_schema().names())
        frame = scan.select(wanted).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        kind = "a CSV with a header, commas and UTF-8" if table.suffix == ".csv" else "a Parquet file"
        raise SiteError(f"{table.name} can't be read as {kind} ({type(error).__name__}); write it again") from None
    return rows_of(frame, columns, table)


def rows_of(frame: pl.DataFrame, columns: Columns, table: Path) -> pl.DataFrame:
    """`read_rows` of a table that is already a frame; `table` names it in messages.

    Raises SiteError: a column that is not there or can't be read, or a state that is not known.
    """
    _check_columns(table, columns, frame.columns)
    state = _states(frame[columns.state], columns.state, table.name)
    value = _numbers(frame[columns.value], columns.value, table.name)
    too_high = (value.is_not_nan() & (value > HIGHEST_LOG10)).fill_null(False)
    if 2 * int(too_high.sum()) > len(value):
        raise SiteError(
            f"{table.name}: {too_high.sum()} rows of the column {columns.value} lie above {HIGHEST_LOG10}, the first in row "
            f"{int(too_high.arg_true()[0]) + 1} (header not counted); values must be log10: take logarithms first"
        )
    return pl.DataFrame(
        {
            "series": _names(frame[columns.series], columns.series, table),
            "time": _numbers(frame[columns.time], columns.time, table.name),
            "value": value,
            "state": state,
        }
    ).select(
        "series",
        "time",
        lo=pl.when(pl.col("state") >= 0).then("value").when(pl.col("state") < 0).then(_below("value")).fill_null(_NAN),
        hi=pl.when(pl.col("state") <= 0).then("value").when(pl.col("state") > 0).then(_above("value")).fill_null(_NAN),
        censored=(pl.col("state") != 0).fill_null(False),
    )


def _below(value: str) -> pl.Expr:
    return pl.when(pl.col(value).is_nan()).then(_NAN).otherwise(float("-inf"))


def _above(value: str) -> pl.Expr:
    return pl.when(pl.col(value).is_nan()).then(_NAN).otherwise(float("inf"))


def _check_columns(table: Path, columns: Columns, found: list[str]) -> None:
    """Nothing when all are there. Names that stand in the file are not repeated: it may have no header."""
    lacking = []
    for option in ("series", "time", "value", "state"):
        name = getattr(columns, option)
        if name not in found:
            near = any(name.strip().casefold() == other.strip().casefold() for other in found)
            lacking.append(f"--{option} {name}" + (" (one differs by capitals or blanks only)" if near else ""))
    if lacking:
        raise SiteError(
            f"{table.name} has {len(found)} columns, and none for {', '.join(lacking)}; "
            "name columns of its first line, which must be a header with commas"
        )


def _names(series: pl.Series, name: str, table: Path) -> pl.Series:
    """The names of the series in a type that sorts. Whole numbers in a CSV sort as numbers."""
    if series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object):
        raise SiteError(f"{table.name}: the column {name} holds {series.dtype}, which can't name a series; use text")
    if isinstance(series.dtype, pl.Categorical | pl.Enum):
        return series.cast(pl.String)
    if table.suffix == ".csv":
        whole = series.cast(pl.Int64, strict=False)
        if (whole.cast(pl.String).eq_missing(series)).all():
            return whole
    return series


def _numbers(series: pl.Series, name: str, table: str) -> pl.Series:
    """The column as finite numbers, NaN for any other cell. A column without a single number was named by mistake."""
    if not (series.dtype.is_numeric() or series.dtype in (pl.String, pl.Null)):
        raise SiteError(f"{table}: the column {name} holds {series.dtype}, no numbers; give numbers")
    text = series.str.strip_chars() if series.dtype == pl.String else series
    numbers = text.cast(pl.Float64, strict=False)
    if len(series) > 0 and numbers.null_count() == len(series):
        raise SiteError(f"{table}: none of the {len(series)} rows has a number in the column {name}; name another")
    return numbers.to_frame("n").select(pl.when(pl.col("n").is_finite()).then("n").fill_null(_NAN)).to_series()


def _states(series: pl.Series, name: str, table: str) -> pl.Series:
    """-1 for an upper limit, 0 for a value, 1 for a lower limit, null for an empty cell."""
    if series.dtype.is_nested() or series.dtype in (pl.Binary, pl.Object):
        raise SiteError(f"{table}: the column {name} holds {series.dtype}; {_VOCABULARY}")
    text = series.cast(pl.String).str.strip_chars().str.to_lowercase()
    text = text.set(text == "", None)
    codes = text.replace_strict(_STATES, default=None, return_dtype=pl.Int8)
    unknown = codes.is_null() & text.is_not_null()
    if unknown.any():
        first = int(unknown.arg_true()[0]) + 1
        raise SiteError(
            f"{table}: {unknown.sum()} rows hold a state that is not known in the column {name}, the first in row "
            f"{first} (header not counted); {_VOCABULARY}"
        )
    return codes
