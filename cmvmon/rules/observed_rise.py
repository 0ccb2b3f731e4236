"""The rise that is observed under treatment: the ground of `rebound` that needs no model, and whether it only still holds."""

from __future__ import annotations

from functools import partial

from cmvmon.facts import rises
from cmvmon.facts.conditions import choose, fact, number
from cmvmon.rules.airways import above, in_airways

rise, before = fact("rise_log10"), fact("previous_rise_log10")
exceeds = partial(above, than=number("rise_log10"), in_airways_from=number("lower_airway_rise_log10"))
to_load = number("to_at_least_iu_per_ml")
by_blood = in_airways & (fact("parallel_blood_rise_log10") > number("rise_log10"))
by_latest = choose(in_airways, by_blood, fact("latest_point_at_least_iu_per_ml") >= to_load)
by_held = choose(in_airways, by_blood, fact("held_point_at_least_iu_per_ml") >= to_load)

observed_now = exceeds(rise) & (by_latest | exceeds(before))
observed = (exceeds(fact("held_rise_log10")) & by_held) | exceeds(fact("held_two_rise_log10"))
is_held = observed & ~observed_now
HELD_IDS = (*rises.POINT_IDS, "held_point_result_id")
