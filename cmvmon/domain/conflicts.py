"""What the versions of one record contradict each other in: whose it is, of what, of when, or only what it says.

conflicting_patients    one number, two patients
conflicting_specimens   one number, several specimens: the number may be that of an order
conflicting_times       one number, several collection times: likewise, or it was reused or shortened
conflicting_values      one sample with two values
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from cmvmon.domain import words
from cmvmon.domain.delivered import CONFLICT, LEADING

SAMPLE = ("patient_id", "compartment", "collected_at")
"""The columns that say of which sample a result is: one number never stands for two of them."""
TWO_PATIENTS = "conflicting_patients"
_REASONS = {
    "patient_id": TWO_PATIENTS,
    "compartment": "conflicting_specimens",
    "collected_at": "conflicting_times",
}
_UNKNOWN = datetime(1, 1, 1, tzinfo=UTC)
CONFLICTS = frozenset({*_REASONS.values(), CONFLICT})


def what_conflicts(versions: Sequence[Mapping[str, Any]]) -> str:
    """The reason for versions of one record, by the first of `SAMPLE` in which they differ."""
    return next((_REASONS[name] for name in SAMPLE if len({v.get(name) for v in versions}) > 1), CONFLICT)


def settled(versions: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The versions of a result that count: preliminary ones only while there is no other."""
    firm = [version for version in versions if version["result_status"] != words.PRELIMINARY]
    return firm or list(versions)


def held_corrections(versions: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The versions of one result that correct it after it had been withdrawn, and that nobody released, in their order.

    As `cmvmon.domain.versions.without_held` decides it over columns. `versions`: rows of `viral_load_results` of one `result_id`.
    """
    if not {words.CORRECTED, words.WITHDRAWN} <= {version["result_status"] for version in versions}:
        return []
    held, stands = list[Mapping[str, Any]](), None
    for version in sorted(settled(versions), key=_order):
        if version["result_status"] != words.CORRECTED or version.get("is_released"):
            stands = version["result_status"]
        elif stands == words.WITHDRAWN:
            held.append(version)
    return held


def asks_for_release(versions: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Of `held_corrections` those that are the last word on their result: one that was withdrawn or corrected again asks nothing."""
    held = held_corrections(versions)
    last = max((_order(version) for version in settled(versions)), default=None)
    return [version for version in held if _order(version) == last]


def are_several_samples(versions: Sequence[Mapping[str, Any]]) -> bool:
    """Whether the versions of one result are of several samples, and no correction or withdrawal says which one holds.

    As `current_versions` decides it over columns. `versions`: rows of `viral_load_results` of one `result_id`.
    """
    held = {id(version) for version in held_corrections(versions)}
    counted = [version for version in settled(versions) if id(version) not in held]
    if len({tuple(version[name] for name in SAMPLE) for version in counted}) < 2:
        return False
    return str(max(counted, key=_order)["result_status"]) == words.FINAL


def contradicting(versions: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Those of the versions of one result that contradict others, whichever of them came first.

    `versions`: rows of `viral_load_results` of one `result_id`, with `content` and `landed_at`.
    """
    if are_several_samples(versions):
        return list(versions)
    said: dict[tuple[object, ...], set[str]] = defaultdict(set)
    for version in versions:
        said[_version(version)].add(version["content"])
    return [version for version in versions if len(said[_version(version)]) > 1 and not version["confirms"]]


def _version(row: Mapping[str, Any]) -> tuple[object, ...]:
    return tuple(row[name] for name in LEADING.versions.told_apart_by(row))


def _order(version: Mapping[str, Any]) -> tuple[datetime, bool, datetime, datetime, int]:
    """The order of versions of one result, as `current_versions` sorts them."""
    status = version["result_status"]
    changes = status in words.CHANGES_A_RESULT
    receipt = version["received_at"] if changes else _UNKNOWN
    sent = (version.get("sent_at") or receipt) if changes else _UNKNOWN
    return version["reported_at"] or sent, changes, sent, receipt, words.RESULT_STATUS.index(status)
