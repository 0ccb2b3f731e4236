"""What a sender of resources is told of each entry: never a value, and nothing that makes it send again what is kept."""

from __future__ import annotations

import json

import pytest

from cmvmon.feeds.fhir.outcome import batch_response, operation_outcome
from tests.feeds.fhir_texts import as_bytes, bundle, observation, patient, quantity, read, specimen, told

# Issue types of R4 (http://hl7.org/fhir/ValueSet/issue-type) that are used.
TYPES = {"informational", "processing", "structure", "not-supported", "not-found", "required"}


def test_one_bad_entry_of_100_is_named_and_99_are_taken_in() -> None:
    good = [observation(f"F{n}", id=f"o{n}") for n in range(99)]
    data = as_bytes(
        bundle(
            patient(),
            specimen(),
            *good[:50],
            observation("BAD", id="bad", **quantity("CANARY")),
            *good[50:],
            kind="batch",
        )
    )
    parts = read(data).parts
    counts, issue = operation_outcome(parts)["issue"]
    assert counts["details"]["text"] == "100 records: 99 taken in, 1 set apart, 0 ignored"
    assert (issue["severity"], issue["code"], issue["expression"]) == ("warning", "not-supported", ["Bundle.entry[52]"])
    assert issue["details"]["coding"][0]["code"] == "unread_value_type"
    answers = [entry["response"] for entry in batch_response(parts, n_entries=102)["entry"]]
    assert [answer["status"] for answer in answers] == ["200 OK"] * 2 + ["201 Created"] * 50 + ["202 Accepted"] + [
        "201 Created"
    ] * 49
    assert answers[52]["outcome"]["issue"] == [issue]
    assert "CANARY" not in json.dumps([answers, counts, issue])


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (observation(subject={"reference": "Patient/none"}), "not-found"),
        (observation(issued="2026-05-03"), "processing"),
        (observation(status=None), "required"),  # type: ignore[arg-type]
        ({"resourceType": "MedicationAdministration"}, "not-supported"),
        ({}, "structure"),
    ],
)
def test_an_issue_has_the_type_of_its_reason(entry: dict[str, object], kind: str) -> None:
    good = observation("F2", id="o2")
    issues = operation_outcome(read(told(entry, good)).parts)["issue"][1:]
    assert [issue["code"] for issue in issues] == [kind]
    assert {kind} <= TYPES
    single = operation_outcome(read(told(entry, good)).parts, is_bundle=False)["issue"][1]
    assert "expression" not in single


def test_a_file_that_is_refused_whole_is_an_error_of_every_entry() -> None:
    parts = read(as_bytes(bundle(observation(), kind="history"))).parts
    (_, issue) = operation_outcome(parts)["issue"]
    assert (issue["severity"], issue["code"], issue["details"]["coding"][0]["code"]) == (
        "fatal",
        "structure",
        "bundle_type",
    )
    answers = batch_response(parts, n_entries=2)["entry"]
    assert {answer["response"]["status"] for answer in answers} == {"422 Unprocessable Entity"}
    too_many = read(told(*(observation(f"F{n}", id=f"o{n}", **quantity("?")) for n in range(30)))).parts
    assert operation_outcome(too_many)["issue"][1]["code"] == "processing"


def test_a_good_bundle_has_nothing_but_its_counts() -> None:
    (issue,) = operation_outcome(read(told(observation())).parts)["issue"]
    assert (issue["severity"], issue["code"]) == ("information", "informational")
