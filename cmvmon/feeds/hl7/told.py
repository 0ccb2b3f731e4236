"""What one message tells of one table: our columns as texts, and the segments that a declared place is looked for in."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from cmvmon.feeds.hl7.message import Address, Message, Several, address_of
from cmvmon.feeds.hl7.orders import Observation
from cmvmon.feeds.records import Unclear
from cmvmon.feeds.times import as_iso_8601, moments_of

Cells = Mapping[str, str]
DEFAULT_PATIENT = "PID-3.1"


@dataclass(frozen=True)
class Places:
    """Where a feed's files say that things stand.

    Attributes:
        patient: the patient's number in every message; "" = not declared.
        columns: of one table, our column -> header, a place in the message.
        words: of one table, by our column, folded delivered word -> ours.
    """

    patient: str = ""
    columns: Mapping[str, str] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Told:
    """One record of one table.

    Attributes:
        cells: our columns -> text as delivered; `Unclear` where it can't be told which text is meant. A moment stands as HL7
            writes it.
        group: the segments in which a declared place is looked for.
        line: where it begins.
        name: what the message calls what was asked for or given, all of it.
        settled: columns that no declared place replaces: they were read at it already.
    """

    cells: Cells
    group: Observation
    line: int
    name: str = ""
    settled: frozenset[str] = frozenset()


def by_moment(said: Sequence[Told]) -> Sequence[Told]:
    """Records of one key by when they were stated; as they stand those of one moment, and all whose moments can't be put in order."""
    moments = moments_of(as_iso_8601(one.cells["stated_at"]) for one in said)
    return sorted(said, key=lambda one: moments[as_iso_8601(one.cells["stated_at"])]) if moments else said


def text(group: Observation, *addresses: str) -> str:
    """The text at the first of these places that holds any; `Unclear` where it holds several."""
    for address in addresses:
        found = at(group, address)
        if found or isinstance(found, Unclear):
            return found
    return ""


def at(group: Observation, address: str) -> str:
    """The text at that place. Raises ValueError for what is no address."""
    place = address_of(address)
    if place is None:
        raise ValueError("no address")
    found = group.at(place)
    return Unclear("several_values") if isinstance(found, Several) else found


def patient_at(group: Observation, declared: str, *, segment: str = "PID", field: int | None = None) -> str:
    """The patient's number, at the declared place or at the same of another field (MRG-1 stands as PID-3 does).

    Where nobody declared a place, a number that says who gave it is unclear: the same digits of another authority are another
    patient's.
    """
    place = address_of(declared or DEFAULT_PATIENT)
    if place is None:
        return ""
    mine = place._replace(segment=segment, field=place.field if field is None else field)
    found = group.at(mine)
    if isinstance(found, Several):
        return Unclear("several_values")
    return Unclear("undeclared_authority") if not declared and authority_at(group, mine) else found


def authority_at(group: Observation, place: Address) -> str:
    """Who gave the number at that place (CX.4); empty where that is not said, or said in several ways."""
    found = group.at(place._replace(component=4, subcomponent=0))
    return found if isinstance(found, str) else ""


def group_of(message: Message) -> Observation:
    """All segments of a message as one group."""
    return Observation((), list(message.segments[1:]), [], [], [message.header])


def at_declared_places(told: Told, columns: Mapping[str, str]) -> Told:
    """The same record with the text at each place that is declared, under our column and under the place itself.

    `columns`: of a table file, our column -> header. A header that is no place is left to whoever asks for it.
    """
    asked = {name: header for name, header in columns.items() if name not in told.settled}
    declared = {name: at(told.group, header) for name, header in asked.items() if address_of(header) is not None}
    return replace(told, cells=dict(told.cells) | declared)
