"""Whether a person answered for the latest result of a series, and since when it has been known."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.columns import PATIENT_ID, PLACE, moment, series, yes_no
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.samples import SAMPLES

_UNTOLD = "what persons answered is not known: these tables come from no store"

ANSWERED = RowType(
    name="answered",
    description="Whether a person answered for the latest result of a series that is judged, and since when it is known.",
    key=SERIES_KEY,
    columns=(
        PATIENT_ID,
        *series(),
        moment(
            "latest_known_since",
            "When the first version of the latest result came in; where that is not known, when it was reported, or taken.",
        ),
        yes_no(
            "latest_is_answered",
            "Whether somebody acknowledged an alert that rests on the latest result, or on one of the compartment that was taken "
            "near it, or read one of them back.",
            _UNTOLD,
        ),
    ),
)


@fact_table(ANSWERED)
def answered(facts: Facts) -> pl.DataFrame:
    """An answer counts for the results of the compartment taken at most `[answers] known_for_days` apart: whoever knows of a
    load in it is not told of each further one as unseen. An answer that was taken back counts for none."""
    begun = facts.prepared.begun
    latest = facts.of(SAMPLES).select(*SERIES_KEY, "latest_result_id", "latest_collected_at")
    known_at = pl.coalesce("received_at", "reported_at", "collected_at")
    versions = begun[VIRAL_LOAD_RESULTS].select("result_id", known_at=known_at)
    came = (
        latest.select(result_id="latest_result_id")
        .join(versions, on="result_id")  # of the few that are asked for: numbers are many
        .group_by("result_id")
        .agg(latest_known_since=pl.col("known_at").min())
    )
    told = latest.join(came, left_on="latest_result_id", right_on="result_id", how="left")
    if begun.answered is None:
        return told.with_columns(latest_is_answered=pl.lit(None, dtype=pl.Boolean))
    for_days = timedelta(days=facts.protocol.answers.known_for_days)
    seen = begun[VIRAL_LOAD_RESULTS].join(begun.answered, on="result_id", how="semi").select(*PLACE, "collected_at")
    apart = (pl.col("latest_collected_at") - pl.col("collected_at")).abs()
    covers = told.join(seen, on=PLACE).filter(apart <= for_days).select(SERIES_KEY).unique()
    marked = covers.with_columns(latest_is_answered=pl.lit(True))
    return told.join(marked, on=SERIES_KEY, how="left").with_columns(pl.col("latest_is_answered").fill_null(False))
