"""Two traps of unit figures, in numbers: starting treatment on a high value, and sampling that ends when it goes well."""

from __future__ import annotations

import numpy as np
import polars as pl

from benchmarks.naive import baseline_to_latest, plain_values
from benchmarks.quality_series import COURSE, DAYS, Followed, followed, judged_rows, with_estimates
from cmvmon.kinetics.trajectory.series import TrajectorySeries
from cmvmon.simulate import true_declines

BAL_LINE_LOG10 = 5.5  # a treatment that starts on a value from here on: the upper third of this ward
STOPPING = "informative_stopping"


def regression_text(patients: int, seed: int) -> str:
    """What subtraction and the bank make of series that were chosen for a high first value, BAL, day 7."""
    given = followed(patients, seed)
    series = given.series("bal")
    rows = with_estimates(judged_rows(given, series, (7,)), given.weekly("bank"), "bank").filter("is_unchanged")
    first = pl.Series(series.lo[series.offsets[rows["place"].to_numpy()]])
    observed = rows.with_columns(
        first=first, subtracted=_subtracted(series, rows), over=first - (rows["load_log10"] + rows["true_mean"])
    ).filter(pl.col("subtracted").is_not_null())
    high = observed.filter(pl.col("first") >= BAL_LINE_LOG10)
    return (
        f"Regression to the mean, BAL, day 7: in the {high.height} of {observed.height} series with a baseline of "
        f"10^{BAL_LINE_LOG10:g} IU/mL or more, that baseline stands {_mean(high['over'])} log10 above the true load at "
        f"the anchor. Baseline to latest overstates the true decline by {_mean(high['subtracted'] - high['true_mean'])} "
        f"log10 per week, the bank by {_mean(high['bank_decline'] - high['true_mean'])} (in all series: "
        f"{_mean(observed['subtracted'] - observed['true_mean'])} and "
        f"{_mean(observed['bank_decline'] - observed['true_mean'])})."
    )


def _subtracted(series: TrajectorySeries, rows: pl.DataFrame) -> pl.Series:
    """Baseline to latest by their numbers, a result below the LLOQ at it; null where the two are at one time."""
    below = (series.lo < series.hi) & np.isfinite(series.hi)
    values = plain_values(series.lo, series.hi, series.hi)
    found = []
    for place, used in rows.select("place", "n_used").iter_rows():
        part = slice(series.offsets[place], series.offsets[place] + used)
        found.append(baseline_to_latest(series.t_weeks[part], values[part], np.zeros_like(below[part]), 1.0).decline)
    return pl.Series(found, dtype=pl.Float64).fill_nan(None)


def stopping_text(patients: int, seed: int) -> str:
    """Who is still sampled in the third week where sampling ends with success, plasma."""
    given = followed(patients, seed, STOPPING)
    day = DAYS[-1]
    rows = with_estimates(judged_rows(given, given.series("plasma")), given.weekly("bank"), "bank")
    judged = rows.filter("is_unchanged", pl.col("day") == day)
    every = _all_anchored(given, day)
    fast = pl.col("true_mean_decline") > 1.0
    still = every.join(judged.select(COURSE), on=COURSE, how="semi")
    off = (judged["bank_decline"] - judged["true_mean"]).to_numpy().mean()
    held = (
        ((judged["bank_low"] <= judged["true_mean"]) & (judged["true_mean"] <= judged["bank_high"])).to_numpy().mean()
    )
    return (
        f"Informative stopping, plasma, day {day} (scenario `{STOPPING}`): of {every.height} anchored series "
        f"{still.height} still have a result in the third week. Their true mean decline is "
        f"{_mean(still['true_mean_decline'])} log10 per week, that of all {_mean(every['true_mean_decline'])}; above the "
        f"target fall {100 * still.select(fast.mean()).item():.0f} % of them and "
        f"{100 * every.select(fast.mean()).item():.0f} % of all. On those still sampled the bank is off by "
        f"{off:+.3f} on average and its interval holds the truth in {100 * held:.1f} %."
    )


def _all_anchored(given: Followed, day: int) -> pl.DataFrame:
    unchanged = given.made.truth.filter(pl.col("drug_changed_days").fill_null(np.inf) > day).select(COURSE)
    return true_declines(given.made, (day,)).filter(compartment="plasma").join(unchanged, on=COURSE, how="semi")


def _mean(values: pl.Series) -> str:
    n = values.len()
    mean, sd = float(values.mean() or 0.0), float(values.std() or 0.0)  # type: ignore[arg-type]
    return f"{mean:.2f} ± {sd / max(n, 1) ** 0.5:.2f}"
