"""Response and clearance under treatment, of every anchored series: none is left out because it had no result. Pure.

A series is anchored where its patient's response clock began; it stays in the count until the clock ends or `as_of`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import numpy as np
import polars as pl

from cmvmon.domain import words
from cmvmon.domain.series import SERIES_KEY
from cmvmon.kinetics.numerics.cumulative_incidence import CumulativeIncidence, cumulative_incidence

_ANCHORED = (*SERIES_KEY, "anchor_at")
_DAY = 86_400.0
_MET, _NOT_MET = words.CALL[:2]
_BELOW = (words.BELOW_LLOQ, words.NOT_DETECTED)


@dataclass(frozen=True)
class CourseTimes:
    """One compartment.

    Attributes:
        n_series: all anchored series of it.
        n_never_called: of these, without any week in which the decline could be called met or not met.
        response: the first week's end at which the mean decline since the anchor was called met, in days since the anchor.
        clearance: the first of two successive samples below the limit of quantification, in days since the anchor.
    """

    compartment: str
    n_series: int
    n_never_called: int
    response: CumulativeIncidence
    clearance: CumulativeIncidence


def course_times(
    weekly: pl.DataFrame, results: pl.DataFrame, clocks: pl.DataFrame, *, baseline_days: float, as_of: datetime
) -> tuple[CourseTimes, ...]:
    """By compartment, those with most series first.

    Args:
        weekly: `weekly_decline`, which has no row of a series that was not sampled after its anchor.
        results: results in use, with `is_conflicting`.
        clocks: `treatment_courses`.
        baseline_days: a series is anchored that was sampled so shortly before the anchor, or after it until its clock ended.
    """
    now = pl.lit(as_of).cast(pl.Datetime("us", "UTC"))
    ends = clocks.select(
        "patient_id", "anchor_at", stopped_at=pl.min_horizontal("course_ended_at", "next_anchor_at")
    ).unique(["patient_id", "anchor_at"], keep="first")
    is_called = pl.col("call").is_in([_MET, _NOT_MET])
    called = weekly.group_by(_ANCHORED).agg(
        is_called=is_called.fill_null(False).any(),
        responded_at=pl.min_horizontal("week_end", now).filter(pl.col("call") == _MET).min(),
    )
    clock = ends.with_columns(until=pl.coalesce("stopped_at", now))
    since = pl.col("collected_at") - pl.col("anchor_at")
    sampled = (
        results.filter(~pl.col("is_conflicting"))
        .join(clock, on="patient_id")
        .filter((since >= -pl.duration(hours=24 * baseline_days)) & (pl.col("collected_at") <= pl.col("until")))
        .select(_ANCHORED)
    )
    every = pl.concat([sampled, weekly.select(_ANCHORED)]).unique()
    anchored = (
        every.join(called, on=_ANCHORED, how="left")
        .join(clock, on=["patient_id", "anchor_at"])
        .join(_cleared(every, results), on=_ANCHORED, how="left")
        .with_columns(pl.col("is_called").fill_null(False))
        .sort(_ANCHORED)
    )
    found = [_of(str(name), rows) for (name,), rows in anchored.group_by("compartment")]
    return tuple(sorted(found, key=lambda one: (-one.n_series, one.compartment)))


def _cleared(every: pl.DataFrame, results: pl.DataFrame) -> pl.DataFrame:
    """Of each anchored series when it was cleared: the first of two successive samples below the limit, both after the anchor."""
    below = pl.col("detection").is_in(_BELOW)
    of_series = ["patient_id", *(name for name in SERIES_KEY if name != "patient_id")]
    samples = results.filter(~pl.col("is_conflicting")).select(*of_series, "collected_at", "result_id", is_below=below)
    joined = (
        every.join(samples, on=of_series)
        .filter(pl.col("collected_at") > pl.col("anchor_at"))
        .sort(*_ANCHORED, "collected_at", "result_id")
    )
    following = pl.col("is_below").shift(-1).over(_ANCHORED).fill_null(False)
    return (
        joined.filter(pl.col("is_below") & following).group_by(_ANCHORED).agg(cleared_at=pl.col("collected_at").min())
    )


def _of(compartment: str, rows: pl.DataFrame) -> CourseTimes:
    return CourseTimes(
        compartment,
        rows.height,
        int((~rows["is_called"]).sum()),
        _incidence(rows, "responded_at"),
        _incidence(rows, "cleared_at"),
    )


def _incidence(rows: pl.DataFrame, event: str) -> CumulativeIncidence:
    """Of all these series; the end of the clock without the event is the competing one, `as_of` censors."""
    is_met = pl.col(event).is_not_null() & (pl.col(event) <= pl.col("until"))
    end = pl.when(is_met).then(pl.col(event)).otherwise(pl.col("until"))
    days = (end - pl.col("anchor_at")).dt.total_seconds() / _DAY
    found = rows.select(
        # An end at the anchor itself is one just after it: the series counts.
        left=pl.max_horizontal(days, pl.lit(1 / _DAY)),
        cause=pl.when(is_met).then(1).when(pl.col("stopped_at").is_not_null()).then(2).otherwise(0).cast(pl.Int64),
    )
    left = found["left"].to_numpy().astype(np.float64)
    return cumulative_incidence(np.zeros(len(left)), left, found["cause"].to_numpy().astype(np.int64))
