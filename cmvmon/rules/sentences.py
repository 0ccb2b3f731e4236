"""Sentences that more than one rule may say, each with the facts that it tells."""

from __future__ import annotations

from cmvmon.domain import words
from cmvmon.facts.conditions import Condition, Value, fact, number, truth
from cmvmon.rules.airways import in_airways
from cmvmon.rules.rulebook import Say, say

_MEAN, _LOW, _HIGH = (fact(f"mean_decline{end}_log10_per_week") for end in ("", "_low", "_high"))
_IS_ESTIMATED = _MEAN.is_known() & _LOW.is_known() & _HIGH.is_known()
_WHERE = {"compartment": fact("compartment"), "source": fact("affected_source")}

SLOPE = (
    say("no_estimate", when=~_IS_ESTIMATED, **_WHERE),
    say("slope", when=_IS_ESTIMATED, mean=_MEAN, low=_LOW, high=_HIGH, since=fact("estimated_since"), **_WHERE),
)

STANDS_IN = say(
    "stands_in",
    when=fact("stands_in_for").is_known(),
    scope=fact("stands_in_scope"),
    compartments=fact("stands_in_for"),
    patients=fact("stands_in_n_patients"),
    pairs=fact("stands_in_n_pairs"),
    clear=fact("stands_in_n_changes_clear"),
    agreeing=fact("stands_in_n_changes_agreeing"),
    low=fact("stands_in_direction_agreement_low"),
)


def of_a_rise(observed: Condition, computed: Condition, *, before: Condition, blood: Condition) -> tuple[Say, ...]:
    """From the lowest to the latest sample time, the lines it is held against, what confirms it, and what to mind.

    Where the lowest lies below the limit of quantification, the rise counts from that limit.
    """
    told = _point("lowest") | _point("latest") | _WHERE
    told |= {"lowest": fact("lowest_point_iu_per_ml"), "latest": fact("latest_point_at_least_iu_per_ml")}
    told |= {"rise": fact("rise_log10"), "since": fact("watched_since")}
    from_limit = fact("lowest_point_detection").is_in([words.NOT_DETECTED, words.BELOW_LLOQ])
    line = {"rise": number("rise_log10"), "load": number("to_at_least_iu_per_ml")}
    probability = {"percent": fact("probability_rebound"), "alarm": number("alarm.probability_rebound")}
    beside = {name: fact(f"parallel_blood_{name}") for name in ("compartment", "collected_at", "rise_log10")}
    return (
        say("rise_from_limit", when=from_limit, **told),
        say("rise", when=~from_limit, **told),
        say("line_airway", when=observed & in_airways, rise=number("lower_airway_rise_log10")),
        say("line", when=observed & ~in_airways, **line),
        say("probability", when=computed, **probability),
        say("result_before", when=before, load=fact("previous_point_at_least_iu_per_ml"), **_point("previous")),
        say("blood", when=blood, **beside),
        say("letermovir", when=truth("on_letermovir_alone")),
        STANDS_IN,
        say("conflict", when=truth("has_conflict_since")),
    )


def _point(which: str) -> dict[str, Value]:
    """What a sentence tells of one sample time: when, what the assay said, and the load."""
    names = ("collected_at", "detection", "viral_load_iu_per_ml")
    return {f"{which}_{name}": fact(f"{which}_point_{name}") for name in names}
