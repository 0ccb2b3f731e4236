"""What the rules about levels share: the trough that is judged, against its target, and what they say of it.

One that lay outside its target holds until a trough lies clearly inside (`held_levels`): the same alert then stands.
"""

from __future__ import annotations

from cmvmon.facts.conditions import fact
from cmvmon.rules.rulebook import say

level, sign, unknown = fact("level_mg_per_l"), fact("level_comparator"), fact("level_unknown")
least, most = fact("trough_from_mg_per_l"), fact("trough_to_mg_per_l")
is_judged = level.is_known() & unknown.is_unknown()
is_below_now = is_judged & ~(sign == ">") & ((level < least) | ((sign == "<") & (level <= least)))
is_above_now = is_judged & ~(sign == "<") & ((level > most) | ((sign == ">") & (level >= most)))
holds_below = is_judged & ~(sign == ">") & ~is_below_now & (fact("held_low_mg_per_l") < least)
holds_above = is_judged & ~(sign == "<") & ~is_above_now & (fact("held_high_mg_per_l") > most)
is_below, is_above = is_below_now | holds_below, is_above_now | holds_above
is_not_below = is_judged & ~(sign == "<") & (level >= least) & ~holds_below

trough = say("trough", fact("level_drug"), level, sign, fact("level_sampled_at"), when=is_below | is_above)
target = say("target", least, most, when=is_below | is_above)
still_below = say("still_below", fact("held_low_sampled_at"), when=holds_below)
still_above = say("still_above", fact("held_high_sampled_at"), when=holds_above)
