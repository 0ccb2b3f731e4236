"""What ORM and OML messages tell of samples that were asked for (HL7 2.5.1, 4.4.1 and 4.4.6), one record for each order.

Rules of this file:
- OBR-7 and SPM-17 are when the specimen was taken: an order that has one was taken.
- What was cancelled is cancelled, whether it was asked for (CA) or confirmed; where that was not possible (UC) it stands.
- A control code or a status that is not known here is left as it stands, and the record is set apart; one of several too.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cmvmon.domain.samples_ordered import CANCELLED, COLLECTED, ORDERED, RESULTED
from cmvmon.feeds.hl7.message import Message, Segment
from cmvmon.feeds.hl7.orders import Observation
from cmvmon.feeds.hl7.told import Places, Told, by_moment, patient_at, text

ORDERS = ("ORM^O01", "OML^O21")
_CANCELS = ("CA", "OC", "CR", "DC", "OD", "DR")  # table 0119
_STANDS = ("NW", "SN", "NA", "OK", "PA", "CH", "RP", "RO", "XO", "XX", "SC", "RE", "UC", "UD", "SS", "SR", "RL", "OE")
_STATUSES = ("", "A", "CA", "CM", "DC", "ER", "HD", "IP", "RP", "SC")  # table 0038
_RESULTS = ("", "O", "I", "S", "A", "P", "C", "R", "F", "M", "N", "X", "Y", "Z")  # table 0123


def orders_of(message: Message, kind: str, places: Places) -> list[Told]:
    """One record for each order. Nothing where the message holds none."""
    return [_order(group, places) for group in _groups(message)]


def _groups(message: Message) -> Iterator[Observation]:
    """The segments of each order, with those of the patient and of the message."""
    outer: list[Segment] = []
    order: list[Segment] = []
    for segment in message.segments:
        has_obr = any(one.name == "OBR" for one in order)
        if segment.name == "ORC" or (segment.name == "OBR" and (has_obr or not order)):
            if order:
                yield Observation((), order, [], [], list(outer))
            order = [segment]
        elif order and segment.name not in ("PID",):
            order.append(segment)
        else:
            outer.append(segment)
    if order:
        yield Observation((), order, [], [], list(outer))


def _order(group: Observation, places: Places) -> Told:
    control, status = text(group, "ORC-1"), text(group, "ORC-5")
    taken = text(group, "SPM-17.1", "OBR-7.1")
    state = _state(control, status, text(group, "OBR-25"), is_taken=bool(taken))
    cells = {
        "patient_id": patient_at(group, places.patient),
        "order_number": text(group, "ORC-2.1", "OBR-2.1", "ORC-3.1", "OBR-3.1"),
        "compartment": text(group, "SPM-4.1", "OBR-15.1.1"),
        "ordered_at": text(group, "ORC-9.1", "MSH-7.1"),
        "state": state,
        "collected_at": taken if state in (COLLECTED, RESULTED) else "",
        "stated_at": text(group, "ORC-9.1", "MSH-7.1"),
        "stated_by": "",
    }
    return Told(cells, group, group.order[0].line, text(group, "OBR-4"))


def _state(control: str, status: str, result: str, *, is_taken: bool) -> str:
    if control in _CANCELS:
        return CANCELLED
    for said, known in ((control, _STANDS), (status, _STATUSES), (result, _RESULTS)):
        if said not in known:
            return said
    if control != "UC" and (status in ("CA", "DC") or result == "X"):
        return CANCELLED
    if status == "CM" or result in ("F", "C"):
        return RESULTED
    return COLLECTED if is_taken else ORDERED


def last_word(said: Sequence[Told]) -> dict[str, str]:
    """What holds of one order, by all that one file says of it: what was stated last, and of one moment what stands last.

    Where the moments can't be put in order, what stands last holds. It was asked for when it was first stated.
    """
    stated = by_moment(said)
    return dict(stated[-1].cells) | {"ordered_at": stated[0].cells["ordered_at"]}
