"""When things happen: the watch, anchors, ICU stays with their ventilation, courses of antiviral drugs."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np
import polars as pl
from numpy.typing import NDArray

from cmvmon.domain import words
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS
from cmvmon.domain.words import INDICATION, STATED_NONE
from cmvmon.simulate.assumptions import assumed
from cmvmon.simulate.curves import Curves
from cmvmon.simulate.draws import Draws, Numbers
from cmvmon.simulate.hosts import KEPT, NON_RESPONDER, REBOUND, SWITCHED, Host

Minutes = NDArray[np.int64]  # since 1970-01-01 in UTC

MINUTES_A_DAY = 1440
WARD = "SYNTHETIC-ICU"
TREATMENT = INDICATION[0]
_NEVER = np.iinfo(np.int64).max // 2


@dataclass(frozen=True)
class Calendar:
    """When each patient was admitted, treated, ventilated and discharged. `end` is the end of the watch.

    `_NEVER` stands for a moment that does not come. Moments after `end` are drawn too, and are not yet known then.
    """

    end: int
    anchor: Minutes
    admitted: Minutes
    discharged: Minutes
    ventilated: Minutes
    weaned: Minutes
    ventilated_again: Minutes
    weaned_again: Minutes

    def is_ventilated(self, moment: Minutes) -> NDArray[np.bool_]:
        """Whether the patient is ventilated at that moment; one moment per patient."""
        first = (self.ventilated <= moment) & (moment <= self.weaned)
        return np.asarray(first | ((self.ventilated_again <= moment) & (moment <= self.weaned_again)))


def minutes(days: Numbers) -> Minutes:
    """Whole minutes in a number of days."""
    return np.rint(days * MINUTES_A_DAY).astype(np.int64)


def minute_of(moment: datetime) -> int:
    """Whole minutes from 1970-01-01 to `moment`, both in UTC."""
    return int(moment.timestamp() // 60)


def moment_at(minute: str) -> pl.Expr:
    """A column of minutes since 1970-01-01 as a moment in UTC; null stays null."""
    return (pl.col(minute) * 60_000_000).cast(pl.Datetime("us", "UTC"))


def patient_ids(numbers: str = "patient") -> pl.Expr:
    """ "SYNTHETIC-0001" from a patient's place, counted from 0."""
    return pl.format("SYNTHETIC-{}", (pl.col(numbers) + 1).cast(pl.String).str.zfill(4))


def calendar(draws: Draws, start: datetime, days: int) -> Calendar:
    """The calendar of every patient of a watch of `days` from `start`, the first day on which a treatment may begin."""
    first, end = minute_of(start), minute_of(start + timedelta(days=days))
    day = np.floor(draws.uniform("anchor_day", 0.0, days * assumed("anchors_within"))).astype(np.int64)
    within = draws.uniform("anchor_minute", 0.0, MINUTES_A_DAY).astype(np.int64)
    anchor = first + day * MINUTES_A_DAY + within
    lead = assumed("admission_to_anchor_median") * np.exp(
        assumed("admission_to_anchor_log_sd") * draws.normal("admission")
    )
    lead = np.clip(lead, assumed("admission_to_anchor_shortest"), assumed("admission_to_anchor_longest"))
    admitted = anchor - minutes(lead)
    stay = assumed("anchor_to_discharge_median") * np.exp(
        assumed("anchor_to_discharge_log_sd") * draws.normal("discharge")
    )
    stay = np.maximum(stay, assumed("anchor_to_discharge_shortest"))
    weaned = stay * draws.uniform("weaned", assumed("weaned_earliest"), assumed("weaned_latest"))
    again = draws.happens("ventilated_again", assumed("share_ventilated_again"))
    # The second period takes the middle of what is left of the stay.
    second = anchor + minutes(weaned + 0.25 * (stay - weaned))
    second_end = anchor + minutes(weaned + 0.75 * (stay - weaned))
    return Calendar(
        end=end,
        anchor=anchor,
        admitted=admitted,
        discharged=anchor + minutes(stay),
        ventilated=admitted + minutes(draws.uniform("ventilated", 0.0, assumed("ventilated_within"))),
        weaned=anchor + minutes(weaned),
        ventilated_again=np.where(again, second, _NEVER),
        weaned_again=np.where(again, second_end, _NEVER),
    )


def cut_short_by_death(draws: Draws, when: Calendar, plasma: Curves) -> Calendar:
    """The calendar, with stays that end sooner where a scenario lets a load bring death; as it was where none does.

    The hazard of a day is that at 4 log10 IU/mL, times exp(death_per_log10) for each log10 of true plasma load above it.
    """
    at_4_log10 = draws.assumed("death_per_day_at_4_log10")
    if at_4_log10 == 0.0:
        return when
    days = np.arange((when.discharged - when.anchor).max() // MINUTES_A_DAY + 1)
    loads = np.column_stack([plasma.log10_load(np.full(draws.patients, float(day))) for day in days])
    hazard = np.cumsum(at_4_log10 * np.exp(draws.assumed("death_per_log10") * (loads - 4.0)), axis=1)
    dies = hazard >= -np.log1p(-draws.uniform("death"))[:, None]
    day = np.where(dies.any(axis=1), dies.argmax(axis=1) + 1.0, np.inf)
    end = np.where(np.isfinite(day), when.anchor + minutes(np.where(np.isfinite(day), day, 0.0)), _NEVER)
    again = when.ventilated_again < end
    return replace(
        when,
        discharged=np.minimum(when.discharged, end),
        weaned=np.minimum(when.weaned, end),
        ventilated_again=np.where(again, when.ventilated_again, _NEVER),
        weaned_again=np.where(again, np.minimum(when.weaned_again, end), _NEVER),
    )


def known(moment: Minutes, end: int) -> pl.Series:
    """The minutes, null where they lie after the end of the watch."""
    series = pl.Series(moment, dtype=pl.Int64)
    return series.set(series > end, None)


def icu_stays(draws: Draws, when: Calendar) -> pl.DataFrame:
    """Rows of icu_stays: one for each period of ventilation that has begun, one stay per patient."""
    stated = draws.uniform("affected")
    bal, none = assumed("share_affected_bal"), assumed("share_affected_none")
    affected = pl.Series(np.select([stated < bal, stated < bal + none], [0, 1], 2)).replace_strict(
        {0: "bal", 1: STATED_NONE, 2: None}, return_dtype=pl.String
    )
    patients = pl.DataFrame(
        {
            "patient": np.arange(draws.patients),
            "admitted": when.admitted,
            "discharged": known(when.discharged, when.end),
            "affected_compartments": affected,
        }
    )
    periods = [
        patients.with_columns(
            ventilation_started=pl.Series(began, dtype=pl.Int64),
            ventilation_stopped=known(ended, when.end),
        )
        for began, ended in (
            (when.ventilated, when.weaned),
            (when.ventilated_again, when.weaned_again),
        )
    ]
    rows = (
        pl.concat([periods[0], periods[1].filter(pl.col("ventilation_started") <= when.end)])
        .sort("patient", "ventilation_started")
        .with_columns(
            patient_ids().alias("patient_id"),
            pl.format("{}:stay-1", patient_ids()).alias("stay_id"),
            pl.format("S-{}", (pl.col("patient") + 1).cast(pl.String).str.zfill(2)).alias("bed"),
            *(
                moment_at(name).alias(f"{name}_at")
                for name in ("admitted", "discharged", "ventilation_started", "ventilation_stopped")
            ),
            ward=pl.lit(WARD),
        )
    )
    return ICU_STAYS.conform(rows)


def antiviral_courses(draws: Draws, when: Calendar, host: Host) -> pl.DataFrame:
    """Rows of antiviral_courses: ganciclovir from the anchor; foscarnet after a switch; a few stop early.

    The reason of a switch is stated as it truly was: of who does not respond in BAL, or rebounds, failure; of others toxicity. A
    course that ran its length is stated completed; of one that stops early nothing is stated, as many a hospital sends it.
    """
    planned = draws.uniform("course_length", assumed("course_shortest"), assumed("course_longest"))
    kept, switched = host.drug_change == KEPT, host.drug_change == SWITCHED
    switch_day = np.where(kept, 0.0, host.drug_changed_days)
    first_end = np.where(kept, planned, switch_day)
    second_end = np.maximum(planned, switch_day + assumed("course_after_switch_shortest"))
    switch_minute = when.anchor + minutes(switch_day)
    failing = np.isin(host.response["bal"], (NON_RESPONDER, REBOUND))
    at_switch = np.where(failing, words.FAILURE, words.TOXICITY)
    first_reason = np.select([kept, switched], [words.COMPLETED, at_switch], "")
    completed = np.full(draws.patients, words.COMPLETED)
    rows = []
    for drug, began, ended, given, why in (
        ("ganciclovir", when.anchor, when.anchor + minutes(first_end), np.ones_like(switched), first_reason),
        (
            "foscarnet",
            switch_minute,
            when.anchor + minutes(second_end),
            switched & (switch_minute <= when.end),
            completed,
        ),
    ):
        rows.append(
            pl.DataFrame(
                {
                    "patient": np.arange(draws.patients),
                    "started": began,
                    "stopped": known(ended, when.end),
                    "given": given,
                    "why": pl.Series(why, dtype=pl.String),
                }
            ).with_columns(
                drug=pl.lit(drug),
                dose_mg_per_kg=pl.lit(assumed(f"{drug}_dose")),
                interval_h=pl.lit(assumed(f"{drug}_interval")),
            )
        )
    frame = (
        pl.concat(rows)
        .filter(pl.col("given"))
        .sort("patient", "started")
        .with_columns(
            patient_ids().alias("patient_id"),
            moment_at("started").alias("started_at"),
            moment_at("stopped").alias("stopped_at"),
            indication=pl.lit(TREATMENT),
            route=pl.lit("iv"),
            stop_reason=pl.when(moment_at("stopped").is_not_null() & (pl.col("why") != "")).then("why"),
        )
    )
    return ANTIVIRAL_COURSES.conform(frame)
