"""The series that are judged: a synthetic ward, by the shipped path, joined to what its loads truly did.

A row is judged when its series is on its first course, has a baseline, a result in the week that ends on the day, and a
result after the baseline by then. That is decided from the results alone, never from what a method says of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.ceiling import STATES, Observations
from cmvmon.domain import words
from cmvmon.domain.series import SERIES_KEY
from cmvmon.domain.versions import current_results
from cmvmon.kinetics import treatment_courses, weekly_decline
from cmvmon.kinetics.noise.in_use import default_sigma
from cmvmon.kinetics.trajectory.series import TrajectorySeries, trajectory_series
from cmvmon.protocol import Protocol, TrajectoryLine
from cmvmon.shell.folder import protocol_files
from cmvmon.simulate import Ward, assumed, true_declines, ward

Numbers = NDArray[np.float64]
DAYS = (7, 14, 21)
COMPARTMENTS = ("plasma", "bal")
WATCH_DAYS = 168  # of the ward: treatments begin in its first three quarters, so 42 days of each are seen
COURSE = ("patient_id", "compartment", "anchor_at")


@dataclass(frozen=True)
class Followed:
    """A ward as the shipped path reads it."""

    made: Ward
    protocol: Protocol
    results: pl.DataFrame
    clocks: pl.DataFrame
    as_of: datetime

    def weekly(self, method: str, protocol: Protocol | None = None) -> pl.DataFrame:
        """`weekly_decline` of the whole ward, by the shipped protocol unless another is given."""
        given = self.protocol if protocol is None else protocol
        return weekly_decline(self.results, self.clocks, protocol=given, as_of=self.as_of, method=method)

    def series(self, compartment: str) -> TrajectorySeries:
        """The rows that the estimators follow, of first courses of that compartment."""
        every = trajectory_series(self.results, self.clocks, protocol=self.protocol, as_of=self.as_of)
        mine = every.of_compartments(frozenset([compartment]))
        return first_courses(mine, self.made.truth)


def with_lines(protocol: Protocol, lines: dict[str, tuple[TrajectoryLine, ...]]) -> Protocol:
    """The protocol with other lines for the bank."""
    if protocol.trajectory_priors is None:
        raise ValueError("the protocol has no priors to replace")
    return replace(protocol, trajectory_priors=replace(protocol.trajectory_priors, lines=lines))


def followed(patients: int, seed: int, scenario: str = "ward", *, sigma_factor: float = 1.0) -> Followed:
    """A ward of that scenario; with a factor, each result is said to scatter by so many times what the protocol says."""
    protocol = protocol_files.Protocol.shipped()
    made = ward(patients, WATCH_DAYS, seed, scenario)
    results = current_results(made.viral_load_results)
    if sigma_factor != 1.0:
        results = results.with_columns(sigma_log10=sigma_factor * default_sigma(protocol))
    as_of: datetime = results["collected_at"].max()  # type: ignore[assignment]
    clocks = treatment_courses(made.antiviral_courses, protocol=protocol, as_of=as_of)
    return Followed(made, protocol, results, clocks, as_of)


def first_courses(series: TrajectorySeries, truth: pl.DataFrame) -> TrajectorySeries:
    """Only the series whose anchor is that of the truth: a second course has no known truth of its own."""
    known = truth.select(*COURSE, is_first=pl.lit(True))
    taken = series.keys.join(known, on=COURSE, how="left", maintain_order="left")["is_first"].fill_null(False)
    return series.only(taken.to_numpy())


def part_of(series: TrajectorySeries, begin: int, end: int) -> TrajectorySeries:
    """The series from place `begin` to before `end`."""
    place = np.arange(series.keys.height)
    return series.only((place >= begin) & (place < end))


def observed(series: TrajectorySeries, results: pl.DataFrame) -> Observations:
    """What the ceiling is given: exactly the rows that the estimators follow."""
    rows = series.result_ids.to_frame("result_id").join(results, on="result_id", how="left", maintain_order="left")
    limits = {name: np.log10(rows[f"{name}_iu_per_ml"].to_numpy()) for name in ("lod", "lloq", "uloq")}
    return Observations(
        offsets=series.offsets,
        t_weeks=series.t_weeks,
        state=rows["detection"].cast(pl.String).replace_strict(STATES, return_dtype=pl.Int64).to_numpy(),
        value=np.log10(rows["viral_load_iu_per_ml"].fill_null(np.nan).to_numpy()),
        **limits,
    )


def judged_rows(given: Followed, series: TrajectorySeries, days: Sequence[int] = DAYS) -> pl.DataFrame:
    """One row per series and day that can be judged, with `place` (of the series) and the truth. Columns:

    n_used (results before the day, or so soon after it that they stand for it), is_suppressed (the last two of them below
    the LLOQ), is_unchanged (the drug has not been changed by the day), class, true_mean, true_week, true_until_lloq,
    true_week_until_lloq (null where the load was at or below the LLOQ from the beginning), load_log10 (at the day).
    """
    late = given.protocol.response_clock.late_baseline_after_days
    early = given.protocol.response_clock.early_baseline_before_days
    stands_for = given.protocol.decline.week_end_within_h / 24.0
    t = series.t_weeks * 7.0
    below = (series.lo < series.hi) & np.isfinite(series.hi)
    found = []
    for place, (begin, end) in enumerate(zip(series.offsets, series.offsets[1:], strict=False)):
        for day in days:
            used = begin + int(np.searchsorted(t[begin:end], day + stands_for, side="right"))
            if used - begin >= 2 and -early <= t[begin] <= late and t[used - 1] >= day - 7:
                found.append((place, float(day), int(used - begin), bool(below[used - 2 : used].all())))
    rows = pl.DataFrame(found, schema=["place", "day", "n_used", "is_suppressed"], orient="row")
    over = pl.duration(days=1) * pl.col("day").cast(pl.Int64) + pl.col("anchor_at") <= pl.lit(given.as_of)
    # A result soon after the end of a course stands for the end of its last week, and begins no week of it.
    begins = pl.duration(days=1) * (pl.col("day").cast(pl.Int64) - 7) + pl.col("anchor_at")
    until = pl.min_horizontal("course_ended_at", "next_anchor_at")
    return (
        rows.join(series.keys.with_row_index("place").cast({"place": pl.Int64}), on="place", maintain_order="left")
        .join(given.clocks, on=["patient_id", "anchor_at"], how="left", maintain_order="left")
        .filter((begins < until).fill_null(True))
        .drop("course_started_at", "course_ended_at", "next_anchor_at", "gap_starts", "gap_ends")
        .join(truth_of(given.made, days), on=[*COURSE, "day"], how="left", maintain_order="left")
        .filter(over)
    )


def truth_of(made: Ward, days: Sequence[int]) -> pl.DataFrame:
    """The truth by patient, compartment, anchor and day, with that until the load reaches the LLOQ."""
    lloq = pl.col("compartment").replace_strict(
        {name: float(np.log10(assumed(f"{name}_lloq"))) for name in COMPARTMENTS}, return_dtype=pl.Float64
    )
    true, until = pl.col("true_mean_decline"), pl.col("true_mean_decline_until_lloq")
    at_anchor = pl.col("true_load_log10") + true * pl.col("day") / 7
    is_cut = (until - true).abs() > 1e-12
    reached = pl.when(is_cut).then((at_anchor - lloq) / until * 7)  # days; null: not by this day
    week_begins_at = pl.col("true_load_log10") + pl.col("true_week_decline")
    left = reached - (pl.col("day") - 7)
    every = true_declines(made, tuple(sorted({*days})))
    change = made.truth.select(*COURSE, "drug_changed_days")
    return every.join(change, on=COURSE, how="left").select(
        *COURSE,
        "day",
        "class",
        is_unchanged=pl.col("drug_changed_days").fill_null(np.inf) > pl.col("day"),
        true_mean="true_mean_decline",
        true_week="true_week_decline",
        true_until_lloq="true_mean_decline_until_lloq",
        true_week_until_lloq=pl.when(until.is_not_null() & reached.is_null())
        .then("true_week_decline")
        .when(left > 0.25)  # a shorter piece of the week is no week
        .then((week_begins_at - lloq) / left * 7),
        load_log10="true_load_log10",
        drug_changed_days="drug_changed_days",
    )


def estimates(weekly: pl.DataFrame, name: str) -> pl.DataFrame:
    """The estimates of `weekly_decline` at the ends of weeks, under the names that the scores read."""
    return weekly.select(
        *SERIES_KEY,
        "anchor_at",
        (pl.col("treatment_week") * 7.0).cast(pl.Float64).alias("day"),
        pl.col("mean_decline_log10_per_week").alias(f"{name}_decline"),
        pl.col("mean_decline_low_log10_per_week").alias(f"{name}_low"),
        pl.col("mean_decline_high_log10_per_week").alias(f"{name}_high"),
        pl.col("mean_probability_above_target").alias(f"{name}_p"),
        pl.col("decline_low_log10_per_week").alias(f"{name}_week_low"),
        pl.col("decline_high_log10_per_week").alias(f"{name}_week_high"),
        pl.col("status").alias(f"{name}_status"),
    )


def with_estimates(rows: pl.DataFrame, weekly: pl.DataFrame, name: str) -> pl.DataFrame:
    """The judged rows with those estimates beside them; a row that has none keeps nulls, which are counted."""
    return rows.join(estimates(weekly, name), on=[*SERIES_KEY, "anchor_at", "day"], how="left", maintain_order="left")


def is_below_lloq(series: TrajectorySeries, results: pl.DataFrame) -> NDArray[np.bool_]:
    """Whether each row of the series is below the LLOQ."""
    rows = series.result_ids.to_frame("result_id").join(results, on="result_id", how="left", maintain_order="left")
    return rows["detection"].cast(pl.String).is_in([words.NOT_DETECTED, words.BELOW_LLOQ]).to_numpy()
