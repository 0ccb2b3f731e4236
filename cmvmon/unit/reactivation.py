"""Reactivation on the unit: who was followed since ventilation began, until when, and how that ended. Pure: no store, no clock.

Everybody is without reactivation until the first positive sample, and with it from then on: nobody is ever counted by what came later.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl

from cmvmon.domain import compartments, words
from cmvmon.domain.cmv_serology import NEGATIVE, POSITIVE
from cmvmon.kinetics.numerics.cumulative_incidence import CumulativeIncidence, cumulative_incidence

REACTIVATED, LEFT, DIED = 1, 2, 3  # causes; still there and without is censored
SEROPOSITIVE, EVERYONE = GROUPS = ("seropositive", "everyone")
_DAY = 86_400.0


@dataclass(frozen=True)
class Spell:
    """Time under observation in one status: days, how many left the ICU in it and how many died, and how many were ever in it.

    `n_died` None: deaths were never delivered; those who died are among those who left.
    """

    n: int
    days: float
    n_left: int
    n_died: int | None = None


@dataclass(frozen=True)
class OfYear:
    """Those who came under observation in one calendar year."""

    year: int
    found: CumulativeIncidence


@dataclass(frozen=True)
class Reactivation:
    """One group.

    Attributes:
        n_ventilated: patients of the group with a ventilated stay on the ICU, the first one of each counted.
        n_before: of these, positive in blood before they came under observation: not at risk.
        n_unusable: of these, left before ventilation began, as it was delivered: not followed.
        n_unsampled: of those followed, without any blood sample in that time: reactivation could not be seen.
        n_delayed: of those followed, ventilated before they came to this ICU.
        found: the incidence of the first positive blood sample, in days since ventilation began.
        left: the incidence of leaving the ICU without one, alive.
        died: the incidence of death on the ICU without one; None: deaths were never delivered, and `left` is of both.
        before, after: observed time without and with reactivation.
        by_year: `found` by the year in which observation began.
    """

    group: str
    n_ventilated: int
    n_before: int
    n_unusable: int
    n_unsampled: int
    n_delayed: int
    found: CumulativeIncidence
    left: CumulativeIncidence
    before: Spell
    after: Spell
    by_year: tuple[OfYear, ...]
    died: CumulativeIncidence | None = None


@dataclass(frozen=True)
class Serostatus:
    """How many ventilated patients are known to be seropositive or seronegative; of the others it is not known, or in doubt."""

    n_positive: int
    n_negative: int
    n_unknown: int


def followed(
    stays: pl.DataFrame,
    results: pl.DataFrame,
    context: pl.DataFrame,
    *,
    as_of: datetime,
    deaths: pl.DataFrame | None = None,
) -> pl.DataFrame:
    """One row for each patient who was ever ventilated on the ICU: the first such stay.

    Args:
        stays: `icu_stays` that had begun; an end after `as_of` is null.
        results: results in use, with `is_conflicting`.
        context: the fact table of that name.
        deaths: patient_id, died_at and died_on of whoever is known to have died; None: never delivered.

    A death ends a stay where it came by the end of that, or is known by its day alone, and that is the day (UTC) of the end or an
    earlier one; who died later has left the ICU alive.

    Returns:
        patient_id, serostatus (null: not known, or in doubt), entered_at, entered_day, left_day and event_day (days since the
        first ventilation of that stay; event_day null: no positive blood sample while observed), is_positive_before, is_usable,
        is_discharged, has_died (on the ICU; null: deaths were never delivered), n_sampled.
    """
    now = pl.lit(as_of).cast(pl.Datetime("us", "UTC"))
    ventilated = (
        stays.group_by("patient_id", "stay_id")
        .agg(
            pl.col("admitted_at").min(),
            origin=pl.col("ventilation_started_at").min(),
            discharged_at=pl.when(pl.col("discharged_at").null_count() == 0).then(pl.col("discharged_at").max()),
        )
        .drop_nulls("origin")
        .sort("patient_id", "admitted_at", "stay_id")
        .unique("patient_id", keep="first", maintain_order=True)
        .with_columns(entered_at=pl.max_horizontal("origin", "admitted_at"), left_at=pl.coalesce("discharged_at", now))
    )
    ventilated = _with_deaths(ventilated, deaths)
    blood = results.filter(pl.col("compartment").is_in(list(compartments.BLOOD)) & ~pl.col("is_conflicting")).select(
        "patient_id", "collected_at", is_found=pl.col("detection") != words.NOT_DETECTED
    )
    of_stay = ventilated.select("patient_id", "entered_at", "left_at").join(blood, on="patient_id")
    while_there = (pl.col("collected_at") > pl.col("entered_at")) & (pl.col("collected_at") <= pl.col("left_at"))
    seen = of_stay.group_by("patient_id").agg(
        n_sampled=while_there.sum(),
        is_positive_before=(pl.col("is_found") & (pl.col("collected_at") <= pl.col("entered_at"))).any(),
        event_at=pl.col("collected_at").filter(pl.col("is_found") & while_there).min(),
    )
    known = context.select(
        "patient_id", serostatus=pl.when(~pl.col("serostatus_may_be_false")).then(pl.col("serostatus"))
    )

    def day(name: str) -> pl.Expr:
        return (pl.col(name) - pl.col("origin")).dt.total_seconds() / _DAY

    return (
        ventilated.join(seen, on="patient_id", how="left")
        .join(known, on="patient_id", how="left")
        .select(
            "patient_id",
            "serostatus",
            "entered_at",
            entered_day=day("entered_at"),
            left_day=day("left_at"),
            event_day=day("event_at"),
            is_positive_before=pl.col("is_positive_before").fill_null(False),
            is_usable=pl.col("left_at") > pl.col("entered_at"),
            has_died=pl.col("has_died"),
            is_discharged=pl.col("discharged_at").is_not_null(),
            n_sampled=pl.col("n_sampled").fill_null(0),
        )
        .sort("patient_id")
    )


def _with_deaths(stays: pl.DataFrame, deaths: pl.DataFrame | None) -> pl.DataFrame:
    """Stays with `has_died`; one that ended by death ends at that moment."""
    if deaths is None:
        return stays.with_columns(has_died=pl.lit(None, pl.Boolean))
    ended = pl.col("discharged_at")
    has_died = (pl.col("died_at") <= ended) | (pl.col("died_on") <= ended.dt.date()).fill_null(False)
    return (
        stays.join(
            deaths.select("patient_id", "died_at", "died_on"), on="patient_id", how="left", maintain_order="left"
        )
        .with_columns(has_died=has_died.fill_null(False))
        .with_columns(left_at=pl.when("has_died").then(pl.min_horizontal("left_at", "died_at")).otherwise("left_at"))
    )


def serostatus(rows: pl.DataFrame) -> Serostatus:
    """Of how many of these rows of `followed` the serostatus is known."""
    positive, negative = (int((rows["serostatus"] == status).sum()) for status in (POSITIVE, NEGATIVE))
    return Serostatus(positive, negative, rows.height - positive - negative)


def reactivation(rows: pl.DataFrame, group: str, *, time_zone: str, has_deaths: bool = False) -> Reactivation:
    """The incidence of reactivation among these rows of `followed`, of one of GROUPS. `has_deaths`: whether deaths were delivered."""
    mine = rows if group == EVERYONE else rows.filter(pl.col("serostatus") == POSITIVE)
    usable = mine.filter("is_usable")
    at_risk = usable.filter(~pl.col("is_positive_before"))
    zone = ZoneInfo(time_zone)
    years = [moment.astimezone(zone).year for moment in at_risk["entered_at"]]
    of_year = at_risk.with_columns(year=pl.Series(years, dtype=pl.Int64))
    end = pl.coalesce("event_day", "left_day")
    has_event = pl.col("event_day").is_not_null()
    before = _spell(at_risk.with_columns(days=end - pl.col("entered_day")), ~has_event, has_deaths)
    with_event = at_risk.filter(has_event).with_columns(days=pl.col("left_day") - pl.col("event_day"))
    after = _spell(with_event, pl.lit(value=True), has_deaths)
    return Reactivation(
        group=group,
        n_ventilated=mine.height,
        n_before=usable.height - at_risk.height,
        n_unusable=mine.height - usable.height,
        n_unsampled=int((at_risk["n_sampled"] == 0).sum()),
        n_delayed=int((at_risk["entered_day"] > 0).sum()),
        found=_incidence(at_risk, REACTIVATED),
        left=_incidence(at_risk, LEFT),
        died=_incidence(at_risk, DIED) if has_deaths else None,
        before=before,
        after=after,
        by_year=tuple(
            OfYear(year, _incidence(of_year.filter(pl.col("year") == year), REACTIVATED)) for year in sorted(set(years))
        ),
    )


def _spell(rows: pl.DataFrame, ends_here: pl.Expr, has_deaths: bool) -> Spell:
    """`rows`: with `days` in this status; `ends_here`: whether the stay ended in it, if it ended."""
    died = pl.col("has_died").fill_null(False)
    counted = rows.select(
        n=pl.len(),
        days=pl.col("days").sum(),
        n_left=(ends_here & pl.col("is_discharged") & ~died).sum(),
        n_died=(ends_here & died).sum(),
    ).row(0, named=True)
    return Spell(**counted | ({} if has_deaths else {"n_died": None}))


def _incidence(rows: pl.DataFrame, of: int) -> CumulativeIncidence:
    cause = rows.select(
        pl.when(pl.col("event_day").is_not_null())
        .then(REACTIVATED)
        .when("has_died")
        .then(DIED)
        .when("is_discharged")
        .then(LEFT)
        .otherwise(0)
        .cast(pl.Int64)
    ).to_series()
    left = rows.select(pl.coalesce("event_day", "left_day")).to_series()
    return cumulative_incidence(
        rows["entered_day"].to_numpy().astype(np.float64),
        left.to_numpy().astype(np.float64),
        cause.to_numpy().astype(np.int64),
        of=of,
    )
