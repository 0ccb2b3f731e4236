"""Results of a patient that came and could not be used, and since when nothing is heard of results."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import Kind, RowType
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.facts.columns import PATIENT_ID, moment, yes_no
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.patients import PATIENTS

UNREAD_RESULTS = RowType(
    name="unread_results",
    description="A patient of whom a result was delivered that could not be used and waits, or every patient where the feeds of "
    "results are silent.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        yes_no("has_unread_result", "Whether a result of the patient was delivered that could not be used, and waits."),
        moment("unread_result_came_at", "When the last of those came.", "there is none, or it is not known when"),
        moment(
            "newest_result_collected_at",
            "When the newest sample was collected whose result is used, of any compartment, a conflicting one too.",
            "there is none",
        ),
        moment(
            "results_heard_at",
            "When results were last heard of: their feeds have been silent for longer than they say.",
            "they are not silent",
        ),
    ),
)


@fact_table(UNREAD_RESULTS)
def unread_results(facts: Facts) -> pl.DataFrame:
    """What such a result says is not known, nor of what it is, nor when its sample was taken, but that this was before it came.

    Source: rules.md section 5.
    """
    begun = facts.prepared.begun
    heard, unread = begun.silent_since(VIRAL_LOAD_RESULTS), begun.unread_of(VIRAL_LOAD_RESULTS)
    if heard is None and not unread:  # nearly always
        return UNREAD_RESULTS.empty()
    who = pl.col("patient_id")
    came = begun.unread_until.get(VIRAL_LOAD_RESULTS.name, {})
    told = pl.DataFrame(
        {"patient_id": list(came), "unread_result_came_at": list(came.values())},
        schema={name: UNREAD_RESULTS.schema[name] for name in ("patient_id", "unread_result_came_at")},
    )
    newest = facts.prepared.results.group_by("patient_id").agg(newest_result_collected_at=pl.col("collected_at").max())
    return (
        facts.of(PATIENTS)
        .select("patient_id", has_unread_result=who.is_in(sorted(unread)))
        .filter(pl.col("has_unread_result") | pl.lit(heard is not None))
        .join(told, on="patient_id", how="left")
        .join(newest, on="patient_id", how="left")
        .with_columns(results_heard_at=pl.lit(heard, dtype=Kind.MOMENT.dtype))
    )
