"""The value of an observation or of one of its components as a text, by its type (FHIR R4, Observation.value[x]).

Rule of this file: it reads no number and no phrase, and makes none. What it can't write as one text is set apart by name. What
stands beside a value (its interpretation) goes with it as that which the value then can't be; the laboratory's phrases tell.
"""

from __future__ import annotations

from collections.abc import Collection

from cmvmon.domain import words
from cmvmon.feeds.fhir.addresses import choices
from cmvmon.feeds.fhir.entries import objects
from cmvmon.feeds.fhir.json_text import Members
from cmvmon.feeds.json_numbers import Number, as_written
from cmvmon.feeds.records import Qualified, Unclear

UNIT, CODE = "unit", "code"
"""The two places at which a Quantity names its unit: in print, and as a code of UCUM."""
COMPARATORS = ("<", "<=", ">=", ">")
_NEGATIVE = (words.QUANTIFIED, words.ABOVE_ULOQ)
_POSITIVE = (words.NOT_DETECTED,)
# Of v3-ObservationInterpretation, by code and by name: what a value beside it can't be.
# N (normal) is no such word: many systems print it beside every number that they do not flag.
_CANNOT_BE = {
    "<": (words.QUANTIFIED, words.ABOVE_ULOQ),  # off the scale of the instrument: `35` is then not 35
    ">": (words.QUANTIFIED, words.BELOW_LLOQ, words.NOT_DETECTED),
    **dict.fromkeys(("neg", "nd", "nr", "negative", "not detected", "non-reactive"), _NEGATIVE),
    **dict.fromkeys(("pos", "det", "a", "aa", "h", "hh", "hu", "rr", "wr"), _POSITIVE),
    **dict.fromkeys(("positive", "detected", "abnormal", "critical abnormal", "high", "critical high"), _POSITIVE),
    **dict.fromkeys(("significantly high", "reactive", "weakly reactive"), _POSITIVE),
}
_NO_RESULT = (words.QUANTIFIED, words.BELOW_LLOQ, words.ABOVE_ULOQ, words.NOT_DETECTED)


def value_of(members: Members, *, units_read: Collection[str], decimal: str | None) -> str:
    """The value as one text: of a Quantity `<137`, of a coded value its text; where there is none, why (dataAbsentReason).

    Args:
        units_read: which of UNIT and CODE the laboratory file reads as the unit. The other one, where it says something
            else, stands behind the number: `5.3 log IU/mL` beside the code `[IU]/mL` contradicts itself.
        decimal: the laboratory's decimal mark, in which a JSON number is written.
    """
    found, absent = choices(members, "value"), objects(members, "dataAbsentReason")
    if len(found) > 1:
        return Unclear("several_values")
    if found and absent:
        return Unclear("contradicting_values")
    if not found:
        return _qualified(_of_concept(absent[0]), _NO_RESULT) if absent else ""
    kind, value = found[0].removeprefix("value"), members[found[0]]
    if kind == "Quantity" and isinstance(value, Members):
        text = _of_quantity(value, units_read, decimal)
    elif kind == "CodeableConcept" and isinstance(value, Members):
        text = _of_concept(value)
    elif kind == "Integer" and isinstance(value, Number):
        text = as_written(value, decimal)
    elif kind == "String" and isinstance(value, str) and not isinstance(value, Number):
        text = value
    else:
        text = Unclear("unread_value_type")
    return _qualified(text, [word for said in _interpretations(members) for word in _CANNOT_BE.get(said, ())])


def _of_quantity(quantity: Members, units_read: Collection[str], decimal: str | None) -> str:
    number, sign = quantity.get("value"), quantity.get("comparator", "")
    if number is None and not sign:
        return ""
    if not isinstance(number, Number) or not isinstance(sign, str):
        return Unclear("unread_value_type")
    if sign not in COMPARATORS and "comparator" in quantity:
        return Unclear("unsupported_comparator")
    text = f"{sign}{as_written(number, decimal)}"
    told = {name: one for name in (UNIT, CODE) if isinstance(one := quantity.get(name), str) and one.strip()}
    read = {told[name].strip() for name in units_read if name in told}
    others = dict.fromkeys(one.strip() for name, one in told.items() if name not in units_read)
    for other in (one for one in others if one not in read):
        # What holds a digit could be read as a part of the number, as that of x10^3.
        is_plain = (other[0].isalpha() or other[0] in "[{/") and not any(c.isnumeric() for c in other)
        text += f" {other}" if is_plain or other[:5].lower() == "log10" else f" [{other}]"
    return text


def _of_concept(concept: Members) -> str:
    """Its own text, or the name of its code; a code alone so that no number can be read from it."""
    own = concept.get("text")
    if isinstance(own, str) and own.strip():
        return own
    codings = objects(concept, "coding")
    for name in ("display", "code"):
        told = dict.fromkeys(one for each in codings if isinstance(one := each.get(name), str) and one.strip())
        if len(told) > 1:
            return Unclear("several_values")
        for one in told:
            return f"code {one}" if name == "code" and any(c.isdigit() for c in one) else one
    return ""


def _interpretations(members: Members) -> set[str]:
    """Codes, names and texts of what the laboratory says of the value, in small letters."""
    codings = objects(members, "interpretation", "coding")
    said = [one.get(name) for one in codings for name in ("code", "display")]
    said += [one.get("text") for one in objects(members, "interpretation")]
    return {" ".join(one.lower().split()) for one in said if isinstance(one, str)}


def _qualified(text: str, cannot_be: Collection[str]) -> str:
    return Qualified(text, cannot_be) if cannot_be and not isinstance(text, Unclear) else text
