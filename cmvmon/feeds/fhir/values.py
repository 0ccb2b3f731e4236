"""The value of an observation or of one of its components as a text, by its type (FHIR R4, Observation.value[x]).

Rule of this file: it reads no number and no phrase, and makes none. What it can't write as one text is set apart by name.
"""

from __future__ import annotations

from collections.abc import Collection

from cmvmon.feeds.fhir.addresses import choices
from cmvmon.feeds.fhir.entries import objects
from cmvmon.feeds.fhir.json_text import Members
from cmvmon.feeds.json_numbers import Number, as_written
from cmvmon.feeds.records import Unclear

UNIT, CODE = "unit", "code"
"""The two places at which a Quantity names its unit: in print, and as a code of UCUM."""
_BELOW, _ABOVE = "<", ">"  # v3-ObservationInterpretation: off the scale of the instrument
_NEGATIVE = ("NEG", "ND")


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
        return _of_concept(absent[0]) if absent else ""
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
    return Unclear("contradicting_values") if _is_contradicted(text, members) else text


def _of_quantity(quantity: Members, units_read: Collection[str], decimal: str | None) -> str:
    number, sign = quantity.get("value"), quantity.get("comparator", "")
    if number is None and not sign:
        return ""
    if not isinstance(number, Number) or not isinstance(sign, str):
        return Unclear("unread_value_type")
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


def _is_contradicted(text: str, members: Members) -> bool:
    """Whether an interpretation says otherwise than the value: `35` is then not 35."""
    said = [one.get("code") for one in objects(members, "interpretation", "coding")]
    said += [one.get("text") for one in objects(members, "interpretation")]
    codes = {one.strip() for one in said if isinstance(one, str)}
    start = text.strip()[:1]
    if start.isdigit():
        return not codes.isdisjoint((_BELOW, _ABOVE, *_NEGATIVE))
    if start == _BELOW:
        return _ABOVE in codes
    return start == _ABOVE and not codes.isdisjoint((_BELOW, *_NEGATIVE))
