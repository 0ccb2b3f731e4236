"""What the ward's guide asks of the length of a treatment: its days, ventilation, and the load of what leads."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.patient_movements import PATIENT_MOVEMENTS
from cmvmon.domain.rows import ICU_STAYS
from cmvmon.domain.stays_told import stays_told
from cmvmon.facts.columns import PATIENT_ID, PLACE, days, days_long, yes_no
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.leading import LEADING
from cmvmon.facts.newest_series import recent_numbers
from cmvmon.facts.samples import SAMPLES, both_below
from cmvmon.facts.stays import STAYS
from cmvmon.facts.treatment import TREATMENT

DURATION = RowType(
    name="duration",
    description="How long a patient was treated, and whether what else the guide asks for is so.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        days(
            "treated_days",
            "Days of the latest course: to its end, to when the patient left, or to the moment that is judged, to a thousandth.",
            "no course on record",
        ),
        yes_no(
            "is_ventilated",
            "Whether a period of ventilation runs in an open stay, of a kind that does not count as off the ventilator.",
            "no open stay on record, the feeds of stays are silent, or an open stay is known by movements alone",
        ),
        Column(
            "ventilation_kinds",
            Kind.TEXT,
            "The kinds of the periods that run, sorted, joined by `;`.",
            null_means="none runs, or the kind of one is not on record",
        ),
        Column(
            "leading_compartments",
            Kind.TEXT,
            "The leading compartments, sorted, joined by `;`.",
            null_means="there is none",
        ),
        yes_no(
            "leading_is_below",
            "Whether the last two results of every leading compartment are below the limit of quantification.",
            "no leading compartment, one has fewer than two results, or values of the last two conflict",
        ),
    ),
)


@fact_table(DURATION)
def duration(facts: Facts) -> pl.DataFrame:
    """Ventilation is as the stays say; `[ventilation]` says which kinds count as off the ventilator. One of which the kind is
    not on record counts as ventilated. Source: guide G18, G19."""
    left = pl.when(pl.col("left_at") >= pl.col("course_started_at")).then("left_at")
    until = pl.coalesce("course_ended_at", left, facts.now)
    return (
        facts.of(TREATMENT)
        .select("patient_id", "course_started_at", "course_ended_at")
        .join(facts.of(STAYS).select("patient_id", "left_at"), on="patient_id", how="left")
        .join(_ventilated(facts), on="patient_id", how="left")
        .join(_leading_below(facts), on="patient_id", how="left")
        .with_columns(treated_days=days_long(until - pl.col("course_started_at")))
    )


def _ventilated(facts: Facts) -> pl.DataFrame:
    """A patient with an open stay: whether one of its periods of ventilation runs. Nobody, where the feeds are silent.

    A stay that is known by movements says nothing of ventilation; one that was delivered says what there is.
    """
    begun = facts.prepared.begun
    runs = pl.col("ventilation_started_at").is_not_null() & pl.col("ventilation_stopped_at").is_null()
    kind = pl.col("ventilation_kind")
    is_off = kind.is_in(list(facts.protocol.ventilation.off_ventilator)).fill_null(False)
    is_open = pl.col("discharged_at").is_null() & pl.lit(begun.silent_since(ICU_STAYS) is None)
    is_told = pl.col("stay_id").is_in(stays_told(begun[PATIENT_MOVEMENTS])["stay_id"].implode())
    answer = pl.when((runs & ~is_off).any()).then(True).when((~is_told).any()).then(False)
    here = begun[ICU_STAYS].filter(is_open)
    named = pl.when(kind.null_count() == 0).then(kind.unique().sort().str.join(";"))
    kinds = here.filter(runs).group_by("patient_id").agg(ventilation_kinds=named)
    return here.group_by("patient_id").agg(is_ventilated=answer).join(kinds, on="patient_id", how="left")


def _leading_below(facts: Facts) -> pl.DataFrame:
    samples = facts.of(SAMPLES).filter(~facts.shared(recent_numbers)["is_older"])  # a row for each, in one order
    is_known = (pl.col("n_series_results") >= 2) & ~pl.col("last_two_conflict")
    told = samples.select(*PLACE, is_below=pl.when(is_known).then(both_below.expr))
    return (
        facts.of(LEADING)
        .join(told, on=PLACE, how="left", maintain_order="left")
        .group_by("patient_id")  # sorted by compartment
        .agg(
            leading_is_below=pl.col("is_below").all(ignore_nulls=False),
            leading_compartments=pl.col("compartment").drop_nulls().str.join(";").replace("", None),
        )
    )
