"""The records that wait in quarantine and of which nothing is used: whose each is, and when it came."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa

from cmvmon.domain.conflicts import CONFLICTS
from cmvmon.domain.delivered import SNAPSHOT_REFUSED
from cmvmon.shell.rows.schema import DELIVERIES
from cmvmon.shell.versions.links import links
from cmvmon.shell.versions.stored_versions import chunks
from cmvmon.shell.waiting.brought_right import place
from cmvmon.shell.waiting.quarantine import waiting_rows
from cmvmon.shell.waiting.quarantine_answers import mark


class WaitingRecord(NamedTuple):
    """A record that waits, once for each time that it was delivered.

    Attributes:
        row: as it is stored, with `identity`, what it names.
        mark: the same for each time that it was delivered.
        patient_id: the number under which its patient goes on.
        came_first_at: when it landed, the first of those times.
        came_as_history: whether the delivery of that time only came as history.
    """

    row: Mapping[str, Any]
    mark: str
    patient_id: str
    came_first_at: datetime
    came_as_history: bool


def waiting_records(connection: sa.Connection, *, as_of: datetime) -> list[WaitingRecord]:
    """What waited by `as_of` and named a patient, in the order in which it landed.

    Records that contradict each other are read where a row stands for them, in which what they do not agree on is null. Of a
    snapshot that was refused whole nothing is lost: what was known before stands. Neither is among these.
    """
    used = {*CONFLICTS, SNAPSHOT_REFUSED}
    rows = [row for row in waiting_rows(connection, as_of) if row["patient_id"] is not None]
    rows = [row for row in rows if row["reason"] not in used]
    if not rows:  # nearly always
        return []
    one = links(connection, as_of=as_of, about={row["patient_id"] for row in rows})
    landed = _landed(connection, {row["delivery_id"] for row in rows})
    first = dict[str, tuple[datetime, bool]]()  # a record that is sent again each night came when it came first
    found = []
    for row in sorted(rows, key=lambda row: (landed[row["delivery_id"]][0], *place(row))):
        of = mark(row)
        came = first.setdefault(of, landed[row["delivery_id"]])
        found.append(WaitingRecord(row, of, one.of(row["patient_id"]), *came))
    return found


def _landed(connection: sa.Connection, deliveries: Collection[str]) -> dict[str, tuple[datetime, bool]]:
    """When the bytes of each of these deliveries landed, the last time that they did, and whether they only came as history."""
    d = DELIVERIES.c
    query = sa.select(d.delivery_id, sa.func.max(d.landed_at), sa.func.min(sa.case((d.is_history, 1), else_=0)))
    return {
        name: (at, bool(is_history))
        for some in chunks(deliveries)
        for name, at, is_history in connection.execute(query.where(d.delivery_id.in_(some)).group_by(d.delivery_id))
    }
