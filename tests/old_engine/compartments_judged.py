"""The compartments that a course is judged by: stated, else inferred, else the followed blood; and discharge.

Blood is judged besides where it stands in for a stated or inferred compartment (`tests.old_engine.standing_in`).
"""

from __future__ import annotations

from datetime import datetime

import polars as pl

from cmvmon.domain import compartments, words
from cmvmon.domain.results import CONCORDANCE
from cmvmon.protocol import Protocol
from tests.old_engine.standing_in import standing_in


def discharged(stays: pl.DataFrame | None) -> pl.DataFrame:
    """`is_discharged` by patient: true when there are stays and none is open."""
    if stays is None:
        return pl.DataFrame(schema={"patient_id": pl.String, "is_discharged": pl.Boolean})
    return stays.group_by("patient_id").agg(is_discharged=pl.col("discharged_at").is_not_null().all())


def judged_for_response(
    patient: pl.DataFrame,
    *,
    newest: pl.DataFrame,
    results: pl.DataFrame,
    stays: pl.DataFrame | None,
    clocks: pl.DataFrame,
    concordance: pl.DataFrame | None,
    protocol: Protocol,
    as_of: datetime,
) -> pl.DataFrame:
    """`patient_id`, `compartment`, `affected_source`: one row for each compartment that a response is judged in.

    A stated set stands. With none stated, the lung (BAL) where a BAL reached the protocol's line around an anchor of
    the running course: inferred, and kept for it. Otherwise, and where the team stated that none is affected, the one
    followed blood series: the latest result, on a tie plasma, then whole blood, then serum. A patient without any of
    these has one row whose compartment is null. Blood that stands in has its row too, with the ground in columns
    `stands_in_...` that are null in the other rows; without `concordance` none stands in.

    Source: rules.md section 1; guide G20.
    """
    stated = _stated(patient, stays)
    named = stated.filter(pl.col("compartment") != words.STATED_NONE)
    unstated = patient.join(stated, on="patient_id", how="anti")
    inferred = _inferred(unstated, results, clocks, protocol=protocol)
    rest = (
        patient.join(named, on="patient_id", how="anti")
        .join(inferred, on="patient_id", how="anti")
        .select("patient_id")
    )
    order = pl.Enum(compartments.BLOOD)
    followed = (
        newest.filter(pl.col("compartment").is_in(compartments.BLOOD))
        .with_columns(order=pl.col("compartment").cast(order))
        .sort("patient_id", "newest_collected_at", "order", descending=[False, True, False])
        .unique(subset="patient_id", keep="first", maintain_order=True)
        .select("patient_id", "compartment")
    )
    affected = pl.concat(
        [
            named.with_columns(affected_source=pl.lit("stated")),
            inferred.with_columns(affected_source=pl.lit("inferred")),
        ]
    )
    besides = standing_in(
        affected,
        newest=newest,
        concordance=CONCORDANCE.empty() if concordance is None else concordance,
        protocol=protocol,
        as_of=as_of,
    ).join(affected, on=["patient_id", "compartment"], how="anti")  # blood that is stated is judged as such
    return pl.concat(
        [
            affected,
            rest.join(followed, on="patient_id", how="left").with_columns(affected_source=pl.lit("followed")),
            besides,
        ],
        how="diagonal",
    )


def _stated(patient: pl.DataFrame, stays: pl.DataFrame | None) -> pl.DataFrame:
    """The latest statement of each patient, one row per compartment (or `none`).

    Statements count when their stay had not ended before the running course began; without a course, those of the
    latest stay.
    """
    if stays is None:
        return pl.DataFrame(schema={"patient_id": pl.String, "compartment": pl.String})
    latest_admission = stays.group_by("patient_id").agg(latest_admitted_at=pl.col("admitted_at").max())
    return (
        stays.join(patient.select("patient_id", "course_started_at"), on="patient_id")
        .join(latest_admission, on="patient_id")
        .with_columns(episode_at=pl.coalesce("course_started_at", "latest_admitted_at"))
        .filter(pl.col("discharged_at").is_null() | (pl.col("discharged_at") >= pl.col("episode_at")))
        .filter(pl.col("affected_compartments").is_not_null())
        .sort("patient_id", "admitted_at", "ventilation_started_at", "stay_id", nulls_last=False)
        .unique(subset="patient_id", keep="last", maintain_order=True)
        .select("patient_id", compartment=pl.col("affected_compartments").str.split(";"))
        .explode("compartment")
        .unique()
    )


def _inferred(
    patient: pl.DataFrame, results: pl.DataFrame, clocks: pl.DataFrame, *, protocol: Protocol
) -> pl.DataFrame:
    """`bal` for each of these patients whose BAL reached the line around an anchor of the running course."""
    policy = protocol.affected_compartments
    load = pl.coalesce(
        pl.when(pl.col("detection") == words.QUANTIFIED).then("viral_load_iu_per_ml"),
        pl.when(pl.col("detection") == words.ABOVE_ULOQ).then("uloq_iu_per_ml"),
    )
    high = results.filter(
        (pl.col("compartment") == "bal") & ~pl.col("is_conflicting") & (load >= policy.local_line_iu_per_ml)
    ).select("patient_id", "collected_at")
    since_anchor = pl.col("collected_at") - pl.col("anchor_at")
    return (
        patient.select("patient_id", "course_started_at")
        .join(clocks.select("patient_id", "course_started_at", "anchor_at"), on=["patient_id", "course_started_at"])
        .join(high, on="patient_id")
        .filter(
            (since_anchor >= -pl.duration(hours=24 * policy.inferred_from_days_before_anchor))
            & (since_anchor <= pl.duration(hours=24 * policy.inferred_to_days_after_anchor))
        )
        .select("patient_id", compartment=pl.lit("bal"))
        .unique()
    )
