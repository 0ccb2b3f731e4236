"""Lines that are wider in the lower airways, whose samples are diluted unevenly."""

from __future__ import annotations

from cmvmon.domain import compartments
from cmvmon.facts.conditions import Condition, Value, choose, fact

in_airways = fact("compartment").is_in(compartments.LOWER_RESPIRATORY)


def above(value: Value, than: Value, in_airways_from: Value) -> Condition:
    """More than `than`; in the lower airways at least `in_airways_from`."""
    return choose(in_airways, value >= in_airways_from, value > than)


def from_on(value: Value, least: Value, in_airways_from: Value) -> Condition:
    """At least `least`; in the lower airways at least `in_airways_from`."""
    return choose(in_airways, value >= in_airways_from, value >= least)
