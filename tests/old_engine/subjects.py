"""The table that every rule reads: one row per subject, with what is known of it and its patient at `as_of`.

Subjects are the newest series of each compartment of a patient, and a row without a series where a compartment that
should be judged has none: a stated one, BAL, the followed blood, or anything at all.
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from cmvmon.domain import compartments, words
from cmvmon.protocol import Protocol
from tests.old_engine import compartments_judged, rises, treatment

_PLACE = ("patient_id", "compartment")
_WEEK = (
    "treatment_week",
    "n_results",
    "n_censored",
    "estimated_since",
    "n_used_after_anchor",
    "mean_decline_log10_per_week",
    "mean_decline_low_log10_per_week",
    "mean_decline_high_log10_per_week",
    "mean_probability_above_target",
    "probability_rebound",
    "odds_non_responder",
    "call",
    "status",
    "method",
)


def subjects(
    *,
    patients: pl.DataFrame,
    results: pl.DataFrame,
    courses: pl.DataFrame | None,
    unread_courses: frozenset[str] = frozenset(),
    stays: pl.DataFrame | None,
    clocks: pl.DataFrame,
    weekly_decline: pl.DataFrame,
    concordance: pl.DataFrame | None = None,
    protocol: Protocol,
    as_of: datetime,
) -> pl.DataFrame:
    """One row per subject, sorted by patient, compartment, laboratory and assay.

    Args:
        patients: `patient_id` of every patient with a result, course or stay.
        results: current results (`current_results`), collected at or before `as_of`.
        unread_courses: patients of whom a course was delivered that could not be used.
        courses, stays: known rows that began at or before `as_of`, later ends read as null; None = never delivered.
        clocks: one row per patient and anchor, as the kinetics give them.
        weekly_decline: of the same results.
        concordance: whether blood follows other compartments; None = not known, blood then stands in for none.

    Columns: the key; of the patient `treatment`, `course_started_at`, `anchor_at` (the latest), `is_discharged`,
    `last_blood_collected_at`, `days_since_blood_result`, `patient_has_series`, `is_first_of_patient`; of the series
    `is_judged_for_response`, `affected_source`, `stands_in_...` where blood stands in, its last two results,
    `n_series_results`, and the last week of the latest anchor; `target_log10_per_week`, `not_met_probability`, `as_of`.
    """
    newest = _newest_series(results)
    treated = treatment.treatment_of(patients, courses, unread_courses, protocol=protocol, as_of=as_of)
    patient = rises.watched_since(
        _patient_state(treated, results, stays, clocks, newest, as_of=as_of), courses, protocol=protocol, as_of=as_of
    )
    judged = compartments_judged.judged_for_response(
        patient,
        newest=newest,
        results=results,
        stays=stays,
        clocks=clocks,
        concordance=concordance,
        protocol=protocol,
        as_of=as_of,
    )
    bal = patient.select("patient_id", compartment=pl.lit("bal"))
    without_any = patient.filter(~pl.col("patient_has_series")).select(
        "patient_id", compartment=pl.lit(None, pl.String)
    )
    places = pl.concat([newest.select(_PLACE), judged.select(_PLACE), bal, without_any]).unique()
    return (
        places.join(newest, on=_PLACE, how="left", nulls_equal=True)
        .join(judged.with_columns(is_judged_for_response=True), on=_PLACE, how="left", nulls_equal=True)
        .with_columns(pl.col("is_judged_for_response").fill_null(False))
        .join(patient, on="patient_id", how="left")
        .join(_last_two(results, newest), on=_PLACE, how="left")
        .join(rises.rises(results, newest, patient, protocol=protocol), on=_PLACE, how="left")
        .join(rises.first_positives(results, newest), on=_PLACE, how="left")
        .join(_last_week(weekly_decline), on=[*_PLACE, "laboratory", "assay", "anchor_at"], how="left")
        .join(
            _results_used(results, weekly_decline),
            on=[*_PLACE, "laboratory", "assay", "anchor_at"],
            how="left",
        )
        .with_columns(
            pl.col("n_series_results").fill_null(0),
            pl.col("last_two_conflict").fill_null(False),
            target_log10_per_week=pl.lit(protocol.decline.target_log10_per_week),
            not_met_probability=pl.lit(protocol.decline.not_met_probability),
            as_of=pl.lit(as_of).cast(pl.Datetime("us", "UTC")),
            **_alarms(protocol),
        )
        .sort("patient_id", "compartment", "laboratory", "assay", nulls_last=False)
        .with_columns(is_first_of_patient=pl.col("patient_id").is_first_distinct())
    )


def _newest_series(results: pl.DataFrame) -> pl.DataFrame:
    """The series of each patient and compartment that holds the latest result; on a tie the first by name."""
    return (
        results.group_by("patient_id", "compartment", "laboratory", "assay")
        .agg(newest_collected_at=pl.col("collected_at").max())
        .sort(
            "patient_id",
            "compartment",
            "newest_collected_at",
            "laboratory",
            "assay",
            descending=[False, False, True, False, False],
        )
        .unique(subset=_PLACE, keep="first", maintain_order=True)
    )


def _patient_state(
    treated: pl.DataFrame,
    results: pl.DataFrame,
    stays: pl.DataFrame | None,
    clocks: pl.DataFrame,
    newest: pl.DataFrame,
    *,
    as_of: datetime,
) -> pl.DataFrame:
    """One row per patient: treatment, clock, discharge, last blood sample with a result (conflicting ones too)."""
    latest = (
        clocks.sort("patient_id", "anchor_at")
        .unique(subset="patient_id", keep="last", maintain_order=True)
        .select("patient_id", "course_started_at", "anchor_at")
    )
    blood = (
        results.filter(pl.col("compartment").is_in(compartments.BLOOD))
        .group_by("patient_id")
        .agg(last_blood_collected_at=pl.col("collected_at").max())
    )
    now = pl.lit(as_of).cast(pl.Datetime("us", "UTC"))
    return (
        treated.join(latest, on="patient_id", how="left")
        .join(blood, on="patient_id", how="left")
        .join(compartments_judged.discharged(stays), on="patient_id", how="left")
        .join(newest.select("patient_id").unique().with_columns(patient_has_series=True), on="patient_id", how="left")
        .with_columns(
            pl.col("is_discharged").fill_null(False),
            pl.col("patient_has_series").fill_null(False),
            days_since_blood_result=(
                (now - pl.col("last_blood_collected_at")).dt.total_seconds() * (1.0 / 86_400.0)
            ).round(3),
        )
    )


def _last_two(results: pl.DataFrame, newest: pl.DataFrame) -> pl.DataFrame:
    """The last two results of each newest series, side by side as `latest_*` and `previous_*`."""
    upper = (
        pl.when(pl.col("detection") == words.QUANTIFIED)
        .then(pl.col("viral_load_iu_per_ml"))
        .when(pl.col("detection").is_in([words.NOT_DETECTED, words.BELOW_LLOQ]))
        .then(pl.coalesce("lloq_iu_per_ml", "lod_iu_per_ml"))
    )
    lower = (
        pl.when(pl.col("detection") == words.QUANTIFIED)
        .then(pl.col("viral_load_iu_per_ml"))
        .when(pl.col("detection") == words.ABOVE_ULOQ)
        .then(pl.col("uloq_iu_per_ml"))
    )
    facts = {
        "collected_at": pl.col("collected_at"),
        "detection": pl.col("detection"),
        "viral_load_iu_per_ml": pl.col("viral_load_iu_per_ml"),
        "upper_iu_per_ml": upper,
        "lower_iu_per_ml": lower,
        "result_id": pl.col("result_id"),
        "is_conflicting": pl.col("is_conflicting"),
    }
    series = results.join(newest.drop("newest_collected_at"), on=[*_PLACE, "laboratory", "assay"], how="semi")
    return (
        series.sort("collected_at", "result_id")
        .group_by(_PLACE)
        .agg(
            *(fact.last().alias(f"latest_{name}") for name, fact in facts.items()),
            *(fact.slice(-2, 1).filter(pl.len() > 1).first().alias(f"previous_{name}") for name, fact in facts.items()),
            n_series_results=(~pl.col("is_conflicting")).sum().cast(pl.Int64),
            last_two_conflict=pl.col("is_conflicting").tail(2).any(),
        )
    )


def _last_week(weekly_decline: pl.DataFrame) -> pl.DataFrame:
    """The last week of each series and anchor."""
    key = [*_PLACE, "laboratory", "assay", "anchor_at"]
    return (
        weekly_decline.sort(*key, "treatment_week")
        .unique(subset=key, keep="last", maintain_order=True)
        .select(*key, *_WEEK, pl.col("reason").alias("status_reason"))
    )


def _alarms(protocol: Protocol) -> dict[str, pl.Expr]:
    """The alarm thresholds of each row's compartment; null where it has none."""
    alarms = {name: protocol.alarm_of(name) for name in compartments.NAMES}
    by_name = {
        "odds_non_responder_alarm": {name: alarm.odds_non_responder for name, alarm in alarms.items()},
        "probability_rebound_alarm": {name: alarm.probability_rebound for name, alarm in alarms.items()},
    }
    return {
        column: pl.col("compartment").replace_strict(values, default=None, return_dtype=pl.Float64)
        for column, values in by_name.items()
    }


def _results_used(results: pl.DataFrame, weekly_decline: pl.DataFrame) -> pl.DataFrame:
    """`result_ids` of the last week of each series and anchor: all that its mean decline rests on, in order."""
    key = [*_PLACE, "laboratory", "assay", "anchor_at"]
    last = (
        weekly_decline.sort(*key, "treatment_week")
        .unique(subset=key, keep="last", maintain_order=True)
        .filter(pl.col("n_used") > 0)
        .select(*key, "first_result_id", "last_result_id")
    )
    order = [*key, "collected_at", "result_id"]
    return (
        last.join(results.select(*key[:-1], "collected_at", "result_id"), on=key[:-1], how="inner")
        .sort(order)
        .with_columns(place=pl.int_range(pl.len()).over(key))
        .filter(
            pl.col("place").is_between(
                pl.col("place").filter(pl.col("result_id") == pl.col("first_result_id")).first().over(key),
                pl.col("place").filter(pl.col("result_id") == pl.col("last_result_id")).first().over(key),
            )
        )
        .group_by(key)
        .agg(result_ids=pl.col("result_id"))
    )
