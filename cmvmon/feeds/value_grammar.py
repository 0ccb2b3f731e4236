"""The strict value grammar: what a laboratory printed, as detection, number and limit, or a named rejection.

Rules of this file: it never guesses, never raises on text, and reads no digit outside ASCII. What it accepts:

    value       = phrase | [phrase] quantity [alternative] [, phrase]
    quantity    = [comparator] number [unit]                 number also as 10^5 or 1.5 x 10^5
    comparator  = < | > | &lt; | &gt; | "less than" | "greater than", each with an optional ^ after it (HL7 SN)
    alternative = "(" comparator number unit ")" | "or" number unit       and it must agree with the quantity

Phrases, units and the meaning of `<N` are those of the laboratory's file; there is no dictionary of our own.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

from cmvmon.domain import words
from cmvmon.feeds.numerals import Marks, Printed, read_number, read_zero_or_below
from cmvmon.feeds.reasons import Rejection
from cmvmon.feeds.units import Unit, agree

INVALID = "invalid"
QUALITATIVE = "qualitative"
PHRASE_MEANINGS = (words.NOT_DETECTED, words.BELOW_LLOQ, words.ABOVE_ULOQ, INVALID, QUALITATIVE)

_NUMBER = re.compile(
    r"(?P<number>[+-]?[0-9](?:[0-9.,'_]|(?<=[0-9]) (?=[0-9]{3}(?![0-9])))*(?:e[+-]?[0-9]+)?)(?P<rest>.*)"
)
_LONGEST = 500  # characters; no result is longer, and the patterns below are only quick on short text
_SPELLED = ((re.compile(r"\bless than\b"), "<"), (re.compile(r"\bgreater than\b"), ">"))
_ALTERNATIVE = re.compile(r"(?P<first>[^()]+?)\s*(?:\((?P<bracket>[^()]*)\)|\bor\s+(?P<spoken>[^<>()]+))")
_TAIL = re.compile(r"(?P<core>.*?[^\s,])\s*,\s*(?P<phrase>[^0-9<>()]+)")
_POWER = re.compile(r"(?:(?P<times>[0-9][0-9.,']*)\s*[x×*]\s*)?10\s?\^\s?(?P<power>[+-]?[0-9]{1,2})(?![0-9.,])")
_OTHER_POWER = re.compile(r"10\s?\^|[0-9]\s*[x×*]\s*10|[0-9]\^")
_FLAG = re.compile(r"h{1,3}|l{1,3}|a{1,2}|n|!|h\*|l\*|\*+")  # HL7 table 0078, and the signs that stand for them
_UNSUPPORTED = re.compile(r"<\s*=|>\s*=|[≤≥≈~=±]")


@dataclass(frozen=True)
class ValueGrammar:
    """How one laboratory prints values: marks, units, phrases and what its `<N` says. Keys are folded text.

    `number_words`: numbers of 0 or below that it prints in place of a phrase.
    """

    marks: Marks = field(default_factory=Marks)
    units: Mapping[str, Unit] = field(default_factory=dict)
    missing_unit: Unit | None = None
    phrases: Mapping[str, str] = field(default_factory=dict)
    number_words: Mapping[float, str] = field(default_factory=dict)
    less_than: str = words.BELOW_LLOQ


@dataclass(frozen=True)
class Reading:
    """What was printed: `value` (quantified) or `limit` (of `<N` and `>N`) in `unit`; None where none was printed.

    `half_step`: the half of the number's last printed digit.
    """

    detection: str
    value: float | None = None
    limit: float | None = None
    unit: Unit | None = None
    half_step: float | None = field(default=None, repr=False, compare=False)


@dataclass(frozen=True)
class _Quantity:
    comparator: str
    printed: Printed
    unit: Unit | None


def fold(text: str) -> str:
    """`text` as phrases, units and codes are compared: composed letters, lower case, single spaces, none around it.

    >>> fold("  Not   Detected ")
    'not detected'
    """
    if text.isascii():
        return " ".join(text.lower().split())
    return " ".join(unicodedata.normalize("NFC", text).casefold().split())


_DATE = re.compile(  # as Excel shows what it made of a number, in a cell or in what it saves as CSV
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(?:[T ][0-9:.]+)?|[0-9]{1,2}[-/][0-9]{1,2}[-/][0-9]{2}(?:[0-9]{2})?"
    r"|[0-9]{1,2}-[^\W\d_]{3,4}\.?(?:-[0-9]{2}(?:[0-9]{2})?)?|[^\W\d_]{3,4}\.?-[0-9]{2}"
)


def parse_value(text: str, unit_text: str | None = None, *, grammar: ValueGrammar) -> Reading | Rejection:
    """What `text` says under the laboratory's grammar, or a named rejection; it never raises.

    Args:
        text: the value as delivered.
        unit_text: the unit from a column of its own, if the feed has one; a unit within the text must agree with it.

    >>> from cmvmon.feeds.units import IU_PER_ML
    >>> iu = ValueGrammar(units={"iu/ml": IU_PER_ML})
    >>> parse_value("<35 IU/mL", grammar=iu)
    Reading(detection='below_lloq', value=None, limit=35.0, unit=Unit(quantity='iu', is_log10=False, times=1.0))
    >>> parse_value("ca. 500", "IU/mL", grammar=iu).code
    'unknown_text'
    """
    found = _parsed(text, unit_text, grammar)
    if found == Rejection("unknown_text") and _DATE.fullmatch(text.strip()):
        return Rejection("date_as_value")
    return found


def _parsed(text: str, unit_text: str | None, grammar: ValueGrammar) -> Reading | Rejection:
    if not text.isascii() and any(c.isnumeric() and not c.isascii() for c in text):
        return Rejection("non_ascii_digit")
    folded = fold(text.replace("&lt;", "<").replace("&gt;", ">").replace("&LT;", "<").replace("&GT;", ">"))
    if not folded:
        return Rejection("missing_value")
    if len(folded) > _LONGEST:
        return Rejection("unknown_text")
    column_unit = _column_unit(unit_text, grammar)
    if isinstance(column_unit, Rejection):
        return column_unit
    whole = grammar.phrases.get(folded) or _number_word(folded, grammar)
    if whole is not None:
        return _phrase_alone(whole)
    for spelled, sign in _SPELLED:
        folded = spelled.sub(sign, folded)
    return _composite(folded, column_unit, grammar)


def _number_word(folded: str, grammar: ValueGrammar) -> str | None:
    """What a number of 0 or below stands for, with or without a unit after it; None where nothing is declared for it."""
    found = _NUMBER.fullmatch(folded) if grammar.number_words else None
    if found is None or (found["rest"].strip() and found["rest"].strip() not in grammar.units):
        return None
    number = read_zero_or_below(found["number"], grammar.marks)
    return None if number is None else grammar.number_words.get(number)


def _column_unit(unit_text: str | None, grammar: ValueGrammar) -> Unit | Rejection | None:
    if unit_text is None or not unit_text.strip():
        return None
    return grammar.units.get(fold(unit_text)) or Rejection("unknown_unit", "unit")


def _phrase_alone(meaning: str) -> Reading | Rejection:
    if meaning in (INVALID, QUALITATIVE):
        return Rejection(f"{meaning}_result")
    return Reading(meaning)


def _composite(folded: str, column_unit: Unit | None, grammar: ValueGrammar) -> Reading | Rejection:
    """[phrase] quantity [alternative] [, phrase]"""
    if _UNSUPPORTED.search(folded):
        return Rejection("unsupported_comparator")
    start = re.search(r"[0-9<>]", folded)
    if start is None:
        return Rejection("not_finite" if folded.strip("+-") in ("nan", "inf", "infinity") else "unknown_text")
    head, core = folded[: start.start()].rstrip(), folded[start.start() :]
    if head.endswith(("-", "+")) and core[0] not in "<>":
        head, core = head[:-1].rstrip(), head[-1] + core
    if head == "^":
        return Rejection("empty_comparator")
    before = folded[: start.start()]
    is_cut = core[0] not in "<>" and before.endswith((",", ".", "'")) and not before[-2:-1].isalpha()  # but ca.500
    if is_cut or (head and not head.strip(" ,.:;'")):  # ,970: what stood before the mark is not there
        return Rejection("malformed_number")
    tail = ""
    found = _TAIL.fullmatch(core)
    if found is not None:
        core, tail = found["core"], found["phrase"]
    meanings = []
    for phrase in (head.rstrip(" ,:;"), tail.strip()):
        if phrase:
            meaning = grammar.phrases.get(phrase)
            if meaning is None:
                return Rejection("unknown_text")
            meanings.append(meaning)
    quantity = _quantity_with_alternative(core, column_unit, grammar)
    if isinstance(quantity, Rejection):
        return quantity
    return _reading(quantity, meanings, grammar)


def _quantity_with_alternative(core: str, column_unit: Unit | None, grammar: ValueGrammar) -> _Quantity | Rejection:
    found = _ALTERNATIVE.fullmatch(core)
    if found is None:
        return _with_unit(_quantity(core, grammar), column_unit, grammar)
    first = _with_unit(_quantity(found["first"], grammar), column_unit, grammar)
    if isinstance(first, Rejection):
        return first
    spoken = found["bracket"] is None
    other = _quantity(found["spoken"] if spoken else found["bracket"], grammar)
    if isinstance(other, Rejection):
        return other
    if other.unit is None:
        return Rejection("second_number_without_unit")
    if first.unit is None:
        return Rejection("missing_unit")
    if not spoken and other.comparator != first.comparator:
        return Rejection("contradicting_values")
    if other.unit.quantity != first.unit.quantity:
        return Rejection("uncomparable_values")
    if not agree(first.printed, first.unit, other.printed, other.unit):
        return Rejection("contradicting_values")
    # The laboratory's own limit or load is the linear one: it computes the log10 from it, and rounds it.
    kept = other if first.unit.is_log10 and not other.unit.is_log10 else first
    return _Quantity(first.comparator, kept.printed, kept.unit)


def _quantity(text: str, grammar: ValueGrammar) -> _Quantity | Rejection:
    """[comparator] number [unit], from end to end; unit None where none is printed."""
    text = text.strip()
    comparator = ""
    if text[:1] in ("<", ">"):
        comparator, text = text[0], text[1:].lstrip().removeprefix("^").lstrip()
    power = _POWER.match(text)
    if power is not None:
        text = f"{power['times'] or '1'}e{power['power']}{text[power.end() :]}"
    elif _OTHER_POWER.search(text):
        return Rejection("number_form")
    found = _NUMBER.fullmatch(text)
    if found is None:
        return Rejection("unknown_text")
    number, rest = found["number"], found["rest"].strip()
    if comparator and number[0] in "+-":
        return Rejection("not_positive" if number[0] == "-" else "malformed_number")
    printed = read_number(number, grammar.marks)
    if isinstance(printed, Rejection):
        return printed
    if not rest:
        return _Quantity(comparator, printed, None)
    unit = grammar.units.get(rest)
    if unit is None:
        return Rejection(_what_follows(rest, is_glued=not found["rest"].startswith(" ")))
    return _Quantity(comparator, printed, unit)


def _what_follows(rest: str, *, is_glued: bool) -> str:
    """The reason code for what stands after a number and is no unit that is declared."""
    if _FLAG.fullmatch(rest):
        return "flag_after_number"
    if rest[0] == "^" or _OTHER_POWER.search(rest):
        return "number_form"
    if is_glued and re.match(r"[a-z][0-9]", rest):  # 12O00: a letter that was typed for a digit
        return "malformed_number"
    is_unit_like = rest[0].isalpha() or rest[0] in "/[{"
    return "unknown_unit" if is_unit_like and "(" not in rest else "unknown_text"


def _with_unit(
    quantity: _Quantity | Rejection, column_unit: Unit | None, grammar: ValueGrammar
) -> _Quantity | Rejection:
    """The quantity with the one unit that text and column give; the declared default where neither gives one."""
    if isinstance(quantity, Rejection):
        return quantity
    if quantity.unit is not None and column_unit is not None and quantity.unit != column_unit:
        return Rejection("contradicting_units", "unit")
    unit = quantity.unit or column_unit or grammar.missing_unit
    if unit is None:
        return Rejection("missing_unit", "unit")
    return _Quantity(quantity.comparator, quantity.printed, unit)


def _reading(quantity: _Quantity, meanings: list[str], grammar: ValueGrammar) -> Reading | Rejection:
    """Joins what the phrases say to what the number says; a phrase that says otherwise is a contradiction."""
    if INVALID in meanings:
        return Rejection("invalid_result")
    said = {meaning for meaning in meanings if meaning != QUALITATIVE}
    allowed = {"": set(), "<": {words.NOT_DETECTED, words.BELOW_LLOQ}, ">": {words.ABOVE_ULOQ}}[quantity.comparator]
    if len(said) > 1 or not said <= allowed or (words.NOT_DETECTED in said and QUALITATIVE in meanings):
        return Rejection("contradicting_values")
    number, half_step = quantity.printed.value, quantity.printed.half_step
    if quantity.comparator == "":
        return Reading(words.QUANTIFIED, number, None, quantity.unit, half_step)
    if quantity.comparator == ">":
        return Reading(words.ABOVE_ULOQ, None, number, quantity.unit, half_step)
    silent = words.BELOW_LLOQ if QUALITATIVE in meanings else grammar.less_than
    return Reading(said.pop() if said else silent, None, number, quantity.unit, half_step)
