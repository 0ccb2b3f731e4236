"""What became of alerts: as they stood at a moment, and what happened to them in a time."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from cmvmon.episodes import CLOSED, RESOLVED
from cmvmon.shell.alerts.alert_store import last_events
from cmvmon.shell.rows.schema import ALERT_EVENTS


def standing_at(connection: sa.Connection, as_of: datetime, *, is_before: bool = False) -> list[dict[str, Any]]:
    """Every alert as it stood at that moment, one row each: the last event of each until then. `is_before`: just before."""
    newer = ALERT_EVENTS.alias("newer")
    e = ALERT_EVENTS.c
    until, was_newer = (
        (e.changed_at < as_of, newer.c.changed_at < as_of)
        if is_before
        else (e.changed_at <= as_of, newer.c.changed_at <= as_of)
    )
    is_replaced = sa.exists().where(newer.c.alert_id == e.alert_id, newer.c.sequence > e.sequence, was_newer)
    query = sa.select(ALERT_EVENTS).where(until, ~is_replaced)
    return [dict(row) for row in connection.execute(query).mappings()]


def ended_between(
    connection: sa.Connection, after: datetime, until: datetime, *, patients: Collection[str] | None = None
) -> list[dict[str, Any]]:
    """Alerts about patients that were resolved or closed in that time, and still are, as `alerts` rows, the last first.

    `patients`: only those about these.
    """
    e = ALERT_EVENTS.c
    which: list[sa.ColumnElement[bool]] = [
        e.state.in_((RESOLVED, CLOSED)),
        e.patient_id.is_not(None),
        e.changed_at > after,
        e.changed_at <= until,
    ]
    # `is_(True)`: looked up is the patient, not what ended of everybody in a unit of many years.
    if patients is not None:
        which = [e.patient_id.in_(sorted(patients)), *(condition.is_(True) for condition in which)]
    query = last_events().where(*which)
    rows = [dict(row) for row in connection.execute(query).mappings()]
    return sorted(rows, key=lambda row: (-row["changed_at"].timestamp(), row["tier"], row["alert_id"]))


def events_of(
    connection: sa.Connection, *, alert_id: str | None = None, patient: str | None = None, since: datetime | None = None
) -> list[dict[str, Any]]:
    """What happened to one alert, to a patient's, or to all after a moment: rows of `alert_events`, in the order of time."""
    e = ALERT_EVENTS.c
    query = sa.select(ALERT_EVENTS).order_by(e.changed_at, e.alert_id, e.sequence)
    if alert_id is not None:
        query = query.where(e.alert_id == alert_id)
    if patient is not None:
        query = query.where(e.patient_id == patient)
    if since is not None:
        query = query.where(e.changed_at > since)
    return [dict(row) for row in connection.execute(query).mappings()]
