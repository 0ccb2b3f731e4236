"""Two results that can't both be right: a question to the laboratory.

Watches every series with a result of the last {within_days} days, on and off treatment. Without this alert the rules that would speak
of the load are held back, and only say that they could not tell.

Alerts at Tier 2 on two grounds. *contradict*: the last two were taken within {watched.contradict_within_h} hours and differ by more
than {watched.contradict_log10} log10, in whichever order they came. *conflicting*: the latest came with two values under one number.
Neither makes a rise or a fall, and a critical value among them is seen here.

Clear when the last two agree, or a later result took the place of one. Not assessable when two that lie so close together can't be
compared, for the limit of one is not known.

Why: rules.md section 3.0 and 5, a proposal of this project. Not to be read as an error of the laboratory: a sample may be another
patient's, or of another place.
"""

from cmvmon.facts import samples
from cmvmon.facts.conditions import fact, number, otherwise, truth
from cmvmon.rules import newer_result
from cmvmon.rules.rulebook import ALL_GROUNDS, Rule, say

taken, before = fact("latest_collected_at"), fact("previous_collected_at")
within_h, apart = number("watched.contradict_within_h"), number("watched.contradict_log10")
is_recent = fact("as_of") - taken <= number("within_days").days
conflicting = truth("latest_is_conflicting")
contradict = truth("last_two_contradict")
is_close = (taken > before) & (taken - before <= within_h.hours)
has_no_limit = (samples.latest_is_below & fact("latest_at_most_iu_per_ml").is_unknown()) | (
    samples.previous_is_below & fact("previous_at_most_iu_per_ml").is_unknown()
)
is_unclear = is_close & has_no_limit

RULE = Rule(
    code="possible_lab_issue",
    subject="series",
    applies=truth("has_series") & is_recent,
    fires={"contradict": contradict, "conflicting": conflicting},
    clears=~contradict & ~conflicting & ~is_unclear,
    open_while=newer_result.open_while(),
    tier={2: otherwise},
    cannot_tell=(("limit_unknown", otherwise),),
    says=(
        say("contradict", *samples.PREVIOUS, *samples.LATEST, fact("compartment"), when=contradict),
        say("line", within_h, apart, when=contradict),
        say("conflicting", fact("compartment"), taken, when=conflicting),
        say("question"),
    ),
    rests_on=((("previous_result_id", "latest_result_id"), contradict), (("latest_result_id",), otherwise)),
    after_discharge=ALL_GROUNDS,
    leaflet=__doc__ or "",
)
