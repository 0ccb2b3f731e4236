"""What became of alerts: as they stood at a moment, and what happened to them in a time."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import sqlalchemy as sa

from cmvmon.episodes import CLOSED, RESOLVED
from cmvmon.shell.alert_store import last_events
from cmvmon.shell.schema import ALERT_EVENTS


def standing_at(connection: sa.Connection, as_of: datetime) -> list[dict[str, Any]]:
    """Every alert as it stood at that moment, one row each: the last event of each until then."""
    newer = ALERT_EVENTS.alias("newer")
    e = ALERT_EVENTS.c
    is_replaced = sa.exists().where(
        newer.c.alert_id == e.alert_id, newer.c.sequence > e.sequence, newer.c.changed_at <= as_of
    )
    query = sa.select(ALERT_EVENTS).where(e.changed_at <= as_of, ~is_replaced)
    return [dict(row) for row in connection.execute(query).mappings()]


def ended_between(connection: sa.Connection, after: datetime, until: datetime) -> list[dict[str, Any]]:
    """Alerts about patients that were resolved or closed in that time, and still are, as `alerts` rows, the last first."""
    e = ALERT_EVENTS.c
    query = last_events().where(
        e.state.in_((RESOLVED, CLOSED)), e.patient_id.is_not(None), e.changed_at > after, e.changed_at <= until
    )
    rows = [dict(row) for row in connection.execute(query).mappings()]
    return sorted(rows, key=lambda row: (-row["changed_at"].timestamp(), row["tier"], row["alert_id"]))


def events_between(connection: sa.Connection, after: datetime, until: datetime) -> list[dict[str, Any]]:
    """What happened to alerts about patients in that time: rows of `alert_events` with `tier_before`, by alert and order.

    `tier_before`: of the event before it; None where there is none.
    """
    e = ALERT_EVENTS.c
    touched = sa.select(e.alert_id).where(e.patient_id.is_not(None), e.changed_at > after, e.changed_at <= until)
    query = sa.select(ALERT_EVENTS).where(e.alert_id.in_(touched)).order_by(e.alert_id, e.sequence)
    found, tiers = [], dict[str, int]()
    for row in connection.execute(query).mappings():
        if after < row["changed_at"] <= until:
            found.append(dict(row) | {"tier_before": tiers.get(row["alert_id"])})
        tiers[row["alert_id"]] = row["tier"]
    return found
