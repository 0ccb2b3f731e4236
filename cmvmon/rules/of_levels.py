"""What the rules about levels share: the trough that is judged, against its target, and what they say of it."""

from __future__ import annotations

from cmvmon.facts.conditions import fact
from cmvmon.rules.rulebook import say

level, sign, unknown = fact("level_mg_per_l"), fact("level_comparator"), fact("level_unknown")
least, most = fact("trough_from_mg_per_l"), fact("trough_to_mg_per_l")
is_judged = level.is_known() & unknown.is_unknown()
is_below = is_judged & ~(sign == ">") & ((level < least) | ((sign == "<") & (level <= least)))
is_above = is_judged & ~(sign == "<") & ((level > most) | ((sign == ">") & (level >= most)))
is_not_below = is_judged & ~(sign == "<") & (level >= least)

trough = say("trough", fact("level_drug"), level, sign, fact("level_sampled_at"), when=is_below | is_above)
target = say("target", least, most, when=is_below | is_above)
