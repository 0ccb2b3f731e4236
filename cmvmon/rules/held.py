"""An alert at a line holds until the load has clearly left that line: what the rules say of it then, and on which sample it rests."""

from __future__ import annotations

from cmvmon.facts import samples
from cmvmon.facts.conditions import Condition, fact
from cmvmon.rules.rulebook import Say, say

load = fact("held_at_least_iu_per_ml")


def reached(when: Condition, which: str = "held") -> Say:
    """When a line was reached that the latest load no longer reaches, and that none since lies clearly below it.

    It is said whether the alert stood since then or not: no rule knows that, as both results may have come at once.

    Args:
        when: that it is so.
        which: the sample that reached the line, as its facts are named.
    """
    return say(which, *samples.told_of(which), when=when)
