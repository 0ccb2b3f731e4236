"""The named value grammars of the tests: those of the shipped laboratory files, and variants of `us`."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

from cmvmon.domain import words
from cmvmon.feeds.numerals import Marks
from cmvmon.feeds.units import KINDS
from cmvmon.feeds.value_grammar import Reading, ValueGrammar
from tests.feeds.shipped import laboratory


@cache
def grammar(name: str) -> ValueGrammar:
    us = laboratory("example_us").grammar
    copies = {"copies/ml": KINDS["copies_per_ml"], "log copies/ml": KINDS["log10_copies_per_ml"]}
    others = {
        "undeclared": replace(us, marks=Marks()),
        "undetected_below": replace(us, less_than=words.NOT_DETECTED),
        "copies": replace(us, units={**us.units, **copies}, less_than=words.NOT_DETECTED),
        "with_its_method": replace(
            us, phrases={**us.phrases, "not detected. method: real-time pcr": words.NOT_DETECTED}
        ),
        "unit_in_contract": replace(us, missing_unit=KINDS["iu_per_ml"]),
    }
    return others.get(name) or laboratory(f"example_{name}").grammar


GRAMMARS = ("us", "fr", "nl", "undeclared", "undetected_below", "copies", "unit_in_contract")


def shown(outcome: object) -> str:
    """A reading as `detection sign number unit`, a rejection as `rejected: code`."""
    if not isinstance(outcome, Reading):
        return f"rejected: {outcome.code}"  # type: ignore[attr-defined]
    if outcome.unit is None:
        return outcome.detection
    kind = next((name for name, unit in KINDS.items() if unit == outcome.unit), f"iu_per_ml x {outcome.unit.times:g}")
    sign, number = ("=", outcome.value) if outcome.limit is None else ("limit", outcome.limit)
    return f"{outcome.detection} {sign} {number:.12g} {kind}"
