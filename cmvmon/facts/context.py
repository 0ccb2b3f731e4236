"""What else is known of a patient that bears on how CMV is read: age, CD4 count, host, serostatus, and where it was found."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import host_status, words
from cmvmon.domain.birth_dates import BIRTH_DATES
from cmvmon.domain.cmv_serology import CMV_SEROLOGY, IGM, IMMUNOGLOBULIN, RECIPIENT, RESULTS, TRANSFUSION
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Between
from cmvmon.domain.host_status import HOST_STATUS
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.facts.columns import PATIENT_ID, days, one_of, yes_no
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.nobody import nobody_without
from cmvmon.facts.patients import PATIENTS
from cmvmon.facts.treatment import runs

_TRANSPLANTED = ("solid_organ_transplant", "stem_cell_transplant")
_LETERMOVIR = "letermovir"  # the group of [drugs]
_EYE_OR_BRAIN = ("csf", "vitreous")
_NOT_STATED = "nobody stated it"

CONTEXT = RowType(
    name="context",
    description="What the context lines of the patient page are asked of; no rule reads it.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        days("age_days", "Days since the date of birth.", "not on record"),
        Column(
            "cd4_cells_per_ul",
            Kind.NUMBER,
            "The CD4 count last stated with HIV or AIDS that holds.",
            "cells/uL",
            _NOT_STATED,
            (Between("cd4_cells_per_ul", at_least=0.0),),
        ),
        yes_no("is_on_letermovir", "Whether letermovir runs, for whatever reason."),
        yes_no("has_hiv", "Whether HIV or AIDS is stated and holds."),
        yes_no("is_transplanted", "Whether a transplantation is stated and holds."),
        yes_no(
            "has_positive", "Whether CMV was detected in any current result, below the limit of quantification too."
        ),
        yes_no("has_positive_eye_or_brain", "The same in CSF or vitreous fluid."),
        one_of("serostatus", RESULTS, "The patient's serostatus: the last one but IgM.", "not on record"),
        yes_no("serostatus_may_be_false", "Whether immunoglobulin or transfusion is stated before that test."),
    ),
)


@fact_table(CONTEXT)
def context(facts: Facts) -> pl.DataFrame:
    """Of several tests the last one counts that neither immunoglobulin nor transfusion preceded, else the last. Source: guide
    G1 to G4."""
    begun, results = facts.prepared.begun, facts.prepared.results
    born = pl.col("born_on").str.to_date("%Y-%m-%d", strict=False)
    age = (pl.lit(facts.as_of.date()) - born).dt.total_days().cast(pl.Float64)
    found = ~pl.col("is_conflicting") & (pl.col("detection") != words.NOT_DETECTED)
    parts = (
        begun[BIRTH_DATES].select("patient_id", age_days=pl.when(age >= 0).then(age)),
        _of_host(facts),
        results.group_by("patient_id").agg(
            has_positive=found.any(),
            has_positive_eye_or_brain=(found & pl.col("compartment").is_in(list(_EYE_OR_BRAIN))).any(),
        ),
        _serology(facts),
        _on_letermovir(facts),
    )
    rows = facts.of(PATIENTS).select("patient_id")
    for part in parts:
        rows = rows.join(part, on="patient_id", how="left")
    truths = [column.name for column in CONTEXT.columns if column.kind is Kind.TRUTH]
    return rows.with_columns(pl.col(truths).fill_null(False))


@nobody_without(HOST_STATUS)
def _of_host(facts: Facts) -> pl.DataFrame:
    holding = facts.prepared.begun[HOST_STATUS].filter(pl.col("ended_at").is_null()).sort("stated_at", "condition")
    return holding.group_by("patient_id").agg(
        cd4_cells_per_ul=pl.col("cd4_cells_per_ul").filter(~host_status.is_part_of_a_cell()).drop_nulls().last(),
        has_hiv=(pl.col("condition") == host_status.HIV_AIDS).any(),
        is_transplanted=pl.col("condition").is_in(list(_TRANSPLANTED)).any(),
    )


@nobody_without(CMV_SEROLOGY)
def _serology(facts: Facts) -> pl.DataFrame:
    is_doubtful = pl.col("given_before").is_in([IMMUNOGLOBULIN, TRANSFUSION]).fill_null(False)
    return (
        facts.prepared.begun[CMV_SEROLOGY]
        .filter((pl.col("of_whom") == RECIPIENT) & (pl.col("test") != IGM))
        .with_columns(serostatus_may_be_false=is_doubtful)
        .sort("patient_id", ~pl.col("serostatus_may_be_false"), "sampled_at", "test")
        .unique("patient_id", keep="last", maintain_order=True)
        .select("patient_id", "serostatus_may_be_false", serostatus="serology_result")
    )


@nobody_without(ANTIVIRAL_COURSES)
def _on_letermovir(facts: Facts) -> pl.DataFrame:
    of_group = [name for name, drug in facts.protocol.drugs.items() if drug.group == _LETERMOVIR]
    running = facts.prepared.begun[ANTIVIRAL_COURSES].filter(pl.col("drug").is_in(of_group) & runs(facts))
    return running.select("patient_id").unique().with_columns(is_on_letermovir=pl.lit(True))
