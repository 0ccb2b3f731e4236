"""What a ward's arithmetic and a plain censored line say of the judged rows, beside what cmvmon says."""

from __future__ import annotations

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtr

from benchmarks.naive import Answer, Z, baseline_to_latest, last_two, least_squares, plain_values
from cmvmon.kinetics.line.fit import LineFits, Prior, fit_lines
from cmvmon.kinetics.trajectory.series import TrajectorySeries

Numbers = NDArray[np.float64]
WARD = ("last_two", "baseline", "least_squares")


def with_ward_rules(rows: pl.DataFrame, series: TrajectorySeries, lloq_log10: Numbers, target: float) -> pl.DataFrame:
    """The judged rows with the answers of three ward rules (`WARD`)."""
    below = (series.lo < series.hi) & np.isfinite(series.hi)
    values = plain_values(series.lo, series.hi, lloq_log10)
    answers: dict[str, list[Answer]] = {name: [] for name in WARD}
    for place, used in rows.select("place", "n_used").iter_rows():
        begin = series.offsets[place]
        part = slice(begin, begin + used)
        t, y, sigma = series.t_weeks[part], values[part], series.sigma[part]
        answers["last_two"].append(last_two(t, y, sigma, target))
        answers["baseline"].append(baseline_to_latest(t, y, below[part], target))
        answers["least_squares"].append(least_squares(t, y, below[part], sigma, target))
    return rows.with_columns(
        pl.Series(f"{name}_{column}", [getattr(answer, field) for answer in given], dtype=pl.Float64).fill_nan(None)
        for name, given in answers.items()
        for column, field in (("decline", "decline"), ("low", "low"), ("high", "high"), ("p", "probability"))
    )


def with_tobit(rows: pl.DataFrame, series: TrajectorySeries, target: float) -> pl.DataFrame:
    """The judged rows with the line of highest likelihood without a prior: MAP, its standard error, nothing else."""
    begins = series.offsets[rows["place"].to_numpy()]
    fits = fits_of(series, begins, rows["n_used"].to_numpy())
    sd = np.where(fits.converged, fits.se_decline, np.nan)
    decline = np.where(fits.converged, fits.decline, np.nan)
    numbers = {
        "decline": decline,
        "low": decline - Z * sd,
        "high": decline + Z * sd,
        "p": ndtr((decline - target) / sd),
    }
    return rows.with_columns(pl.Series(f"tobit_{name}", found).fill_nan(None) for name, found in numbers.items())


def fits_of(
    series: TrajectorySeries, begins: NDArray[np.int64], counts: NDArray[np.int64], prior: Prior | None = None
) -> LineFits:
    """One line through each stretch of rows: `counts[i]` of them from row `begins[i]` on."""
    offsets = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
    place = np.repeat(begins - offsets[:-1], counts) + np.arange(offsets[-1])
    return fit_lines(
        offsets, series.t_weeks[place], series.lo[place], series.hi[place], series.sigma[place], prior=prior
    )
