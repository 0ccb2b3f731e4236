"""How a series has responded since the latest anchor: the last week of its decline, and what that rests on."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.results import WEEKLY_DECLINE
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.by_series import numbered_series, results_by_series
from cmvmon.facts.columns import OF_A_SAMPLE, PATIENT_ID, log10, sample, series, weeks_long
from cmvmon.facts.conditions import fact
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.treatment import TREATMENT

_OF_THE_WEEK = (
    "treatment_week",
    "n_results",
    "n_censored",
    "estimated_since",
    "n_used",
    "mean_decline_log10_per_week",
    "mean_decline_low_log10_per_week",
    "mean_decline_high_log10_per_week",
    "mean_probability_above_target",
    "probability_rebound",
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
        log10(
            "estimated_fall_log10",
            "The mean decline times the time from `estimated_since` to the last of these results.",
            "no estimate",
        ),
        Column("week_result_ids", Kind.TEXTS, "The results that the mean decline rests on.", null_means=_NO_RESULT),
        *sample("first_used", "the first of these results", _NO_RESULT),
        *sample("last_used", "the last of these results", _NO_RESULT),
    ),
)


@fact_table(RESPONSE)
def response(facts: Facts) -> pl.DataFrame:
    """The week is the last one, whatever its status: a call of an earlier week is no call of now."""
    clock = facts.of(TREATMENT).select("patient_id", "anchor_at")
    weeks = facts.prepared.weekly_decline
    is_last = pl.any_horizontal(pl.col(name).ne_missing(pl.col(name).shift(-1)) for name in SERIES_KEY)
    last = (
        weeks.filter(is_last)
        .join(clock, on=["patient_id", "anchor_at"], how="semi")
        .join(facts.shared(numbered_series).select(*SERIES_KEY, "series"), on=SERIES_KEY, how="left")
    )
    until_last = weeks_long(pl.col("last_used_collected_at") - pl.col("estimated_since"))
    return (
        last.rename({"reason": "status_reason"})
        .join(_rests_on(facts, last), on="series", how="left")
        .with_columns(estimated_fall_log10=(pl.col("mean_decline_log10_per_week") * until_last).clip(-20, 20))
    )


def _rests_on(facts: Facts, last: pl.DataFrame) -> pl.DataFrame:
    """The ids of the results that each week rests on, in order: `n_used` of them, up to its last; and the first and last."""
    rows = (
        facts.shared(results_by_series)
        .select("series", *OF_A_SAMPLE)
        .join(last.select("series", "last_result_id", "n_used"), on="series", maintain_order="left")
        .with_columns(place=pl.int_range(pl.len(), dtype=pl.Int64))
    )
    ends = rows.filter(pl.col("result_id") == pl.col("last_result_id")).select("series", end="place")
    used = rows.join(ends, on="series", maintain_order="left").filter(
        pl.col("place") <= pl.col("end"), pl.col("place") > pl.col("end") - pl.col("n_used")
    )
    first = (pl.col(name).first().alias(f"first_used_{name}") for name in OF_A_SAMPLE)
    final = (pl.col(name).last().alias(f"last_used_{name}") for name in OF_A_SAMPLE)
    return used.group_by("series", maintain_order=True).agg(
        pl.col("result_id").alias("week_result_ids"), *first, *final
    )


WEEK_IDS = ("week_result_ids",)
USED_IDS = ("first_used_result_id", "last_used_result_id")  # of the same results
has_results = fact("week_result_ids").is_known()
OF_THE_WEEK = tuple(map(fact, ("estimated_since", "method", "n_results", "status_reason", "treatment_week")))
