"""A result that a person has to know of, and that nobody answered for.

Watches the latest result of the last {within_days} days in CSF and vitreous fluid, where whatever is detected counts, below
the limit of quantification too, and in BAL of a patient stated to be immunocompromised, from the local line of
{affected_compartments.local_line_iu_per_ml} IU/mL on; on and off treatment, whatever leads.

Alerts where it has been known for {unacknowledged_h} hours, and nobody acknowledged an alert that rests on it, nor was it read
back and confirmed. Whoever answered for another result of the compartment, at most {answers.known_for_days} days apart,
knows of it.

Clear when somebody did, before those hours have passed, when there is no such result, and in BAL of a patient stated to have been
immunocompetent. Not assessable when its values conflict, when the result before it contradicts it, when the host is unknown
and BAL stands at the line, and without a store that knows of answers.

It alerts while its laboratory is in doubt too: it asks who has seen the result, and whoever asks the laboratory must know.

Why: rules.md 3.1, guide G10. Not to be read as disease, nor as a word on who was at fault.
"""

from cmvmon.domain import words
from cmvmon.facts import host, samples
from cmvmon.facts.conditions import denied, fact, number, otherwise, truth
from cmvmon.rules import newer_result
from cmvmon.rules.rulebook import ALL_GROUNDS, Rule, say
from cmvmon.rules.sentences import HOST, NOT_STATED

place, line = fact("compartment"), number("affected_compartments.local_line_iu_per_ml")
is_bal, is_elsewhere = place == "bal", place.is_in(("csf", "vitreous"))
is_recent = fact("as_of") - fact("latest_collected_at") <= number("within_days").days
is_readable = ~truth("latest_is_conflicting") & ~truth("last_two_contradict")
at_line = fact("latest_at_least_iu_per_ml") >= line
is_critical = (is_elsewhere & samples.latest_is_detected) | (is_bal & samples.latest_is_load & at_line & host.is_weak)
is_low = ~samples.latest_is_load | host.is_sound | (fact("latest_at_most_iu_per_ml") < line)
is_none = ~samples.latest_is_detected | (is_bal & is_low)
has_waited = fact("as_of") - fact("latest_known_since") >= number("unacknowledged_h").hours
unanswered, is_answered = denied("latest_is_answered"), truth("latest_is_answered")

RULE = Rule(
    code="critical_result_unseen",
    subject="series",
    applies=truth("has_series") & (is_bal | is_elsewhere) & is_recent,
    fires={"unanswered": is_readable & is_critical & has_waited & unanswered},
    clears=is_readable & (is_none | (is_critical & (is_answered | (unanswered & ~has_waited)))),
    open_while=newer_result.open_while(but=is_critical & is_answered),
    alerts_in_doubt=True,
    tier={words.TIERS[0]: otherwise},
    cannot_tell=(
        ("possible_lab_issue", truth("last_two_contradict")),
        ("conflicting_values", ~is_readable),
        ("host_unknown", is_bal & ~host.is_weak),
        ("answers_unknown", otherwise),
    ),
    says=(
        say("result", *samples.LATEST, place),
        say("unanswered", number("unacknowledged_h")),
        say("line", line, when=is_bal),
        NOT_STATED,
        *HOST,
    ),
    rests_on=((("latest_result_id",), otherwise),),
    no_longer=words.RESULT_OLD,
    after_discharge=ALL_GROUNDS,
    leaflet=__doc__ or "",
)
