"""A trough lies below its target, or no level is on record where kidney function or the load asks for one.

Watches every patient on treatment with a drug that has a target (foscarnet has none). A trough is taken within
{level_timing.trough_within_h} hour before the next dose. It is held against its target ([levels] of the protocol, each row with
its source) after {level_timing.one_dose_days} days on one dose, on continuous renal replacement
{level_timing.one_dose_on_replacement_days}, in one kidney state, and for as long as both last.

Alerts on two grounds. *low*, at Tier 2: the newest such trough is below its target. *none_on_record*, at Tier 3: treated for more
than {treated_days} days with a drug that has a target, no level since the course began, and one of: renal replacement, unsteady kidney
function, a clearance measured in urine above {measured_crcl_above_ml_per_min} mL/min, or a grave ground of *response*.

Clear when that trough is not below its target, and lies above its lower end by {level_timing.held_share} of it where one before
lay below; or when no level is asked for. Above the target *exposure_high* says it. Not
assessable when the time of the next dose is not known or the sample was no trough, after a change of dose or kidney state, after
{level_timing.level_holds_days} days, for a kind of dialysis without a target, where levels were never delivered or could not be
read, and under {exposure.adult_from_years} years.

Why: guide G17. No trough was shown to predict the outcome (van der Wekken-Pas 2023); the target is a transplant cohort's
(Maertson 2021), and the dose row for renal replacement was set for less exposure (Horvatits 2014). Not to be read as an
order to give more.
"""

from cmvmon.domain import words
from cmvmon.facts import treatment
from cmvmon.facts.conditions import AnyOf, denied, fact, number, otherwise, truth
from cmvmon.facts.levels import NEVER, SILENT, UNDER_AGE, UNKNOWN_BECAUSE
from cmvmon.rules.little_fall import GRAVE
from cmvmon.rules.of_levels import is_below, is_not_below, still_below, target, trough, unknown
from cmvmon.rules.rulebook import Rule, alerts_by, say, verdict_of

state, clearance = fact("kidney_state"), fact("measured_crcl_ml_per_min")
line = number("measured_crcl_above_ml_per_min")
is_replaced, is_unsteady = state == "renal_replacement", state == "kidney_function_not_steady"
is_fast = clearance > line
falls_little = AnyOf(tuple(alerts_by("response", ground) for ground in GRAVE))
is_asked = is_replaced | is_unsteady | is_fast | falls_little
judged_from = number("response_clock.judged_from_days").days
is_late = fact("as_of") - fact("anchor_at") >= judged_from
response_unknown = (verdict_of("response") == words.NOT_ASSESSABLE) & is_late
kidney_unknown = state.is_in(["kidney_function_unread", "kidney_function_unknown"])
may_be_asked = is_asked | kidney_unknown | response_unknown

is_long = fact("as_of") - fact("target_drug_since") > number("treated_days").days
has_none = treatment.is_on & denied("has_level")
none_on_record = has_none & is_long & is_asked & unknown.is_unknown()
is_not_asked = has_none & ~(is_long & may_be_asked) & (unknown.is_unknown() | unknown.is_in([NEVER, SILENT]))

RULE = Rule(
    code="drug_level",
    subject="patient",
    applies=~treatment.is_off & ~(treatment.is_on & denied("has_target")),
    fires={"low": is_below, "none_on_record": none_on_record},
    unless={UNDER_AGE: unknown == UNDER_AGE},
    clears=is_not_below | is_not_asked,
    tier={2: is_below, 3: otherwise},
    cannot_tell=(
        ("treatment_unknown", ~treatment.is_on),
        *((code, unknown == code) for code in UNKNOWN_BECAUSE),
        ("kidney_function_unread", has_none & (state == "kidney_function_unread")),
        ("kidney_function_unknown", has_none & kidney_unknown),
        ("response_not_judged", has_none),
        ("beyond_limit", otherwise),
    ),
    says=(
        trough,
        target,
        still_below,
        say("on_replacement", when=is_below & truth("is_level_on_replacement")),
        say("none", fact("running_drugs"), fact("course_started_at"), when=~is_below),
        say("replaced", when=none_on_record & is_replaced),
        say("unsteady", when=none_on_record & is_unsteady),
        say("fast", clearance, line, when=none_on_record & is_fast),
        say("falls_little", when=none_on_record & falls_little),
        say("not_validated"),
    ),
    after_discharge=("low",),
    leaflet=__doc__ or "",
)
