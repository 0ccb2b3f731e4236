"""What a sender of resources is told of what was judged: an OperationOutcome.

An entry that is set apart is kept with its reason and judged again once that is mended: the sender need not send it again,
and it is a warning. Only what is refused whole is an error. No text holds a patient value.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cmvmon.feeds.fhir.issues import issue
from cmvmon.feeds.part import Part
from cmvmon.feeds.resource_reasons import OF_FILES_OF_RESOURCES

SENDERS_OWN = frozenset(
    {
        "malformed_json",
        "cut_off",
        "wrong_encoding",
        "nul_bytes",
        "empty_file",
        "too_large",
        "fhir_xml",
        "no_fhir_resource",
        "bundle_type",
    }
)
"""Why a body is refused for good: no file of ours can make it another one."""
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
    issues = [_refusal(part) for part in parts if part.refused is not None]
    issues += [one for part in parts if part.refused is None for one in _issues(part, is_bundle=is_bundle)]
    return {"resourceType": "OperationOutcome", "issue": [_counted(parts), *issues]}


def _set_apart(part: Part) -> list[dict[str, Any]]:
    return part.quarantined.sort("record_number").to_dicts()


def _issues(part: Part, *, is_bundle: bool) -> list[dict[str, Any]]:
    return [_issue(row, is_bundle=is_bundle) for row in _set_apart(part)]


def _issue(row: Mapping[str, Any], *, is_bundle: bool) -> dict[str, Any]:
    found = issue("warning", _kind_of(row["reason"]), row["reason"], row["remedy"])
    return found | ({"expression": [f"Bundle.entry[{row['line'] - 1}]"]} if is_bundle else {})


def refused_whole(parts: Sequence[Part]) -> str | None:
    """Why none of it can ever be read, as a code; None where any of it can, or could once our own files are mended."""
    codes = [part.refused.code for part in parts if part.refused is not None]
    return next((code for code in codes if code in SENDERS_OWN), None)


def _refusal(part: Part) -> dict[str, Any]:
    assert part.refused is not None
    kind = "structure" if part.refused.code in {*OF_FILES_OF_RESOURCES, *SENDERS_OWN} else "processing"
    severity = "fatal" if part.refused.code in SENDERS_OWN else "warning"  # what our own files are to blame for is kept
    return issue(severity, kind, part.refused.code, str(part.refused))


def _counted(parts: Sequence[Part]) -> dict[str, Any]:
    accepted, ignored = sum(part.accepted.height for part in parts), sum(part.ignored for part in parts)
    set_apart = sum(part.quarantined.height for part in parts)
    text = f"{sum(part.received for part in parts)} records: {accepted} can be read, {set_apart} set apart, {ignored} ignored"
    return {"severity": "information", "code": "informational", "details": {"text": text}}


def _kind_of(code: str) -> str:
    """The issue type (FHIR R4, 4.3.1.5) of a reason."""
    if code in _STRUCTURE:
        return "structure"
    if code in _NOT_SUPPORTED:
        return "not-supported"
    if code == "unresolved_reference":
        return "not-found"
    return "required" if code.startswith("missing_") else "processing"
