"""Resources as results: what belongs to whom, and never a result that a resource does not hold."""

from __future__ import annotations

import copy
import json
import random
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.domain.errors import ProtocolError
from cmvmon.feeds.declared_statuses import more_cautious
from cmvmon.feeds.fhir import result_records
from cmvmon.feeds.fhir.statuses import OF_REPORTS, OF_RESULTS, most_cautious
from cmvmon.feeds.laboratory import Laboratory, read_laboratory
from cmvmon.feeds.part import Part
from cmvmon.feeds.records import Messages
from tests.feeds.fhir_texts import (
    FILES,
    SITE,
    Json,
    as_bytes,
    as_lines,
    bundle,
    concept,
    needs_public_resources,
    observation,
    patient,
    quantity,
    read,
    reasons,
    report,
    results,
    specimen,
    told,
)
from tests.feeds.shipped import LABS, laboratory

TEXT = (LABS / "example_fhir.toml").read_text("utf-8")
ROW = ("accession_number", "patient_id", "compartment", "detection", "viral_load_iu_per_ml", "lloq_iu_per_ml",
       "collected_at", "reported_at", "result_status")  # fmt: skip


def changed(*pairs: tuple[str, str]) -> Laboratory:
    """The example's file with some texts of it changed."""
    text = TEXT
    for old, new in pairs:
        assert old in text, old
        text = text.replace(old, new)
    return read_laboratory(text, name="example_fhir")


def rows(data: bytes, *columns: str, lab: Laboratory | None = None, form: str = "fhir") -> list[tuple[object, ...]]:
    """Those columns of the accepted rows, in the order of the records."""
    found = results(data, form=form, **({} if lab is None else {"laboratory": lab}))
    return found.accepted.sort("record_number").select(*columns).rows()


def outcome(data: bytes, lab: Laboratory | None = None) -> tuple[str, ...]:
    """Of each record its detection, or why it is set apart."""
    part = results(data, **({} if lab is None else {"laboratory": lab}))
    return (*part.accepted["detection"], *reasons(part))


# --- files that others have published: none gives a wrong number


@needs_public_resources
@pytest.mark.parametrize("path", FILES or [Path("none")], ids=lambda path: path.name[-24:])
def test_no_public_file_gives_a_result_and_each_gives_the_same_twice(path: Any) -> None:
    first, second = read(path.read_bytes()), read(path.read_bytes())
    for part, again in zip(first.parts, second.parts, strict=True):
        assert part.quarantined.equals(again.quarantined)
        assert (part.received, part.ignored) == (again.received, again.ignored)
        assert part.received == part.accepted.height + part.quarantined.height + part.ignored > 0
        assert part.accepted.is_empty()
        if path.suffix == ".xml":
            assert part.refused is not None
            assert part.refused.code == "fhir_xml"


@needs_public_resources
def test_a_published_load_of_a_lavage_in_copies_is_set_apart_and_waits_for_what_it_lacks() -> None:
    """It has no number of its own, its patient is not in the file, and copies are no IU without a factor."""
    data = next(path for path in FILES if path.suffix == ".json").read_bytes()
    bare = ('"Patient.identifier[system=https://example.org/mrn].value"', '"Observation.subject.reference"')
    number = ('"Observation.identifier[system=https://example.org/result].value"', '"Observation.id"')
    test = (
        f'"Observation.code.coding[system={SITE}/tests].code"',
        '"Observation.code.coding[system=http://loinc.org].code"',
    )
    when = ('"Specimen.collection.collected"', '"Observation.effective"')
    assay = ('assay = "Observation.method.coding.code"\n', "")
    listed = ('cmv_load = ["CMVQ"', 'cmv_load = ["49349-4", "CMVQ"')
    units = ('"IU/mL" = "iu_per_ml"\n', '"IU/mL" = "iu_per_ml"\n"{copies}/mL" = "copies_per_ml"\n')
    printed = ('"{Log_IU}/mL"', '"copies per milliliter" = "copies_per_ml"\n"{Log_IU}/mL"')
    pairs: list[tuple[str, str]] = []
    for more, reason in (
        ([], "unresolved_reference"),
        ([bare], "missing_test"),
        ([test], "unknown_test"),
        ([listed], "missing_accession_number"),
        ([number], "missing_specimen"),
    ):
        pairs += more
        assert outcome(data, changed(*pairs)) == (reason,)
    by_text = ('specimen = "Specimen.type.coding.code"', 'specimen = "Observation.code.coding.display"')
    named = ('"PLAS" = "plasma"', '"Cytomegalovirus DNA [#/volume] (viral load) in Bronchoalveolar lavage by NAA with probe detection" = "bal"')  # fmt: skip
    pairs += [when, assay, by_text, named]
    assert outcome(data, changed(*pairs)) == ("unknown_unit",)
    assert outcome(data, changed(*pairs, units)) == ("unknown_unit",)  # what is printed beside the code is not listed
    assert outcome(data, changed(*pairs, units, printed)) == ("no_copies_factor",)


# --- what stands in a resource


def test_a_result_is_read_from_its_observation_its_specimen_and_its_patient() -> None:
    low = observation("F2", id="o2", **quantity(137, comparator="<"))
    assert rows(told(observation(), low, report("o1", "o2")), *ROW[:6]) == [
        ("F1", "SYNTH-1", "bal", "quantified", 12000.0, 34.5),
        ("F2", "SYNTH-1", "bal", "below_lloq", None, 137.0),
    ]


ABSENT = {"dataAbsentReason": {"coding": [{"code": "not-performed", "display": "Not Performed"}]}}
VALUES: list[tuple[Json, str]] = [
    (quantity(388), "quantified"),
    (quantity(137, comparator="<"), "below_lloq"),
    (quantity(10000000, comparator=">"), "above_uloq"),
    (quantity(137, comparator="<="), "unsupported_comparator"),
    (quantity(137, comparator=">="), "unsupported_comparator"),
    (quantity(137, comparator="ad"), "unsupported_comparator"),
    (quantity(137, comparator=" "), "unsupported_comparator"),
    (quantity(137, comparator=""), "unsupported_comparator"),
    (quantity(137, comparator=" <"), "unsupported_comparator"),
    (quantity(137, comparator="~"), "unsupported_comparator"),
    (quantity(137, comparator=5), "unsupported_comparator"),
    (quantity(137, comparator=None), "unread_value_type"),
    (quantity("137"), "unread_value_type"),  # a number as text: whose marks?
    (quantity(True), "unread_value_type"),
    (quantity(0), "not_positive"),
    (quantity(-5), "not_positive"),
    (quantity(5.3, "{Log_IU}/mL"), "quantified"),
    (quantity(12000, "[iU]/mL"), "quantified"),
    (quantity(12000, "{copies}/mL"), "unknown_unit"),
    (quantity(12000, "1/mL"), "unknown_unit"),
    (quantity(5.3, unit="log10 IU/mL", code="[IU]/mL"), "contradicting_units"),
    (quantity(5.3, unit="log10 IU/mL", code="{Log_IU}/mL"), "quantified"),
    (quantity(12000, unit="IU per mL", code="[IU]/mL"), "unknown_unit"),  # what is printed must be known too
    (quantity(5, unit="000 IU/mL", code="[IU]/mL"), "unknown_unit"),
    (quantity(5, unit="x10^3 IU/mL", code="[IU]/mL"), "number_form"),  # 5, or 5000?
    (quantity(5, unit="10*3 IU/mL", code="[IU]/mL"), "unknown_unit"),
    (quantity(12000, unit="", code="[IU]/mL"), "quantified"),
    ({"valueQuantity": {"value": 12000, "unit": "IU/mL"}}, "quantified"),  # in print only
    ({"valueQuantity": {"value": 12000}}, "missing_unit"),
    ({"valueQuantity": {"unit": "IU/mL", "code": "[IU]/mL"}}, "missing_value"),
    ({"valueQuantity": {"comparator": "<", "code": "[IU]/mL"}}, "unread_value_type"),
    ({"valueQuantity": 12000}, "unread_value_type"),
    ({"valueString": "<35 IU/mL"}, "below_lloq"),
    ({"valueString": "Target Not Detected"}, "not_detected"),
    ({"valueString": "Not detected <35 IU/mL"}, "not_detected"),
    ({"valueString": 12000}, "unread_value_type"),
    ({"valueCodeableConcept": {"text": "Not detected"}}, "not_detected"),
    ({"valueCodeableConcept": concept("260415000", "Not detected", "http://snomed.info/sct")}, "not_detected"),
    ({"valueCodeableConcept": concept("260373001", "Detected", "http://snomed.info/sct")}, "qualitative_result"),
    ({"valueCodeableConcept": concept("260415000", "", "http://snomed.info/sct")}, "unknown_text"),  # a code is no number
    ({"valueCodeableConcept": {"coding": [{"display": "Not detected"}, {"display": "Detected"}]}}, "several_values"),
    ({"valueCodeableConcept": concept("Invalid")}, "invalid_result"),
    ({"valueCodeableConcept": {}}, "missing_value"),
    ({"valueInteger": 12000}, "missing_unit"),
    ({"valueRange": {"low": {"value": 60}, "high": {"value": 120}}}, "unread_value_type"),
    ({"valueRatio": {"numerator": {"value": 1}, "denominator": {"value": 128}}}, "unread_value_type"),
    ({"valueBoolean": True}, "unread_value_type"),
    ({"valueQuantity": {"value": 1}, "valueString": "2"}, "several_values"),
    (quantity() | ABSENT, "contradicting_values"),
    (ABSENT, "invalid_result"),
    ({"dataAbsentReason": {"coding": [{"code": "unknown"}]}}, "unknown_text"),
    ({"dataAbsentReason": "unknown", "valueString": "Invalid"}, "invalid_result"),
    (quantity(35) | {"interpretation": [concept("<")]}, "contradicting_values"),  # below the scale: 35 is not 35
    (quantity(35) | {"interpretation": [concept("H"), {"text": ">"}]}, "contradicting_values"),
    (quantity(12000) | {"interpretation": [concept("NEG")]}, "contradicting_values"),
    (quantity(12000) | {"interpretation": [concept("H")]}, "quantified"),
    (quantity(35, comparator="<") | {"interpretation": [concept("<")]}, "below_lloq"),
    (quantity(35, comparator="<") | {"interpretation": [concept(">")]}, "contradicting_values"),
    (quantity(10000000, comparator=">") | {"interpretation": [concept("ND")]}, "contradicting_values"),
    *(({"valueString": "Not detected"} | {"interpretation": [concept(code)]}, "contradicting_values")
      for code in ("POS", "DET", "A", "AA", "H", "HH", ">", "pos")),
    *(({"valueString": "Not detected"} | {"interpretation": [concept(code)]}, "not_detected") for code in ("NEG", "ND", "N", "<", "X")),
    ({"valueCodeableConcept": {"text": "Not detected"}} | {"interpretation": [{"text": "Positive"}]}, "contradicting_values"),
    ({"valueCodeableConcept": {"text": "Not detected"}} | {"interpretation": [concept("x", "Detected")]}, "contradicting_values"),
    ({"valueCodeableConcept": concept("Not detected")} | {"interpretation": [concept("NEG"), concept("POS")]}, "contradicting_values"),
    *((quantity(12000) | {"interpretation": [concept(code)]}, "contradicting_values") for code in ("NEG", "ND")),
    (quantity(12000) | {"interpretation": [concept("N")]}, "quantified"),
    *((quantity(12000) | {"interpretation": [concept(code)]}, "quantified") for code in ("POS", "DET", "A", "H", "L")),
    ({"valueString": "12000 IU/mL"} | {"interpretation": [concept("ND")]}, "contradicting_values"),
    ({"valueString": "Detected, not quantified"} | {"interpretation": [concept("POS")]}, "below_lloq"),
    (quantity(35, comparator="<") | {"interpretation": [concept("NEG")]}, "below_lloq"),
    ({"dataAbsentReason": {"text": "Not detected"}}, "contradicting_values"),
    ({"dataAbsentReason": concept("x", "Target Not Detected")}, "contradicting_values"),
    ({"dataAbsentReason": {"text": "<35 IU/mL"}}, "contradicting_values"),
    ({"dataAbsentReason": {"text": "12000 IU/mL"}}, "contradicting_values"),
    ({"dataAbsentReason": {"text": "Invalid"}}, "invalid_result"),
    ({"dataAbsentReason": {"text": "Detected"}}, "qualitative_result"),
]  # fmt: skip


@pytest.mark.parametrize("at", range(len(VALUES)))
def test_a_value_is_read_by_its_type_or_set_apart(at: int) -> None:
    value, found = VALUES[at]
    assert outcome(told(observation(**value))) == (found,), value


def test_an_interpretation_holds_beside_a_comparator_of_a_column_of_its_own() -> None:
    apart = changed(
        ('value = "Observation.value"', 'value = "Observation.value"\ncomparator = "Observation.bodySite.text"')
    )
    for code, found in (("H", "below_lloq"), (">", "contradicting_values")):
        low = observation(**quantity(35), bodySite={"text": "<"}, interpretation=[concept(code)])
        assert outcome(told(low), apart) == (found,)


@pytest.mark.parametrize(
    ("written", "load"),
    [("12000", 12000.0), ("1.2E4", 12000.0), ("12000.50", 12000.5), ("12000.000", 12000.0), ("1e400", None)],
)  # fmt: skip
def test_a_number_is_read_to_the_letter_whatever_marks_the_laboratory_uses(written: str, load: float | None) -> None:
    data = told(observation()).replace(b'"value": 12000', f'"value": {written}'.encode())
    with_comma = changed(('decimal = "."', 'decimal = ","\nthousands = "."'))
    for lab in (laboratory("example_fhir"), with_comma):
        part = results(data, laboratory=lab)
        assert part.accepted["viral_load_iu_per_ml"].to_list() == ([load] if load else [])
        assert reasons(part) == ([] if load else ["not_finite"])
    if load:
        assert rows(data, "delivered_value") == [(written,)]


def test_the_printed_unit_may_be_the_one_that_is_read() -> None:
    printed = changed(('"Observation.value.code"', '"Observation.value.unit"'))
    both = observation(**quantity(5.3, unit="log10 IU/mL", code="[IU]/mL"))
    assert outcome(told(both), printed) == ("contradicting_units",)
    assert outcome(told(observation(**quantity(5.3, unit="log10 IU/mL"))), printed) == ("quantified",)
    none = changed(('unit = "Observation.value.code"', ""), ("[units.delivered]", '[units]\nmissing = "iu_per_ml"\n[units.delivered]'))  # fmt: skip
    assert outcome(told(observation(**quantity(5.3, unit="log10 IU/mL"))), none) == ("quantified",)
    assert rows(told(observation(**quantity(5, unit="log10 IU/mL"))), "viral_load_iu_per_ml", lab=none) == [(100000.0,)]


@pytest.mark.parametrize(
    ("collected", "reason"),
    [("2026-05-03", "no_time"), ("2026-05", "malformed_time"), ("2026", "malformed_time"), ("20260503", "no_time"), ("", "missing_collected_at"),
     ("2026-03-29T02:30:00", "time_does_not_exist"), ("2025-10-26T02:30:00", "time_is_ambiguous"),
     ("2026-11-22T08:00:00Z", "collected_in_future"), ("2026-05-03T24:00:00Z", "malformed_time"), ("yesterday", "malformed_time")],
)  # fmt: skip
def test_a_time_that_names_no_moment_is_set_apart(collected: str, reason: str) -> None:
    data = as_bytes(bundle(patient(), specimen(collected=collected), observation()))
    assert outcome(data) == (reason,)


@pytest.mark.parametrize(
    "effective",
    [
        {"effectiveDateTime": "2026-05-03T08:00:00+02:00"},
        {"effectiveDateTime": "2026-05-03T06:00:00.000Z"},
        {"effectiveInstant": "2026-05-03T02:00:00-04:00"},
        {"effectivePeriod": {"start": "2026-05-03T08:00:00+02:00", "end": "2026-05-03T09:00:00+02:00"}},
        {"effectiveDateTime": "2026-05-03T08:00:00"},  # local to the laboratory, as its file declares
    ],
)
def test_a_time_is_read_from_whichever_type_it_has(effective: Json) -> None:
    lab = changed(('"Specimen.collection.collected"', '"Observation.effective"'))
    ((found,),) = rows(told(observation(**effective)), "collected_at", lab=lab)
    assert str(found).startswith("2026-05-03 06:00:00")


def test_a_period_without_a_start_and_a_schedule_name_no_moment() -> None:
    lab = changed(('"Specimen.collection.collected"', '"Observation.effective"'))
    end = observation(effectivePeriod={"end": "2026-05-03T08:00:00Z"})
    assert outcome(told(end), lab) == ("missing_collected_at",)
    schedule = observation(effectiveTiming={"event": ["2026-05-03T08:00:00Z"]})
    assert outcome(told(schedule), lab) == ("no_single_text",)


# --- panels, components, reports


def panel(**changes: Any) -> Json:
    return observation("PANEL", code=concept("CMVPANEL", "CMV-DNA"), valueQuantity=None, **{"id": "panel"} | changes)


def component(code: str = "CMVQ", **value: Any) -> Json:
    return {"code": concept(code)} | (value or quantity())


def test_each_component_is_a_result_in_the_name_of_its_observation() -> None:
    two = panel(component=[component(), component("CMVQLOG", **quantity(4.08, "{Log_IU}/mL")), component("GLU")])
    part = results(told(two))
    assert [round(load) for load in part.accepted["viral_load_iu_per_ml"]] == [12000, 12023]
    assert (part.received, part.ignored, part.accepted["accession_number"].to_list()) == (3, 1, ["PANEL"] * 2)
    assert all(text.count("valueQuantity") == 1 for text in part.accepted["delivered_text"])


def test_a_component_never_borrows_code_or_value_of_its_observation() -> None:
    both = observation(component=[{"valueQuantity": quantity(5)["valueQuantity"]}, {"code": concept("CMVQ")}])
    part = results(told(both))
    assert (part.accepted["viral_load_iu_per_ml"].to_list(), reasons(part)) == (
        [12000.0],
        ["missing_test", "missing_value"],
    )


def test_an_observation_counts_once_by_however_many_ways_it_is_named() -> None:
    whole = panel(hasMember=[{"reference": "Observation/o1"}] * 2)
    part = results(told(whole, observation(), report("panel", "o1"), report("o1", id="r2")))
    assert (part.received, part.accepted.height) == (1, 1)


def test_a_circle_of_members_ends() -> None:
    one = panel(hasMember=[{"reference": "Observation/o1"}])
    other = observation(hasMember=[{"reference": "Observation/panel"}, {"reference": "Observation/o1"}])
    assert rows(told(one, other, report("panel")), "accession_number") == [("F1",)]


def test_a_panel_whose_members_are_elsewhere_is_a_record() -> None:
    part = results(told(panel(hasMember=[{"reference": "Observation/elsewhere"}])))
    assert (part.received, reasons(part)) == (1, ["unknown_test"])


def test_a_report_without_an_observation_is_a_record() -> None:
    by_order = changed(
        ("Observation.identifier[system=https://example.org/result].value", "DiagnosticReport.identifier.value")
    )
    cancelled = report("elsewhere", status="cancelled", identifier=[{"value": "R1"}])
    part = results(told(cancelled), laboratory=by_order)
    assert reasons(part) == ["withdraws_unknown_record"]
    glucose = report(code=concept("GLU", "Glucose"), result=None, status="cancelled")
    part = results(told(glucose))
    assert (part.received, part.ignored) == (1, 1)
    assert reasons(results(told(report(result=None)))) == ["missing_test"]


def test_a_contained_observation_is_a_result_and_a_contained_patient_is_its_patient() -> None:
    inner = observation(subject={"reference": "#me"}, specimen={"reference": "#it"}, id="inner")
    held = [inner, patient(id="me"), specimen(id="it") | {"subject": {"reference": "#me"}}]
    whole = report(contained=held, result=[{"reference": "#inner"}], subject={"reference": "#me"})
    assert rows(as_bytes(whole), *ROW[:3]) == [("F1", "SYNTH-1", "bal")]
    alone = observation(contained=held[1:], subject={"reference": "#me"}, specimen={"reference": "#it"})
    assert rows(as_bytes(alone), *ROW[:3]) == [("F1", "SYNTH-1", "bal")]


# --- whose result it is


def with_urls(base: str = f"{SITE}/fhir/") -> Json:
    whole = bundle(patient(), specimen(), observation())
    for entry in whole["entry"]:
        entry["fullUrl"] = f"{base}{entry['resource']['resourceType']}/{entry['resource']['id']}"
    return whole


def by_urn(reference: str) -> Json:
    whole = bundle(patient(), specimen(), observation(subject={"reference": reference}))
    whole["entry"][0]["fullUrl"] = "urn:uuid:1"
    return whole


REFERENCES: dict[str, tuple[Json, bool]] = {
    "by type and id": (bundle(patient(), specimen(), observation()), True),
    "by type and id on one server": (with_urls(), True),
    "by full address": (with_urls() | {"entry": [*with_urls()["entry"][:2], {"resource": observation(subject={"reference": f"{SITE}/fhir/Patient/p1"})}]}, True),
    "by urn": (by_urn("urn:uuid:1"), True),
    "of a version": (by_urn("Patient/p1/_history/3"), True),
    "of another urn": (by_urn("urn:uuid:2"), False),
    "by an address of a server that is not here": (by_urn(f"{SITE}/fhir/Patient/p1"), False),
    "of a resource that it does not contain": (by_urn("#me"), False),
    "by identifier": (bundle(patient(), specimen(), observation(subject={"identifier": {"system": f"{SITE}/mrn", "value": "SYNTH-1"}})), True),
    "by identifier and type": (bundle(patient(), specimen(), observation(subject={"type": "Patient", "identifier": {"system": f"{SITE}/mrn", "value": "SYNTH-1"}})), True),
    "by identifier of another system": (bundle(patient(), specimen(), observation(subject={"identifier": {"system": "x", "value": "SYNTH-1"}})), False),
    "by nothing": (bundle(patient(), specimen(), observation(subject={"display": "CANARY"})), False),
    "of another type": (bundle(patient() | {"resourceType": "Group"}, specimen() | {"subject": None}, observation(subject={"reference": "Group/p1"})), False),
}  # fmt: skip


@pytest.mark.parametrize("way", REFERENCES)
def test_a_reference_means_a_resource_of_its_file_or_the_result_is_set_apart(way: str) -> None:
    whole, is_found = REFERENCES[way]
    part = results(as_bytes(whole))
    assert part.accepted["patient_id"].to_list() == (["SYNTH-1"] if is_found else [])
    reason = "missing_patient_id" if way == "of another type" else "unresolved_reference"
    assert reasons(part) == ([] if is_found else [reason])
    if reason == "unresolved_reference" and not is_found:
        assert part.quarantined["column"].to_list() == ["Patient.identifier[system=https://example.org/mrn].value"]


def test_a_resource_of_another_server_is_never_meant() -> None:
    whole = with_urls()
    whole["entry"][0]["fullUrl"] = "https://elsewhere.example.org/Patient/p1"
    assert outcome(as_bytes(whole)) == ("unresolved_reference",)


def test_an_old_version_is_not_the_one_that_is_meant() -> None:
    whole = by_urn("Patient/p1/_history/3")
    whole["entry"][0]["resource"]["meta"] = {"versionId": "2"}
    assert outcome(as_bytes(whole)) == ("unresolved_reference",)


@pytest.mark.parametrize(
    ("first", "second", "is_one"),
    [
        ("2026-05-03T10:00:00+02:00", "2026-05-03T08:00:00Z", True),
        ("2026-05-03T08:00:00Z", "2026-05-03T08:00:00.000Z", True),
        ("2026-05-03T10:00:00+02:00", "2026-05-03T10:00:00Z", False),
        ("2026-05-03T08:00:00Z", "2026-05-03T08:00:01Z", False),
        ("2026-05-03T08:00:00", "2026-05-03T08:00:00Z", False),  # it can't be told whether these are one
        ("2026-05-03", "2026-05-03T00:00:00Z", False),
    ],
)
def test_one_moment_that_is_written_in_two_ways_is_one(first: str, second: str, is_one: bool) -> None:
    by_report = changed(("Observation.issued", "DiagnosticReport.issued"))
    reports = [report("o1", id=f"r{n}", issued=at) for n, at in enumerate((first, second))]
    data = told(observation(), *reports)
    assert outcome(data, by_report) == (("quantified",) if is_one else ("several_values",))
    if is_one:
        assert rows(data, "reported_at", lab=by_report) == [(datetime(2026, 5, 3, 8, tzinfo=UTC),)]


def test_two_patients_of_one_result_are_told_apart_from_none() -> None:
    other = patient("SYNTH-2", "p2")
    whose = told(other, observation(), report("o1", subject={"reference": "Patient/p2"}))
    assert outcome(whose) == ("several_values",)
    of_specimen = as_bytes(
        bundle(patient(), other, specimen() | {"subject": {"reference": "Patient/p2"}}, observation())
    )
    assert outcome(of_specimen) == ("several_values",)
    twice = as_bytes(bundle(patient(), patient("SYNTH-2"), specimen(), observation()))
    assert outcome(twice) == ("several_values",)


def identified(value: str, system: str = f"{SITE}/mrn", **more: Any) -> Json:
    """A subject by its number."""
    return {"identifier": {"value": value} | ({"system": system} if system else {})} | more


BY_REFERENCE: Json = {"reference": "Patient/p1"}
SUBJECTS: list[tuple[Json, bool]] = [
    (BY_REFERENCE, True),
    ({"reference": "Patient/p1/_history/2"}, True),
    ({"reference": "Patient/p2"}, False),  # which is not in the file
    ({"reference": f"{SITE}/fhir/Patient/p1"}, False),  # of a server: whether it is the same one is not known
    ({"reference": "#p1"}, False),
    (identified("SYNTH-1"), True),
    (identified("900000001", f"{SITE}/national"), True),
    (identified("SYNTH-1", ""), True),
    (identified("SYNTH-2"), False),
    (identified("SYNTH-2", ""), False),
    (identified("SYNTH-1", "urn:elsewhere"), False),
    (BY_REFERENCE | identified("SYNTH-1"), True),
    (BY_REFERENCE | identified("SYNTH-2"), False),
    (BY_REFERENCE | identified("77", "urn:elsewhere"), True),  # a number that the patient may have as well
    (identified("SYNTH-1", reference="Patient/p2"), False),
    ({"display": "CANARY"}, True),  # names nobody
]


@pytest.mark.parametrize("at", range(len(SUBJECTS)))
def test_all_that_belongs_to_a_result_must_name_its_patient(at: int) -> None:
    subject, is_same = SUBJECTS[at]
    order = {"resourceType": "ServiceRequest", "id": "q1", "subject": subject}
    ordered = observation(basedOn=[{"reference": "ServiceRequest/q1"}])
    expected = "quantified" if is_same else "other_patient"
    for entries in (
        (patient(), specimen(), observation(), report("o1", subject=subject)),
        (patient(), specimen(), observation(), panel(subject=subject, hasMember=[{"reference": "Observation/o1"}])),
        (patient(), specimen() | {"subject": subject}, observation()),
        (patient(), specimen(), ordered, order),
        (patient(), specimen(), observation(), report("o1"), report("o1", subject=subject, id="r2")),
    ):
        assert outcome(as_bytes(bundle(*entries))) == (expected,)
    by_number = changed((f"Patient.identifier[system={SITE}/mrn].value", "Observation.subject.identifier.value"))
    own = observation(subject=BY_REFERENCE | identified("SYNTH-1"))
    assert outcome(told(own, report("o1", subject=subject)), by_number) == (expected,)


def test_a_number_beside_a_reference_to_nothing_in_the_file_must_be_that_of_the_others() -> None:
    lab = changed((f"Patient.identifier[system={SITE}/mrn].value", "Observation.subject.identifier.value"))
    by_number = specimen() | {"subject": identified("SYNTH-1")}
    for subject, found in (
        (identified("SYNTH-1"), "quantified"),
        (identified("SYNTH-2"), "other_patient"),
        ({"reference": "Patient/p1"}, "other_patient"),  # of whom nothing says that he is SYNTH-1
    ):
        whole = observation(subject=identified("SYNTH-1")), report("o1", subject=subject)
        assert outcome(as_bytes(bundle(by_number, *whole)), lab) == (found,)


def test_they_must_agree_wherever_the_number_of_the_patient_stands() -> None:
    lab = changed((f"Patient.identifier[system={SITE}/mrn].value", "Observation.extension[url=urn:mrn].valueString"))
    own = observation(extension=[{"url": "urn:mrn", "valueString": "SYNTH-1"}])
    assert outcome(told(own, report("o1")), lab) == ("quantified",)
    assert outcome(told(own, report("o1", subject={"reference": "Patient/p2"})), lab) == ("other_patient",)


def test_two_resources_with_one_number_are_one_patient() -> None:
    held = specimen() | {"subject": {"reference": "#me"}, "contained": [patient(id="me")]}
    assert outcome(as_bytes(bundle(patient(), held, observation()))) == ("quantified",)
    same_number = patient(id="p2") | {
        "identifier": [patient()["identifier"][0], {"system": f"{SITE}/national", "value": "9"}]
    }
    assert outcome(told(same_number, observation(), report("o1", subject={"reference": "Patient/p2"}))) == (
        "quantified",
    )


def test_the_nearest_specimen_holds_and_of_two_it_can_not_be_told_which() -> None:
    plasma = specimen("119361006", id="s2")
    of_report = report("o1", specimen=[{"reference": "Specimen/s2"}])
    assert rows(told(plasma, observation(), of_report), "compartment") == [("bal",)]
    assert rows(told(plasma, observation(specimen=None), of_report), "compartment") == [("plasma",)]
    both = report("o1", specimen=[{"reference": "Specimen/s1"}, {"reference": "Specimen/s2"}])
    assert outcome(told(plasma, observation(specimen=None), both)) == ("several_values",)
    assert outcome(told(observation(specimen=None))) == ("missing_specimen",)


def test_a_patient_is_the_identifier_that_the_file_names() -> None:
    any_of_them = changed(("Patient.identifier[system=https://example.org/mrn].value", "Patient.identifier.value"))
    assert outcome(told(observation()), any_of_them) == ("several_values",)
    first = changed(("Patient.identifier[system=https://example.org/mrn].value", "Patient.identifier[1].value"))
    assert rows(told(observation()), "patient_id", lab=first) == [("SYNTH-1",)]
    logical = changed(("Patient.identifier[system=https://example.org/mrn].value", "Observation.subject.reference"))
    assert rows(as_lines(observation(specimen=None)), "patient_id", lab=logical, form="fhir_lines") == []
    assert outcome(told(observation()), logical) == ("quantified",)
    parts = changed(("Patient.identifier[system=https://example.org/mrn].value", "Patient.identifier"))
    assert outcome(told(observation()), parts) == ("no_single_text",)


def test_other_tests_are_ignored_and_one_that_sounds_like_cmv_is_not() -> None:
    glucose = observation("G", id="g", code=concept("2345-7", "Glucose", "http://loinc.org"))
    remark = observation("R", id="r", code=concept("REM", "Remark"))  # of the CMV panel
    changed_code = observation("C", id="c", code=concept("CMVQ3"))
    by_loinc = observation("L", id="l", code=concept("72493-0", "", "http://loinc.org"))
    part = results(told(glucose, remark, changed_code, by_loinc, report("r")))
    assert (part.ignored, reasons(part)) == (1, ["unknown_test", "unknown_test", "missing_test"])
    strict = changed(('unlisted = "ignored"', 'unlisted = "set_apart"'))
    assert outcome(told(glucose), strict) == ("missing_test",)


def test_the_code_of_a_report_is_never_that_of_the_result() -> None:
    assert outcome(told(observation(code=concept("REM")), report("o1", code=concept("CMVQ")))) == ("unknown_test",)


# --- status


def used(of_result: str | None, of_report: str | None) -> str:
    """What the status of a result is read as: its word, `by number` where only that is withdrawn, or why it is set apart."""
    part = results(
        told(observation(status=of_result), *([] if of_report is None else [report("o1", status=of_report)]))
    )
    return (*part.accepted["result_status"], *reasons(part))[0]


STATUSES = (*OF_RESULTS, "unknown", "other")
REPORT_STATUSES = (*OF_REPORTS, "unknown", "other")


@pytest.mark.parametrize("of_result", [*STATUSES, None])
def test_of_a_result_and_its_report_the_more_cautious_status_holds(of_result: str | None) -> None:
    """Each status of an observation beside each status of a report, none, and no report."""
    for of_report in (*REPORT_STATUSES, None):
        own, above = OF_RESULTS.get(of_result or ""), OF_REPORTS.get(of_report or "")
        if "withdrawn" in (own, above):
            expected = "withdrawn"
        elif of_report is not None and above is None:
            expected = "unknown_order_status"
        elif of_result is None:
            expected = "missing_result_status"
        elif own is None:
            expected = "unknown_status"
        else:
            expected = own if above is None else more_cautious(own, above)
        assert used(of_result, of_report) == expected, (of_result, of_report)


WORDS = {"final": 0, "preliminary": 1, "corrected": 2, "withdrawn": 3}


@pytest.mark.parametrize("one", OF_REPORTS)
def test_of_two_reports_the_more_cautious_holds_whichever_comes_first(one: str) -> None:
    for other in OF_REPORTS:
        found = {OF_REPORTS[most_cautious(pair)[0]] for pair in ((one, other), (other, one))}
        assert found == {max(OF_REPORTS[one], OF_REPORTS[other], key=WORDS.__getitem__)}
    assert most_cautious((one, "other")) == (one, "other")
    assert most_cautious(()) == ()


def test_what_a_panel_is_its_members_are() -> None:
    member, whole = observation(), panel(hasMember=[{"reference": "Observation/o1"}], status="entered-in-error")
    assert rows(told(member, whole), "result_status") == [("withdrawn",)]
    report_of_panel = report("panel", status="preliminary")
    assert rows(told(member, whole | {"status": "final"}, report_of_panel), "result_status") == [("preliminary",)]
    assert outcome(told(member, whole | {"status": "odd"}, report_of_panel)) == ("several_values",)


def versions(number: str, result: str, *of_reports: str) -> list[Json]:
    """A preliminary result and one of that status, both o1, among reports r1 of those statuses; versioned where a number is given."""
    first, then = observation(status="preliminary"), observation(status=result)
    reports = [report("o1", status=one) for one in of_reports]
    for at, one in enumerate((first, then) if number else ()):
        one["meta"] = {"versionId": str(int(number) + at)}
    for at, one in enumerate(reports if number else ()):
        one["meta"] = {"versionId": str(int(number) + at)}
    return [first, reports[0], then, *reports[1:]]


@pytest.mark.parametrize("number", ["", "9"])  # 9 and 10: versions are numbers
@pytest.mark.parametrize("form", ["fhir", "fhir_lines"])
def test_the_version_of_a_result_is_joined_to_that_of_its_report(number: str, form: str) -> None:
    def statuses(*entries: Json) -> list[tuple[object, ...]]:
        whole = (patient(), specimen(), *entries)
        data = as_lines(*whole) if form == "fhir_lines" else as_bytes(bundle(*whole))
        return rows(data, "result_status", form=form)

    both = versions(number, "final", "preliminary", "final")
    assert statuses(*both) == [("preliminary",), ("final",)]
    assert statuses(both[1], both[3], both[0], both[2]) == [("preliminary",), ("final",)]
    corrected = versions(number, "corrected", "partial", "corrected")
    assert statuses(*corrected) == [("preliminary",), ("corrected",)]
    withdrawn = versions(number, "final", "preliminary", "entered-in-error")
    assert statuses(*withdrawn) == [("preliminary",), ("withdrawn",)]
    through = [panel(hasMember=[{"reference": "Observation/o1"}], status=one) for one in ("preliminary", "final")]
    of_panel = [report("panel", status=one) for one in ("preliminary", "final")]
    assert statuses(both[0], through[0], of_panel[0], both[2], through[1], of_panel[1]) == [
        ("preliminary",),
        ("final",),
    ]


def test_versions_hold_whatever_the_order_in_which_they_stand() -> None:
    first, of_first, then, of_then = versions("1", "final", "preliminary", "final")
    assert rows(told(first, then, of_then, of_first), "result_status") == [("preliminary",), ("final",)]
    bare = {name: value for name, value in of_first.items() if name != "meta"}
    bare_then = {name: value for name, value in of_then.items() if name != "meta"}
    assert outcome(told(then, first, bare, bare_then)) == ("versions_unclear",) * 2
    by_version = [
        one | {"result": [{"reference": f"Observation/o1/_history/{at}"}]} for at, one in ((2, bare_then), (1, bare))
    ]
    assert rows(told(first, *by_version, then), "result_status") == [("preliminary",), ("final",)]


@pytest.mark.parametrize("url", ["urn:uuid:{}", f"{SITE}/fhir/{{}}/_history/{{}}"])
def test_versions_are_of_one_resource_by_its_id_whatever_address_each_has(url: str) -> None:
    whole = bundle(patient(), specimen(), *versions("1", "final", "preliminary", "final"))
    for n, entry in enumerate(whole["entry"]):
        one = entry["resource"]
        place = f"{one['resourceType']}/{one['id']}" if "fhir" in url else n
        entry["fullUrl"] = url.format(place, n)
    assert rows(as_bytes(whole), "result_status") == [("preliminary",), ("final",)]


def test_which_of_several_versions_of_a_report_holds_is_told_or_the_result_is_set_apart() -> None:
    _, of_first, then, of_then = versions("1", "final", "preliminary", "final")
    assert rows(told(of_then, then, of_first), "result_status") == [("final",)]
    assert outcome(told(then, report("o1", status="entered-in-error"), report("o1"))) == ("versions_unclear",)
    assert rows(told(then, report("o1"), report("o1", status="entered-in-error")), "result_status") == [("withdrawn",)]
    assert rows(told(then, report("o1"), report("o1")), "result_status") == [("final",)]
    three = versions("", "final", "preliminary", "preliminary", "final")
    assert outcome(told(*three)) == ("versions_unclear",) * 2
    one = versions("", "final", "final")
    assert rows(told(*one), "result_status") == [("preliminary",), ("final",)]
    number = changed((f"Observation.identifier[system={SITE}/result].value", "DiagnosticReport.identifier.value"))
    assert outcome(told(then, report("o1", identifier=[{"value": "R"}]), report("o1", status="partial")), number) == (
        "versions_unclear",
    )


def test_a_withdrawal_takes_effect_where_nothing_but_the_number_can_be_read() -> None:
    bare = {
        "resourceType": "Observation",
        "id": "o1",
        "status": "entered-in-error",
        "identifier": observation()["identifier"],
    }
    for one in (
        bare,
        bare | {"subject": {"reference": "Patient/gone"}},
        bare | {"modifierExtension": [{"url": "urn:x"}]},
    ):
        part = results(as_bytes(one))
        assert reasons(part) == ["withdraws_unknown_record"]
        assert part.withdrawals is not None
        assert part.withdrawals["result_id"].to_list() == ["example_fhir:F1:cmv_dna"]
    other = bare | {"code": concept("GLU")}
    assert (results(as_bytes(other)).ignored, reasons(results(as_bytes(other)))) == (1, [])


def test_the_file_may_say_otherwise_of_a_status() -> None:
    lab = changed(("# [status.delivered] only", '[status.delivered]\n"registered" = "withdrawn"\n#'))
    assert rows(told(observation(status="registered")), "result_status", lab=lab) == [("withdrawn",)]


# --- what changes the meaning of a resource, and what can't be read


@pytest.mark.parametrize(
    "modifier", [{"modifierExtension": [{"url": "urn:not", "valueBoolean": True}]}, {"implicitRules": "urn:rules"}, {"modifierExtension": "odd"}]
)  # fmt: skip
def test_a_modifier_that_is_not_known_sets_apart_what_it_is_of(modifier: Json) -> None:
    assert outcome(told(observation(**modifier))) == ("unknown_modifier",)
    assert outcome(told(panel(component=[component() | modifier]))) == ("unknown_modifier",)
    assert outcome(told(observation(), report("o1", **modifier))) == ("unknown_modifier",)
    assert outcome(as_bytes(bundle(patient() | modifier, specimen(), observation()))) == ("unknown_modifier",)
    assert outcome(as_bytes(bundle(patient(), specimen() | modifier, observation()))) == ("unknown_modifier",)
    around = bundle(patient(), specimen(), observation())
    around["entry"][2] |= modifier
    assert outcome(as_bytes(around)) == ("unknown_modifier",)
    assert results(told(observation(code=concept("GLU"), **modifier))).ignored == 1  # nothing of it is read


def test_a_modifier_is_named_with_its_record() -> None:
    part = results(told(observation(modifierExtension=[{"url": "urn:not"}], implicitRules="urn:r")))
    assert json.loads(part.quarantined["delivered_text"][0])["modifiers"] == ["urn:not", "implicitRules"]


def test_what_is_labelled_as_test_data_is_set_apart() -> None:
    label = {"meta": {"tag": [{"code": "HTEST"}]}}
    in_production = [
        told(observation(**label)),
        told(observation(), **label),
        told(observation(), report("o1", **label)),
    ]
    in_production.append(
        as_bytes(bundle(patient() | {"meta": {"security": {"code": "HTEST"}}}, specimen(), observation()))
    )
    in_production += [
        as_bytes(bundle(patient(), specimen() | label, observation())),
        told(observation(), panel(hasMember=[{"reference": "Observation/o1"}], **label)),
        as_bytes(observation(contained=[patient(id="me") | label], subject={"reference": "#me"}, specimen=None)),
    ]
    for data in in_production:
        assert set(reasons(read(data))) == {"not_for_production"}
    training = replace(laboratory("example_fhir"), messages=Messages(processing=("HTEST",)))
    for data in in_production[:-1]:  # the last has no specimen
        assert outcome(data, training) == ("quantified",)
    assert read(in_production[1], laboratory=training).received == 1  # its patient and specimen are parts of it


@pytest.mark.parametrize("status", ["entered-in-error", "unsatisfactory", "available", "unavailable"])
def test_a_result_of_a_specimen_that_is_no_good_is_set_apart_and_its_withdrawal_is_not(status: str) -> None:
    lab = changed(
        ('"Specimen.collection.collected"', '"Observation.effective"'),
        ('"Specimen.type.coding.code"', '"Observation.bodySite.text"'),
    )
    own = observation(effectiveDateTime="2026-05-03T08:00:00Z", bodySite={"text": "PLAS"})
    for file in (None, lab):
        data = as_bytes(bundle(patient(), specimen() | {"status": status}, own))
        assert outcome(data, file) == ("quantified" if "available" in status else "unusable_specimen",)
    withdrawn = as_bytes(bundle(patient(), specimen() | {"status": status}, own | {"status": "entered-in-error"}))
    assert set(outcome(withdrawn)) <= {"quantified", "withdraws_unknown_record"}


def entry_of_100(bad: Any) -> bytes:
    good = [observation(f"F{n}", id=f"o{n}") for n in range(99)]
    whole = bundle(patient(), specimen(), *good[:50], "BAD", *good[50:], kind="transaction")
    whole["entry"][0]["fullUrl"] = f"{SITE}/fhir/Patient/CANARY"
    text = as_bytes(whole).decode()
    return text.replace('{"resource": "BAD"}', bad if isinstance(bad, str) else json.dumps(bad)).encode()


URL = "urn:uuid:00000000-0000-4000-8000-000000000001"
BAD: dict[str, tuple[Any, str, str]] = {
    "no resource": ({"fullUrl": URL}, "no_resource", "viral_load_results"),
    "no type": ({"fullUrl": URL, "resource": {"status": "final"}}, "no_resource", "viral_load_results"),
    "a list": ({"fullUrl": URL, "resource": []}, "no_resource", "viral_load_results"),
    "a text": ('"CANARY"', "no_resource", "viral_load_results"),
    "no status": ({"fullUrl": URL, "resource": observation(status=None)}, "missing_result_status", "viral_load_results"),  # type: ignore[arg-type]
    "no value": ({"fullUrl": URL, "resource": observation(valueQuantity=None)}, "missing_value", "viral_load_results"),
    "a member twice": (json.dumps({"fullUrl": URL, "resource": observation()}).replace('"status"', '"status": "final", "status"'), "repeated_member", "viral_load_results"),
    "a value twice": (json.dumps({"fullUrl": URL, "resource": observation()}).replace('"value": 12000', '"value": 12000, "value": 5'), "repeated_member", "viral_load_results"),
    "a resource twice": (json.dumps({"fullUrl": URL, "resource": observation()})[:-1] + ', "resource": {}}', "no_resource", "viral_load_results"),
    "an entry's member twice": (json.dumps({"fullUrl": URL, "resource": observation()})[:-1] + ', "fullUrl": "x"}', "repeated_member", "viral_load_results"),
    "NaN": (json.dumps({"fullUrl": URL, "resource": observation()}).replace("12000", "NaN"), "no_json_number", "viral_load_results"),
    "Infinity": (json.dumps({"fullUrl": URL, "resource": observation()}).replace("12000", "-Infinity"), "no_json_number", "viral_load_results"),
    "deep": (json.dumps({"fullUrl": URL, "resource": observation(extension=None)}).replace('"final"', '"final", "x": ' + "[" * 70 + "]" * 70), "too_deep", "viral_load_results"),
    "deeper than a parser goes": (json.dumps({"fullUrl": URL, "resource": observation()}).replace('"final"', '"final", "x": ' + '[{"a\\"]": "}", "b":' * 5000 + '"]"' + "}]" * 5000), "too_deep", "viral_load_results"),
    "NUL": ({"fullUrl": URL, "resource": observation("\0")}, "damaged_text", "viral_load_results"),
    "half a character": (json.dumps({"fullUrl": URL, "resource": observation("Q")}).replace("Q", "\\ud800", 1), "damaged_text", "viral_load_results"),
    "an order to delete": ({"fullUrl": URL, "request": {"method": "DELETE", "url": "Observation/o1"}}, "no_resource", "viral_load_results"),
    "an order to change": ({"fullUrl": URL, "request": {"method": "PATCH"}, "resource": {"resourceType": "Parameters"}}, "fhir_request", "delivery"),
    "doses": ({"fullUrl": URL, "resource": {"resourceType": "MedicationAdministration"}}, "resource_type", "delivery"),
    "a stay in another file": ({"fullUrl": URL, "resource": {"resourceType": "Bundle"}}, "resource_type", "delivery"),
}  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_one_bad_entry_of_100_is_set_apart_with_its_place_and_99_are_taken_in(name: str) -> None:
    bad, reason, table = BAD[name]
    parts = {part.table: part for part in read(entry_of_100(bad)).parts}
    assert parts["viral_load_results"].accepted.height == 99
    assert [(table, reasons(parts[table]))] == [(table, [reason])]
    (row,) = parts[table].quarantined.to_dicts()
    assert (row["line"], "entry 53" in row["remedy"]) == (53, True)
    if "missing" not in reason:
        place = json.loads(row["delivered_text"])
        assert place["entry"] == 53
        assert name in ("a text", "an entry's member twice") or place["fullUrl"] == URL
    assert "CANARY" not in str(row)


def test_a_resource_that_can_not_be_read_holds_up_what_rests_on_it_and_nothing_else() -> None:
    other = [patient("SYNTH-2", "p2"), specimen(id="s2") | {"subject": {"reference": "Patient/p2"}}]
    good = observation("G", id="g", subject={"reference": "Patient/p2"}, specimen={"reference": "Specimen/s2"})
    text = json.dumps(bundle(patient(), specimen(), observation(), *other, good))
    broken = text.replace('"id": "p1"', '"id": "p1", "id": "p1"').encode()
    found = read(broken)
    assert sorted(reasons(found)) == ["repeated_member", "unresolved_reference"]
    (part,) = (part for part in found.parts if part.table == "viral_load_results")
    assert part.accepted["patient_id"].to_list() == ["SYNTH-2"]
    of_report = json.dumps(bundle(patient(), specimen(), observation(), report("o1"))).replace(
        '"id": "r1"', '"id": "r1", "id": "r1"'
    )
    assert sorted(reasons(read(of_report.encode()))) == ["repeated_member", "unresolved_reference"]


def test_of_whom_a_result_can_not_be_read_is_told() -> None:
    text = told(observation()).decode().replace("12000", "NaN")
    part = results(text.encode())
    assert (reasons(part), part.quarantined["patient_id"].to_list()) == (["no_json_number"], ["SYNTH-1"])


def test_of_a_resource_with_a_damaged_text_nothing_is_stored_whatever_else_is_wrong() -> None:
    text = told(observation()).decode().replace("12000", "NaN").replace("SYNTH-1", "\\ud800")
    assert sorted(reasons(read(text.encode()))) == ["damaged_text", "no_json_number"]
    of_itself = told(observation(note=[{"text": "Q"}])).decode().replace("12000", "NaN").replace('"Q"', '"\\udc00"')
    part = results(of_itself.encode())
    assert (reasons(part), part.quarantined["patient_id"].to_list()) == (["damaged_text"], [None])
    of_report = told(observation(), report("o1", conclusion="Q")).decode().replace('"Q"', '"\\udc00"').encode()
    assert sorted(reasons(read(of_report))) == ["damaged_text", "unresolved_reference"]


def test_other_resources_are_named_or_ignored_as_the_file_says_and_what_a_result_rests_on_is_its_part() -> None:
    stay, dose = {"resourceType": "Encounter", "id": "e1"}, {"resourceType": "MedicationAdministration"}
    order = {"resourceType": "ServiceRequest", "id": "q1", "identifier": [{"value": "Q1"}]}
    found = read(told(stay, dose, order, observation(basedOn=[{"reference": "ServiceRequest/q1"}])))
    by_table = {part.table: part for part in found.parts}
    assert (by_table["delivery"].ignored, reasons(by_table["delivery"])) == (1, ["resource_type"])
    assert "q1" in by_table["viral_load_results"].accepted["delivered_text"][0].lower()
    assert (found.received, by_table["viral_load_results"].received) == (3, 1)
    order_alone = read(told(order, observation(encounter={"reference": "Encounter/e1"}), stay))
    assert reasons(order_alone) == ["resource_type"]


def test_names_and_addresses_are_not_kept_with_a_record() -> None:
    annotated = observation(valueString="?", note=[{"text": "diluted", "authorString": "CANARY"}],
                            device={"display": "CANARY"}, extension=[{"url": "x", "valueString": "CANARY"}])  # fmt: skip
    for data in (
        told(annotated, report("o1", performer=[{"display": "CANARY"}])),
        told(annotated).replace(b'"?"', b"NaN"),
    ):
        for part in read(data).parts:
            assert part.quarantined.height == 1
            assert "CANARY" not in str(part.quarantined.to_dicts()) + str(part.named)
            assert part.quarantined["patient_id"].to_list() == ["SYNTH-1"]
    kept = results(told(annotated)).quarantined["delivered_text"][0]
    assert "diluted" in kept
    assert "900000001" in kept
    meta = results(
        told(observation(meta={"versionId": "3", "lastUpdated": "2026-05-03T10:00:00Z", "source": "CANARY"}))
    )
    assert '"meta": {"lastUpdated": "2026-05-03T10:00:00Z", "versionId": "3"}' in meta.accepted["delivered_text"][0]
    assert "CANARY" not in meta.accepted["delivered_text"][0]


# --- lines


def test_a_resource_a_line_is_read_as_a_bundle_is() -> None:
    whole = [patient(), specimen(), observation(), report("o1")]
    assert rows(as_lines(*whole), *ROW, form="fhir_lines") == rows(as_bytes(bundle(*whole)), *ROW)


def test_a_bad_line_is_set_apart_and_the_others_are_taken_in() -> None:
    for bad, reason in (
        (b"junk", "malformed_line"),
        (b"[" * 100_000, "too_deep"),
        (b"[]", "no_resource"),
        (as_bytes(observation())[:-9], "malformed_line"),
    ):
        data = as_lines(patient(), specimen()) + b"\r\n\n" + bad + b"\n" + as_lines(observation())
        part = results(data, form="fhir_lines")
        assert (part.accepted.height, reasons(part), part.quarantined["line"].to_list()) == (1, [reason], [5])
        assert "line 5" in part.quarantined["remedy"][0]


def test_every_record_has_its_text() -> None:
    ((_, found),) = result_records.read_fhir(told(observation(), {}), laboratory("example_fhir").writing)
    assert sorted(found.texts) == [1, 2] == [r.number for r in found.records]
    assert (len(found.texts), 1 in found.texts, 3 in found.texts, "SYNTH" in found.texts[1]) == (2, True, False, True)


def test_no_depth_makes_it_raise_where_something_else_is_wrong_too(monkeypatch: pytest.MonkeyPatch) -> None:
    for depth in range(600, 1000, 7):
        text = '{"resourceType": "Observation", "a": 1, "a": 1, "x": ' + "[" * depth + "]" * depth + "}"
        found = read(text.encode())
        assert sum(part.quarantined.height for part in found.parts) == 1

    def dumps(value: Any, **options: Any) -> str:
        if "resourceType" in value and "entry" not in value:
            raise RecursionError
        return json.dumps(value, **options)

    monkeypatch.setattr(result_records, "json", SimpleNamespace(dumps=dumps))
    (row,) = read(told({"resourceType": "Group"}, observation())).parts[1].quarantined.to_dicts()
    assert len(json.loads(row["delivered_text"])["sha256"]) == 64


def test_many_records_are_given_in_parts_and_count_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    data = told(*(observation(f"F{n}", id=f"o{n}") for n in range(30)), {"resourceType": "Encounter"})
    whole = read(data)
    monkeypatch.setattr(result_records, "AT_ONCE", 4)
    for one, other in zip(whole.parts, read(data).parts, strict=True):
        assert one.accepted.equals(other.accepted)
        assert one.quarantined.equals(other.quarantined)
        assert (one.received, one.ignored) == (other.received, other.ignored)


# --- whatever comes


WHOLE = [
    patient(), specimen(), observation(), observation("F2", id="o2", **quantity(137, comparator="<")), panel(component=[component()]),
    observation("F3", id="o3", status="corrected"), report("o1", "panel"), report("o2", status="partial", id="r2"),
]  # fmt: skip


@given(st.permutations(WHOLE))
def test_entries_in_any_order_give_the_same_rows(entries: list[Json]) -> None:
    assert sorted(rows(as_bytes(bundle(*entries)), *ROW), key=str) == sorted(
        rows(as_bytes(bundle(*WHOLE)), *ROW), key=str
    )


TREES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.sampled_from(["Patient/p1", "#o1", "final", "\0", "\ud800"]),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["reference", "identifier", "value", "code", "coding", "text", "start", "contained", "status"]), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


@given(st.randoms(use_true_random=False), TREES)
def test_no_change_of_a_resource_makes_it_raise_and_every_record_is_counted_once(
    chance: random.Random, tree: Any
) -> None:
    whole = copy.deepcopy(bundle(*WHOLE))
    for _ in range(3):
        _change(whole, chance, tree)
    entries = whole["entry"] if isinstance(whole.get("entry"), list) else []
    for form, data in (("fhir", json.dumps(whole)), ("fhir_lines", "\n".join(map(json.dumps, entries)) or "{}")):
        for part in read(data.encode(), form=form).parts:
            _check(part)


def _change(node: Any, chance: random.Random, tree: Any) -> None:
    """Puts a tree in the place of something within."""
    while isinstance(node, (dict, list)) and node:
        key: Any = chance.choice(list(node)) if isinstance(node, dict) else chance.randrange(len(node))
        if chance.random() < 0.25:
            node[key] = copy.deepcopy(tree)
            return
        node = node[key]


@given(st.binary(max_size=40), st.integers(0, 4000))
def test_no_bytes_make_it_raise(data: bytes, at: int) -> None:
    good = told(observation())
    for form in ("fhir", "fhir_lines"):
        for part in read(good[:at] + data + good[at + len(data) :], form=form).parts:
            _check(part)


def _check(part: Part) -> None:
    assert part.received == part.accepted.height + part.quarantined.height + part.ignored
    assert part.quarantined["record_number"].n_unique() == part.quarantined.height
    assert part.quarantined["reason"].null_count() == 0


# --- the file of the laboratory


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ('"Specimen.type.coding.code"', '"Materiaal"', "columns.specimen: is no place in a FHIR resource"),
        ('"Specimen.type.coding.code"', '"Specimen"', "columns.specimen: is no place in a FHIR resource"),
        ('"Specimen.type.coding.code"', '"Specimen.type[]"', "columns.specimen: is no place in a FHIR resource"),
        ('value = "Observation.value"', 'value = "Observation.value.value"', "columns.value: leaves a part of the value unread"),
        ('value = "Observation.value"', 'value = "Observation.valueQuantity"', "columns.value: leaves a part of the value unread"),
        ('"Observation.value.code"', '"Observation.code.text"', "columns.unit: is not that of a value"),
        (f'"Observation.code.coding[system={SITE}/tests].code"', '"DiagnosticReport.code.text"', "columns.test: is not that of a result"),
        ('"Specimen.type.coding.code"', '"Substance.code.text"', "columns.specimen: is of a resource that no result refers to"),
        ("[messages]", "[messages]\nall = true", "messages.all: is not a key that is known here"),
        ('format = "fhir"', 'format = "fhir_lines"', "format: is none of"),
    ],
)  # fmt: skip
def test_a_file_that_would_read_something_else_is_told(old: str, new: str, said: str) -> None:
    with pytest.raises(ProtocolError) as caught:
        changed((old, new))
    assert said in str(caught.value)


def test_a_file_of_another_format_is_refused_in_words() -> None:
    (part,) = read(told(observation()), "example_nl").parts
    assert part.refused is not None
    assert (part.refused.code, "Patientnummer" in str(part.refused)) == ("no_fhir_address", True)
