"""The results that wait in quarantine, with what is known of when each came and when its sample can have been taken."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from cmvmon.domain.conflicts import CONFLICTS
from cmvmon.domain.delivered import LEADING, SNAPSHOT_REFUSED
from cmvmon.domain.identity import Named
from cmvmon.domain.known import UnreadResult
from cmvmon.domain.patient_links import Links
from cmvmon.shell.rows.schema import DELIVERIES
from cmvmon.shell.versions.links import links
from cmvmon.shell.versions.stored_versions import chunks
from cmvmon.shell.waiting.quarantine import waiting_of
from cmvmon.shell.waiting.quarantine_answers import mark

_TIMES_IN_DOUBT = ("reported_before_collected", "implausible_date")


def unread_results(connection: sa.Connection, *, as_of: datetime) -> tuple[UnreadResult, ...]:
    """Each result of a patient that waits, by patient; one that is sent again and again is one, and came when it came first.

    Of a delivery of history a record dates itself, as the rows do that are used: it came when it was reported, else when its sample
    was collected. What says neither is of any time before it landed, and when it came is not known. What lies after `as_of` was not
    there yet.
    """
    rows = waiting_of(connection, LEADING.name, as_of=as_of)
    rows = [
        row for row in rows if row["patient_id"] is not None and row["reason"] not in {*CONFLICTS, SNAPSHOT_REFUSED}
    ]
    one = links(connection, as_of=as_of, about={row["patient_id"] for row in rows})
    landed = _landed(connection, {row["delivery_id"] for row in rows})
    first = dict[str, Mapping[str, Any]]()
    for row in sorted(rows, key=lambda row: landed[row["delivery_id"]]):
        first.setdefault(mark(row), row)
    found = [_of(row, *landed[row["delivery_id"]], one) for row in first.values()]
    return tuple(result for result in found if result.sampled_by is None or result.sampled_by <= as_of)


def _of(row: Mapping[str, Any], landed_at: datetime, is_history: bool, one: Links) -> UnreadResult:
    named = Named.from_text(row["identity"]) if row["identity"] else Named({}, {})
    reported_at, sampled_at = _moment(named.read.get("reported_at")), _moment(named.sample.get("collected_at"))
    contradict = reported_at is not None and sampled_at is not None and reported_at < sampled_at
    if contradict or row["reason"] in _TIMES_IN_DOUBT:
        reported_at = sampled_at = None
    return UnreadResult(
        one.of(row["patient_id"]),
        came_at=(reported_at or sampled_at) if is_history else landed_at,
        sampled_by=min(at for at in (landed_at, reported_at, sampled_at) if at is not None),
        sampled_at=sampled_at,
        compartment=named.sample.get("compartment"),
    )


def _moment(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _landed(connection: sa.Connection, deliveries: Collection[str]) -> dict[str, tuple[datetime, bool]]:
    """When the bytes of each of these deliveries landed, the last time that they did, and whether they only came as history."""
    d = DELIVERIES.c
    query = sa.select(d.delivery_id, sa.func.max(d.landed_at), sa.func.min(sa.case((d.is_history, 1), else_=0)))
    return {
        name: (at, bool(is_history))
        for some in chunks(deliveries)
        for name, at, is_history in connection.execute(query.where(d.delivery_id.in_(some)).group_by(d.delivery_id))
    }
