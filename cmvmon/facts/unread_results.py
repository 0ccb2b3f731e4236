"""Results of a patient that came and could not be used, and since when nothing is heard of results."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict

import polars as pl

from cmvmon.domain.columns import Kind, RowType
from cmvmon.domain.known import UnreadResult
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.facts.columns import PATIENT_ID, moment, yes_no
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.patients import PATIENTS

_MOMENT = Kind.MOMENT.dtype
_OF_ONE = {
    "patient_id": pl.String(),
    "came_at": _MOMENT,
    "sampled_by": _MOMENT,
    "sampled_at": _MOMENT,
    "compartment": pl.String(),
}  # what is known of one such result (`UnreadResult`)
UNREAD_RESULTS = RowType(
    name="unread_results",
    description="A patient of whom a result was delivered that could not be used and waits, or every patient where the feeds of "
    "results are silent.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        yes_no("has_unread_result", "Whether a result of the patient was delivered that could not be used, and waits."),
        moment(
            "unread_sampled_by",
            "The latest moment at which the sample of one of those can have been taken.",
            "there is none, or nothing is known of it",
        ),
        yes_no(
            "has_unread_news",
            "Whether one of those may say something new: none of a later sample of its compartment is used, or its compartment or "
            "its time could not be read.",
        ),
        moment(
            "unread_result_came_at",
            "When the last of the new ones came; of those delivered as history, when it was reported or else collected.",
            "there is none, or it is not known when",
        ),
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
    """What such a result says is not known. Its sample was taken before it came, was reported, or when it says, as far as that can be
    read. Where nothing is known of that of one of them, nothing is of the last.

    Source: rules.md section 5.
    """
    begun = facts.prepared.begun
    heard, unread = begun.silent_since(VIRAL_LOAD_RESULTS), begun.results_unread()
    if heard is None and not unread:  # nearly always
        return UNREAD_RESULTS.empty()
    newest = facts.prepared.results.group_by("patient_id").agg(newest_result_collected_at=pl.col("collected_at").max())
    return (
        facts.of(PATIENTS)
        .select("patient_id")
        .join(_of_patients(facts, unread), on="patient_id", how="left")
        .with_columns(pl.col("has_unread_result", "has_unread_news").fill_null(False))
        .filter(pl.col("has_unread_result") | pl.lit(heard is not None))
        .join(newest, on="patient_id", how="left")
        .with_columns(results_heard_at=pl.lit(heard, dtype=_MOMENT))
    )


def _of_patients(facts: Facts, unread: Collection[UnreadResult]) -> pl.DataFrame:
    """By patient, what is known of all such results of them together."""
    rows = pl.DataFrame([asdict(one) for one in unread], schema=_OF_ONE)
    used = facts.prepared.results.group_by("patient_id", "compartment").agg(used_at=pl.col("collected_at").max())
    is_old = (pl.col("sampled_at") < pl.col("used_at")).fill_null(False)
    by, came = pl.col("sampled_by"), pl.col("came_at").filter(pl.col("is_new"))
    return (
        rows.join(used, on=["patient_id", "compartment"], how="left")
        .with_columns(is_new=~is_old)
        .group_by("patient_id")
        .agg(
            has_unread_result=pl.lit(True),
            unread_sampled_by=pl.when(by.is_not_null().all()).then(by.max()),
            has_unread_news=pl.col("is_new").any(),
            unread_result_came_at=came.max(),
        )
    )
