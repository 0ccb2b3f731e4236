"""An alert at a line stands until the load has clearly left that line: what the rules say of it then, and on which sample it rests."""

from __future__ import annotations

from cmvmon.facts import samples
from cmvmon.facts.conditions import Condition, fact
from cmvmon.rules.rulebook import Say, say

load = fact("held_at_least_iu_per_ml")


def stands(when: Condition, which: str = "held") -> Say:
    """That an alert stands although the latest results alone would not give it, and since which sample.

    Args:
        when: that it is so.
        which: the sample that reached the line, as its facts are named.
    """
    return say(which, *samples.told_of(which), when=when)
