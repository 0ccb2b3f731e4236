"""On treatment, and no result for more than {overdue_after_days} days.

Watches a patient on treatment: the last result in blood of any matrix (plasma, whole blood, serum), and those of the leading
compartments that are not blood. Without either the response can't be judged, and the absence of an alert would read as an
answer. The days count from that result; where there is none, from the start of the course. Silent before day {not_before_day}
of the course, after discharge, and under a limit to treatment that ends sampling. A preliminary result is none yet: how many
wait, and of when the last is, is said; so is a sample that was taken and has no result.

Alerts on two grounds. *overdue*, tier 2: neither blood nor a leading compartment has a result of the last
{overdue_after_days} days. *leading_overdue*, for information: something has, and a leading compartment has not; then the lung,
or what else leads, is not judged by what is new: of BAL once in a course, and not where it is stated not to be feasible.

Clear when both are recent or not due yet, before day {not_before_day}, when not on treatment, or when discharged. Not
assessable when it is unknown whether the patient is treated, where *leading_overdue* is held back, while a result of these days
waits that could not be used, or the feeds of results or that of the last one are silent: a sample may have been taken.

Why: weekly follow-up is the transplant guidelines' custom (Kotton 2018, AST 2019); guide G19, G20. Not to be read as
neglect: the feed may be silent, which the ward page says on its first line, and a lavage may not have been feasible.
"""

from cmvmon.facts import treatment
from cmvmon.facts.conditions import fact, number, otherwise, truth
from cmvmon.rules import newer_result
from cmvmon.rules.rulebook import Rule, say

as_of, last, started = fact("as_of"), fact("last_blood_collected_at"), fact("course_started_at")
overdue_after, leading_waits = number("overdue_after_days"), fact("waiting_longest_ago_collected_at")
n_preliminary, preliminary = fact("n_preliminary_blood"), fact("last_preliminary_blood_collected_at")
leading, leading_at = fact("longest_ago_compartment"), fact("longest_ago_collected_at")
blood_waits = fact("waiting_blood_collected_at")
newest_leading = fact("newest_leading_collected_at")
has_just_begun = as_of - started <= overdue_after.days
has_none = last.is_unknown() & newest_leading.is_unknown()
is_early = (as_of - started < number("not_before_day").days) | (has_none & has_just_begun)
has_left = truth("is_discharged") | truth("sampling_is_limited")
has_blood = as_of - last <= overdue_after.days
has_leading = as_of - newest_leading <= overdue_after.days
is_followed = has_blood | has_leading | is_early | has_left
all_leading = (
    leading.is_unknown() | (leading_at.is_unknown() & has_just_begun) | (as_of - leading_at <= overdue_after.days)
)
is_unsampled = ~all_leading & ~is_early & ~has_left

overdue = treatment.is_on & ~is_followed
leading_overdue = treatment.is_on & (has_blood | has_leading) & is_unsampled
of_blood = ~leading_overdue & last.is_known()
is_silent = newer_result.leading_is_silent | (~leading_overdue & newer_result.blood_is_silent)
was_told = (leading == "bal") & (fact("longest_ago_earlier_gap_days") > overdue_after)

RULE = Rule(
    code="no_follow_up",
    subject="patient",
    applies=otherwise,
    fires={"overdue": overdue, "leading_overdue": leading_overdue},
    unless={
        **newer_result.may_have_come(overdue_after, silent=is_silent),
        "leading_not_feasible": leading_overdue & fact("longest_ago_not_feasible_at").is_known(),
        "told_before": leading_overdue & was_told,
    },
    clears=(treatment.is_on & is_followed & ~is_unsampled) | (has_blood & all_leading) | treatment.is_off | has_left,
    tier={2: overdue, 3: otherwise},
    cannot_tell=(("treatment_unknown", otherwise),),
    says=(
        say("none", started, overdue_after, when=~leading_overdue & last.is_unknown() & preliminary.is_unknown()),
        say(
            "preliminary_alone",
            *(n_preliminary, preliminary, started, overdue_after),
            when=~leading_overdue & last.is_unknown() & preliminary.is_known(),
        ),
        say("overdue", *(last, fact("days_since_blood_result"), started, overdue_after), when=of_blood),
        say("preliminary_since", n_preliminary, preliminary, when=of_blood & preliminary.is_known()),
        say("taken", blood_waits, when=~leading_overdue & blood_waits.is_known() & ~(blood_waits <= last)),
        say("leading", leading, leading_at, fact("days_since_longest_ago"), when=leading_at.is_known()),
        say("leading_none", leading, started, when=leading.is_known() & leading_at.is_unknown()),
        say("leading_taken", leading, leading_waits, when=leading_waits.is_known() & ~(leading_waits <= leading_at)),
        say("line", overdue_after, when=leading_overdue),
    ),
    rests_on=((("last_blood_result_id", "longest_ago_result_id"), otherwise),),
    leaflet=__doc__ or "",
)
