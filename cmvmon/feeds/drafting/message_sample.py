"""Where things stand in a sample of HL7 messages or FHIR resources: of the places that the standard has for a field, the one that
is filled in the most records.

Besides it tells of a sample types of identifiers and URIs of systems, of three patients or resources at least: no other text of any.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from cmvmon.domain.delivered import BY_LABORATORY, WHOLE_DELIVERY
from cmvmon.feeds.drafting.sample import MOST_BYTES, Sample, encoding_of
from cmvmon.feeds.fhir.addresses import address_of
from cmvmon.feeds.formats import FORMATS
from cmvmon.feeds.masking import PATIENTS
from cmvmon.feeds.records import Expected, Messages, Records, Writing, refusal

HL7, FHIR, FHIR_LINES = "hl7", "fhir", "fhir_lines"
OF_MESSAGES = (HL7, FHIR, FHIR_LINES)
"""The formats, names of cmvmon.feeds.formats, whose columns are places."""
_ANY_PURPOSE = Messages(processing=("P", "T", "D"), end_may_lack=True)
_TYPE = re.compile(r"[A-Z]{2,5}")  # of an identifier (table 0203)
_KIND = re.compile(r"[A-Z][A-Za-z0-9]{1,40}(?:\^[A-Z0-9]{3})?")  # of a message or resource
_SYSTEM = re.compile(r"(?:https?://|urn:)[^\s\]\[]{1,200}")
Places = Mapping[str, tuple[str, ...]]
_OF_HL7: Places = {
    "accession_number": ("OBR-3.1", "OBR-2.1", "ORC-3.1", "ORC-2.1"),
    "test": ("OBX-3.1",),
    "specimen": ("SPM-4.1", "OBR-15.1.1"),
    "assay": ("OBX-17.1",),
    "value": ("OBX-5",),
    "unit": ("OBX-6.1",),
    "collected_at": ("SPM-17.1", "OBR-7"),
    "reported_at": ("OBR-22", "OBX-14"),
    "comment": ("NTE-3",),
}
_OF_FHIR: Places = {
    "specimen": ("Specimen.type.coding.code", "Specimen.type.text"),
    "assay": ("Observation.method.coding.code", "Observation.method.text"),
    "value": ("Observation.value",),
    "unit": ("Observation.value.code", "Observation.value.unit"),
    "collected_at": ("Specimen.collection.collected", "Observation.effective"),
    "reported_at": ("Observation.issued", "DiagnosticReport.issued"),
    "comment": ("Observation.note.text",),
}
_BY_SYSTEM = {  # our field: the resource, its member, and what is read of it
    "patient_id": ("Patient", "identifier", "value"),
    "accession_number": ("Observation", "identifier", "value"),
    "test": ("Observation", "code.coding", "code"),
}


def read_message_sample(data: bytes, form: str) -> Sample:
    """The sample as a table, of the records of results. Raises DeliveryError where it can't be read, or names no patient or value."""
    if len(data) > MOST_BYTES:
        raise refusal("too_large", f"{len(data)} bytes; a part of the file is enough for a draft")
    writing = Writing(encoding_of(data), "", messages=_ANY_PURPOSE)
    parts: list[Records] = []
    kinds: Counter[str] = Counter()
    for table, records in FORMATS[form].read(data, WHOLE_DELIVERY, writing):
        if table in BY_LABORATORY:
            parts.append(records)
        else:
            kinds.update(_kinds(records))
    places = _hl7_places(parts, writing) if form == HL7 else _fhir_places(data, form)
    cells = _cells(parts, sorted({place for of in places.values() for place in of}), form, writing)
    chosen = {field: _fullest(of, cells) for field, of in places.items()}
    columns = {field: place for field, place in chosen.items() if place}
    missing = [field for field in ("patient_id", "value") if field not in columns]
    if missing:
        raise refusal(
            "wrong_feed",
            f"nothing stands in the sample where {' and '.join(missing)} of a result would, and nothing of it is shown. Copy "
            f"cmvmon/feeds/labs/example_{'hl7' if form == HL7 else 'fhir'}.toml and fill it in by hand",
        )
    beside = tuple(kind for kind, n in kinds.most_common() if n >= PATIENTS)
    read = {field: cells[place] for field, place in columns.items()}
    noted = sum(bool(part.notes.get(record.number, "").strip()) for part in parts for record in part.readable)
    return Sample(writing.encoding, "", 0, columns, (), read, "hl7" if form == HL7 else "fhir", beside, noted)


def _kinds(records: Records) -> Iterator[str]:
    """The types of what holds no results, one for each record that says its own."""
    for record in records.records:
        try:
            told = json.loads(records.texts[record.number])
        except (KeyError, ValueError):
            continue
        kind = told.get("MSH-9") or told.get("resourceType") if isinstance(told, dict) else None
        if isinstance(kind, str) and _KIND.fullmatch(kind):
            yield kind


def _cells(parts: list[Records], places: list[str], form: str, writing: Writing) -> dict[str, tuple[str, ...]]:
    """By place, its text in each record that can be read; empty where it can't be told."""
    found: dict[str, list[str]] = {place: [] for place in places}
    for part in parts:
        fitted = FORMATS[form].fitted(part, Expected(tuple(places), ()), writing)
        for record in fitted.readable:
            for place, cell in zip(places, record.cells, strict=True):
                found[place].append(str(cell))
    return {place: tuple(cells) for place, cells in found.items()}


def _fullest(places: tuple[str, ...], cells: Mapping[str, tuple[str, ...]]) -> str:
    """The place that holds a text most often, and most different ones; the first of several, "" where none does."""
    filled = {place: [cell for cell in cells[place] if cell.strip()] for place in places}
    best = max(places, key=lambda place: (len(filled[place]), len(set(filled[place]))))
    return best if filled[best] else ""


def _hl7_places(parts: list[Records], writing: Writing) -> Places:
    """With the identifiers of PID-3 by their type, as several patients have them."""
    whole = _cells(parts, ["PID-3"], HL7, writing)["PID-3"]
    having: dict[str, set[str]] = defaultdict(set)
    for cell in whole:
        for number, *_, kind in (one.split("^")[:5] for one in cell.split("~") if one.count("^") >= 4):
            if _TYPE.fullmatch(kind):
                having[kind].add(number)
    types = [kind for kind in sorted(having, key=lambda one: (one != "MR", one)) if len(having[kind]) >= PATIENTS]
    return {"patient_id": (*(f"PID-3[5={kind}].1" for kind in types), "PID-3.1"), **_OF_HL7}


def _fhir_places(data: bytes, form: str) -> Places:
    """With the systems of identifiers and codes, as several resources have them."""
    counted: dict[str, Counter[str]] = {field: Counter() for field in _BY_SYSTEM}
    for resource in _resources(data, form):
        for field, (kind, member, _) in _BY_SYSTEM.items():
            if resource.get("resourceType") == kind:
                counted[field].update(set(_systems(resource, *member.split("."))))
    places: dict[str, tuple[str, ...]] = {}
    for field, (kind, member, end) in _BY_SYSTEM.items():
        systems = sorted(one for one, n in counted[field].items() if n >= PATIENTS and _SYSTEM.fullmatch(one))
        told = [f"{kind}.{member}[system={one}].{end}" for one in systems]
        places[field] = (*(one for one in told if address_of(one) is not None), f"{kind}.{member}.{end}")
    places["accession_number"] += ("Observation.id",)
    return {**places, **_OF_FHIR}


def _resources(data: bytes, form: str) -> Iterator[dict[str, Any]]:
    """The resources of the sample, those of a Bundle each; it was read before, so that what is no JSON is left out here."""
    for text in data.splitlines() if form == FHIR_LINES else [data]:
        try:
            whole = json.loads(text)
        except (ValueError, RecursionError):
            continue
        if isinstance(whole, dict):
            entries = whole.get("entry")
            inner = (
                [one.get("resource") for one in entries if isinstance(one, dict)] if isinstance(entries, list) else []
            )
            yield from (one for one in (whole, *inner) if isinstance(one, dict))


def _systems(resource: dict[str, Any], *steps: str) -> Iterator[str]:
    found: list[Any] = [resource]
    for step in steps:
        inner = [one.get(step) for one in found if isinstance(one, dict)]
        found = [one for each in inner for one in (each if isinstance(each, list) else [each])]
    for one in found:
        if isinstance(one, dict) and isinstance(one.get("system"), str):
            yield one["system"]
