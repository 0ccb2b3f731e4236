"""What was said of alerts, event by event."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.shell.rows.schema import ALERT_EVENTS, OPEN_ALERTS

Row = Mapping[str, Any]


def said_before(connection: sa.Connection, alert: Row, *, until: datetime | None = None) -> list[Row]:
    """The events of that alert (until that moment), the last first."""
    e = ALERT_EVENTS.c
    query = sa.select(ALERT_EVENTS).where(e.alert_id == alert["alert_id"]).order_by(e.sequence.desc())
    query = query if until is None else query.where(e.changed_at <= until)
    return [dict(row) for row in connection.execute(query).mappings()]


def stand_again(connection: sa.Connection) -> frozenset[str]:
    """Of the open alerts, those that began, or began anew, with one of `words.STANDS_AGAIN`."""
    e = ALERT_EVENTS.c
    query = sa.select(e.alert_id).where(e.alert_id.in_(sa.select(OPEN_ALERTS.c.alert_id)), began_so())
    return frozenset(connection.execute(query).scalars())


def began_so() -> sa.ColumnElement[bool]:
    """Whether an event says that the alert stands until somebody has acknowledged it, whatever time does.

    By its cause alone, which no other event has: asked for its state too, a database looks at every alert there ever was.
    """
    return ALERT_EVENTS.c.cause.in_(words.STANDS_AGAIN)
