"""On treatment, and no blood result for more than {overdue_after_days} days.

Watches the time since the last blood result of any matrix (plasma, whole blood, serum) of a patient on treatment: without
it the response can't be judged, and the absence of an alert would read as an answer. Silent before day {not_before_day} of
the course and after discharge. A preliminary result is none yet: how many wait, and of when the last is, is said.

Clear when a blood result lies within {overdue_after_days} days, before day {not_before_day}, when not on treatment, or when
discharged. Not assessable when it is unknown whether the patient is treated.

Why: weekly follow-up is the transplant guidelines' custom (Kotton 2018, AST 2019). Not to be read as neglect: the feed
may be silent, which the ward page says on its first line.
"""

from cmvmon.facts import treatment
from cmvmon.facts.conditions import fact, number, otherwise, truth
from cmvmon.rules.rulebook import Rule, say

as_of, last, started = fact("as_of"), fact("last_blood_collected_at"), fact("course_started_at")
overdue_after = number("overdue_after_days")
n_preliminary, preliminary = fact("n_preliminary_blood"), fact("last_preliminary_blood_collected_at")
is_recent = as_of - last <= overdue_after.days
is_early = as_of - started < number("not_before_day").days
is_followed = is_recent | is_early | truth("is_discharged")

RULE = Rule(
    code="no_follow_up",
    subject="patient",
    applies=otherwise,
    fires={"overdue": treatment.is_on & ~is_followed},
    clears=is_recent | (treatment.is_on & is_early) | treatment.is_off | truth("is_discharged"),
    tier={2: otherwise},
    cannot_tell=(("treatment_unknown", otherwise),),
    says=(
        say("none", started, overdue_after, when=last.is_unknown() & preliminary.is_unknown()),
        say(
            "preliminary_alone",
            n_preliminary,
            preliminary,
            started,
            overdue_after,
            when=last.is_unknown() & preliminary.is_known(),
        ),
        say("overdue", last, fact("days_since_blood_result"), started, overdue_after, when=last.is_known()),
        say("preliminary_since", n_preliminary, preliminary, when=last.is_known() & preliminary.is_known()),
    ),
    rests_on=((("last_blood_result_id",), otherwise),),
    leaflet=__doc__ or "",
)
