"""The value of an observation as a text, by its type (HL7 2.5.1, 7.4.2.2 and 7.4.2.5: OBX-2, OBX-5).

Rule of this file: it reads no number and no phrase, and makes none. What it can't write as one text it writes so that no
number can be read from it.
"""

from __future__ import annotations

from cmvmon.feeds.hl7.message import Address, Segment, Several

_CODED = ("CE", "CWE", "CNE", "CF")
_TEXTS_OF_CODED = (2, 9, 5, 1)  # text, original text, alternate text; the code where it has none of them (2.A.13)
_BEYOND_SCALE = ("<", ">")  # table 0078: below or above the scale of the instrument


def value_text(observation: Segment) -> str:
    """OBX-5 as one text.

    Of a coded value its text; of a structured number (SN, 2.A.70) `<^137` as it stands, where `=` says nothing that an empty
    comparator does not; of any other its text, repetitions joined by `~`. A flag in OBX-8 that says "beyond the scale of the
    instrument" stands beside a number that lacks the sign: `35` is then not 35.
    """
    kind = _text(observation, Address("OBX", 2))
    is_one = len(observation.tree(5)) == 1
    whole = _text(observation, Address("OBX", 5))
    if kind in _CODED and is_one:
        parts = (_text(observation, Address("OBX", 5, component=n)) for n in _TEXTS_OF_CODED)
        text = next((part for part in parts if part), "")
    elif kind == "SN" and whole.startswith("=^") and whole.count("^") == 1:
        text = whole[2:]
    else:
        text = whole
    flags = (flag.split("^")[0].strip() for flag in _text(observation, Address("OBX", 8)).split("~"))  # coded since 2.7
    beyond = next((flag for flag in flags if flag in _BEYOND_SCALE), "")
    is_bare = text.strip()[:1].isdigit() or text.strip()[:1] == "^"
    return f"{text} (OBX-8: {beyond})" if beyond and is_bare else text


def _text(segment: Segment, address: Address) -> str:
    found = segment.at(address)
    return found.texts[0] if isinstance(found, Several) else found
