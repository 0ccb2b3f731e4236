"""Lines for any long table of log10 values: a CSV or Parquet file in, one row per series out. For analysts."""

from __future__ import annotations

import io
import math
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.domain.errors import SiteError
from cmvmon.kinetics import LineFits, fit_lines
from cmvmon.kinetics.line.fit import STATUS, Prior, prior_numbers
from cmvmon.shell.basis.files import read_bytes, write_atomically
from cmvmon.workbench.line_table import Columns, read_rows, rows_of

Z = 1.959964  # normal quantile of a 95 % interval, as R users write it: the definition of the interval, not a setting
TAIL = 0.025
UNITS_PER_WEEK = {"days": 7.0, "weeks": 1.0}
FIGURES = ("decline_log10_per_week", "se", "ci_low", "ci_high", "loglik")
_PRIOR_KEYS = (
    "intercept_mean_log10",
    "intercept_sd_log10",
    "decline_mean_log10_per_week",
    "decline_sd_log10_per_week",
    "correlation",
)
_PROVENANCE = ("source", "strength", "owner", "guide")


@dataclass(frozen=True)
class Fitted:
    """What was fitted. `rows_without_series` were left out: they belong to nothing."""

    series: int
    rows: int
    rows_without_series: int
    statuses: Mapping[str, int]


def fit(
    table: Path, out: Path, *, columns: Columns, sigma: float, prior: Path | None = None, unit: str = "days"
) -> Fitted:
    """Writes one line per series of `table` to `out`, sorted by series, and says how many there are of each status.

    The columns of `out` are series, n, n_censored, decline_log10_per_week (positive when the value falls), se, ci_low,
    ci_high, loglik, status. Without a prior the 95 % interval is the estimate -+ 1.959964 se; with one it is that of
    the posterior, by quadrature, and the intercept is the value at time 0. A row whose time or value is missing or no
    finite number, or whose state is empty, makes its series `invalid_input`, with null figures; the others go on.
    Row order changes no bit.

    Raises SiteError, which never holds a cell of the table: a file, column, state, sigma, unit or prior that can't be
    used.
    """
    _check(sigma, unit, columns)
    _check_out(table, out)
    believed = None if prior is None else read_prior(prior)
    frame = read_rows(table, columns)
    known = frame.filter(pl.col("series").is_not_null())
    lines = _lines(known.sort("series", "time", "lo", "hi"), UNITS_PER_WEEK[unit], sigma, believed)
    _write(lines, out)
    counts = dict(lines["status"].value_counts().iter_rows())
    return Fitted(
        series=lines.height,
        rows=known.height,
        rows_without_series=frame.height - known.height,
        statuses={status: int(counts.get(status, 0)) for status in STATUS},
    )


def lines_of_frame(frame: pl.DataFrame, *, columns: Columns, sigma: float, unit: str = "days") -> pl.DataFrame:
    """The lines that `fit` would write for a table that is already a frame, without a prior. Raises SiteError."""
    _check(sigma, unit, columns)
    rows = rows_of(frame, columns, Path("frame")).filter(pl.col("series").is_not_null())
    return _lines(rows.sort("series", "time", "lo", "hi"), UNITS_PER_WEEK[unit], sigma, None)


def _check(sigma: float, unit: str, columns: Columns) -> None:
    if not (math.isfinite(sigma) and sigma > 0):
        raise SiteError(f"--sigma is {sigma:g}; give the standard deviation of one result, a number above 0 (log10)")
    if unit not in UNITS_PER_WEEK:
        raise SiteError(f"--unit is neither {' nor '.join(UNITS_PER_WEEK)}; name the unit of the column {columns.time}")


def read_prior(path: Path) -> Prior:
    """Mean and covariance of (intercept, decline) from a TOML file with the keys of a `[prior.x]` of the protocol.

    The keys stand at the top of the file or in its only `[prior.x]`. Raises SiteError with every fault.
    """
    try:
        document = tomllib.loads(read_bytes(path).decode("utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SiteError(f"the prior file {path.name} is not TOML in UTF-8 ({error}); mend it") from error
    stanzas = document.get("prior")
    if isinstance(stanzas, dict):
        if len(stanzas) != 1:
            raise SiteError(f"the prior file {path.name} holds {len(stanzas)} stanzas [prior.x]; leave the one to use")
        (document,) = stanzas.values()
    if not isinstance(document, dict):
        raise SiteError(f"the prior file {path.name} has no table [prior.x]; give {', '.join(_PRIOR_KEYS)}")
    faults = [f"{key} is missing" for key in _PRIOR_KEYS if key not in document]
    faults += [f"{key} is no key of a prior" for key in document if key not in (*_PRIOR_KEYS, *_PROVENANCE)]
    numbers: dict[str, float] = {}
    for key in (k for k in _PRIOR_KEYS if k in document):
        given = document[key]
        if isinstance(given, bool) or not isinstance(given, int | float) or not math.isfinite(given):
            faults.append(f"{key} must be a finite number")
        elif "_sd_" in key and not given > 0:
            faults.append(f"{key} must be above 0")
        elif key == "correlation" and not -1 < given < 1:
            faults.append("correlation must lie between -1 and 1")
        else:
            numbers[key] = float(given)
    if faults:
        raise SiteError(f"the prior file {path.name} can't be used; mend: {'; '.join(faults)}")
    a, d = numbers["intercept_sd_log10"], numbers["decline_sd_log10_per_week"]
    both = numbers["correlation"] * a * d
    return (
        [numbers["intercept_mean_log10"], numbers["decline_mean_log10_per_week"]],
        [[a * a, both], [both, d * d]],
    )


def _check_out(table: Path, out: Path) -> None:
    for name, path in (("the table", table), ("--out", out)):
        if path.suffix not in (".csv", ".parquet"):
            raise SiteError(f"{name} {path.name} ends in neither .csv nor .parquet; name such a file")
    if out.is_dir():
        raise SiteError(f"--out {out.name} is a folder; name a file")
    if table.exists() and out.exists() and table.samefile(out):
        raise SiteError(f"--out {out.name} is the table itself; name another file")


def _lines(rows: pl.DataFrame, per_week: float, sigma: float, prior: Prior | None) -> pl.DataFrame:
    """One row per series of rows sorted by series."""
    counted = rows.group_by("series", maintain_order=True).agg(
        n=pl.len().cast(pl.Int64), n_censored=pl.col("censored").sum().cast(pl.Int64)
    )
    offsets = np.concatenate([[0], np.cumsum(counted["n"].to_numpy())]).astype(np.int64)
    time, lo, hi = (np.ascontiguousarray(rows[name].to_numpy()) for name in ("time", "lo", "hi"))
    weeks = time / per_week  # by numpy: polars divides a column of one row otherwise than a longer one, in the last bit
    fits = fit_lines(offsets, weeks, lo, hi, sigma, prior=prior)
    if prior is None:
        low, high = fits.decline - Z * fits.se_decline, fits.decline + Z * fits.se_decline
    else:
        low, high = _believed(offsets, weeks, lo, hi, sigma, prior, fits)
    figures = (fits.decline, fits.se_decline, low, high, fits.log_likelihood)
    return counted.with_columns(
        *(pl.Series(name, numbers).fill_nan(None) for name, numbers in zip(FIGURES, figures, strict=True)),
        status=pl.Series(fits.status, dtype=pl.String),
    )


def _believed(
    offsets: npt.NDArray[np.int64],
    weeks: npt.NDArray[np.float64],
    lo: npt.NDArray[np.float64],
    hi: npt.NDArray[np.float64],
    sigma: float,
    prior: Prior,
    fits: LineFits,
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The 95 % interval of the posterior of each series; NaN where there is no line."""
    from cmvmon.kinetics.line.posterior import posterior_many  # compiles: only who needs it pays

    used = np.repeat(fits.converged, np.diff(offsets))
    lengths = np.where(fits.converged, np.diff(offsets), 0)
    places = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    t, low, high = weeks[used], lo[used], hi[used]
    found = posterior_many(places, t, low, high, np.full(len(t), sigma), prior_numbers(prior), 0.0, TAIL, Z)
    return tuple(np.where(fits.converged, found[:, column], np.nan) for column in (1, 2))  # type: ignore[return-value]


def _write(lines: pl.DataFrame, out: Path) -> None:
    buffer = io.BytesIO()
    if out.suffix == ".csv":
        lines.write_csv(buffer)
    else:
        lines.write_parquet(buffer)
    write_atomically(out, buffer.getvalue())
