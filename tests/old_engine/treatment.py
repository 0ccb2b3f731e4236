"""Whether a patient is on treatment at `as_of`: on, off, or unknown."""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from cmvmon.domain import words
from cmvmon.protocol import Protocol


def treatment_of(
    patients: pl.DataFrame,
    courses: pl.DataFrame | None,
    unread: frozenset[str] = frozenset(),
    *,
    protocol: Protocol,
    as_of: datetime,
) -> pl.DataFrame:
    """`treatment` of each patient.

    A row *runs* when it began at or before `as_of` and has not stopped more than `interrupted_gap_h` before it: up to
    that gap the clocks run. `on`: a row with treatment intent of a drug that the protocol lists as treatment runs.
    `unknown`: the table was never delivered; or no such row runs, but one does whose intent is not known, or which is
    given as treatment and is a drug that the protocol does not list; or a course of the patient was delivered that could
    not be used (`unread`). Otherwise `off`: so is a patient without a row in
    a table that was delivered.
    """
    ids = patients.select("patient_id").unique()
    if courses is None:
        return ids.with_columns(treatment=pl.lit(words.TREATMENT_UNKNOWN))
    still_counts_from = as_of - timedelta(hours=protocol.response_clock.interrupted_gap_h)
    runs = pl.col("stopped_at").is_null() | (pl.col("stopped_at") >= still_counts_from)
    listed_as_treatment = pl.col("drug").is_in(list(protocol.treatment_drugs))
    is_listed = pl.col("drug").is_in(list(protocol.drugs))
    intended = (pl.col("indication") == "treatment").fill_null(False)
    is_on = runs & intended & listed_as_treatment
    is_unknown = runs & (
        (pl.col("indication").is_null() & (listed_as_treatment | ~is_listed)) | (intended & ~is_listed)
    )
    state = courses.group_by("patient_id").agg(is_on=is_on.any(), is_unknown=is_unknown.any())
    return ids.join(state, on="patient_id", how="left").select(
        "patient_id",
        treatment=pl.when(pl.col("is_on").fill_null(False))
        .then(pl.lit(words.TREATMENT_ON))
        .when(pl.col("is_unknown").fill_null(False) | pl.col("patient_id").is_in(sorted(unread)))
        .then(pl.lit(words.TREATMENT_UNKNOWN))
        .otherwise(pl.lit(words.TREATMENT_OFF)),
    )
