"""The compartments that a course is judged by first: stated by the team, else inferred, else the followed blood."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import compartments, words
from cmvmon.domain.columns import RowType
from cmvmon.domain.interval import at_least_iu_per_ml
from cmvmon.domain.rows import ICU_STAYS
from cmvmon.facts.columns import PATIENT_ID, PLACE, compartment, one_of
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.newest_series import NEWEST_SERIES
from cmvmon.facts.treatment import TREATMENT

NOWHERE = "the patient has neither a stated nor an inferred compartment, nor blood"

LEADING = RowType(
    name="leading",
    description="The compartments that a course is judged by first.",
    key=PLACE,
    columns=(PATIENT_ID, compartment(NOWHERE), one_of("leads_as", words.LEADS_AS, "How it came to be the one.")),
)


@fact_table(LEADING)
def leading(facts: Facts) -> pl.DataFrame:
    """At least one row per patient.

    A stated set stands. With none stated, the lung (BAL) where a BAL reached the protocol's line around an anchor of
    the running course: inferred, and kept for it. Otherwise, and where the team stated that none is affected, the one
    followed blood series: the latest result, on a tie plasma, then whole blood, then serum. A patient without any of
    these has one row whose compartment is null. Source: rules.md section 1; guide G20.
    """
    patients = facts.of(TREATMENT).select("patient_id", "course_started_at")
    stated = _stated(facts, patients)
    named = stated.filter(pl.col("compartment") != words.STATED_NONE)
    inferred = _inferred(facts, patients.join(stated, on="patient_id", how="anti"))
    rest = patients.join(pl.concat([named, inferred]), on="patient_id", how="anti").select("patient_id")
    followed = rest.join(_newest_blood(facts), on="patient_id", how="left")
    found = {"stated": named, "inferred": inferred, "followed": followed}
    return pl.concat(rows.select(*PLACE, leads_as=pl.lit(how)) for how, rows in found.items())


def _newest_blood(facts: Facts) -> pl.DataFrame:
    return (
        facts.of(NEWEST_SERIES)
        .filter(pl.col("compartment").is_in(compartments.BLOOD))
        .with_columns(order=pl.col("compartment").cast(pl.Enum(compartments.BLOOD)))
        .sort("patient_id", "newest_collected_at", "order", descending=[False, True, False])
        .unique(subset="patient_id", keep="first", maintain_order=True)
        .select(PLACE)
    )


def _stated(facts: Facts, patients: pl.DataFrame) -> pl.DataFrame:
    """The latest statement of each patient, one row per compartment (or `none`).

    Statements count when their stay had not ended before the running course began; without a course, those of the
    latest stay.
    """
    stays = facts.prepared.begun[ICU_STAYS]
    latest_admission = stays.group_by("patient_id").agg(latest_admitted_at=pl.col("admitted_at").max())
    return (
        stays.join(patients, on="patient_id")
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


def _inferred(facts: Facts, patients: pl.DataFrame) -> pl.DataFrame:
    """`bal` for each of these patients whose BAL reached the line around an anchor of the running course."""
    policy = facts.protocol.affected_compartments
    reaches_line = at_least_iu_per_ml() >= policy.local_line_iu_per_ml
    is_high = (pl.col("compartment") == "bal") & ~pl.col("is_conflicting") & reaches_line
    clocks = facts.prepared.clocks.select("patient_id", "course_started_at", "anchor_at")
    since_anchor = pl.col("collected_at") - pl.col("anchor_at")
    return (
        patients.join(clocks, on=["patient_id", "course_started_at"])
        .join(facts.prepared.results.filter(is_high).select("patient_id", "collected_at"), on="patient_id")
        .filter(
            (since_anchor >= -pl.duration(hours=24 * policy.inferred_from_days_before_anchor))
            & (since_anchor <= pl.duration(hours=24 * policy.inferred_to_days_after_anchor))
        )
        .select("patient_id", compartment=pl.lit("bal"))
        .unique()
    )
