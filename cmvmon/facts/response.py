"""How a series has responded since the latest anchor: the last week of its decline, and what that rests on."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.results import WEEKLY_DECLINE
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.columns import PATIENT_ID, count, moment, series
from cmvmon.facts.conditions import fact
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.treatment import TREATMENT

_OF_THE_WEEK = (
    "treatment_week",
    "n_results",
    "n_censored",
    "mean_decline_log10_per_week",
    "mean_decline_low_log10_per_week",
    "mean_decline_high_log10_per_week",
    "mean_probability_above_target",
    "probability_rebound",
    "odds_non_responder",
    "call",
    "status",
    "method",
)
_NO_RESULT = "no result of the series before the end of that week"

RESPONSE = RowType(
    name="response",
    description="The last treatment week of each series on the latest response clock of its patient. No row: no week.",
    key=SERIES_KEY,
    columns=(
        PATIENT_ID,
        *series(),
        *(WEEKLY_DECLINE.column(name) for name in _OF_THE_WEEK),
        Column("status_reason", Kind.TEXT, WEEKLY_DECLINE.column("reason").description, null_means="none"),
        moment(
            "estimated_since",
            "From when the mean decline counts: the anchor, or the start of a new segment.",
            _NO_RESULT,
        ),
        count("n_used_after_anchor", "Sample times after the anchor that the mean decline rests on.", _NO_RESULT),
        Column("week_result_ids", Kind.TEXTS, "The results that the mean decline rests on.", null_means=_NO_RESULT),
    ),
)


@fact_table(RESPONSE)
def response(facts: Facts) -> pl.DataFrame:
    """The week is the last one, whatever its status: a call of an earlier week is no call of now."""
    clock = facts.of(TREATMENT).select("patient_id", "anchor_at")
    last = (
        facts.prepared.weekly_decline.join(clock, on=["patient_id", "anchor_at"], how="semi")
        .sort(*SERIES_KEY, "treatment_week")
        .unique(subset=SERIES_KEY, keep="last", maintain_order=True)
    )
    rests_on = _rests_on(facts, last)
    return last.rename({"reason": "status_reason"}).join(rests_on, on=SERIES_KEY, how="left")


def _rests_on(facts: Facts, last: pl.DataFrame) -> pl.DataFrame:
    """Of each week: the last `n_results` before its end; after a gap so long that a new segment began, only those after
    it, and the decline then counts from the first of them instead of the anchor."""
    longest_gap = pl.duration(hours=24 * facts.protocol.decline.new_segment_gap_days)
    gap = pl.col("collected_at").diff().over(SERIES_KEY)
    after_anchor = pl.col("collected_at").filter(pl.col("collected_at") > pl.col("anchor_at"))
    is_new_segment = pl.col("segment").first() > 0
    return (
        last.select(*SERIES_KEY, "anchor_at", "week_end", "n_results")
        .join(facts.prepared.results.select(*SERIES_KEY, "collected_at", "result_id"), on=SERIES_KEY)
        .filter(pl.col("collected_at") < pl.col("week_end"))
        .sort(*SERIES_KEY, "collected_at", "result_id")
        .filter(pl.int_range(pl.len(), 0, -1).over(SERIES_KEY) <= pl.col("n_results"))
        .with_columns(segment=(gap > longest_gap).fill_null(False).cast(pl.Int64).cum_sum().over(SERIES_KEY))
        .filter(pl.col("segment") == pl.col("segment").max().over(SERIES_KEY))
        .group_by(SERIES_KEY)
        .agg(
            week_result_ids=pl.col("result_id"),
            n_used_after_anchor=after_anchor.n_unique(),
            estimated_since=pl.when(is_new_segment)
            .then(pl.col("collected_at").first())
            .otherwise(pl.col("anchor_at").first()),
        )
    )


WEEK_IDS = ("week_result_ids",)
has_results = fact("week_result_ids").is_known()
OF_THE_WEEK = tuple(map(fact, ("method", "n_results", "status_reason", "treatment_week")))
