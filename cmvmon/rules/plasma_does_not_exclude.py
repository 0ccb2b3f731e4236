"""Blood is negative while CMV was found elsewhere, or another compartment is stated to be affected.

Watches the latest result in blood of any matrix. Alerts on two grounds when that is *not detected* and not older than
{concordance.stale_after_days} days. *blood_negative*: in the last {within_days} days BAL had a load, or CMV was detected in
CSF, vitreous fluid or tissue, below the limit of quantification too, and blood was not taken before it by more than
{concordance.stale_after_days} days. *disease_stated*: the team states a compartment that is not blood to be affected, whether
or not it was sampled; but not while a sample of it of the last {concordance.stale_after_days} days is itself *not detected*.

Tier 2 while BAL stood at or above the line of {affected_compartments.local_line_iu_per_ml} IU/mL and was last sampled more
than {concordance.stale_after_days} days ago: blood then says nothing of a lung that nobody has sampled since. Else tier 3.

Clear when CMV is detected in blood, or not in the compartment; and for BAL below the limit of quantification, as it is at the
end of most treatments that work. Not assessable without such a blood result.

Why: guide G10, from transplant medicine: a negative plasma PCR does not exclude organ disease; in 12 to 14 % of lung disease
plasma was negative (Lodding 2018, Boeckh 2017). Not to be read as organ disease.
"""

from cmvmon.domain import compartments, words
from cmvmon.facts import samples
from cmvmon.facts.conditions import fact, number, otherwise, truth
from cmvmon.rules import newer_result
from cmvmon.rules.rulebook import Rule, say

as_of, taken = fact("as_of"), fact("latest_collected_at")
blood, blood_at = fact("last_blood_detection"), fact("last_blood_collected_at")
stale = number("concordance.stale_after_days").days
is_elsewhere = truth("has_series") & fact("compartment").is_in(("bal", "csf", "vitreous", "tissue"))
is_recent = as_of - taken <= number("within_days").days
of_blood = (fact("last_blood_compartment"), blood_at)
blood_counts = (as_of - blood_at <= stale) & (taken - blood_at <= stale)
age = fact("days_since_latest")
at_line = fact("latest_at_least_iu_per_ml") >= number("affected_compartments.local_line_iu_per_ml")
is_old_bal = (fact("compartment") == "bal") & at_line & (age > number("concordance.stale_after_days"))
found = fact("latest_detection")
is_readable = ~truth("latest_is_conflicting")
is_faint = (fact("compartment") == "bal") & (found == words.BELOW_LLOQ) & is_readable
is_positive = is_elsewhere & is_recent & samples.latest_is_detected & is_readable & ~is_faint
is_negative = (found == words.NOT_DETECTED) & is_readable
is_stated = (fact("affected_source") == words.STATED) & ~fact("compartment").is_in(compartments.BLOOD)
is_new_negative = is_negative & (as_of - taken <= stale)
blood_is_new = as_of - blood_at <= stale

blood_negative = is_positive & blood_counts & (blood == words.NOT_DETECTED)
disease_stated = is_stated & ~is_new_negative & blood_is_new & (blood == words.NOT_DETECTED)

RULE = Rule(
    code="plasma_does_not_exclude",
    subject="series",
    applies=((is_elsewhere & is_recent) | is_stated) & ~truth("is_discharged"),
    fires={"blood_negative": blood_negative, "disease_stated": disease_stated},
    clears=((is_positive | is_stated) & blood_is_new & blood.is_in(samples.DETECTED))
    | (is_negative & (~is_stated | is_new_negative))
    | (is_faint & ~is_stated),
    open_while=newer_result.open_while(
        newer_result.may_be_newer | newer_result.may_be_newer_than(blood_at),
        silent=newer_result.is_silent | newer_result.blood_is_silent,
        doubted=newer_result.in_doubt | newer_result.blood_in_doubt,
    ),
    tier={2: is_old_bal, 3: otherwise},
    cannot_tell=(
        ("conflicting_values", truth("latest_is_conflicting") & ~is_stated),
        ("no_recent_blood", ~blood_is_new),
        ("conflicting_values", otherwise),
    ),
    says=(
        say("negative", *of_blood, fact("compartment"), *samples.LATEST, when=blood_negative),
        say("stated", *of_blood, fact("compartment"), when=~blood_negative),
        say("last_sampled", fact("compartment"), age, when=is_old_bal | (~blood_negative & age.is_known())),
        say("not_sampled", fact("compartment"), when=~blood_negative & age.is_unknown()),
        say("guide"),
    ),
    rests_on=((("last_blood_result_id", "latest_result_id"), otherwise),),
    no_longer=words.RESULT_OLD,
    leaflet=__doc__ or "",
)
