"""When blood was last sampled with a result, and what of it is still preliminary."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import compartments, words
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.facts.by_series import latest_of, results_by_series
from cmvmon.facts.columns import PATIENT_ID, count, days, days_long, moment, one_of
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.nobody import nobody_without

_NONE = "there is none"

FOLLOW_UP = RowType(
    name="follow_up",
    description="The last blood sample with a result, whatever its matrix and series, and the preliminary results after it. "
    "No row: there is neither.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        moment(
            "last_blood_collected_at",
            "When the last blood sample with a result was collected, a conflicting one too.",
            _NONE,
        ),
        Column(
            "last_blood_result_id",
            Kind.TEXT,
            "Its result; of several one with a load, the last by name.",
            null_means=_NONE,
        ),
        one_of("last_blood_compartment", compartments.BLOOD, "Its matrix.", _NONE),
        one_of(
            "last_blood_detection", words.DETECTION, "What the assay said of it.", f"{_NONE}, or its values conflict"
        ),
        days("days_since_blood_result", "Days from then to the moment that is judged, to a thousandth.", _NONE),
        count("n_preliminary_blood", "How many blood results collected after it are still preliminary."),
        moment("last_preliminary_blood_collected_at", "When the last of those was collected.", _NONE),
    ),
)


@fact_table(FOLLOW_UP)
def follow_up(facts: Facts) -> pl.DataFrame:
    """Blood is plasma, whole blood or serum. A preliminary result is none yet: it may still change."""
    age = facts.now - pl.col("last_blood_collected_at")
    in_blood = pl.col("compartment").is_in(compartments.BLOOD)
    detection = pl.when(~pl.col("is_conflicting")).then("detection")
    newest = ("collected_at", pl.col("detection").is_in([words.QUANTIFIED, words.ABOVE_ULOQ]), "result_id")
    last = (
        latest_of(facts.shared(results_by_series))
        .filter(in_blood)
        .group_by("patient_id")
        .agg(
            last_blood_collected_at=pl.col("collected_at").max(),
            last_blood_result_id=pl.col("result_id").sort_by(*newest).last(),
            last_blood_compartment=pl.col("compartment").sort_by(*newest).last(),
            last_blood_detection=detection.sort_by(*newest).last(),
        )
    )
    preliminary = facts.prepared.shown.filter(in_blood & (pl.col("result_status") == words.PRELIMINARY))
    return last.join(_waiting(facts, preliminary, last=last), on="patient_id", how="full", coalesce=True).with_columns(
        pl.col("n_preliminary_blood").fill_null(0),
        days_since_blood_result=days_long(age),
    )


@nobody_without()
def _waiting(facts: Facts, preliminary: pl.DataFrame, *, last: pl.DataFrame) -> pl.DataFrame:
    """How many preliminary results of each patient are later than the last one, and when the last of them was collected."""
    is_later = pl.col("last_blood_collected_at").is_null() | (
        pl.col("collected_at") > pl.col("last_blood_collected_at")
    )
    return (
        preliminary.join(last, on="patient_id", how="left")
        .filter(is_later)
        .group_by("patient_id")
        .agg(n_preliminary_blood=pl.len(), last_preliminary_blood_collected_at=pl.col("collected_at").max())
    )
