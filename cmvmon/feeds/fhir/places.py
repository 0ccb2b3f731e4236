"""Where an Encounter says that its patient was, and when: wards and beds, and the way through them (FHIR R4, 8.11 and 8.6).

Rules of this file:
- The ward is the place that is marked as one (`wa`), of a bed or a room the ward that it is a part of; what is marked as a building,
  a level or a site is no ward, and left where something smaller is named.
- Of places at one time the one that began last holds: many senders leave the end of an earlier one open. Once that one ends, the one
  around it holds again, such as the ward around an hour in theatre; but not one that is `completed`, whose end nobody wrote, and none
  once the visit itself is over.
- A place that ends when it begins holds only where no other does.
- Two wards, or two beds, that began at one moment contradict each other, and so do places whose times can't be put in order.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from cmvmon.feeds.fhir.addresses import address_of, at
from cmvmon.feeds.fhir.entries import Resource, objects
from cmvmon.feeds.fhir.json_text import Members
from cmvmon.feeds.fhir.observations import as_cell
from cmvmon.feeds.fhir.told import LOCATION, Telling
from cmvmon.feeds.records import Unclear
from cmvmon.feeds.times import moments_of

_BED, _ROOM, _WARD = "bd", "ro", "wa"
_ABOVE_WARDS = ("si", "bu", "wi", "lvl", "area", "jdn")  # http://terminology.hl7.org/CodeSystem/location-physical-type
_NOT_YET, _WAS_THERE = ("planned", "reserved"), ("active", "completed")
_CALLED = ("identifier.value", "name")


class WhereUnclear(Exception):
    """It can't be told where the patient was, or in which order. `code` says why."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


@dataclass(frozen=True)
class Place:
    """Where the patient was from a moment on.

    Attributes:
        start, end: as delivered; the end is empty where none is told.
        ward, bed: what they are called; empty = not said.
        called: what the place itself is called.
        in_ward, in_bed: these, where they stand in the file.
        is_ward: whether it names a ward and no bed or room in it.
        is_left: whether the patient is said to have left it, be it without a time.
    """

    start: str
    end: str
    ward: str
    bed: str
    called: str = ""
    in_ward: Resource | None = None
    in_bed: Resource | None = None
    is_ward: bool = True
    is_left: bool = False

    def at(self, column: str, address: str) -> str:
        """The text at an address of the ward, or of the bed where the column is that of the bed."""
        resource, meant = self.in_bed if column == "bed" else self.in_ward, address_of(address)
        return "" if resource is None or meant is None else as_cell(at(resource.members, meant.steps))


def places_of(telling: Telling, start: str) -> list[Place]:
    """The places of an Encounter that its patient has come to. `start`: of the Encounter, and of its only place.

    Raises WhereUnclear.
    """
    entries = telling.resource.those("location")
    told = [one for one in entries if one.get("status") not in _NOT_YET]
    if any(one.get("status") not in (None, *_WAS_THERE) for one in told):
        raise WhereUnclear("unknown_location_status")
    found = [_place(telling, one, start if len(told) == 1 else "") for one in told]
    smaller = [one for one in found if not isinstance(one, _Larger)]
    return [one for one in smaller if isinstance(one, Place)] if smaller else [_as_ward(one) for one in found]


def way_through(places: Sequence[Place], *, over_at: str = "") -> tuple[list[tuple[str, Place]], str]:
    """When the patient came to which place, in order, and when they left the last of them; empty where they did not.

    `over_at`: the end of a visit that is over, from which on nobody comes back to a place; empty where it goes on.
    Raises WhereUnclear.
    """
    moments = _in_order([text for one in places for text in (one.start, one.end) if text])
    ends = {one.end: moments[one.end] for one in places if one.end}
    starts = {one.start: moments[one.start] for one in places}
    backs = {text: at_ for text, at_ in ends.items() if not _is_over_by(over_at, text)}
    turns = {at_: text for text, at_ in (backs | starts).items()}  # where something begins, by its own text
    way: list[tuple[str, Place]] = []
    for at_ in sorted(turns):
        there = _there(places, at_, moments)
        if not there:  # a gap is no way out
            continue
        place = _nearest(there, moments)
        if not way or (place.ward, place.bed) != (way[-1][1].ward, way[-1][1].bed):
            way.append((turns[at_], place))
    return way, "" if not all(one.end for one in places) else max(ends, key=ends.__getitem__)


def _there(places: Sequence[Place], at_: datetime, moments: Mapping[str, datetime]) -> list[Place]:
    """The places that hold at a moment: those that have begun and not ended."""
    begun = [one for one in places if moments[one.start] <= at_]
    newest = max((moments[one.start] for one in begun), default=None)
    there = [one for one in begun if not one.end or moments[one.end] > at_]
    # Of one that was left and does not say when it is only known that the patient was there until they were somewhere else.
    there = [one for one in there if one.end or not one.is_left or moments[one.start] == newest]
    return there or [one for one in begun if moments[one.start] == at_]


def _is_over_by(over_at: str, text: str) -> bool:
    """Whether the visit is over at that moment, as far as the two can be put in order."""
    both = moments_of([over_at, text]) if over_at else None
    return both is not None and both[over_at] <= both[text]


def _nearest(there: Sequence[Place], moments: Mapping[str, datetime]) -> Place:
    """The place that began last; of a bed that does not say its ward, in the ward that began last."""
    newest = _last(there, moments)
    place = min(newest, key=lambda one: (not one.bed, one.is_ward))
    if place.ward:
        return place
    wards = _last([one for one in there if one.ward], moments)
    return (
        replace(place, ward=place.called) if not wards else replace(place, ward=wards[0].ward, in_ward=wards[0].in_ward)
    )


def _last(places: Sequence[Place], moments: Mapping[str, datetime]) -> list[Place]:
    """Those that began last. Raises WhereUnclear where they are not one."""
    last = max((moments[one.start] for one in places), default=None)
    found = [one for one in places if moments[one.start] == last]
    if any(len({getattr(one, name) for one in found} - {""}) > 1 for name in ("ward", "bed")):
        raise WhereUnclear("several_locations")
    return found


@dataclass(frozen=True)
class _Larger:
    """A building or the like, which is a ward only where nothing smaller is named."""

    place: Place


def _as_ward(one: Place | _Larger) -> Place:
    return replace(one.place, ward=one.place.called, is_ward=True) if isinstance(one, _Larger) else one


def _place(telling: Telling, entry: Members, otherwise: str) -> Place | _Larger:
    period = next(iter(objects(entry, "period")), Members())
    start, end = (str(period.get(name) or "") for name in ("start", "end"))
    if not start and not otherwise:
        raise WhereUnclear("location_without_period")
    reference = next(iter(objects(entry, "location")), Members())
    found = telling.index.one(reference, telling.resource)
    if len(found) > 1:
        raise WhereUnclear("several_locations")
    chain = telling.within(found[0]) if found else []
    if any(one.code is not None or one.modifiers for one in chain):
        raise WhereUnclear("unresolved_reference")
    own = _kind(entry) or (_kind(chain[0].members) if chain else "")
    kinds = [own, *(_kind(one.members) for one in chain[1:])]
    ward = _ward_of(chain, kinds)
    own_name = _called(chain[0]) if chain else _of_reference(reference)
    is_ward = own not in (_BED, _ROOM) and (not chain or ward is chain[0])
    place = Place(
        start or otherwise,
        end,
        own_name if is_ward else "" if ward is None else _called(ward),
        own_name if own == _BED else "",
        own_name,
        ward,
        chain[0] if chain and own == _BED else None,
        is_ward,
        bool(end) or entry.get("status") == "completed",
    )
    return _Larger(place) if own in _ABOVE_WARDS else place


def _ward_of(chain: Sequence[Resource], kinds: Sequence[str]) -> Resource | None:
    """The ward among a place and those that it is a part of: the one that is marked as one, else the first that may be one."""
    of_kind = list(zip(chain, kinds, strict=True)) if chain else []
    marked = [one for one, kind in of_kind if kind == _WARD]
    return next(iter(marked or [one for one, kind in of_kind if kind not in (_BED, _ROOM, *_ABOVE_WARDS)]), None)


def _kind(members: Members) -> str:
    """What of a place it is: the code of `physicalType`; empty where none is told."""
    codes = [one.get("code") for one in objects(members, "physicalType", "coding")]
    return next((code for code in codes if isinstance(code, str)), "")


def _called(location: Resource) -> str:
    """What a place is called: its only identifier, else its name."""
    for address in _CALLED:
        meant = address_of(f"{LOCATION}.{address}")
        cell = "" if meant is None else as_cell(at(location.members, meant.steps))
        if cell or isinstance(cell, Unclear):
            return cell
    return ""


def _of_reference(reference: Members) -> str:
    """What a place is called that is not in the file: what the reference names it by."""
    identifiers = [one.get("value") for one in objects(reference, "identifier")]
    texts = (*identifiers, reference.get("display"), reference.get("reference"))
    return next((text for text in texts if isinstance(text, str) and text.strip()), "")


def _in_order(texts: Sequence[str]) -> dict[str, datetime]:
    """Each of these moments as one that can be put in order with the others. Raises WhereUnclear."""
    found = moments_of(texts)
    if found is None:
        raise WhereUnclear("location_order")
    return found
