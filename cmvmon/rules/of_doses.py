"""What the rules about doses share: which drugs they judge, why a day can't be judged, and what they say of it."""

from __future__ import annotations

from cmvmon.domain import words
from cmvmon.facts import treatment
from cmvmon.facts.conditions import Condition, Value, denied, fact, otherwise, truth
from cmvmon.facts.exposure import NOT_JUDGED
from cmvmon.rules.rulebook import Say, say

drug, state, why = fact("drug"), fact("exposure_state"), fact("exposure_unknown")
as_prophylaxis = fact("given_for") == words.PROPHYLAXIS
is_judged = (treatment.is_on | as_prophylaxis) & truth("is_given_now")
UNDER_AGE = {"under_age": why == "under_age"}
_unit, _on_replacement = fact("dose_unit"), truth("is_on_replacement")


def cannot_tell(is_beyond: Condition) -> tuple[tuple[str, Condition], ...]:
    """Why the last day is neither an alert nor clear: not known, `is_beyond` for one day only, or no day is over."""
    unknown = tuple((code, why == code) for code in NOT_JUDGED)
    return (*unknown, ("one_day_only", is_beyond), (words.TOO_EARLY, otherwise))


def told(limit: Value) -> tuple[Say, ...]:
    """What was given in 24 hours, and the dose that it is held against."""
    band = fact("exposure_band")
    given = fact("given_in_a_day")
    return (
        say("given", drug, given, _unit, fact("exposure_until_at"), when=given.is_known()),
        say("given_unknown", drug, when=given.is_unknown()),
        say("band", band, limit, _unit, when=band.is_known() & limit.is_known()),
        say("as_prophylaxis", when=as_prophylaxis),
        say("replacement", limit, _unit, when=_on_replacement & limit.is_known()),
    )


FOLDED = (
    say("days_on_record", drug, fact("n_days_on_record")),
    say("age_unknown", when=denied("age_is_known")),
)
