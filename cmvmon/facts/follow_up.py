"""When blood was last sampled with a result."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import compartments
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Between
from cmvmon.facts.by_series import numbered_series
from cmvmon.facts.columns import PATIENT_ID, moment
from cmvmon.facts.fact_table import Facts, fact_table

FOLLOW_UP = RowType(
    name="follow_up",
    description="The last blood sample with a result, whatever its matrix and series. No row: there is none.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        moment(
            "last_blood_collected_at", "When the last blood sample with a result was collected, a conflicting one too."
        ),
        Column(
            "days_since_blood_result",
            Kind.NUMBER,
            "Days from then to the moment that is judged, to a thousandth.",
            "days",
            constraints=(Between("days_since_blood_result", at_least=0.0),),
        ),
    ),
)


@fact_table(FOLLOW_UP)
def follow_up(facts: Facts) -> pl.DataFrame:
    """Blood is plasma, whole blood or serum."""
    age = facts.now - pl.col("last_blood_collected_at")
    return (
        facts.shared(numbered_series)
        .filter(pl.col("compartment").is_in(compartments.BLOOD))
        .group_by("patient_id")
        .agg(last_blood_collected_at=pl.col("newest_collected_at").max())
        .with_columns(days_since_blood_result=(age.dt.total_seconds() * (1.0 / 86_400.0)).round(3))
    )
