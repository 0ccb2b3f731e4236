"""The results that wait in quarantine, with what is known of when each came and when its sample can have been taken."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cmvmon.domain.delivered import LEADING
from cmvmon.domain.identity import Named
from cmvmon.domain.known import UnreadResult
from cmvmon.shell.as_known.waiting_records import WaitingRecord

_TIMES_IN_DOUBT = ("reported_before_collected", "implausible_date")


def unread_results(waiting: Iterable[WaitingRecord], *, as_of: datetime) -> tuple[UnreadResult, ...]:
    """Each result of a patient that waits; one that is sent again and again is one, and came when it came first.

    Of a delivery of history a record dates itself, as the rows do that are used: it came when it was reported, else when its sample
    was collected. What says neither is of any time before it landed, and when it came is not known. What lies after `as_of` was not
    there yet.
    """
    first = dict[str, WaitingRecord]()
    for record in waiting:
        if record.row["table_name"] == LEADING.name:
            first.setdefault(record.mark, record)
    found = [_of(record) for record in first.values()]
    return tuple(result for result in found if result.sampled_by is None or result.sampled_by <= as_of)


def _of(record: WaitingRecord) -> UnreadResult:
    row, landed_at = record.row, record.came_first_at
    named = Named.from_text(row["identity"]) if row["identity"] else Named({}, {})
    reported_at, sampled_at = _moment(named.read.get("reported_at")), _moment(named.sample.get("collected_at"))
    contradict = reported_at is not None and sampled_at is not None and reported_at < sampled_at
    if contradict or row["reason"] in _TIMES_IN_DOUBT:
        reported_at = sampled_at = None
    return UnreadResult(
        record.patient_id,
        came_at=(reported_at or sampled_at) if record.came_as_history else landed_at,
        sampled_by=min(at for at in (landed_at, reported_at, sampled_at) if at is not None),
        sampled_at=sampled_at,
        compartment=named.sample.get("compartment"),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
