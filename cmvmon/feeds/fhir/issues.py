"""An OperationOutcome and its issues as FHIR R4 writes them.

Rule of this file: it imports nothing that judges, for the listener answers by it (docs/decisions/0046).
"""

from __future__ import annotations

from typing import Any

REASONS = "urn:cmvmon:reason"
"""The system of our reason codes (`cmvmon.feeds.reasons`, `cmvmon.feeds.fhir.posted`)."""


def issue(severity: str, kind: str, code: str, text: str) -> dict[str, Any]:
    """One issue: its severity and type (FHIR R4, 4.3.1.4 and 4.3.1.5), our code, and a text without any value of a patient."""
    details = {"coding": [{"system": REASONS, "code": code}], "text": text}
    return {"severity": severity, "code": kind, "details": details}


def outcome_of(severity: str, kind: str, code: str, text: str) -> dict[str, Any]:
    """An OperationOutcome of one issue: of a request that holds no records, or of one whose records were not judged."""
    return {"resourceType": "OperationOutcome", "issue": [issue(severity, kind, code, text)]}
