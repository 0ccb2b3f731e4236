"""What a sender of resources is told of each entry: never a value, and nothing that makes it send again what is kept."""

from __future__ import annotations

import json

import pytest

from cmvmon.feeds.fhir.outcome import operation_outcome, refused_whole
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
    assert counts["details"]["text"] == "100 records: 99 can be read, 1 set apart, 0 ignored"
    assert (issue["severity"], issue["code"], issue["expression"]) == ("warning", "not-supported", ["Bundle.entry[52]"])
    assert issue["details"]["coding"][0]["code"] == "unread_value_type"
    assert "CANARY" not in json.dumps([counts, issue])


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


def test_a_file_that_can_never_be_read_is_an_error_and_one_that_our_own_files_may_mend_a_warning() -> None:
    parts = read(as_bytes(bundle(observation(), kind="history"))).parts
    (_, issue) = operation_outcome(parts)["issue"]
    assert (issue["severity"], issue["code"], issue["details"]["coding"][0]["code"]) == (
        "fatal",
        "structure",
        "bundle_type",
    )
    too_many = read(told(*(observation(f"F{n}", id=f"o{n}", **quantity("?")) for n in range(30)))).parts
    issue = operation_outcome(too_many)["issue"][1]
    assert (issue["severity"], issue["code"]) == ("warning", "processing")
    assert [refused_whole(each) for each in (parts, too_many)] == ["bundle_type", None]


def test_a_good_bundle_has_nothing_but_its_counts() -> None:
    (issue,) = operation_outcome(read(told(observation())).parts)["issue"]
    assert (issue["severity"], issue["code"]) == ("information", "informational")
