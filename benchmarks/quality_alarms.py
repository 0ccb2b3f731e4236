"""How soon each method tells of a rebound or of no response, at one rate of false alarms; as a multiple of the ceiling's.

Every series is looked at after each sample of 42 days from the anchor, until its drug is changed. The patients stand in two
halves; the threshold of a method that judges one half is set on the other, by the series without cause. A delay runs from
the true start (of the rise, or the anchor of a non-responder) to the first alarm then or later, and where none comes to the
last sample looked at. All methods look at the same samples.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy.special import ndtr

from benchmarks.ceiling import Ceiling
from benchmarks.naive import last_rises, plain_values, rises_above_lowest
from benchmarks.quality_scores import NONE, Figure, proportion
from benchmarks.quality_series import COURSE, Followed
from benchmarks.quality_wards import fits_of
from cmvmon.kinetics.bank.track import track
from cmvmon.kinetics.trajectory.series import TrajectorySeries

Numbers = NDArray[np.float64]
Whole = NDArray[np.int64]
Flags = NDArray[np.bool_]
REBOUND, NON_RESPONSE = "rebound", "non-response"
DAYS, RATE = 42.0, 0.05
FEWEST_AFTER_ANCHOR = 2  # sample times after the anchor before non-response is looked at, as the protocol has it
HALVES = 2
DRAWS = 200


@dataclass(frozen=True)
class Watched:
    """The samples that are looked at for one cause: one entry each. Higher statistic: more alarming.

    series: place of its series. begins: by series, the day from which an alarm is right (infinite: never).
    is_without_cause: by series.
    """

    series: Whole
    day: Numbers
    statistic: Mapping[str, Numbers]
    begins: Numbers
    is_without_cause: Flags


@dataclass(frozen=True)
class Delays:
    """One method: false alarms in the half that did not set the threshold, and how soon causes are told."""

    cause: str
    method: str
    without_cause: int
    with_cause: int
    false_alarms: Figure
    found: Figure
    mean_delay: float
    median_delay: float
    ratio: Figure


def watched(
    given: Followed, series: TrajectorySeries, best: Ceiling, lloq_log10: Numbers, compartment: str
) -> dict[str, Watched]:
    """What every method says after every sample of these series, for each cause."""
    day = series.t_weeks * 7.0
    number = np.repeat(np.arange(series.keys.height), np.diff(series.offsets))
    truth = series.keys.join(given.made.truth, on=list(COURSE), how="left", maintain_order="left")
    changed = truth["drug_changed_days"].fill_null(np.inf).to_numpy()
    seen = (day > 0.0) & (day <= DAYS) & (day < changed[number])
    after = np.cumsum(day > 0.0)
    enough = after - np.concatenate([[0], after])[series.offsets[:-1]][number] >= FEWEST_AFTER_ANCHOR
    is_load = (series.lo == series.hi) | np.isinf(series.hi)
    of_cause = {REBOUND: seen, NON_RESPONSE: seen & enough & is_load}
    statistics = _statistics(given, series, best, lloq_log10, compartment)
    return {
        cause: Watched(
            series=number[rows],
            day=day[rows],
            statistic={method: values[rows] for method, values in statistics[cause].items()},
            begins=_begins(cause, truth),
            is_without_cause=_without(cause, truth),
        )
        for cause, rows in of_cause.items()
    }


def _statistics(
    given: Followed, series: TrajectorySeries, best: Ceiling, lloq_log10: Numbers, compartment: str
) -> dict[str, dict[str, Numbers]]:
    decline = given.protocol.decline
    bank = track(
        series.offsets,
        series.t_weeks,
        series.lo,
        series.hi,
        series.sigma,
        lines=given.protocol.trajectory_lines_of(compartment),
        target_log10_per_week=decline.target_log10_per_week,
        growth_log10_per_week=decline.growth_before_anchor_log10_per_week,
        growth_sd_log10_per_week=decline.growth_before_anchor_sd_log10_per_week,
    )
    values = plain_values(series.lo, series.hi, lloq_log10)
    parts = [slice(a, b) for a, b in zip(series.offsets, series.offsets[1:], strict=False)]
    last = np.concatenate([last_rises(values[part]) for part in parts])
    above_lowest = np.concatenate([rises_above_lowest(values[part]) for part in parts])
    apart = np.concatenate([np.concatenate([[np.inf], np.diff(series.t_weeks[part])]) for part in parts])
    line = _line_below_target(given, series, compartment)
    return {
        REBOUND: {
            "last two results, rise": last,
            "rise above the lowest": above_lowest,
            "bank, P(rebound)": bank.probability_rebound,
            "ceiling": np.nan_to_num(best.rising, nan=0.0),
        },
        NON_RESPONSE: {
            "last two results, rise per week": np.where(np.isfinite(apart), last, -np.inf)
            / np.minimum(np.maximum(apart, 1e-3), 1e3),
            "line, P(decline < target)": line,
            "bank, P(decline < target)": 1.0 - np.nan_to_num(bank.mean_probability_above_target, nan=1.0),
            "bank, odds": bank.odds_non_responder,
            "ceiling": np.nan_to_num(best.odds, nan=0.0),
        },
    }


def _line_below_target(given: Followed, series: TrajectorySeries, compartment: str) -> Numbers:
    """P(decline < target) after each sample, by the line with the shipped prior (its MAP and standard error)."""
    prior = given.protocol.prior_of(compartment)
    a, d = prior.intercept_sd_log10, prior.decline_sd_log10_per_week
    cross = prior.correlation * a * d
    lengths = np.diff(series.offsets)
    begins = np.repeat(series.offsets[:-1], lengths)
    counts = np.arange(series.t_weeks.size) - begins + 1
    mean = [prior.intercept_mean_log10, prior.decline_mean_log10_per_week]
    fits = fits_of(series, begins, counts, prior=(mean, [[a * a, cross], [cross, d * d]]))
    return np.asarray(ndtr((given.protocol.decline.target_log10_per_week - fits.decline) / fits.se_decline))


def _begins(cause: str, truth: pl.DataFrame) -> Numbers:
    if cause == NON_RESPONSE:
        begins = pl.when(pl.col("class") == "non_responder").then(0.0)
    else:
        begins = pl.when(pl.col("class") == "rebound").then(pl.col("late_from_days"))
    return truth.select(begins.fill_null(np.inf)).to_series().to_numpy()


def _without(cause: str, truth: pl.DataFrame) -> Flags:
    """Responders; for a rebound also slow responders, and none whose drug was stopped: as `cmvmon calibrate` has it."""
    without = pl.col("class") == "responder"
    if cause == REBOUND:
        without = (without | (pl.col("class") == "slow")) & (pl.col("drug_change").fill_null("") != "stopped")
    return truth.select(without.fill_null(False)).to_series().to_numpy()


def level_of(found: Watched, statistic: Numbers, half: int) -> float:
    """The lowest level that at most the share RATE of the half's series without cause ever exceeds."""
    highest = np.full(found.begins.size, -np.inf)
    np.maximum.at(highest, found.series, statistic)
    own = found.is_without_cause & (np.arange(highest.size) % HALVES == half) & np.isfinite(highest)
    ordered = np.sort(highest[own])[::-1]
    return float(ordered[int(RATE * ordered.size)]) if ordered.size else np.inf


def delays(found: Watched, cause: str) -> list[Delays]:
    """Every method of that cause, the ceiling last."""
    n = found.begins.size
    last = np.full(n, -np.inf)
    np.maximum.at(last, found.series, found.day)
    has_cause = np.isfinite(found.begins) & (last > found.begins)  # looked at once at least after it began
    without = found.is_without_cause & np.isfinite(last)
    first, ever = {}, {}
    for method, statistic in found.statistic.items():
        first[method], ever[method] = _alarms(found, statistic)
    waited = {
        method: np.where(np.isfinite(at), at, last)[has_cause] - found.begins[has_cause] for method, at in first.items()
    }
    drawn = np.random.default_rng(42).integers(0, int(has_cause.sum()), (DRAWS, int(has_cause.sum())))
    return [
        Delays(
            cause=cause,
            method=method,
            without_cause=int(without.sum()),
            with_cause=int(has_cause.sum()),
            false_alarms=proportion(ever[method][without]),
            found=proportion(np.isfinite(first[method][has_cause])),
            mean_delay=float(waited[method].mean()) if has_cause.any() else np.nan,
            median_delay=float(np.median(waited[method])) if has_cause.any() else np.nan,
            ratio=_ratio(waited[method], waited["ceiling"], drawn),
        )
        for method in found.statistic
    ]


def _alarms(found: Watched, statistic: Numbers) -> tuple[Numbers, Flags]:
    """By series: the day of the first alarm that is right (infinite: none), and whether it ever had any."""
    levels = np.array([level_of(found, statistic, 1 - half) for half in range(HALVES)])
    alarmed = statistic > levels[found.series % HALVES]
    right = alarmed & (found.day >= found.begins[found.series])
    first = np.full(found.begins.size, np.inf)
    np.minimum.at(first, found.series[right], found.day[right])
    ever = np.zeros(found.begins.size, dtype=bool)
    ever[found.series[alarmed]] = True
    return first, ever


def _ratio(ours: Numbers, best: Numbers, drawn: Whole) -> Figure:
    if not ours.size:
        return NONE
    spread = [ours[of].mean() / best[of].mean() for of in drawn]
    return Figure(float(ours.mean() / best.mean()), float(np.std(spread)))
