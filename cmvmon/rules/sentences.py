"""Sentences that more than one rule may say, each with the facts that it tells."""

from __future__ import annotations

from cmvmon.domain import words
from cmvmon.facts import host, rises, samples
from cmvmon.facts.conditions import Condition, Value, fact, number, truth
from cmvmon.rules.airways import in_airways
from cmvmon.rules.rulebook import Say, say

_MEAN, _LOW, _HIGH = (fact(f"mean_decline{end}_log10_per_week") for end in ("", "_low", "_high"))
_IS_ESTIMATED = _MEAN.is_known() & _LOW.is_known() & _HIGH.is_known()
_WHERE = (fact("compartment"), fact("affected_source"))

_INTERVAL = number("decline.interval_probability")
_DRUGS = fact("running_drugs")
_IS_CALLED = fact("call").is_known() & _IS_ESTIMATED
_IS_HELD = fact("fall_from_collected_at").is_known()
TO = samples.told_of("fall_to")

# From which sample to which, and the estimate where one may be spoken of.
FALL = (
    say(
        "slope",
        *(_MEAN, _LOW, _HIGH, _INTERVAL, fact("n_used")),
        *(*samples.told_of("first_used"), *samples.told_of("last_used"), _DRUGS, *_WHERE),
        when=_IS_CALLED,
    ),
    say("fall", *samples.told_of("fall_from"), *TO, _DRUGS, *_WHERE, when=~_IS_CALLED & _IS_HELD),
    say("treated", *TO, fact("course_started_at"), _DRUGS, *_WHERE, when=~_IS_CALLED & ~_IS_HELD),
)
is_estimated_to_rise = _IS_CALLED & (_HIGH < 0.0)

HOST = (
    say("host_unknown", when=host.is_unknown),
    say("host_weak", fact("host_conditions"), when=host.is_weak),
    say("host_sound", when=host.is_sound),
)

# Whether the team counts it as affected is told where CMV is out of place whatever the load.
NOT_STATED = say(
    "not_stated",
    fact("compartment"),
    when=fact("compartment").is_in(("csf", "vitreous", "tissue")) & ~(fact("affected_source") == words.STATED),
)

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
    line = (number("rise_log10"), number("to_at_least_iu_per_ml"))
    probability = (fact("probability_rebound"), number("alarm.probability_rebound"))
    beside = (fact(f"parallel_blood_{name}") for name in ("compartment", "collected_at", "rise_log10"))
    return (
        say("rise_from_limit", *POINTS, when=rises.is_from_limit),
        say("rise", *POINTS, when=~rises.is_from_limit),
        say("line_airway", number("lower_airway_rise_log10"), when=observed & in_airways),
        say("line", *line, when=observed & ~in_airways),
        say("probability", *probability, when=computed),
        say("result_before", *_point("previous", fact("previous_point_at_least_iu_per_ml")), when=before),
        say("blood", *beside, when=blood),
        STANDS_IN,
        say("conflict", when=truth("has_conflict_since")),
    )


def _point(which: str, limit: Value) -> tuple[Value, ...]:
    """What a sentence tells of one sample time: when, what the assay said, the load, and what it is at least."""
    names = ("collected_at", "detection", "viral_load_iu_per_ml")
    return (*(fact(f"{which}_point_{name}") for name in names), limit)


# From the lowest to the latest sample time, and since when a rise counts.
POINTS = (
    *_WHERE,
    *_point("lowest", fact("lowest_point_iu_per_ml")),
    *_point("latest", fact("latest_point_at_least_iu_per_ml")),
    fact("rise_log10"),
    fact("watched_since"),
)
