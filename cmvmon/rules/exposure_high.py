"""More of a drug was given than its label has for the kidney function.

Watches each drug that is given as treatment or prophylaxis, by the doses that were given. A day is 24 hours from the start of the
response clock on, of prophylaxis from its first dose on record on. Its dose is held against the band of that day:
{exposure.most_share} of the most that a regimen of the band gives, under prophylaxis a maintenance regimen.

Alerts on two grounds. *above_band*: the last day that is over lies above the band of that day and of the day before, so that a
change of band counts once it has lasted a day. *level_above*: the newest trough that *drug_level* can judge is above the upper end
of its target, or was and none since lies below that end by {level_timing.held_share} of it. Prophylaxis above the maintenance dose
and not above the treatment dose is of Tier 3: the label of ganciclovir begins so. Once the day is within its band it is told for
{eases_days} more days, for information (*was_above*). Clear when these are over, and the trough is not above its target. Not
assessable as `exposure_low` is: without a dosing weight or a clearance, while kidney function is not steady, under
{exposure.adult_from_years} years, and where a row could not be read.

Why: guide G14, G17; a dose that was not lowered with the kidney function goes with low blood counts (ganciclovir) and with
more kidney injury (foscarnet). Doses on renal replacement rest on few patients (Horvatits 2014). Not to be read as an order
to give less: transplant guidance does not lower the dose for low counts alone (Kotton 2025).
"""

from dataclasses import replace

from cmvmon.facts.conditions import fact, number, otherwise, truth
from cmvmon.facts.dose_days import ADEQUATE, HIGH, LOW
from cmvmon.rules import of_doses, of_levels
from cmvmon.rules.rulebook import Rule, say

level_above = of_levels.is_above & (of_doses.drug == fact("level_drug"))
begins_so = truth("is_exposure_high") & of_doses.as_prophylaxis & truth("is_within_treatment_dose")
in_band = of_doses.state.is_in([ADEQUATE, LOW]) & ~level_above
was_above = in_band & (fact("n_days_since_high") <= number("eases_days"))

RULE = Rule(
    code="exposure_high",
    subject="drug",
    applies=of_doses.is_judged,
    fires={"above_band": truth("is_exposure_high"), "level_above": level_above, "was_above": was_above},
    clears=in_band & ~was_above,
    tier={2: (truth("is_exposure_high") & ~begins_so) | level_above, 3: otherwise},
    cannot_tell=of_doses.cannot_tell(of_doses.state == HIGH),
    says=(
        say("was_above", fact("high_until_at"), when=was_above),
        replace(of_levels.trough, when=level_above),
        replace(of_levels.target, when=level_above),
        replace(of_levels.still_above, when=level_above & of_levels.holds_above),
        *of_doses.told(fact("most_in_a_day")),
        say("begins_so", when=begins_so),
        *of_doses.FOLDED,
    ),
    also_tells=(number("exposure.most_share"),),
    leaflet=__doc__ or "",
)
