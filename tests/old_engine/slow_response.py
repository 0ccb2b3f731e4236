"""The affected compartment's load falls more slowly than the ward's guide asks.

Watches the mean decline since the anchor, in the last treatment week of the latest anchor, in each affected compartment;
where none is known, in the followed blood series, which is said so; and in blood that stands in for a compartment
without a new result, where blood was shown to follow it (guide G20), with the ground.

Alerts when the call is *not met*: the probability that the decline exceeds the protocol's target is at or below its lower
cut point. Alerts too when the odds of a course that hardly falls against one that clearly falls are at or above the
compartment's calibrated threshold (method `bank`), while the call is open or *not met*, the latest value is a load, and
as many sample times after the anchor as the protocol names bear the odds. Never on odds where no call is made: without a
baseline, in an interrupted week, after a long gap, with one sample, or with a load that fell below the limit of
quantification, which is no failure to fall. Never where the call is *met*: the guide's own line is then reached. On
simulated wards the odds have so far added no alert that the call did not give; they say why such a load is watched.

Neither alerts on a first low load right after two sample times below the limit of quantification: it may be a blip, and
is not assessable until a second result.

Clear when the call is *met* and the odds stay below their threshold, or when the last two results are below the limit of
quantification. *Met* against high odds is a contradiction: not assessable, so that an open alert stays open. Everything
between is not assessable, and shown.

Tier 2 once the series' last result was collected two weeks or more after the anchor, else tier 3; tier 3 too while the
latest load is low and lower than the one before it.

Why: guide G19. Not to be read as failure of a drug, as resistance, or as a consensus definition: the line of 1 log10 per
week is local and stricter than any guideline, and in VICTOR (Razonable 2013) the relative decline was not associated
with faster resolution.
"""

import polars as pl

from cmvmon.domain import words
from cmvmon.protocol import RuleStanza
from tests.old_engine.rule import Rule


def _applies() -> pl.Expr:
    return pl.col("is_judged_for_response") & (pl.col("treatment") != words.TREATMENT_OFF)


def _is_on_treatment() -> pl.Expr:
    return pl.col("treatment") == words.TREATMENT_ON


def _are_odds_high() -> pl.Expr:
    return (pl.col("odds_non_responder") >= pl.col("odds_non_responder_alarm")).fill_null(False)


def _is_by_call() -> pl.Expr:
    return (pl.col("call") == "not_met").fill_null(False)


def _is_by_odds(stanza: RuleStanza) -> pl.Expr:
    undecided = pl.col("call").is_in(["not_met", "indeterminate"])
    has_load = pl.col("latest_detection").is_in([words.QUANTIFIED, words.ABOVE_ULOQ])
    enough = pl.col("n_used_after_anchor") >= stanza["odds_from_results"]
    return (_are_odds_high() & undecided & has_load & enough).fill_null(False)


def _may_be_blip(stanza: RuleStanza) -> pl.Expr:
    return (pl.col("first_positive_iu_per_ml") < stanza["low_load_iu_per_ml"]).fill_null(False)


def _fires(stanza: RuleStanza) -> pl.Expr:
    return _is_on_treatment() & (_is_by_call() | _is_by_odds(stanza)) & ~_may_be_blip(stanza)


def _clears(_: RuleStanza) -> pl.Expr:
    is_met = (pl.col("call") == "met") & ~_are_odds_high()
    return _is_on_treatment() & (is_met | (pl.col("status") == "suppressed"))


def _is_low_and_falling(stanza: RuleStanza) -> pl.Expr:
    low = pl.col("latest_upper_iu_per_ml") < stanza["low_load_iu_per_ml"]
    falling = pl.col("latest_upper_iu_per_ml") < pl.col("previous_lower_iu_per_ml")
    return (low & falling).fill_null(False)


def _tier(stanza: RuleStanza) -> pl.Expr:
    late = (pl.col("latest_collected_at") - pl.col("anchor_at")) >= pl.duration(hours=24 * stanza["tier_2_from_days"])
    return pl.when(late & ~_is_low_and_falling(stanza)).then(2).otherwise(3)


def _reason(stanza: RuleStanza) -> pl.Expr:
    return (
        pl.when(~_is_on_treatment())
        .then(pl.lit("treatment_unknown"))
        .when(pl.col("laboratory").is_null())
        .then(pl.lit("no_series"))
        .when(pl.col("status").is_null())
        .then(pl.lit("no_result_since_anchor"))
        .when(pl.col("call").is_null())
        .then(pl.col("status"))
        .when(pl.col("call") == "met")
        .then(pl.lit("odds_against_call"))
        .when(_may_be_blip(stanza))
        .then(pl.lit("blip_unconfirmed"))
        .otherwise(pl.lit("indeterminate"))
    )


def _evidence(stanza: RuleStanza) -> dict[str, pl.Expr]:
    return {
        "affected_source": pl.col("affected_source"),
        "anchor_at": pl.col("anchor_at"),
        "by_call": _is_by_call(),
        "by_odds": _is_by_odds(stanza),
        "call": pl.col("call"),
        "compartment": pl.col("compartment"),
        "estimated_since": pl.col("estimated_since"),
        "first_positive_iu_per_ml": pl.col("first_positive_iu_per_ml"),
        "last_collected_at": pl.col("latest_collected_at"),
        "latest_detection": pl.col("latest_detection"),
        "latest_is_low_and_falling": _is_low_and_falling(stanza),
        "latest_upper_iu_per_ml": pl.col("latest_upper_iu_per_ml"),
        "mean_decline_high_log10_per_week": pl.col("mean_decline_high_log10_per_week"),
        "mean_decline_log10_per_week": pl.col("mean_decline_log10_per_week"),
        "mean_decline_low_log10_per_week": pl.col("mean_decline_low_log10_per_week"),
        "mean_probability_above_target": pl.col("mean_probability_above_target"),
        "method": pl.col("method"),
        "n_censored": pl.col("n_censored"),
        "n_results": pl.col("n_results"),
        "n_used_after_anchor": pl.col("n_used_after_anchor"),
        "not_met_probability": pl.col("not_met_probability"),
        "odds_non_responder": pl.col("odds_non_responder"),
        "odds_non_responder_alarm": pl.col("odds_non_responder_alarm"),
        "previous_lower_iu_per_ml": pl.col("previous_lower_iu_per_ml"),
        "result_ids": pl.col("result_ids"),
        "status": pl.col("status"),
        "stands_in_direction_agreement_low": pl.col("stands_in_direction_agreement_low"),
        "stands_in_for": pl.col("stands_in_for"),
        "stands_in_n_changes_agreeing": pl.col("stands_in_n_changes_agreeing"),
        "stands_in_n_changes_clear": pl.col("stands_in_n_changes_clear"),
        "stands_in_n_pairs": pl.col("stands_in_n_pairs"),
        "stands_in_n_patients": pl.col("stands_in_n_patients"),
        "stands_in_scope": pl.col("stands_in_scope"),
        "status_reason": pl.col("status_reason"),
        "target_log10_per_week": pl.col("target_log10_per_week"),
        "treatment": pl.col("treatment"),
        "treatment_week": pl.col("treatment_week"),
    }


RULE = Rule(
    code="slow_response",
    subject="series",
    needs=frozenset({"tier_2_from_days", "low_load_iu_per_ml", "odds_from_results"}),
    applies=_applies,
    fires=_fires,
    clears=_clears,
    tier=_tier,
    reason=_reason,
    evidence=_evidence,
    leaflet=__doc__ or "",
)
