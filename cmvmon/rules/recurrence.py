"""The load is back after the end of treatment, or after it had been cleared.

Watches every series in use of blood, BAL, CSF and vitreous fluid, whatever is stated as affected: off treatment
since the latest course ended, or, on or off treatment, since results below the limit of quantification that span at least
{watched.cleared_from_days} days after a load (cleared). Negative results before the first load are no clearance.

Alerts on three grounds: the last two sample results both have a load; one load is above {one_load_above_iu_per_ml} IU/mL;
a load of at least {to_at_least_iu_per_ml} IU/mL stands more than {rise_log10} log10 above the lowest since, the last result
before the end included. Prophylaxis and letermovir are no treatment here.

Tier 2; two low loads of which the second is no more than {low_loads_rise_log10} log10 above that lowest are tier 3. Clear
when the latest result is below the limit of quantification, or when the patient is on treatment again and had not cleared
since. Not assessable when it is unknown whether the patient is treated, without a result since the end, when the values of the
latest conflict, and on one low load, until a second result.

Why: rules.md 3.1; relapse after a course is common in transplantation (Kotton 2018). Not to be read as resistance, nor as
disease: low loads after a course are often blips (Lodding 2018). The lines are a proposal, to be signed.
"""

from cmvmon.domain import compartments, words
from cmvmon.facts import samples, treatment
from cmvmon.facts.conditions import fact, number, otherwise, truth
from cmvmon.rules import newer_result
from cmvmon.rules.rulebook import ALL_GROUNDS, Rule, say

latest, before, load = fact("latest_collected_at"), fact("previous_collected_at"), fact("latest_at_least_iu_per_ml")
ended, below_since, rise = fact("treatment_ended_at"), fact("below_since"), fact("rise_after_treatment_log10")
high, least, more = (number(n) for n in ("one_load_above_iu_per_ml", "to_at_least_iu_per_ml", "rise_log10"))
is_watched = truth("has_series") & fact("compartment").is_in(compartments.WATCHED)
has_nothing = ~truth("patient_has_series") & fact("compartment").is_unknown()
is_unknown = fact("treatment") == words.TREATMENT_UNKNOWN

was_cleared = (fact("days_below") >= number("watched.cleared_from_days")) & truth("had_load_before")
cleared = was_cleared & (~treatment.is_on | (below_since >= fact("course_started_at")))
after_end = treatment.is_off & (latest > ended)
is_after = (after_end | cleared) & ~truth("latest_is_conflicting")
before_is_after = (treatment.is_off & (before > ended)) | cleared
before_is_load = fact("previous_detection").is_in((words.QUANTIFIED, words.ABOVE_ULOQ)) & ~truth("last_two_conflict")
rises_again = is_after & (rise > more) & (load >= least)
is_high_again = is_after & (load > high)
is_rising = rise > number("low_loads_rise_log10")
two_loads = is_after & samples.latest_is_load & before_is_after & before_is_load

RULE = Rule(
    code="recurrence",
    subject="series",
    applies=(is_watched & (ended.is_known() | cleared | is_unknown)) | has_nothing,
    fires={
        "two_loads": two_loads,
        "one_high_load": is_high_again,
        "rise": rises_again,
    },
    clears=(is_after & samples.latest_is_below) | (treatment.is_on & ~cleared),
    open_while=newer_result.open_while(but=treatment.is_on & ~cleared),
    tier={2: is_high_again | is_rising, 3: otherwise},
    cannot_tell=(
        ("treatment_unknown", is_unknown & ~cleared),
        ("no_series", ~truth("has_series")),
        ("conflicting_values", truth("latest_is_conflicting")),
        ("no_result_since_end", ~is_after),
        ("recurrence_unconfirmed", otherwise),
    ),
    says=(
        say("after_end", fact("compartment"), *samples.LATEST, ended, when=after_end),
        say("after_cleared", fact("compartment"), *samples.LATEST, below_since, when=~after_end),
        say("line", high, more, least),
        say("result_before", *samples.PREVIOUS, when=two_loads),
        say("letermovir", when=truth("on_letermovir_alone")),
    ),
    rests_on=((("previous_result_id", "latest_result_id"), two_loads), (("latest_result_id",), otherwise)),
    after_discharge=ALL_GROUNDS,
    leaflet=__doc__ or "",
)
