"""Samples that a FHIR ServiceRequest asks for: what stands, what is cancelled, and what is no order."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.feeds import hl7_told_texts as hl7
from tests.feeds.fhir_texts import as_bytes, bundle, concept, observation, patient, read, reasons, specimen
from tests.feeds.fhir_told_texts import TEXT, at, encounter, file_of, place, request, table_file, to_be_taken, told

ORDERS = "samples_ordered"


def shown(*resources: Any, **changes: Any) -> list[tuple[Any, ...]]:
    rows = told(ORDERS, *resources, **changes).accepted
    return list(rows.sort("record_number").select("order_number", "compartment", "state", "collected_at").iter_rows())


def test_an_order_of_a_listed_code_is_a_row_and_says_what_an_oml_message_says() -> None:
    part = told(ORDERS, request(), to_be_taken())
    (row,) = part.accepted.to_dicts()
    (other,) = hl7.part(hl7.read(hl7.order(at="20260503110000")), ORDERS).accepted.to_dicts()
    same = ("patient_id", "order_number", "compartment", "state", "collected_at")
    assert {name: row[name] for name in same} == {name: other[name] for name in same}
    assert (row["ordered_at"].isoformat(), row["stated_at"].isoformat()) == (
        "2026-05-03T09:00:00+00:00", "2026-05-03T10:00:00+00:00"
    )  # fmt: skip
    assert "CANARY" not in json.dumps(part.accepted["delivered_text"].to_list())


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"status": "active"}, "ordered"),
        ({"status": "on-hold"}, "ordered"),
        ({"status": "completed"}, "resulted"),
        ({"status": "revoked"}, "cancelled"),
        ({"status": "entered-in-error"}, "cancelled"),
        ({"status": "revoked", "doNotPerform": True}, "cancelled"),
        ({"status": "unknown"}, "unknown_order_status"),
        ({"status": "Active"}, "unknown_order_status"),
        ({"status": None}, "missing_state"),
        ({"status": "draft"}, "order_not_placed"),
        ({"intent": "proposal"}, "order_not_placed"),
        ({"intent": "plan"}, "order_not_placed"),
        ({"intent": "reflex-order"}, "ordered"),
        ({"doNotPerform": True}, "not_to_be_done"),
        ({"doNotPerform": False}, "ordered"),
        ({"doNotPerform": "yes"}, "not_to_be_done"),
        ({"identifier": None}, "ordered"),
        ({"identifier": None, "id": None}, "missing_order_number"),
        ({"subject": None}, "missing_patient_id"),
        ({"authoredOn": "2026-05-03"}, "no_time"),
        ({"authoredOn": None}, "ordered"),
        ({"modifierExtension": [{"url": "urn:x"}]}, "unknown_modifier"),
        ({"meta": {"lastUpdated": at("03 10:00"), "tag": [{"code": "HTEST"}]}}, "not_for_production"),
        ({"code": concept("CMVX", "CMV-PCR bloed")}, "unlisted_code"),
        ({"code": None}, "unlisted_code"),
    ],
)
def test_each_status_and_each_kind_of_request_has_its_meaning_or_its_reason(changes: Any, found: str) -> None:
    part = told(ORDERS, request(**changes), to_be_taken())
    assert (part.accepted["state"].to_list() or reasons(part)) == [found]


def test_an_order_whose_specimen_was_taken_was_taken() -> None:
    taken = to_be_taken(collected="03 09:30")
    ((_, _, state, collected),) = shown(request(), taken)
    assert (state, f"{collected:%d %H:%M}") == ("collected", "03 09:30")
    assert shown(request(status="revoked"), taken) == [("O1", "bal", "cancelled", None)]


def test_the_specimen_of_another_patient_is_told_apart() -> None:
    of_another = to_be_taken(collected="03 09:30") | {"subject": {"reference": "Patient/p9"}}
    assert reasons(told(ORDERS, request(), of_another)) == ["other_patient"]


def test_of_two_versions_of_one_order_in_a_file_the_one_that_was_stated_last_holds() -> None:
    active, revoked = request(stated="03 10:00"), request(status="revoked", stated="03 12:00")
    for order in ((active, revoked), (revoked, active)):
        assert {row[2] for row in shown(*order, to_be_taken())} == {"cancelled"}


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-10-25T02:30:00+02:00", "2026-10-25T02:10:00+01:00"),  # the hour that comes twice
        ("2026-05-03T10:00:00Z", "2026-05-03T10:00:00.500Z"),
        ("2026-05-03T12:30:00+02:00", "2026-05-03T11:00:00Z"),
    ],
)
def test_the_last_of_two_versions_is_the_later_moment_however_it_is_written(first: str, last: str) -> None:
    active, revoked = request(meta={"lastUpdated": first}), request(status="revoked", meta={"lastUpdated": last})
    for order in ((active, revoked), (revoked, active)):
        assert {row[2] for row in shown(*order, to_be_taken())} == {"cancelled"}


def test_of_two_versions_of_one_moment_the_one_that_stands_last_holds() -> None:
    active = request(meta={"lastUpdated": "2026-05-03T12:00:00+02:00"})
    revoked = request(status="revoked", meta={"lastUpdated": "2026-05-03T10:00:00Z"})
    assert {row[2] for row in shown(active, revoked, to_be_taken())} == {"cancelled"}
    assert {row[2] for row in shown(revoked, active, to_be_taken())} == {"ordered"}


def test_two_versions_whose_moments_are_in_no_order_are_set_apart_by_name() -> None:
    active = request(meta={"lastUpdated": "2026-05-03T10:30:00"})
    revoked = request(status="revoked", meta={"lastUpdated": "2026-05-03T10:00:00Z"})
    part = told(ORDERS, active, revoked, to_be_taken())
    assert (part.accepted.height, set(reasons(part))) == (0, {"versions_unclear"})


def test_a_request_of_another_test_is_counted_and_left_and_without_a_list_none_is_read() -> None:
    part = told(ORDERS, request(), request("O2", code=concept("GLUC", "Glucose")), to_be_taken())
    assert (part.received, part.ignored, part.accepted.height) == (2, 1, 1)
    unlisted = TEXT.replace('only_column = "ServiceRequest.code.coding.code"\nonly = ["CMVPCR"]\n', "")
    found = read(file_of(request(), to_be_taken()), to="", table_file=table_file(unlisted))
    assert {part.table for part in found.parts if part.received} == {"delivery"}


def test_a_request_to_which_a_result_refers_is_read_as_an_order_too() -> None:
    text = TEXT.replace("example_stays", "example_fhir")
    one = observation(basedOn=[{"reference": "ServiceRequest/s-O1"}])
    data = as_bytes(bundle(patient(), specimen(), to_be_taken(), one, request(status="completed")))
    found = read(data, table_file=table_file(text, name="example_fhir"))
    counted = {part.table: (part.received, part.accepted.height) for part in found.parts if part.received}
    assert counted == {"viral_load_results": (1, 1), ORDERS: (1, 1)}


def test_visits_and_orders_are_posted_as_they_are_delivered() -> None:
    found = read(file_of(encounter(place("3")), request(), to_be_taken()), to="", table_file=table_file())
    assert {part.table: part.accepted.height for part in found.parts if part.accepted.height} == {
        "patient_movements": 2, ORDERS: 1
    }  # fmt: skip
