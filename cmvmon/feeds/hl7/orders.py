"""What belongs to an observation: the segments of its order, its specimen and its patient.

How the groups of a message of results lie, by its type (HL7 2.5.1, 7.3.1 and 13.3): in ORU, R30 and R32

    { PID ... { [ORC] OBR ... { OBX [NTE] } { SPM [OBX] } } }      the specimen stands behind the results of its order

and in OUL

    R22, R23    { PID ... { SPM ... { OBR [ORC] { OBX } } } }      the specimen stands before its orders
    R24         { PID ... { OBR [ORC] { SPM } { OBX } } }

A segment that is not known, as a Z segment, belongs to the group in which it stands.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cmvmon.feeds.hl7.message import Address, Message, Segment, Several

READ = ("ORU^R01", "ORU^R30", "ORU^R32", "OUL^R22", "OUL^R23", "OUL^R24")
"""The types of messages that are read."""
_SPECIMEN_HOLDS_ORDERS = ("OUL^R22", "OUL^R23")
_OF_SPECIMEN = ("SPM", "SAC", "INV")
_OF_PATIENT = ("PD1", "NK1", "PV1", "PV2")
_NOTE = "NTE"


@dataclass(frozen=True)
class Observation:
    """One OBX, or an order that has none, with the segments of the groups that it is in, the innermost first.

    Attributes:
        own: the OBX and what follows it; empty for an order without an observation.
        order, specimen, patient, message: the segments of each group. The order's specimens are in its own group where they
            stand there.
    """

    own: tuple[Segment, ...]
    order: list[Segment]
    specimen: list[Segment]
    patient: list[Segment]
    message: list[Segment]

    @property
    def line(self) -> int:
        return (self.own or [s for s in self.order if s.name == "OBR"])[0].line

    def first(self, name: str) -> Segment | None:
        """The first segment of that name in the innermost group that has one."""
        return next(iter(self.those(name)), None)

    def those(self, name: str) -> list[Segment]:
        """The segments of that name in the innermost group that has one; notes of the observation only."""
        groups = (
            (self.own,) if name in (_NOTE, "OBX") else (self.own, self.order, self.specimen, self.patient, self.message)
        )
        return next((found for group in groups if (found := [s for s in group if s.name == name])), [])

    def at(self, address: Address) -> str | Several:
        """The text at an address. Several segments must say the same, but for notes, whose lines are joined."""
        those = self.those(address.segment)
        if len(those) == 1 and address.segment != _NOTE:
            return those[0].at(address)
        found = [segment.at(address) for segment in those]
        texts = [text for one in found for text in (one.texts if isinstance(one, Several) else (one,)) if text]
        if address.segment == _NOTE:
            return "\n".join(texts)
        told = tuple(dict.fromkeys(texts))
        return Several(told) if len(told) > 1 else told[0] if told else ""


class SpecimenOutOfPlace(Exception):
    """A specimen stands before the first order of a message in which it belongs behind one: whose it is can't be told."""

    def __init__(self, line: int) -> None:
        super().__init__(f"line {line}: a specimen stands before the first order")
        self.line = line


def observations(message: Message) -> list[Observation]:
    """Every observation of the message, and every order without one, in the order in which they stand.

    Raises SpecimenOutOfPlace.
    """
    return list(_walk(message))


def _walk(message: Message) -> Iterator[Observation]:
    """Lists of a group are shared by its observations and may still grow: they are whole when the walk is over."""
    is_oul, holds_orders = message.kind.startswith("OUL"), message.kind in _SPECIMEN_HOLDS_ORDERS
    of_message: list[Segment] = []
    patient: list[Segment] = []
    specimen: list[Segment] = []
    order: list[Segment] = []
    own: list[Segment] = []
    has_observation = False

    def ended() -> Iterator[Observation]:
        if own:
            yield Observation(tuple(own), order, specimen, patient, of_message)
        own.clear()

    def order_ended() -> Iterator[Observation]:
        yield from ended()
        if not has_observation and any(s.name == "OBR" for s in order):
            yield Observation((), order, specimen, patient, of_message)

    for segment in message.segments:
        name = segment.name
        begins_order = name == "OBR" and any(s.name == "OBR" for s in order)
        begins_order |= name == "ORC" and not is_oul
        if name == "PID":
            yield from order_ended()
            patient, specimen, order, has_observation = [segment], [], [], False
        elif name == "SPM" and holds_orders:
            yield from order_ended()
            specimen, order, has_observation = [segment], [], False
        elif begins_order:
            yield from order_ended()
            order, has_observation = [segment], False
        elif name in ("OBR", "ORC"):
            yield from ended()
            if name == "OBR":  # what was observed before it is of the specimen, and of no order
                order, has_observation = [*order], False
            order.append(segment)
        elif name == "OBX":
            yield from ended()
            own, has_observation = [segment], True
        elif name in _OF_SPECIMEN:
            yield from ended()
            if not order and not holds_orders:
                raise SpecimenOutOfPlace(segment.line)
            (order if order else specimen).append(segment)
        elif name in _OF_PATIENT:
            yield from ended()
            patient.append(segment)
        elif own:
            own.append(segment)
        else:
            next(group for group in (order, specimen, patient, of_message) if group or group is of_message).append(
                segment
            )
    yield from order_ended()
