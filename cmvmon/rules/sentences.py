"""Sentences that more than one rule may say, each with the facts that it tells."""

from __future__ import annotations

from cmvmon.domain import words
from cmvmon.facts import samples
from cmvmon.facts.conditions import Condition, Value, fact, number, truth
from cmvmon.rules.airways import in_airways
from cmvmon.rules.rulebook import Say, say

_MEAN, _LOW, _HIGH = (fact(f"mean_decline{end}_log10_per_week") for end in ("", "_low", "_high"))
_IS_ESTIMATED = _MEAN.is_known() & _LOW.is_known() & _HIGH.is_known()
_WHERE = (fact("compartment"), fact("affected_source"))

_INTERVAL = number("decline.interval_probability")
_COURSE = (*samples.told_of("first_used"), *samples.told_of("last_used"), fact("running_drugs"))

SLOPE = (
    say("no_estimate", *_WHERE, when=~_IS_ESTIMATED),
    say("slope", _MEAN, _LOW, _HIGH, _INTERVAL, *_COURSE, *_WHERE, when=_IS_ESTIMATED),
)
is_estimated_to_rise = _HIGH < 0.0

STANDS_IN = say(
    "stands_in",
    fact("compartment"),
    fact("stands_in_scope"),
    fact("stands_in_for"),
    fact("stands_in_n_patients"),
    fact("stands_in_n_pairs"),
    fact("stands_in_n_changes_clear"),
    fact("stands_in_n_changes_agreeing"),
    fact("stands_in_direction_agreement_low"),
    number("concordance.interval_probability"),
    when=fact("stands_in_for").is_known(),
)


def of_a_rise(observed: Condition, computed: Condition, *, before: Condition, blood: Condition) -> tuple[Say, ...]:
    """From the lowest to the latest sample time, the lines it is held against, what confirms it, and what to mind.

    Where the lowest lies below the limit of quantification, the rise counts from that limit.
    """
    latest = fact("latest_point_at_least_iu_per_ml")
    told = (*_WHERE, *_point("lowest", fact("lowest_point_iu_per_ml")), *_point("latest", latest))
    told += (fact("rise_log10"), fact("watched_since"))
    from_limit = fact("lowest_point_detection").is_in([words.NOT_DETECTED, words.BELOW_LLOQ])
    line = (number("rise_log10"), number("to_at_least_iu_per_ml"))
    probability = (fact("probability_rebound"), number("alarm.probability_rebound"))
    beside = (fact(f"parallel_blood_{name}") for name in ("compartment", "collected_at", "rise_log10"))
    return (
        say("rise_from_limit", *told, when=from_limit),
        say("rise", *told, when=~from_limit),
        say("line_airway", number("lower_airway_rise_log10"), when=observed & in_airways),
        say("line", *line, when=observed & ~in_airways),
        say("probability", *probability, when=computed),
        say("result_before", *_point("previous", fact("previous_point_at_least_iu_per_ml")), when=before),
        say("blood", *beside, when=blood),
        say("letermovir", when=truth("on_letermovir_alone")),
        STANDS_IN,
        say("conflict", when=truth("has_conflict_since")),
    )


def _point(which: str, limit: Value) -> tuple[Value, ...]:
    """What a sentence tells of one sample time: when, what the assay said, the load, and what it is at least."""
    names = ("collected_at", "detection", "viral_load_iu_per_ml")
    return (*(fact(f"{which}_point_{name}") for name in names), limit)
