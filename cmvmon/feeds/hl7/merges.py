"""What ADT messages tell of numbers that are one patient (HL7 2.5.1, 3.3.18, 3.3.34, 3.3.37, 3.3.40 and 3.3.47).

    A18, A34, A40, A47    { PID MRG }    the number in MRG-1 was merged into the one in PID-3
    A37                   PID PID        the two are two again; which of them had been merged away is not said

Rule of this file: each record is one statement of two numbers, that they were merged or parted, with its moment; which of them hold
is told where what was known is read, whatever the order in which they came.
"""

from __future__ import annotations

from cmvmon.domain.patient_links import MERGED, PARTED
from cmvmon.feeds.hl7.message import Message, Segment, address_of
from cmvmon.feeds.hl7.orders import Observation
from cmvmon.feeds.hl7.told import DEFAULT_PATIENT, Places, Told, at, authority_at, patient_at, text
from cmvmon.feeds.records import Unclear

MERGES, UNLINKS = ("ADT^A18", "ADT^A34", "ADT^A40", "ADT^A47"), ("ADT^A37",)
_BOTH = frozenset({"patient_id", "merged_into"})
_MERGED = {3: 1, 2: 4}  # the field of MRG that holds what that field of PID does


def links_of(message: Message, kind: str, places: Places) -> list[Told]:
    """A record for each merge; of two numbers that are told apart again one for each way that they may have been merged."""
    head = [segment for segment in message.segments if segment.name in ("MSH", "EVN")]
    of_message = Observation((), [], [], [], head)
    at_ = text(of_message, "EVN-6.1", "EVN-2.1")
    source = (kind, text(of_message, "MSH-3.1"), text(of_message, "MSH-4.1"))
    said = {
        "merged_at": at_,
        "ended_at": "",
        "says": PARTED if kind in UNLINKS else MERGED,
        "stated_at": text(of_message, "EVN-2.1", "MSH-7.1"),
        "birth_dates": "",
        "source": " ".join(filter(None, source)),
    }
    if kind in UNLINKS:
        return _parted(message, head, said, places)
    return [
        Told(_numbers(pair, head, places.patient) | said, Observation((), pair, [], [], head), (pair or head)[0].line)
        for pair in _pairs(message)
    ]


def _pairs(message: Message) -> list[list[Segment]]:
    """Each PID with the MRG behind it; either may lack, and then it is told that it does."""
    pairs: list[list[Segment]] = []
    for segment in message.segments:
        if segment.name == "PID" or (segment.name == "MRG" and not (pairs and pairs[-1][-1].name == "PID")):
            pairs.append([segment])
        elif segment.name == "MRG":
            pairs[-1].append(segment)
    return pairs or [[]]


def _numbers(pair: list[Segment], head: list[Segment], patient: str) -> dict[str, str]:
    """The two numbers at the places of the standard: MRG-1 is what PID-3 is, MRG-4 what PID-2 is."""
    group = Observation((), pair, [], [], head)
    place = address_of(patient or DEFAULT_PATIENT)
    field = _MERGED.get(place.field) if place is not None and place.segment == "PID" else None
    new = patient_at(group, patient)
    if place is None or field is None:
        return {"patient_id": "", "merged_into": new}
    old = patient_at(group, patient, segment="MRG", field=field)
    by = (authority_at(group, place._replace(segment="MRG", field=field)), authority_at(group, place))
    is_of_two = all(by) and by[0] != by[1]
    return {"patient_id": Unclear("two_authorities") if is_of_two else old, "merged_into": new}


def _parted(message: Message, head: list[Segment], said: dict[str, str], places: Places) -> list[Told]:
    """Both ways in which two persons may have been merged; each number is read where that of a surviving one stands."""
    persons = [segment for segment in message.segments if segment.name == "PID"]
    groups = [Observation((), [person], [], [], head) for person in persons]
    declared = places.columns.get("merged_into", "")
    numbers = [
        patient_at(group, places.patient) if address_of(declared) is None else at(group, declared) for group in groups
    ]
    if len(numbers) != 2:
        unclear = Unclear("no_two_patients")
        cells = {"patient_id": unclear, "merged_into": unclear, **said}
        return [Told(cells, Observation((), [], [], [], head), message.header.line, settled=_BOTH)]
    return [
        Told(
            {"patient_id": numbers[one], "merged_into": numbers[1 - one], **said},
            groups[one],
            persons[one].line,
            settled=_BOTH,
        )
        for one in (0, 1)
    ]
