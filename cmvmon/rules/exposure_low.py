"""Less of a drug was given than its label has for the kidney function, or doses were missed.

Watches each drug that is given as treatment or prophylaxis, by the doses that were given. A day is 24 hours from the start of the
response clock on, of prophylaxis from its first dose on record on. Its dose is held against the band of that day:
{exposure.least_share} of the least that a regimen of the band gives, under prophylaxis a maintenance regimen.

Alerts on three grounds. *below_band*: the last day that is over and the one before it lie below the band, or nothing at all was
given on the last; by the band of the day before as well, so that a change of band counts once it has lasted a day. *missed_doses*:
{missed_doses} or more doses were missed on these days. *maintenance_dose*: below the band as well, none missed, and as much in a day
as the label's maintenance dose; whether maintenance is meant is not on record. It is of Tier 2, and of Tier 3 only once the
treatment dose was given on {maintenance_after_days} days and the last two results of every compartment that was ever sampled are below
the limit of quantification, none sampled longer than {maintenance_sampled_within_days} days ago.

From then on it is told for {eases_days} more days, for information, so that a kidney function at the edge of a band does not end and
begin it anew (*was_below*).

Clear when the last day is not below its band, fewer doses were missed, and those days are over. Not assessable on the first day
below it; without a dosing weight (of a drug that is dosed by weight), a clearance of the last
{exposure.kidney_value_holds_days} days (an eGFR only with body surface), in the {exposure.unsteady_after_replacement_h} hours
after renal replacement, where creatinine moved by more than {exposure.creatinine_moved_umol_per_l} umol/L in
{exposure.creatinine_moved_within_h} hours, of patients under {exposure.adult_from_years} years, where a row could not be
read, where the table has no dose for prophylaxis, and of prophylaxis beside treatment. A patient of unknown age is judged as an adult.

Why: guide G14, G17: a low dose explains a slow fall before resistance does. Doses on renal replacement rest on few patients
(Horvatits 2014). Not to be read as an order to give more: a dose may be low on purpose. The route is not judged.
"""

from cmvmon.facts.conditions import fact, number, otherwise, truth
from cmvmon.facts.dose_days import ADEQUATE, HIGH, LOW
from cmvmon.rules import of_doses
from cmvmon.rules.rulebook import Rule, say

is_low, missed = truth("is_exposure_low"), fact("n_missed_lately")
maintenance_dose = is_low & truth("is_maintenance_dose") & (missed == 0)
below_band = is_low & ~maintenance_dose
at_dose, below_since = fact("n_days_at_treatment_dose"), fact("load_below_since_at")
is_load_below = fact("as_of") - below_since <= number("maintenance_sampled_within_days").days
is_settled = maintenance_dose & (at_dose >= number("maintenance_after_days")) & is_load_below
missed_doses = missed >= number("missed_doses")
in_band = of_doses.state.is_in([ADEQUATE, HIGH])
was_below = in_band & (fact("n_days_since_low") <= number("eases_days"))

RULE = Rule(
    code="exposure_low",
    subject="drug",
    applies=of_doses.is_judged,
    fires={
        "below_band": below_band,
        "maintenance_dose": maintenance_dose,
        "missed_doses": missed_doses,
        "was_below": was_below,
    },
    unless=of_doses.UNDER_AGE,
    clears=in_band & ~missed_doses & ~was_below,
    tier={2: below_band | (maintenance_dose & ~is_settled) | missed_doses, 3: otherwise},
    cannot_tell=of_doses.cannot_tell(of_doses.state == LOW),
    says=(
        say("was_below", fact("low_until_at"), when=was_below & ~missed_doses),
        *of_doses.told(fact("least_in_a_day")),
        say("maintenance", fact("share_of_treatment_percent"), when=maintenance_dose),
        say("settled", at_dose, number("maintenance_after_days"), below_since, when=is_settled),
        say("missed", missed, when=missed > 0),
        *of_doses.FOLDED,
    ),
    also_tells=(number("exposure.least_share"),),
    leaflet=__doc__ or "",
)
