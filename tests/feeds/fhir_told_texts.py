"""Made-up Encounters, places and orders by FHIR for tests, and a feed that reads them. Every patient in them is made up."""

from __future__ import annotations

from typing import Any

from cmvmon.feeds.part import Part
from cmvmon.feeds.table_file import TableFile, read_table_file
from tests.feeds.fhir_texts import Json, as_bytes, bundle, concept, patient, read, specimen

FEED = "example_stays"
TEXT = """feed = "example_stays"
description = "Made-up hospital that sends stays and orders as FHIR"
[messages]
ignored = ["Organization"]
[patient_movements.columns]
patient_id = "Patient.identifier[system=https://example.org/mrn].value"
[patient_movements.words.unit]
icu = ["IC1", "IC2"]
elsewhere = ["B4", "SEH"]
[samples_ordered]
only_column = "ServiceRequest.code.coding.code"
only = ["CMVPCR"]
[samples_ordered.columns]
patient_id = "Patient.identifier[system=https://example.org/mrn].value"
[samples_ordered.words.compartment]
bal = ["258607008"]
plasma = ["119361006"]
"""
PHYSICAL = "http://terminology.hl7.org/CodeSystem/location-physical-type"


def table_file(text: str = TEXT, *, name: str = FEED) -> TableFile:
    return read_table_file(text, name=name, drugs=frozenset({"ganciclovir"}))


def location(id: str, kind: str = "wa", part_of: str = "", **changes: Any) -> Json:
    """A place that is called by its id in capitals."""
    whole: Json = {
        "resourceType": "Location",
        "id": id,
        "identifier": [{"system": "https://example.org/places", "value": id.upper()}],
        "name": f"CANARY {id}",
        "physicalType": concept(kind, system=PHYSICAL),
    }
    if part_of:
        whole["partOf"] = {"reference": f"Location/{part_of}"}
    return {name: value for name, value in (whole | changes).items() if value is not None}


PLACES = (
    location("ic1"),
    location("ic2"),
    location("b4"),
    location("r1", "ro", "ic1"),
    location("3", "bd", "r1"),
    location("4", "bd", "r1"),
    location("7", "bd", "ic2"),
    location("tower", "bu"),
)


def at(time: str) -> str:
    """`03 08:15` as a moment of May 2026 in UTC."""
    return f"2026-05-{time.replace(' ', 'T')}:00Z"


def place(id: str, start: str = "", end: str = "", **changes: Any) -> Json:
    """One place of an Encounter."""
    period = {name: at(time) for name, time in (("start", start), ("end", end)) if time}
    whole: Json = {"location": {"reference": f"Location/{id}"}, "status": "completed" if end else "active"}
    return whole | ({"period": period} if period else {}) | changes


def encounter(
    *places: Json,
    status: str | None = "in-progress",
    stated: str = "03 10:00",
    start: str = "03 08:15",
    end: str = "",
    visit: str = "V1",
    **changes: Any,
) -> Json:
    """How one visit stands; a member of None is left out."""
    whole: Json = {
        "resourceType": "Encounter",
        "id": f"e-{visit}",
        "meta": {"lastUpdated": at(stated)},
        "identifier": [{"system": "https://example.org/visits", "value": visit}],
        "status": status,
        "class": {"system": "http://terminology.hl7.org/CodeSystem/v3-ActCode", "code": "IMP"},
        "subject": {"reference": "Patient/p1", "display": "CANARY"},
        "period": {"start": at(start)} | ({"end": at(end)} if end else {}),
        "location": list(places),
        "hospitalization": {"dischargeDisposition": {"text": "CANARY home"}},
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def request(number: str = "O1", status: str | None = "active", stated: str = "03 10:00", **changes: Any) -> Json:
    """An order of a CMV PCR of BAL; a member of None is left out."""
    whole: Json = {
        "resourceType": "ServiceRequest",
        "id": f"s-{number}",
        "meta": {"lastUpdated": at(stated)},
        "identifier": [{"system": "https://example.org/orders", "value": number}],
        "status": status,
        "intent": "order",
        "code": concept("CMVPCR", "CMV-DNA"),
        "subject": {"reference": "Patient/p1", "display": "CANARY"},
        "authoredOn": at("03 09:00"),
        "specimen": [{"reference": "Specimen/s2"}],
        "requester": {"display": "CANARY"},
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def to_be_taken(kind: str = "258607008", collected: str = "") -> Json:
    """The specimen of an order, taken or not."""
    whole = specimen(kind, id="s2")
    whole["collection"] = {"collectedDateTime": at(collected)} if collected else {}
    return whole


def file_of(*resources: Json, **more: Any) -> bytes:
    """The bytes of a Bundle of the patient, every place and those resources."""
    return as_bytes(bundle(patient(), *PLACES, *resources, **more))


def told(table: str, *resources: Json, text: str = TEXT, more: Json | None = None, **changes: Any) -> Part:
    """What a file of those resources tells of a table."""
    found = read(file_of(*resources, **(more or {})), to="", table_file=table_file(text), **changes)
    return next(part for part in found.parts if part.table == table)


def moves(part: Part) -> list[tuple[str, str, str | None, str | None, str | None]]:
    """Movement, moment, unit, ward and bed of each accepted statement, in the order of the file."""
    shown = part.accepted.sort("record_number").select("movement", "moved_at", "unit", "ward", "bed")
    return [(m, f"{t:%d %H:%M}" if t else "", u, w, b) for m, t, u, w, b in shown.iter_rows()]
