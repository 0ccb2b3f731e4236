"""Whether a patient is too young for rules about doses and drugs, which are those of adults."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.facts.columns import PATIENT_ID, yes_no
from cmvmon.facts.dose_days import is_under_age
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.patients import PATIENTS

AGES = RowType(
    name="ages",
    description="Whether a patient is an adult.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        yes_no("is_child", "Whether the patient is younger than `[exposure] adult_from_years`.", "no date of birth"),
    ),
)


@fact_table(AGES)
def ages(facts: Facts) -> pl.DataFrame:
    """Null where no date of birth is on record: such a patient is judged as an adult, since this is an ICU of adults."""
    known = facts.shared(is_under_age).select("patient_id", is_child="is_under_age")
    return facts.of(PATIENTS).select("patient_id").join(known, on="patient_id", how="left")
