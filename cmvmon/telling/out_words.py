"""Alerts and courses as other programs read them: FHIR R4 and HL7 v2. Pure: facts come in, JSON and bytes go out.

Nothing here is a laboratory result: no Observation and no value, a code of our own, and CMVMON as the sender. What this house reads it
takes for none (tests/telling/test_out_again.py).
"""

from __future__ import annotations

import hashlib
import hmac
import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from cmvmon.feeds.hl7.delimiters import Delimiters
from cmvmon.feeds.hl7.escapes import escaped

SENDER = "CMVMON"
SYSTEM = "urn:cmvmon"
ALERT_CODE, COURSE_CODE = "CMVMON-ALERT", "CMVMON-COURSE"
_SEVERITY = {1: "high", 2: "moderate", 3: "low"}
_MARKS = Delimiters()
_LONGEST_CONTROL = 20


@dataclass(frozen=True)
class AlertOut:
    """One alert as it stands.

    Attributes:
        out_id: its id outside (`resource_id`).
        text: what is the case.
        ended: why and when it ended, in words; None = it stands open.
    """

    out_id: str
    alert_id: str
    patient_id: str
    authority: str
    rule: str
    tier: int
    opened_at: datetime
    changed_at: datetime
    title: str
    text: str
    ended: str | None


@dataclass(frozen=True)
class CourseOut:
    """What is said of one patient: `lines` of the alerts that stand open, and when the patient was last judged.

    `out_id`: the id of the course outside (`resource_id`).
    """

    out_id: str
    patient_id: str
    authority: str
    judged_at: datetime
    title: str
    lines: Sequence[str]
    is_first: bool


def resource_id(key: bytes, *of: str) -> str:
    """An id for a FHIR server: the same for the same alert or patient of one site, and telling nothing of either.

    `key`: the site's secret, as of page names (`Site.page_key`): ids stand in addresses and logs, and without it nobody can try out
    which patient number makes one.
    """
    named = json.dumps([SYSTEM, *of])  # no text can be moved from one part into the next
    return hmac.new(key, named.encode(), hashlib.sha256).hexdigest()[:40]


def detected_issue(alert: AlertOut) -> dict[str, Any]:
    """The alert as a FHIR R4 DetectedIssue: final while it stands open, amended and mitigated once it has ended."""
    found: dict[str, Any] = {
        "resourceType": "DetectedIssue",
        "id": alert.out_id,
        "meta": {"source": SYSTEM},
        "identifier": [{"system": f"{SYSTEM}:alert", "value": alert.alert_id}],
        "status": "final" if alert.ended is None else "amended",
        "code": {"coding": [{"system": f"{SYSTEM}:rule", "code": alert.rule}], "text": alert.title},
        "severity": _SEVERITY[alert.tier],
        "patient": _patient(alert.patient_id, alert.authority),
        "identifiedDateTime": _instant(alert.opened_at),
        "author": {"display": "cmvmon"},
        "detail": alert.text,
    }
    if alert.ended is not None:
        found["mitigation"] = [{"action": {"text": alert.ended}, "date": _instant(alert.changed_at)}]
    return found


def diagnostic_report(course: CourseOut) -> dict[str, Any]:
    """A patient's course as a FHIR R4 DiagnosticReport: text alone, no result is repeated."""
    return {
        "resourceType": "DiagnosticReport",
        "id": course.out_id,
        "meta": {"source": SYSTEM},
        "identifier": [{"system": f"{SYSTEM}:course", "value": course.out_id}],
        "status": "final" if course.is_first else "amended",
        "code": {"coding": [{"system": SYSTEM, "code": COURSE_CODE}], "text": course.title},
        "subject": _patient(course.patient_id, course.authority),
        "effectiveDateTime": _instant(course.judged_at),
        "issued": _instant(course.judged_at),
        "performer": [{"display": "cmvmon"}],
        "conclusion": "\n".join(course.lines),
    }


def oru(alert: AlertOut, *, facility: str, to_facility: str, message_id: str, at: datetime) -> bytes:
    """The alert as an ORU^R01 of HL7 2.5.1 with one text: F while it stands open, C once it has ended. UTF-8."""
    status = "F" if alert.ended is None else "C"
    text = alert.text if alert.ended is None else f"{alert.ended}. {alert.text}"
    code = f"{ALERT_CODE}^{_written(alert.title)}^L"
    opened, changed = _stamp(alert.opened_at), _stamp(alert.changed_at)
    header = (
        f"MSH|{_MARKS.stated}|{SENDER}|{_written(facility)}||{_written(to_facility)}|{_stamp(at)}||ORU^R01^ORU_R01|"
        f"{message_id[:_LONGEST_CONTROL]}|P|2.5.1|||||||UNICODE UTF-8"
    )
    segments = (
        header,
        f"PID|1||{_written(alert.patient_id)}^^^{_written(alert.authority)}||^",
        f"OBR|1||{alert.out_id}^{SENDER}|{code}|||{opened}|||||||||||||||{changed}||OTH|{status}",
        f"OBX|1|TX|{code}|1|{_written(text)}||||||{status}|||{changed}",
    )
    return "".join(f"{segment}\r" for segment in segments).encode()


def as_bytes(resource: dict[str, Any]) -> bytes:
    """The resource as JSON, the same for the same."""
    return json.dumps(resource, ensure_ascii=False, sort_keys=True, indent=1).encode()


def _patient(patient_id: str, authority: str) -> dict[str, Any]:
    identifier = {"value": patient_id} | ({"system": f"{SYSTEM}:authority:{authority}"} if authority else {})
    return {"type": "Patient", "identifier": identifier}


def _written(text: str) -> str:
    return escaped(" ".join(text.split()), _MARKS)


def _instant(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _stamp(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y%m%d%H%M%S+0000")
