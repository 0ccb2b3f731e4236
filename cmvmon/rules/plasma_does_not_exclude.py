"""Blood is negative while CMV was found elsewhere.

Watches, for every BAL, CSF, vitreous and tissue series of the last {within_days} days whose latest result has a load, the
latest result in blood of any matrix. Alerts when that is *not detected*, was not taken before the other sample by more than
{concordance.stale_after_days} days, and is itself not older than that now.

Tier 2 while BAL stood at or above the line of {affected_compartments.local_line_iu_per_ml} IU/mL and was last sampled more
than {concordance.stale_after_days} days ago: blood then says nothing of a lung that nobody has sampled since. Else tier 3.

Clear when blood has a load, or the compartment has none. Not assessable without such a blood result.

Why: guide G10, from transplant medicine: a negative plasma PCR does not exclude organ disease; in 12 to 14 % of lung disease
plasma was negative (Lodding 2018, Boeckh 2017). Not to be read as organ disease.
"""

from cmvmon.domain import words
from cmvmon.facts import samples
from cmvmon.facts.conditions import fact, number, otherwise, truth
from cmvmon.rules.rulebook import Rule, say

DETECTED = (words.BELOW_LLOQ, words.QUANTIFIED, words.ABOVE_ULOQ)

as_of, taken = fact("as_of"), fact("latest_collected_at")
blood, blood_at = fact("last_blood_detection"), fact("last_blood_collected_at")
stale = number("concordance.stale_after_days").days
is_elsewhere = truth("has_series") & fact("compartment").is_in(("bal", "csf", "vitreous", "tissue"))
is_recent = as_of - taken <= number("within_days").days
blood_counts = (as_of - blood_at <= stale) & (taken - blood_at <= stale)
age = fact("days_since_latest")
at_line = fact("latest_at_least_iu_per_ml") >= number("affected_compartments.local_line_iu_per_ml")
is_old_bal = (fact("compartment") == "bal") & at_line & (age > number("concordance.stale_after_days"))
is_load = samples.latest_is_load & ~truth("latest_is_conflicting")

RULE = Rule(
    code="plasma_does_not_exclude",
    subject="series",
    applies=is_elsewhere & is_recent & ~truth("is_discharged"),
    fires={"blood_negative": is_load & blood_counts & (blood == words.NOT_DETECTED)},
    clears=(is_load & blood_counts & blood.is_in(DETECTED))
    | (samples.latest_is_below & ~truth("latest_is_conflicting")),
    tier={2: is_old_bal, 3: otherwise},
    cannot_tell=(
        ("conflicting_values", truth("latest_is_conflicting")),
        ("no_recent_blood", ~blood_counts),
        ("conflicting_values", otherwise),
    ),
    says=(
        say("negative", fact("last_blood_compartment"), blood_at, fact("compartment"), *samples.LATEST),
        say("last_sampled", fact("compartment"), age, when=is_old_bal),
        say("guide"),
    ),
    rests_on=((("last_blood_result_id", "latest_result_id"), otherwise),),
    no_longer=words.RESULT_OLD,
    leaflet=__doc__ or "",
)
