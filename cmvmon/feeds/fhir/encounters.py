"""What an Encounter tells of `patient_movements` (FHIR R4, 8.11): the visit stated whole, and the movements that it states.

Rules of this file:
- An Encounter is how a visit stands, and not what happened last. So each states the visit whole (`restated`): what was recorded of it
  before holds no longer. One that was planned, cancelled or entered in error leaves nothing.
- What was recorded last holds, by `meta.lastUpdated`, else by the timestamp of the Bundle, and never by the order of arrival.
- The way into the first place is the admission, into each other one a transfer. Places that are planned or reserved are none yet.
- The end of the last place, and of the visit where it is finished, is a discharge. A gap between two places is no way out: who was
  moved is where they were until they are somewhere else, as by ADT.
- A visit without a bed (virtual, at home, in the field, before admission) is no stay anywhere.
"""

from __future__ import annotations

from typing import NamedTuple

from cmvmon.domain.patient_movements import ADMISSION, DISCHARGE, RESTATED, TRANSFER
from cmvmon.feeds.fhir.entries import objects
from cmvmon.feeds.fhir.json_text import Members
from cmvmon.feeds.fhir.moments import each_once
from cmvmon.feeds.fhir.places import Place, WhereUnclear, places_of, way_through
from cmvmon.feeds.fhir.told import LOCATION, Telling
from cmvmon.feeds.records import Unclear

ENCOUNTER = "Encounter"
WAYS = {"Patient": ("subject",), LOCATION: ("location.location",)}
SETTLED = ("movement", "moved_at", "n_movements")
"""Columns that no declared address replaces: they are of one movement, and an address is of the whole Encounter."""
FINISHED = "finished"
STILL_THERE, WITHDRAWN = ("arrived", "triaged", "in-progress", "onleave"), ("cancelled", "entered-in-error")
_IS_THERE, _LEAVES_NOTHING = (*STILL_THERE, FINISHED), ("planned", *WITHDRAWN)
_NO_BED = ("VR", "HH", "FLD", "PRENC")  # v3-ActCode of Encounter.class


class Movement(NamedTuple):
    """One statement: our columns -> text, and the place that it is of; None where it is of none."""

    cells: dict[str, str]
    place: Place | None = None


def movements_of(telling: Telling, patient: str) -> list[Movement]:
    """The statements of one Encounter, the whole before its movements. `patient`: the declared address of the patient's number."""
    common = {
        "patient_id": telling.patient(patient),
        "visit_number": telling.number(),
        "stated_at": telling.stated_at(),
    }
    status = telling.text(f"{ENCOUNTER}.status")
    if status not in (*_IS_THERE, *_LEAVES_NOTHING):
        return [Movement(_cells(common, Unclear("unknown_encounter_status") if status else "", ""))]
    try:
        moves = _moves(telling, common, is_over=status == FINISHED) if _is_in_a_bed(telling, status) else []
    except WhereUnclear as error:
        return [Movement(_cells(common, Unclear(error.code), ""))]
    return [Movement(_cells(common, RESTATED, "", n_movements=str(len(moves)))), *moves]


def _is_in_a_bed(telling: Telling, status: str) -> bool:
    classes = {one.get("code") for one in telling.resource.those("class")}
    return status in _IS_THERE and not classes & {*_NO_BED}


def _moves(telling: Telling, common: dict[str, str], *, is_over: bool) -> list[Movement]:
    period = next(iter(objects(telling.resource.members, "period")), Members())
    start, end = (str(period.get(name) or "") for name in ("start", "end"))
    places = places_of(telling, start)
    if not places:  # nobody said where: an admission that can't be read, so that the visit is told of
        return [Movement(_cells(common, ADMISSION, start))]
    way, left_at = way_through(places, over_at=end if is_over else "")
    moves = [
        Movement(_cells(common, TRANSFER if n else ADMISSION, at, place=place), place)
        for n, (at, place) in enumerate(way)
    ]
    ends = ([left_at] if left_at else []) + ([end] if is_over else [])
    return moves + [Movement(_cells(common, DISCHARGE, at)) for at in each_once(ends)]


def _cells(
    common: dict[str, str], movement: str, moved_at: str, *, n_movements: str = "", place: Place | None = None
) -> dict[str, str]:
    ward, bed = ("", "") if place is None else (place.ward, place.bed)
    return common | {
        "movement": movement, "moved_at": moved_at, "unit": ward, "ward": ward, "bed": bed, "n_movements": n_movements,
    }  # fmt: skip
