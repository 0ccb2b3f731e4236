"""What a sender of resources is told: an OperationOutcome, or of a batch a response for each entry (FHIR R4, 3.1.0.11).

An entry that is set apart is kept with its reason and judged again once that is mended: the sender need not send it again,
and its response is `202 Accepted` with a warning. Only what is refused whole is an error. No text holds a patient value.

Nothing calls it yet: the answer to `POST /fhir` will (docs/fhir.md). `cmvmon ingest` answers in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cmvmon.feeds.part import Part
from cmvmon.feeds.resource_reasons import OF_FILES_OF_RESOURCES

REASONS = "urn:cmvmon:reason"
"""The system of our reason codes (`cmvmon.feeds.reasons`)."""
_STRUCTURE = (
    "repeated_member",
    "too_deep",
    "no_json_number",
    "damaged_text",
    "malformed_line",
    "no_resource",
    "no_single_text",
)
_NOT_SUPPORTED = (
    "resource_type", "fhir_request", "unread_value_type", "unknown_modifier", "unknown_test", "not_for_production",
    "unsupported_comparator",
)  # fmt: skip


def operation_outcome(parts: Sequence[Part], *, is_bundle: bool = True) -> dict[str, Any]:
    """An OperationOutcome: how many records came to what, and each one that is set apart with its entry and what to do."""
    issues = [_refused(part) for part in parts if part.refused is not None]
    issues += [issue for part in parts if part.refused is None for issue in _issues(part, is_bundle=is_bundle)]
    return {"resourceType": "OperationOutcome", "issue": [_counted(parts), *issues]}


def batch_response(parts: Sequence[Part], *, n_entries: int) -> dict[str, Any]:
    """A Bundle of type batch-response: for each entry in order whether it was taken in, set apart or not needed."""
    set_apart: dict[int, list[dict[str, Any]]] = {}
    taken_in: set[int] = set()
    refused = [_refused(part) for part in parts if part.refused is not None]
    for part in parts:
        taken_in |= set(part.accepted["line"].to_list())
        for issue, row in zip(_issues(part, is_bundle=True), _set_apart(part), strict=True):
            set_apart.setdefault(row["line"], []).append(issue)
    return {
        "resourceType": "Bundle",
        "type": "batch-response",
        "entry": [
            {"response": _response(refused or set_apart.get(at, []), is_refused=bool(refused), is_new=at in taken_in)}
            for at in range(1, n_entries + 1)
        ],
    }


def _response(issues: list[dict[str, Any]], *, is_refused: bool, is_new: bool) -> dict[str, Any]:
    if not issues:
        return {"status": "201 Created" if is_new else "200 OK"}
    status = "422 Unprocessable Entity" if is_refused else "202 Accepted"
    return {"status": status, "outcome": {"resourceType": "OperationOutcome", "issue": issues}}


def _set_apart(part: Part) -> list[dict[str, Any]]:
    return part.quarantined.sort("record_number").to_dicts()


def _issues(part: Part, *, is_bundle: bool) -> list[dict[str, Any]]:
    return [_issue(row, is_bundle=is_bundle) for row in _set_apart(part)]


def _issue(row: Mapping[str, Any], *, is_bundle: bool) -> dict[str, Any]:
    issue = _as_issue("warning", _kind_of(row["reason"]), row["reason"], row["remedy"])
    return issue | ({"expression": [f"Bundle.entry[{row['line'] - 1}]"]} if is_bundle else {})


def _refused(part: Part) -> dict[str, Any]:
    assert part.refused is not None
    kind = "structure" if part.refused.code in OF_FILES_OF_RESOURCES else "processing"
    return _as_issue("fatal", kind, part.refused.code, str(part.refused))


def _counted(parts: Sequence[Part]) -> dict[str, Any]:
    accepted, ignored = sum(part.accepted.height for part in parts), sum(part.ignored for part in parts)
    set_apart = sum(part.quarantined.height for part in parts)
    text = (
        f"{sum(part.received for part in parts)} records: {accepted} taken in, {set_apart} set apart, {ignored} ignored"
    )
    return {"severity": "information", "code": "informational", "details": {"text": text}}


def _as_issue(severity: str, kind: str, code: str, text: str) -> dict[str, Any]:
    details = {"coding": [{"system": REASONS, "code": code}], "text": text}
    return {"severity": severity, "code": kind, "details": details}


def _kind_of(code: str) -> str:
    """The issue type (FHIR R4, 4.3.1.5) of a reason."""
    if code in _STRUCTURE:
        return "structure"
    if code in _NOT_SUPPORTED:
        return "not-supported"
    if code == "unresolved_reference":
        return "not-found"
    return "required" if code.startswith("missing_") else "processing"
