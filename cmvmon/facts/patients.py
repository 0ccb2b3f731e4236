"""Every patient of whom anything was delivered."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.facts.columns import PATIENT_ID, yes_no
from cmvmon.facts.fact_table import Facts, fact_table

PATIENTS = RowType(
    name="patients",
    description="Every patient of whom a row of any delivered table had begun.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        yes_no("patient_has_series", "Whether the patient has a current result, conflicting ones too."),
    ),
)


@fact_table(PATIENTS, lists="patient")
def patients(facts: Facts) -> pl.DataFrame:
    """The patients of all delivered rows."""
    nobody = pl.DataFrame(schema={"patient_id": PATIENTS.schema["patient_id"]})  # nothing was delivered yet
    everyone = pl.concat([nobody, *(frame.select("patient_id") for frame in facts.prepared.begun.frames())]).unique()
    with_results = facts.prepared.results["patient_id"].unique()
    return everyone.with_columns(patient_has_series=pl.col("patient_id").is_in(with_results.implode()))
