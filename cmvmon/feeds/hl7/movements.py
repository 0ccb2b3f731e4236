"""What ADT messages tell of movements and of births (HL7 2.5.1, chapter 3).

Rules of this file:
- EVN-6 is when it happened, EVN-2 when it was recorded. Of what takes a movement back EVN-6 is when that one had happened.
- A moment that is there is taken as it stands, a date too; only one that is not there is looked for in the next place.
"""

from __future__ import annotations

import re

from cmvmon.domain.patient_movements import ADMISSION, CANCELS, DISCHARGE, TRANSFER
from cmvmon.feeds.hl7.message import Message
from cmvmon.feeds.hl7.told import Places, Told, group_of, patient_at, text

_CANCEL = {move: cancel for cancel, move in CANCELS.items()}
MOVEMENTS = {
    "ADT^A01": ADMISSION,
    "ADT^A04": ADMISSION,  # registered without a bed
    "ADT^A02": TRANSFER,
    "ADT^A06": TRANSFER,  # from a visit to an admission
    "ADT^A07": TRANSFER,  # and back
    "ADT^A03": DISCHARGE,
    "ADT^A11": _CANCEL[ADMISSION],
    "ADT^A12": _CANCEL[TRANSFER],
    "ADT^A13": _CANCEL[DISCHARGE],
}
PERSONS = ("ADT^A01", "ADT^A04", "ADT^A08", "ADT^A28", "ADT^A31")
_MOVED = {
    ADMISSION: ("EVN-6.1", "PV1-44.1", "EVN-2.1"),
    TRANSFER: ("EVN-6.1", "EVN-2.1"),
    DISCHARGE: ("EVN-6.1", "PV1-45.1", "EVN-2.1"),
}
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})(?:[0-9]{4}.*)?")


def movement_of(message: Message, kind: str, places: Places) -> list[Told]:
    """The statement of one message; its kind is one of MOVEMENTS."""
    group, movement = group_of(message), MOVEMENTS[kind]
    is_where = movement in (ADMISSION, TRANSFER)
    cells = {
        "patient_id": patient_at(group, places.patient),
        "visit_number": text(group, "PV1-19.1"),
        "movement": movement,
        "stated_at": text(group, "EVN-2.1", "MSH-7.1"),
        "moved_at": text(group, *_MOVED.get(movement, ("EVN-6.1",))),
        "unit": text(group, "PV1-3.1") if is_where else "",
        "ward": text(group, "PV1-3.1"),
        "bed": text(group, "PV1-3.3"),
    }
    return [Told(cells, group, message.header.line)]


def birth_of(message: Message, kind: str, places: Places) -> list[Told]:
    """The date of birth; nothing where the message states none."""
    group = group_of(message)
    born = text(group, "PID-7.1")
    if not born:
        return []
    cells = {
        "patient_id": patient_at(group, places.patient),
        "born_on": _DATE.sub(r"\1-\2-\3", born) if _DATE.fullmatch(born) else born,
        "stated_at": text(group, "EVN-2.1", "MSH-7.1"),
    }
    return [Told(cells, group, message.header.line)]
