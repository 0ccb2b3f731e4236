"""Made-up FHIR resources for tests, in the words of `example_fhir`."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from cmvmon.feeds.part import Part
from cmvmon.ingest import Intake
from tests import allowed
from tests.feeds.shipped import intake

FILES = [path for ending in ("*.*ml", "*.json") for path in sorted((allowed.PUBLIC / "fhir").glob(ending))]
needs_public_resources = pytest.mark.public_data("fhir")

SITE = "https://example.org"
Json = dict[str, Any]


def concept(code: str, display: str = "", system: str = f"{SITE}/tests") -> Json:
    """A CodeableConcept of one code."""
    return {"coding": [{"system": system, "code": code} | ({"display": display} if display else {})]}


def patient(number: str = "SYNTH-1", id: str = "p1") -> Json:
    return {
        "resourceType": "Patient",
        "id": id,
        "identifier": [
            {"system": f"{SITE}/mrn", "value": number},
            {"system": f"{SITE}/national", "value": "900000001"},
        ],
        "name": [{"family": "CANARY", "given": ["FAKENAME"]}],
        "address": [{"text": "CANARYSTREET 1"}],
    }


def specimen(kind: str = "258607008", collected: str = "2026-05-03T08:00:00+02:00", id: str = "s1") -> Json:
    return {
        "resourceType": "Specimen",
        "id": id,
        "type": concept(kind, system="http://snomed.info/sct"),
        "subject": {"reference": "Patient/p1"},
        "collection": {"collectedDateTime": collected, "collector": {"display": "CANARY"}},
    }


def quantity(value: object = 12000, unit: str = "[IU]/mL", **more: object) -> Json:
    """A value of that unit, in print and as a code."""
    return {"valueQuantity": {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit} | more}


def observation(number: str = "F1", status: str = "final", id: str = "o1", **changes: Any) -> Json:
    """A result; a member of None is left out, and one of the choice `value` takes the place of the quantity."""
    whole: Json = {
        "resourceType": "Observation",
        "id": id,
        "identifier": [{"system": f"{SITE}/result", "value": number}],
        "status": status,
        "code": concept("CMVQ", "CMV-DNA"),
        "subject": {"reference": "Patient/p1", "display": "CANARY, FAKENAME"},
        "specimen": {"reference": "Specimen/s1"},
        "issued": "2026-05-03T10:00:00+02:00",
        "performer": [{"display": "CANARY"}],
        "text": {"status": "generated", "div": "<div>CANARY</div>"},
        "method": concept("PCR-A", system=f"{SITE}/assays"),
    }
    if not any(name.startswith("value") or name == "dataAbsentReason" for name in changes):
        whole |= quantity()
    return {name: value for name, value in (whole | changes).items() if value is not None}


def report(*results: str, status: str = "final", id: str = "r1", **changes: Any) -> Json:
    """A report of those observations."""
    whole = {
        "resourceType": "DiagnosticReport",
        "id": id,
        "status": status,
        "code": concept("CMVPAN", "CMV-DNA kwantitatief"),
        "subject": {"reference": "Patient/p1"},
        "result": [{"reference": f"Observation/{one}"} for one in results],
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def bundle(*resources: Any, kind: str = "collection", **more: Any) -> Json:
    """A Bundle of those resources."""
    return {"resourceType": "Bundle", "type": kind, "entry": [{"resource": one} for one in resources]} | more


def told(*resources: Json, **more: Any) -> bytes:
    """The bytes of a Bundle of the patient, the specimen and those resources."""
    return as_bytes(bundle(patient(), specimen(), *copy.deepcopy(resources), **more))


def as_bytes(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


def as_lines(*resources: Json) -> bytes:
    return b"".join(as_bytes(one) + b"\n" for one in resources)


def read(data: bytes, to: str = "example_fhir", form: str = "fhir", **changes: object) -> Intake:
    """What `ingest` makes of a file of resources, delivered on 2026-06-01."""
    return intake(data, to, form=form, **changes)


def results(data: bytes, to: str = "example_fhir", **changes: object) -> Part:
    """The part of it that holds results."""
    return next(part for part in read(data, to, **changes).parts if part.table == "viral_load_results")  # type: ignore[arg-type]


def reasons(found: Intake | Part) -> list[str]:
    """The reasons of what was set apart, in the order of the records."""
    parts = found.parts if isinstance(found, Intake) else (found,)
    rows = [(row["record_number"], row["reason"]) for part in parts for row in part.quarantined.to_dicts()]
    return [reason for _, reason in sorted(rows)]


def refused(data: bytes, form: str = "fhir") -> tuple[str, str] | None:
    """The code and the words of a file that is refused whole."""
    found = next((part.refused for part in read(data, form=form).parts if part.refused is not None), None)
    return None if found is None else (found.code, str(found))
