"""On treatment, and no result for more than {overdue_after_days} days.

Watches a patient on treatment: the last result in blood of any matrix (plasma, whole blood, serum), and those of the leading
compartments that are not blood. Without either the response can't be judged, and the absence of an alert would read as an
answer. Silent before day {not_before_day} of the course and after discharge. A preliminary result is none yet: how many wait,
and of when the last is, is said.

Alerts on two grounds. *overdue*, tier 2: neither blood nor a leading compartment has a result of the last
{overdue_after_days} days. *leading_overdue*, for information: something has, and a leading compartment has not; then the lung,
or what else leads, is not judged by what is new. Clear when both are recent, before day {not_before_day}, when not on treatment,
or when discharged. Not assessable when it is unknown whether the patient is treated.

Why: weekly follow-up is the transplant guidelines' custom (Kotton 2018, AST 2019); guide G19, G20. Not to be read as
neglect: the feed may be silent, which the ward page says on its first line, and a lavage may not have been feasible.
"""

from cmvmon.facts import treatment
from cmvmon.facts.conditions import fact, number, otherwise, truth
from cmvmon.rules.rulebook import Rule, say

as_of, last, started = fact("as_of"), fact("last_blood_collected_at"), fact("course_started_at")
overdue_after = number("overdue_after_days")
n_preliminary, preliminary = fact("n_preliminary_blood"), fact("last_preliminary_blood_collected_at")
leading, leading_at = fact("longest_ago_compartment"), fact("longest_ago_collected_at")
is_early = as_of - started < number("not_before_day").days
has_blood = as_of - last <= overdue_after.days
has_leading = as_of - fact("newest_leading_collected_at") <= overdue_after.days
is_followed = has_blood | has_leading | is_early | truth("is_discharged")
all_leading = leading.is_unknown() | (as_of - leading_at <= overdue_after.days)
is_unsampled = ~all_leading & ~is_early & ~truth("is_discharged")

overdue = treatment.is_on & ~is_followed
leading_overdue = treatment.is_on & (has_blood | has_leading) & is_unsampled
is_told = is_followed & ~is_unsampled

RULE = Rule(
    code="no_follow_up",
    subject="patient",
    applies=otherwise,
    fires={"overdue": overdue, "leading_overdue": leading_overdue},
    clears=(treatment.is_on & is_told) | (has_blood & all_leading) | treatment.is_off | truth("is_discharged"),
    tier={2: overdue, 3: otherwise},
    cannot_tell=(("treatment_unknown", otherwise),),
    says=(
        say("none", started, overdue_after, when=~leading_overdue & last.is_unknown() & preliminary.is_unknown()),
        say(
            "preliminary_alone",
            n_preliminary,
            preliminary,
            started,
            overdue_after,
            when=~leading_overdue & last.is_unknown() & preliminary.is_known(),
        ),
        say(
            "overdue",
            last,
            fact("days_since_blood_result"),
            started,
            overdue_after,
            when=~leading_overdue & last.is_known(),
        ),
        say(
            "preliminary_since",
            n_preliminary,
            preliminary,
            when=~leading_overdue & last.is_known() & preliminary.is_known(),
        ),
        say(
            "leading",
            leading,
            leading_at,
            fact("days_since_longest_ago"),
            when=leading.is_known() & leading_at.is_known(),
        ),
        say("leading_none", leading, started, when=leading.is_known() & leading_at.is_unknown()),
        say("line", overdue_after, when=leading_overdue),
    ),
    rests_on=((("last_blood_result_id", "longest_ago_result_id"), otherwise),),
    leaflet=__doc__ or "",
)
