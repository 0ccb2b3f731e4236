"""The affected compartment's load falls more slowly than the ward's guide asks.

Watches the mean decline since the anchor, in the last treatment week of the latest anchor, in each affected compartment;
where none is known, in the followed blood series, which is said so. Alerts when the call is *not met*: the probability
that the decline exceeds the protocol's target is at or below its lower cut point. Clear when the call is *met*, or when
the last two results are below the limit of quantification. Everything between is not assessable, and shown.

Tier 2 once the series' last result was collected two weeks or more after the anchor, else tier 3; tier 3 too while the
latest load is low and lower than the one before it.

Why: guide G19. Not to be read as failure of a drug, as resistance, or as a consensus definition: the line of 1 log10 per
week is local and stricter than any guideline, and in VICTOR (Razonable 2013) the relative decline was not associated
with faster resolution.
"""

import polars as pl

from cmvmon.domain import words
from cmvmon.protocol import RuleStanza
from cmvmon.rules.rule import Rule


def _applies() -> pl.Expr:
    return pl.col("is_judged_for_response") & (pl.col("treatment") != words.TREATMENT_OFF)


def _is_on_treatment() -> pl.Expr:
    return pl.col("treatment") == words.TREATMENT_ON


def _fires(_: RuleStanza) -> pl.Expr:
    return _is_on_treatment() & (pl.col("call") == "not_met")


def _clears(_: RuleStanza) -> pl.Expr:
    return _is_on_treatment() & ((pl.col("call") == "met") | (pl.col("status") == "suppressed"))


def _is_low_and_falling(stanza: RuleStanza) -> pl.Expr:
    low = pl.col("latest_upper_iu_per_ml") < stanza["low_load_iu_per_ml"]
    falling = pl.col("latest_upper_iu_per_ml") < pl.col("previous_lower_iu_per_ml")
    return (low & falling).fill_null(False)


def _tier(stanza: RuleStanza) -> pl.Expr:
    late = (pl.col("latest_collected_at") - pl.col("anchor_at")) >= pl.duration(hours=24 * stanza["tier_2_from_days"])
    return pl.when(late & ~_is_low_and_falling(stanza)).then(2).otherwise(3)


def _reason(_: RuleStanza) -> pl.Expr:
    return (
        pl.when(~_is_on_treatment())
        .then(pl.lit("treatment_unknown"))
        .when(pl.col("laboratory").is_null())
        .then(pl.lit("no_series"))
        .when(pl.col("status").is_null())
        .then(pl.lit("no_result_since_anchor"))
        .when(pl.col("call").is_null())
        .then(pl.col("status"))
        .otherwise(pl.lit("indeterminate"))
    )


def _evidence(stanza: RuleStanza) -> dict[str, pl.Expr]:
    return {
        "affected_source": pl.col("affected_source"),
        "anchor_at": pl.col("anchor_at"),
        "call": pl.col("call"),
        "compartment": pl.col("compartment"),
        "estimated_since": pl.col("estimated_since"),
        "last_collected_at": pl.col("latest_collected_at"),
        "latest_is_low_and_falling": _is_low_and_falling(stanza),
        "latest_upper_iu_per_ml": pl.col("latest_upper_iu_per_ml"),
        "mean_decline_high_log10_per_week": pl.col("mean_decline_high_log10_per_week"),
        "mean_decline_log10_per_week": pl.col("mean_decline_log10_per_week"),
        "mean_decline_low_log10_per_week": pl.col("mean_decline_low_log10_per_week"),
        "mean_probability_above_target": pl.col("mean_probability_above_target"),
        "n_censored": pl.col("n_censored"),
        "n_results": pl.col("n_results"),
        "not_met_probability": pl.col("not_met_probability"),
        "previous_lower_iu_per_ml": pl.col("previous_lower_iu_per_ml"),
        "result_ids": pl.col("result_ids"),
        "status": pl.col("status"),
        "status_reason": pl.col("status_reason"),
        "target_log10_per_week": pl.col("target_log10_per_week"),
        "treatment": pl.col("treatment"),
        "treatment_week": pl.col("treatment_week"),
    }


RULE = Rule(
    code="slow_response",
    subject="series",
    needs=frozenset({"tier_2_from_days", "low_load_iu_per_ml"}),
    applies=_applies,
    fires=_fires,
    clears=_clears,
    tier=_tier,
    reason=_reason,
    evidence=_evidence,
    leaflet=__doc__ or "",
)
