"""Doses that a MedicationAdministration says were given, in tables that a CSV fills otherwise; an order is none."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest

from cmvmon.feeds.part import Part
from cmvmon.feeds.table_file import TableFile, read_table_file
from tests.feeds.fhir_texts import (
    Json,
    as_bytes,
    as_lines,
    bundle,
    concept,
    observation,
    patient,
    read,
    reasons,
    told,
)
from tests.feeds.shipped import laboratory

ATC = "http://www.whocc.no/atc"
TABLE_FILE = f"""feed = "example_fhir"
description = "Made-up pharmacy"
[doses_given.columns]
drug = "MedicationAdministration.medicationCodeableConcept.coding[system={ATC}].code"
row_id = "MedicationAdministration.id"
status = "MedicationAdministration.status"
[doses_given.words.drug]
ganciclovir = ["J05AB06"]
[doses_given.status]
withdrawn = ["entered-in-error"]
stands = ["completed", "not-done", "in-progress", "stopped", "on-hold"]
"""
BY_CODE_OR_NAME = """feed = "example_fhir"
description = "Made-up pharmacy, with nothing declared but its words"
[doses_given.words.drug]
ganciclovir = ["J05AB06", "Cymevene"]
"""


def file(text: str = TABLE_FILE) -> TableFile:
    return read_table_file(text, name="example_fhir", drugs=frozenset({"ganciclovir", "foscarnet"}))


def given(id: str = "a1", status: str = "completed", amount: Json | None = None, **changes: Any) -> Json:
    """A dose of 350 mg of ganciclovir; a member of None is left out."""
    drug = concept("J05AB06", "ganciclovir", ATC)
    drug["coding"].append({"system": "urn:local", "code": "4711"})
    whole = {
        "resourceType": "MedicationAdministration",
        "id": id,
        "status": status,
        "medicationCodeableConcept": drug,
        "subject": {"reference": "Patient/p1", "display": "CANARY"},
        "effectivePeriod": {"start": "2026-05-03T08:00:00+02:00", "end": "2026-05-03T09:00:00+02:00"},
        "performer": [{"actor": {"display": "CANARY"}}],
        "dosage": {"text": "CANARY", "route": {"text": "iv"}, "dose": amount or dose()},
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def dose(value: object = 350, unit: str = "mg", **more: object) -> Json:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit} | more


def doses(*resources: Json, text: str = TABLE_FILE, **changes: Any) -> Part:
    found = read(told(*resources), table_file=file(text), **changes)
    return next(part for part in found.parts if part.table == "doses_given")


def test_a_dose_beside_results_is_a_row_of_its_table_and_every_entry_is_counted_once() -> None:
    parts = {part.table: part for part in read(told(observation(), given()), table_file=file()).parts}
    assert {name: (part.received, part.accepted.height) for name, part in parts.items()} == {
        "viral_load_results": (1, 1),
        "doses_given": (1, 1),
    }
    (row,) = parts["doses_given"].accepted.to_dicts()
    shown = {name: row[name] for name in ("patient_id", "drug", "administered", "dose_mg", "route", "indication")}
    assert shown == {
        "patient_id": "SYNTH-1", "drug": "ganciclovir", "administered": "given", "dose_mg": 350.0, "route": "iv", "indication": None,
    }  # fmt: skip
    assert row["given_at"].isoformat() == "2026-05-03T06:00:00+00:00"
    assert "CANARY" not in row["delivered_text"]


@pytest.mark.parametrize(
    ("status", "found"),
    [
        ("completed", ("given", 350.0)),
        ("not-done", ("missed", None)),
        ("in-progress", "dose_not_over"),
        ("on-hold", "dose_not_over"),
        ("stopped", "dose_not_over"),
        ("unknown", "unknown_row_status"),
        ("Completed!", "unknown_row_status"),
        (None, "missing_administered"),
        ("entered-in-error", "withdraws_unknown_record"),
    ],
)
def test_only_a_dose_that_is_over_was_given(status: str | None, found: object) -> None:
    part = doses(given(status=status))  # type: ignore[arg-type]
    if isinstance(found, tuple):
        assert [(row["administered"], row["dose_mg"]) for row in part.accepted.to_dicts()] == [found]
    else:
        assert (part.accepted.height, reasons(part)) == (0, [found])


@pytest.mark.parametrize(
    ("amount", "found"),
    [
        (dose(), 350.0),
        (dose(0.35, "g"), 350.0),
        (dose(350000, "ug"), 350.0),
        (dose(350.50), 350.5),
        (dose(3.5e2), 350.0),
        ({"value": 350, "unit": "mg"}, 350.0),
        ({"value": 350, "code": "mg"}, 350.0),
        (dose(350, unit="mg", code="mcg"), "contradicting_units"),
        (dose(350, unit="milligram", code="mg"), "unknown_dose_unit"),
        (dose(5, "mg/kg"), "unknown_dose_unit"),
        (dose(7, "mL"), "unknown_dose_unit"),
        (dose(350, "MG"), "unknown_dose_unit"),
        ({"value": 350}, "missing_unit"),
        (dose(350, comparator="<"), "unsupported_comparator"),
        (dose("350"), "no_single_text"),
        (dose([350]), "no_single_text"),
        (dose(5), "dose_looks_like_another_unit"),
        ({"unit": "mg"}, "missing_dose_mg"),
    ],
)
def test_an_amount_is_read_in_the_units_of_the_list_and_in_no_other(amount: Json, found: object) -> None:
    part = doses(given(amount=amount))
    told_of = part.accepted["dose_mg"].to_list() if part.accepted.height else reasons(part)
    assert told_of == [found]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"subject": {"reference": "Patient/none"}}, "unresolved_reference"),
        ({"subject": None}, "missing_patient_id"),
        ({"context": {"reference": "Encounter/e1"}}, "other_patient"),
        ({"medicationCodeableConcept": None}, "missing_drug"),
        ({"medicationCodeableConcept": {"coding": [{"system": ATC, "code": c} for c in ("A", "B")]}}, "several_values"),
        ({"effectivePeriod": None}, "missing_given_at"),
        ({"effectivePeriod": None, "effectiveDateTime": "2026-05-03"}, "no_time"),
        ({"id": None}, "missing_row_id"),
        ({"meta": {"security": [{"code": "HTEST"}]}}, "not_for_production"),
        ({"modifierExtension": [{"url": "urn:x", "valueBoolean": True}]}, "unknown_modifier"),
        ({"dosage": None}, "missing_dose_mg"),
    ],
)
def test_a_dose_that_cannot_be_told_is_set_apart_by_name_and_the_next_one_is_read(changes: Json, code: str) -> None:
    stay = {"resourceType": "Encounter", "id": "e1", "subject": {"reference": "Patient/p9"}}
    part = doses(given(**changes), stay, given("a2"))
    assert (reasons(part), part.accepted.height) == ([code], 1)
    assert "CANARY" not in json.dumps(part.quarantined.select("remedy", "delivered_text").to_dicts())
    assert part.quarantined["line"].to_list() == [3]


@pytest.mark.parametrize("kind", ["MedicationRequest", "MedicationDispense", "MedicationStatement"])
@pytest.mark.parametrize("status", ["active", "completed", "stopped"])
def test_an_order_is_no_dose_and_is_told_so_unless_it_is_listed_as_ignored(kind: str, status: str) -> None:
    """Whatever its state says, nobody states in it that anything was given; a dose beside it is read."""
    order = given("a1", status=status) | {"resourceType": kind}
    lists_none = laboratory("example_fhir")
    lists_none = replace(lists_none, messages=replace(lists_none.messages, ignored=()))
    found = read(as_bytes(bundle(patient(), order, given("a2"))), table_file=file(), laboratory=lists_none)
    assert reasons(found) == ["order_is_no_dose"]
    assert {part.table: part.accepted.height for part in found.parts if part.accepted.height} == {"doses_given": 1}
    lists_it = replace(lists_none, messages=replace(lists_none.messages, ignored=(kind,)))
    (part,) = [
        each for each in read(as_bytes(bundle(order)), table_file=file(), laboratory=lists_it).parts if each.received
    ]
    assert (part.ignored, part.quarantined.height, part.accepted.height) == (1, 0, 0)


def test_where_no_table_file_names_the_table_a_dose_is_set_apart_as_before() -> None:
    assert reasons(read(as_bytes(bundle(given())))) == ["resource_type"]
    other = file('feed = "example_fhir"\ndescription = "x"\n[icu_stays]\n')
    assert reasons(read(as_bytes(bundle(given())), table_file=other)) == ["resource_type"]


def test_a_feed_without_a_laboratory_file_sends_doses_alone() -> None:
    text = TABLE_FILE.replace(
        "[doses_given.columns]\n",
        '[doses_given.columns]\npatient_id = "Patient.identifier[system=https://example.org/mrn].value"\n',
    )
    found = read(as_bytes(bundle(patient(), given())), to="", table_file=file(text))
    assert {part.table: part.accepted.height for part in found.parts if part.received} == {"doses_given": 1}
    several = read(as_bytes(bundle(patient(), given())), to="", table_file=file())
    assert reasons(several) == ["several_values"]


def test_a_drug_is_named_by_its_codes_or_by_the_medication_that_is_referred_to() -> None:
    reference = {"medicationCodeableConcept": None, "medicationReference": {"reference": "#m"}}
    held = {"resourceType": "Medication", "id": "m", "code": {"text": "Cymevene"}}
    part = doses(given(**reference, contained=[held]), text=BY_CODE_OR_NAME)
    assert part.accepted["drug"].to_list() == ["ganciclovir"]
    beside = {"medicationCodeableConcept": None, "medicationReference": {"reference": "Medication/m"}}
    found = read(told(given(**beside), held), table_file=file(BY_CODE_OR_NAME))
    assert next(p for p in found.parts if p.table == "doses_given").accepted["drug"].to_list() == ["ganciclovir"]
    assert reasons(doses(given(**beside), text=BY_CODE_OR_NAME)) == ["unresolved_reference"]
    assert reasons(doses(given(), text=BY_CODE_OR_NAME)) == ["several_values"]  # two codes, and nobody said which


def test_a_declared_column_that_is_no_address_refuses_the_table_and_not_the_results() -> None:
    text = TABLE_FILE.replace('drug = "Medication', 'drug = "medication')
    parts = {part.table: part for part in read(told(observation(), given()), table_file=file(text)).parts}
    assert parts["viral_load_results"].accepted.height == 1
    refused = parts["doses_given"].refused
    assert refused is not None
    assert refused.code == "no_fhir_address"


def test_lines_are_read_as_a_bundle_is_and_many_as_one() -> None:
    lines = as_lines(patient(), given())
    found = read(lines, form="fhir_lines", table_file=file())
    assert {part.table: part.accepted.height for part in found.parts if part.received} == {"doses_given": 1}
    many = doses(
        *(given(f"a{n}", effectivePeriod=None, effectiveDateTime=f"2026-05-03T08:{n:02}:00Z") for n in range(60))
    )
    assert many.accepted["row_key"].n_unique() == 60
