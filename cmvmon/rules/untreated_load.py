"""What `untreated_rise` alerts on: a load in blood at its line, a rise, or CMV where it is out of place; and whether it only still
holds."""

from __future__ import annotations

from cmvmon.domain import compartments
from cmvmon.facts import samples, treatment
from cmvmon.facts.conditions import fact, number, truth
from cmvmon.rules import held

taken, load = fact("latest_collected_at"), fact("latest_at_least_iu_per_ml")
is_blood, is_tissue = fact("compartment").is_in(compartments.BLOOD), fact("compartment") == "tissue"
is_elsewhere = fact("compartment").is_in(("csf", "vitreous")) | is_tissue
is_recent = fact("as_of") - taken <= number("within_days").days
is_judged = treatment.is_off & is_recent & ~truth("latest_is_conflicting") & ~truth("last_two_contradict")

high_line, rising_line, far = (number(name) for name in ("high_iu_per_ml", "rising_iu_per_ml", "rise_log10"))
high_now, rises_now = load >= high_line, (load >= rising_line) & (fact("rise_lately_log10") > far)
rising = (load >= rising_line) | (held.load >= rising_line)
high = is_judged & is_blood & (high_now | (held.load >= high_line))
rises = is_judged & is_blood & rising & (fact("held_rise_lately_log10") > far)
is_held = (high | rises) & ~high_now & ~rises_now

at_once = fact("rise_at_once_log10") > far
not_compared = fact("rise_lately_log10").is_unknown()
may_rise = is_blood & rising & (not_compared | at_once | truth("is_load_before_unknown"))
elsewhere = is_judged & is_elsewhere & samples.latest_is_detected
