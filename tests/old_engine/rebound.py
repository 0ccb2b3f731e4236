"""The load stands clearly above the lowest value since treatment began.

Watches, in the compartments that a response is judged in, the newest series since the running course began, through
changes of drug; on letermovir alone since it began, for there too a rise is looked at while no slope is. The lowest value
is the lowest before the latest sample, and at least the limit of quantification: from "not detected" a rise counts from
that limit.

Alerts on either of two grounds. Observed: the latest value is more than the protocol's rise above the lowest, and reaches
the protocol's load or the sample before it stands as high too; in the lower airways, whose samples are diluted unevenly,
at least the larger rise, confirmed by the sample before it or by blood of the same days that rose itself. Or computed:
the latest value is above the lowest since the latest anchor by at least the protocol's smaller rise, and the probability
that the load is rising again is at or above the calibrated threshold (method `bank`; on treatment only). A rise below that
is none, whatever its probability: it lies within the scatter. A first low load right after two sample times below the
limit of quantification may be a blip: no computed ground rests on it.

Clear when the latest value can't be that much above the lowest and the computed ground does not hold; on letermovir alone
the observed ground decides by itself. Not assessable with fewer than two sample times; when a rise was seen once and
awaits its second sample, or a possible blip its second result; when it can't be told (above range, limit not known, two
values of one time that differ); from the smaller rise on while no probability was computed (method `line`, scatter of the
assay not known, one sample since the drug was changed); when the latest values conflict; and when earlier ones do and no
rise is shown without them. A conflicting or replaced value never makes a rise. Judged also after a baseline near the limit of
quantification, in interrupted weeks and without a baseline: those only forbid a call on a fall.

Why: a rise on treatment is how emerging resistance, missed doses and a wrong dose look alike, and so does a transient hump
(Rose 2017). Not to be read as any of them, nor as refractory disease, which has its own definition against the first-week
peak. BAL is described, never called refractory.
"""

import polars as pl

from cmvmon.domain import words
from cmvmon.protocol import RuleStanza
from tests.old_engine.rises import LOWER_RESPIRATORY
from tests.old_engine.rule import Rule

_LOAD = {"last": "last_lower_iu_per_ml", "last_but_one": "last_but_one_lower_iu_per_ml"}
_AT_MOST = "last_upper_iu_per_ml"


def _is_watched() -> pl.Expr:
    return pl.col("watched_since").is_not_null() & pl.col("laboratory").is_not_null()


def _rise(load: str, lowest: str = "lowest_iu_per_ml") -> pl.Expr:
    """log10 above the lowest value; rounded, so that ten times as much is a rise of exactly 1."""
    return (pl.col(load).log10() - pl.col(lowest).log10()).round(9)


def _is_airway() -> pl.Expr:
    return pl.col("compartment").is_in(LOWER_RESPIRATORY)


def _exceeds(load: str, stanza: RuleStanza) -> pl.Expr:
    in_airway = _rise(load) >= stanza["lower_airway_rise_log10"]
    return pl.when(_is_airway()).then(in_airway).otherwise(_rise(load) > stanza["rise_log10"]).fill_null(False)


def _is_parallel_blood_up(stanza: RuleStanza) -> pl.Expr:
    return (pl.col("parallel_blood_rise_log10") > stanza["rise_log10"]).fill_null(False)


def _is_observed(stanza: RuleStanza) -> pl.Expr:
    reaches = (pl.col(_LOAD["last"]) >= stanza["to_at_least_iu_per_ml"]).fill_null(False)
    beside = pl.when(_is_airway()).then(_is_parallel_blood_up(stanza)).otherwise(reaches)
    return _exceeds(_LOAD["last"], stanza) & (beside | _exceeds(_LOAD["last_but_one"], stanza))


def _may_be_blip(stanza: RuleStanza) -> pl.Expr:
    return (pl.col("first_positive_iu_per_ml") < stanza["to_at_least_iu_per_ml"]).fill_null(False)


def _is_beyond_scatter(rise: pl.Expr, stanza: RuleStanza) -> pl.Expr:
    in_airway = rise >= stanza["probable_rise_lower_airway_log10"]
    return pl.when(_is_airway()).then(in_airway).otherwise(rise >= stanza["probable_rise_log10"]).fill_null(False)


def _is_probable(load: str, stanza: RuleStanza) -> pl.Expr:
    """The computed ground, were `load` the latest value; its rise counts from the anchor that the probability counts from."""
    alarm = pl.col("probability_rebound") >= pl.col("probability_rebound_alarm")
    on_treatment = pl.col("treatment") == words.TREATMENT_ON
    has_risen = _is_beyond_scatter(_rise(load, "lowest_since_anchor_iu_per_ml"), stanza)
    return (on_treatment & alarm & has_risen & ~_may_be_blip(stanza)).fill_null(False)


def _is_not_computed(stanza: RuleStanza) -> pl.Expr:
    """The latest value may have risen beyond the scatter, and there is no probability that could say so."""
    lacks_one = pl.col("probability_rebound").is_null() | pl.col("lowest_since_anchor_iu_per_ml").is_null()
    return ~pl.col("on_letermovir_alone") & lacks_one & _is_beyond_scatter(_rise(_AT_MOST), stanza)


def _fires(stanza: RuleStanza) -> pl.Expr:
    return _is_watched() & ~pl.col("last_conflicts") & (_is_observed(stanza) | _is_probable(_LOAD["last"], stanza))


def _clears(stanza: RuleStanza) -> pl.Expr:
    is_whole = ~pl.col("has_conflict_since") & ~pl.col("has_limit_missing_since")
    is_judged = _is_watched() & is_whole & (pl.col("n_points_since") > 1) & pl.col("lowest_iu_per_ml").is_not_null()
    is_open = _may_be_blip(stanza) | _is_not_computed(stanza)
    return is_judged & ~is_open & ~_exceeds(_AT_MOST, stanza) & ~_is_probable(_AT_MOST, stanza)


def _reason(stanza: RuleStanza) -> pl.Expr:
    return (
        pl.when(pl.col("treatment") == words.TREATMENT_UNKNOWN)
        .then(pl.lit("treatment_unknown"))
        .when(pl.col("laboratory").is_null())
        .then(pl.lit("no_series"))
        .when(pl.col("has_conflict_since"))
        .then(pl.lit("conflicting_values"))
        .when(pl.col("n_points_since").is_null())
        .then(pl.lit("no_result_since_anchor"))
        .when(pl.col("n_points_since") == 1)
        .then(pl.lit("one_result_since_anchor"))
        .when(_may_be_blip(stanza))
        .then(pl.lit("blip_unconfirmed"))
        .when(_exceeds(_LOAD["last"], stanza))
        .then(pl.lit("rise_unconfirmed"))
        .when(pl.col("has_limit_missing_since"))
        .then(pl.lit("limit_missing"))
        .when(_exceeds(_AT_MOST, stanza) | ~_is_not_computed(stanza))
        .then(pl.lit("rise_undecided"))
        .otherwise(pl.lit("rise_not_computed"))
    )


_FACTS = (
    "affected_source",
    "anchor_at",
    "compartment",
    "first_positive_iu_per_ml",
    "has_conflict_since",
    "last_but_one_collected_at",
    "last_but_one_detection",
    "last_but_one_lower_iu_per_ml",
    "last_but_one_viral_load_iu_per_ml",
    "last_collected_at",
    "last_conflicts",
    "last_detection",
    "last_lower_iu_per_ml",
    "last_viral_load_iu_per_ml",
    "lowest_collected_at",
    "lowest_detection",
    "lowest_iu_per_ml",
    "lowest_since_anchor_iu_per_ml",
    "lowest_viral_load_iu_per_ml",
    "method",
    "n_points_since",
    "on_letermovir_alone",
    "parallel_blood_collected_at",
    "parallel_blood_compartment",
    "parallel_blood_rise_log10",
    "probability_rebound",
    "probability_rebound_alarm",
    "stands_in_direction_agreement_low",
    "stands_in_for",
    "stands_in_n_changes_agreeing",
    "stands_in_n_changes_clear",
    "stands_in_n_pairs",
    "stands_in_n_patients",
    "stands_in_scope",
    "status",
    "treatment",
    "watched_since",
)


def _evidence(stanza: RuleStanza) -> dict[str, pl.Expr]:
    pair = pl.concat_list("lowest_result_id", "last_but_one_result_id", "last_result_id", "parallel_blood_result_id")
    named = pair.list.drop_nulls().list.unique(maintain_order=True)
    is_probable = _is_probable(_LOAD["last"], stanza)
    return {name: pl.col(name) for name in _FACTS} | {
        "by_observed_rise": _is_observed(stanza),
        "by_probability": is_probable,
        "is_lower_airway": _is_airway(),
        "confirmed_by_blood": _is_airway() & _is_parallel_blood_up(stanza),
        "confirmed_by_result_before": _exceeds(_LOAD["last_but_one"], stanza),
        "result_ids": pl.when(is_probable).then(pl.coalesce("result_ids", named)).otherwise(named),
        "rise_above_lowest_log10": _rise(_LOAD["last"]),
    }


RULE = Rule(
    code="rebound",
    subject="series",
    needs=frozenset(
        {
            "rise_log10",
            "to_at_least_iu_per_ml",
            "lower_airway_rise_log10",
            "probable_rise_log10",
            "probable_rise_lower_airway_log10",
        }
    ),
    applies=lambda: (
        pl.col("is_judged_for_response")
        & ((pl.col("treatment") != words.TREATMENT_OFF) | pl.col("on_letermovir_alone"))
    ),
    fires=_fires,
    clears=_clears,
    tier=lambda _: pl.lit(2),
    reason=_reason,
    evidence=_evidence,
    leaflet=__doc__ or "",
)
