"""How long treatment has run, beside what the ward's guide says of its length.

Watches patients on treatment, and those whose latest course ended in the last {told_within_days} days. The guide (G18): in
principle until off the ventilator, but at least {least_days} days; preferably by the load in the affected compartment (G19).

Alerts for information, on two grounds. *all_reached*: on treatment for {least_days} days or more, no longer ventilated, and
the last two results of every leading compartment below the limit of quantification. *stopped_before*: the course ended
earlier than that, or while ventilated, of a patient who has not left and under no limit to treatment that ends sampling; not where
the stated reason of the stop is toxicity, a limit to treatment, a transfer or death. A stop for which another reason is stated, or
none, is told, with that reason; for another drug too, for where one was given the course goes on.

Clear when one of these is known not to be so. Not assessable when it is unknown whether the patient is treated or
ventilated, or when a leading compartment has no two results that can be read, where the rest is reached.

Which kinds of ventilation count as off the ventilator is the protocol's to say (`[ventilation]`): as shipped a tracheostomy mask does,
a mask or helmet does not. A period of which the kind is not on record counts as ventilated, and the line says so.

Why: guide G18, G19. Why a course ended is what its sender states; of two drugs that ended together for different reasons there is
none. Not to be read as advice to end or to go on: in transplantation two results below the limit are asked for (Kotton 2018).
"""

from cmvmon.domain import words
from cmvmon.facts import treatment
from cmvmon.facts.conditions import denied, fact, number, otherwise, truth
from cmvmon.rules import newer_result
from cmvmon.rules.rulebook import Rule, say

days, ended, least = fact("treated_days"), fact("course_ended_at"), number("least_days")
compartments, kinds = fact("leading_compartments"), fact("ventilation_kinds")
is_ventilated, is_below = truth("is_ventilated"), truth("leading_is_below")
is_off_ventilator, is_not_below = denied("is_ventilated"), denied("leading_is_below")
ended_lately = treatment.is_off & (fact("as_of") - ended <= number("told_within_days").days)

is_long = days >= least
all_reached = treatment.is_on & is_long & is_off_ventilator & is_below
blood_at, leading_at = fact("last_blood_collected_at"), fact("longest_ago_collected_at")
may_be_newer = newer_result.may_be_newer_than(blood_at) | newer_result.may_be_newer_than(leading_at)
is_moot = ~treatment.is_on | (days < least) | is_ventilated
is_silent = newer_result.all_silent | newer_result.blood_is_silent | newer_result.leading_is_silent
in_doubt = newer_result.blood_in_doubt | newer_result.leading_in_doubt
by_newer = newer_result.open_while(may_be_newer, silent=is_silent, doubted=in_doubt, but=is_moot)
has_left = truth("is_discharged") | truth("sampling_is_limited")
reason = fact("course_stop_reason")
is_explained = reason.is_in((words.TOXICITY, words.LIMITATION, words.TRANSFER, words.DEATH))
stopped_before = ended_lately & ~has_left & ~is_explained & (~is_long | is_ventilated)

RULE = Rule(
    code="guide_duration",
    subject="patient",
    applies=treatment.is_on | ended_lately,
    fires={"all_reached": all_reached, "stopped_before": stopped_before},
    unless=by_newer,
    clears=(treatment.is_on & ((days < least) | is_ventilated | is_not_below))
    | (ended_lately & (has_left | is_explained | (is_long & is_off_ventilator))),
    open_while=by_newer,
    tier={3: otherwise},
    cannot_tell=(
        ("ventilation_unknown", fact("is_ventilated").is_unknown()),
        ("fewer_than_two_results", otherwise),
    ),
    says=(
        say("treated", days, when=all_reached),
        say("ended", days, ended, when=stopped_before),
        say("guide", least),
        say("off_ventilator", when=is_off_ventilator),
        say("on_mask", when=is_off_ventilator & kinds.is_known()),
        say("ventilated", when=is_ventilated),
        say("ventilated_by", kinds, when=is_ventilated & kinds.is_known()),
        say("kind_unknown", when=is_ventilated & kinds.is_unknown()),
        say("ventilation_unknown", when=fact("is_ventilated").is_unknown()),
        say("below", compartments, when=is_below),
        say("not_below", compartments, when=is_not_below),
        say("below_unknown", when=fact("leading_is_below").is_unknown()),
        say("reason", reason, when=stopped_before & reason.is_known()),
        say("reason_unknown", when=stopped_before & reason.is_unknown()),
    ),
    also_tells=(fact("treatment"),),
    no_longer=words.MOMENT_OVER,
    leaflet=__doc__ or "",
)
