"""Whether a patient has left."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.rows import ICU_STAYS
from cmvmon.facts.columns import PATIENT_ID, yes_no
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.patients import PATIENTS

STAYS = RowType(
    name="stays",
    description="Whether a patient is still on the ward.",
    key=("patient_id",),
    columns=(PATIENT_ID, yes_no("is_discharged", "There are stays on record, and none is open.")),
)


@fact_table(STAYS)
def stays(facts: Facts) -> pl.DataFrame:
    """A patient without a stay on record is not known to have left."""
    ended = (
        facts.prepared.begun[ICU_STAYS]
        .group_by("patient_id")
        .agg(is_discharged=pl.col("discharged_at").is_not_null().all())
    )
    return (
        facts.of(PATIENTS)
        .select("patient_id")
        .join(ended, on="patient_id", how="left")
        .with_columns(pl.col("is_discharged").fill_null(False))
    )
