"""Whether a load fell too little under treatment: the grounds of `response`, what refutes them, and what it says of them."""

from __future__ import annotations

from cmvmon.domain import compartments, words
from cmvmon.facts import adequate_days, samples, treatment
from cmvmon.facts.conditions import AnyOf, Condition, choose, fact, number, truth
from cmvmon.rules import held
from cmvmon.rules.airways import above
from cmvmon.rules.rulebook import Say, say
from cmvmon.rules.sentences import FALL, STANDS_IN, TO, is_estimated_to_rise

call, taken = fact("call"), fact("fall_to_collected_at")
target, probability = number("decline.target_log10_per_week"), fact("mean_probability_above_target")
low, least = number("low_load_iu_per_ml"), number("least_fall_log10")
judged_from, long_from = number("response_clock.judged_from_days"), number("response_clock.whole_course_from_days")
since_clock, since_start = taken - fact("anchor_at"), taken - fact("course_started_at")

is_met = call == "met"
is_late, is_long = since_clock >= judged_from.days, since_start >= long_from.days
is_after_week_4 = since_clock > number("response_clock.lately_from_days").days
is_read_lately = is_after_week_4 & fact("lately_from_collected_at").is_known()
is_low = fact("fall_to_at_most_iu_per_ml") < low
# So low a load ends nothing while it lies just below the line that was reached: it says no more of the fall than the one before.
is_just_below = is_low & (held.load >= low)
is_high = treatment.is_on & (fact("fall_to_at_least_iu_per_ml") >= low) & ~is_met
is_above_range = fact("fall_to_detection") == words.ABOVE_ULOQ

has_estimate = call.is_known() & (fact("estimated_since") == fact("anchor_at"))
estimate, at_least, at_most = (fact(f"{name}_log10") for name in ("estimated_fall", "fall_at_least", "fall_at_most"))
above_throughout = is_above_range & (fact("fall_from_detection") == words.ABOVE_ULOQ)
fell_little = choose(has_estimate, estimate <= least, at_most <= least) | above_throughout
fell_enough = choose(has_estimate, estimate > least, at_least > least)
above_lately = is_above_range & (fact("lately_from_detection") == words.ABOVE_ULOQ)
little_lately = (fact("lately_fall_at_most_log10") <= least) | above_lately
enough_lately = fact("lately_fall_at_least_log10") > least
peak_line = number("peak_fall_lower_airway_log10")
fell_from_peak = above(fact("peak_fall_at_least_log10"), than=least, in_airways_from=peak_line) & ~is_long
fell = choose(is_read_lately, enough_lately, fell_enough | fell_from_peak)

low_fall = is_high & is_late & ~is_read_lately & fell_little & ~fell_from_peak
low_fall_lately = is_high & is_read_lately & little_lately
had_drugs = fact("course_started_at") < fact("anchor_at")
is_course_judged = is_long | (~is_late & (since_start >= judged_from.days))
little_in_all = (fact("course_fall_at_most_log10") <= least) & ~(is_late & fell_enough)
flat_through_drugs = is_high & is_course_judged & had_drugs & little_in_all
has_nothing_before = at_least.is_unknown() & at_most.is_unknown() & ~above_throughout
two_high = (fact("previous_at_least_iu_per_ml") >= low) & ~truth("last_two_conflict")
still_high = is_high & is_long & has_nothing_before & two_high
is_blood = fact("compartment").is_in(compartments.BLOOD)
peak_rise, far = fact("peak_rise_log10"), number("refractory_rise_log10")
is_seen_twice = (fact("peak_rise_before_log10") > far) & ~truth("last_two_conflict")
is_confirmed = is_seen_twice | (fact("fall_to_at_least_iu_per_ml") >= number("refractory_one_load_iu_per_ml"))
on_adequate_dose = treatment.is_on & is_blood & ~is_met & adequate_days.was_adequate
refractory = on_adequate_dose & (peak_rise > far) & is_confirmed
probable_refractory = on_adequate_dose & is_high & (peak_rise >= 0.0) & ~refractory
# The grounds of tier 2, by name; `genotype_not_on_record` follows each of them.
GRAVE: dict[str, Condition] = {
    "refractory": refractory,
    "probable_refractory": probable_refractory,
    "low_fall": low_fall,
    "low_fall_lately": low_fall_lately,
    "flat_through_drugs": flat_through_drugs,
    "still_high": still_high,
}
is_grave = AnyOf(tuple(GRAVE.values()))
doses_outside = is_grave & is_blood & adequate_days.is_long_enough & ~adequate_days.was_adequate
is_below_line = (call == "not_met") | (is_late & call.is_unknown() & (fact("fall_at_most_log10_per_week") < target))
below_local_line = treatment.is_on & truth("is_leading") & is_below_line
# An undecided call whose estimate stands below the line: not shown to be less, and not shown to reach it. So a night without a
# sample ends no alert that the next sample begins again.
is_near_line = truth("is_leading") & (call == "indeterminate") & (fact("mean_decline_log10_per_week") < target)
switched_from, switch_reason = fact("switched_from"), fact("switch_reason")
is_switched = had_drugs & switched_from.is_known()
_SWITCH = (switched_from, fact("switched_from_at"))
interrupted, outside = fact("interrupted_days"), fact("n_days_outside")

is_first_clock = ~had_drugs & (at_most < 0.0)
is_higher = is_first_clock & (is_estimated_to_rise | (fact("rise_since_anchor_log10") >= least))
_another = ~(fact("lately_from_result_id") == fact("fall_from_result_id"))

SAYS: tuple[Say, ...] = (
    *FALL,
    say("whole_course", *samples.told_of("course_from"), *TO, when=flat_through_drugs),
    say("lately", *samples.told_of("lately_from"), *TO, when=low_fall_lately & _another),
    say("refractory", fact("adequate_days"), peak_rise, far, when=refractory),
    say("probable_refractory", fact("adequate_days"), peak_rise, when=probable_refractory),
    say("doses_outside", outside, number("exposure.adequate_days"), when=doses_outside),
    say(
        "some_outside",
        outside,
        number("exposure.adequate_days"),
        when=(refractory | probable_refractory) & (outside > 0),
    ),
    say("line_of_fall", least, low, judged_from, when=low_fall | flat_through_drugs),
    say("line_lately", least, low, number("response_clock.lately_days"), when=low_fall_lately),
    say("line_high", low, long_from, when=still_high),
    say("guide", target, when=~is_grave),
    say("higher", when=is_higher),
    say("interrupted", interrupted, when=interrupted > 0.0),
    say("switched", *_SWITCH, switch_reason, when=is_switched & switch_reason.is_known()),
    say("switched_unstated", *_SWITCH, when=is_switched & switch_reason.is_unknown()),
    say("no_baseline", when=fact("fall_from_is") == words.STANDS_IN),
    say("probability", probability, target, when=probability.is_known() & call.is_known()),
    STANDS_IN,
    say("doses_unknown", when=is_grave & is_blood & ~adequate_days.has_doses),
    say("censored", fact("n_censored"), when=fact("n_censored") > 0),
)
