"""What is kept of a record, as JSON text: the parts that a result rests on, and of people the numbers only.

Rule of this file: it names what is kept. All else, as names, addresses, narrative and extensions, stays in the landing.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from cmvmon.feeds.fhir.entries import Resource
from cmvmon.feeds.fhir.json_text import Members
from cmvmon.feeds.fhir.observations import OBSERVATION, REPORT, Result

_META, _TEXT = ("versionId", "lastUpdated"), ("text",)
_IDENTIFIER = ("use", "type", "system", "value")
_VALUE = (
    "valueQuantity", "valueString", "valueCodeableConcept", "valueInteger", "valueBoolean", "valueRange", "valueRatio",
    "valueSampledData", "valueTime", "valueDateTime", "valuePeriod", "dataAbsentReason", "interpretation", "referenceRange",
)  # fmt: skip
_EVERY = ("id", "meta", "identifier", "status")
_OF = {
    OBSERVATION: (*_EVERY, "code", *_VALUE, "component", "method", "bodySite", "note", "issued", "effectiveDateTime",
                  "effectivePeriod", "effectiveInstant", "effectiveTiming", "subject", "specimen", "basedOn", "device"),
    REPORT: (*_EVERY, "code", "issued", "effectiveDateTime", "effectivePeriod", "conclusion", "subject", "specimen", "basedOn"),
    "Specimen": (*_EVERY, "accessionIdentifier", "type", "receivedTime", "collection", "condition", "note"),
    "ServiceRequest": (*_EVERY, "requisition", "code", "intent", "authoredOn"),
    "Device": ("id", "identifier", "deviceName", "type", "manufacturer", "modelNumber"),
    "Patient": ("id", "identifier"),
    "Encounter": ("id", "identifier"),
}  # fmt: skip
_WITHIN: Mapping[str, tuple[str, ...]] = {
    "meta": _META,
    "identifier": _IDENTIFIER,
    "accessionIdentifier": _IDENTIFIER,
    "requisition": _IDENTIFIER,
    "note": _TEXT,
    "component": ("code", *_VALUE),
    "collection": ("collectedDateTime", "collectedPeriod", "method", "bodySite"),
    **dict.fromkeys(("subject", "specimen", "basedOn", "device"), ("reference", "type", "identifier")),
}


def kept_of(result: Result) -> str:
    """A result, and what belongs to it, as JSON text; the component alone where it is one of several."""
    told: dict[str, list[Any]] = {}
    for kind in (OBSERVATION, REPORT, "Specimen", "ServiceRequest", "Device", "Patient", "Encounter"):
        those = result.those(kind).resources
        kept = [_members(one.members, _OF[kind]) for one in those if one.kind == kind and one.code is None]
        if kept:
            told[kind] = kept
    if result.component is not None:
        told[OBSERVATION][0]["component"] = [_members(result.component, _WITHIN["component"])]
        for name in _VALUE:
            told[OBSERVATION][0].pop(name, None)
    panels = [one for one in result.panels if one.code is None]
    if panels:
        told["panel"] = [_members(one.members, ("id", "identifier", "status", "code", "note")) for one in panels]
    modifiers = list(dict.fromkeys(result.resource.modifiers))
    return json.dumps(told | ({"modifiers": modifiers} if modifiers else {}), sort_keys=True, ensure_ascii=False)


def place_of(resource: Resource) -> dict[str, object]:
    """Where a resource stands: its entry, its type, and its full address where that is no number of a person's."""
    kind = resource.kind if resource.kind.isalpha() and len(resource.kind) < 40 else ""
    told: dict[str, object] = {"entry": resource.entry} | ({"resourceType": kind} if kind else {})
    url = resource.full_url
    is_of_result = kind in (OBSERVATION, REPORT) and url.endswith(f"/{kind}/{resource.id}")
    if url.isascii() and url.isprintable() and (is_of_result or (url.startswith("urn:uuid:") and len(url) == 45)):
        told["fullUrl"] = resource.full_url
    return told


def _members(members: Members, names: tuple[str, ...]) -> dict[str, Any]:
    return {name: _kept(members[name], name) for name in names if name in members}


def _kept(value: Any, name: str) -> Any:
    """A value as it is, of those that may name somebody the parts that don't."""
    if isinstance(value, list):
        return [_kept(one, name) for one in value]
    if isinstance(value, Members) and name in _WITHIN:
        return _members(value, _WITHIN[name])
    return {n: _kept(v, n) for n, v in value.items() if n != "extension"} if isinstance(value, Members) else value
