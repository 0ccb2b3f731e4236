"""[numbers], [units] and [values] of a laboratory file: how it prints a value, and what its words and numbers mean."""

from __future__ import annotations

import re

from cmvmon.domain import words
from cmvmon.feeds.declared_writing import read_marks
from cmvmon.feeds.toml_reading import StrictTable
from cmvmon.feeds.units import KINDS, Unit
from cmvmon.feeds.value_grammar import PHRASE_MEANINGS, ValueGrammar, fold

_PLAIN_NUMBER = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")


def read_grammar(top: StrictTable) -> ValueGrammar:
    """The grammar that those tables declare; what contradicts itself is a fault of `top`."""
    marks, units, values = read_marks(top), top.table("units"), top.table("values")
    missing = units.choice("missing", tuple(KINDS), required=False)
    grammar = ValueGrammar(
        marks,
        _units(units),
        None if missing is None else KINDS[missing],
        _phrases(values),
        _number_words(values),
        values.choice("less_than", (words.BELOW_LLOQ, words.NOT_DETECTED)) or "",
    )
    values.choice("greater_than", (words.ABOVE_ULOQ,))
    for table in (units, values):
        table.finish()
    return grammar


def _units(units: StrictTable) -> dict[str, Unit]:
    """Delivered text -> unit. An entry is a kind, or {unit = kind, times = factor} for a prefixed unit (kIU/mL)."""
    table, mapping = units.table("delivered"), dict[str, Unit]()
    for text, value in table.data.items():
        if isinstance(value, dict):
            entry = table.table(text)
            kind, times = entry.choice("unit", ("iu_per_ml", "copies_per_ml")), entry.number("times", required=True)
            entry.finish()
        else:
            kind, times = table.choice(text, tuple(KINDS)), 1.0
        if kind is None or times is None:
            continue
        unit = Unit(KINDS[kind].quantity, KINDS[kind].is_log10, times)
        if mapping.setdefault(fold(text), unit) != unit:
            table.fault(text, "stands twice (but for case or spaces) with two meanings; keep one")
    return mapping


def _phrases(values: StrictTable) -> dict[str, str]:
    """Folded phrase -> meaning. A phrase holds no digit: a number must never hide in one."""
    phrases: dict[str, str] = {}
    for meaning in PHRASE_MEANINGS:
        for phrase in values.texts(meaning):
            if any(c.isnumeric() for c in phrase):
                values.fault(meaning, f"{phrase!r} holds a digit; list words only, and a number under [values.numbers]")
            elif not any(c.isalpha() for c in phrase):
                values.fault(meaning, f"{phrase!r} holds no letter; list words only")
            if phrases.setdefault(fold(phrase), meaning) != meaning:
                values.fault(meaning, f"{phrase!r} also stands under another meaning; keep one")
    return phrases


def _number_words(values: StrictTable) -> dict[float, str]:
    """Number -> meaning, for a laboratory that prints 0 or -1 where others print words. A number above 0 is a load."""
    table, found = values.table("numbers"), dict[float, str]()
    for text in table.data:
        meaning = table.choice(text, PHRASE_MEANINGS)
        number = float(text) if _PLAIN_NUMBER.fullmatch(text) else None
        if number is None or number > 0:
            table.fault(text, "is no number of 0 or below, such as 0 or -1; a number above 0 is a load")
        elif meaning is not None and found.setdefault(number, meaning) != meaning:
            table.fault(text, "stands twice with two meanings; keep one")
    return found
