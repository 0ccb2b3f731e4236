"""What came of the records of each feed, and which nights ran: counts and moments out of the store, no patient."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from cmvmon.domain.words import OPERATIONS
from cmvmon.shell.rows.schema import ALERT_EVENTS, ASSESSMENTS, DELIVERIES

_COUNTS = ("received", "accepted", "quarantined", "duplicates", "ignored")


@dataclass(frozen=True)
class DeliveredCounts:
    """One table of one feed: the records of all its deliveries, each by its last judging; and how many deliveries were judged
    and refused since a moment."""

    received: int
    accepted: int
    quarantined: int
    duplicates: int
    ignored: int
    n_deliveries: int
    n_refused: int


def delivered_counts(
    connection: sa.Connection, *, as_of: datetime, since: datetime
) -> dict[tuple[str, str], DeliveredCounts]:
    """By feed and table, of what was judged by `as_of`; deliveries are counted that were judged after `since`."""
    d, newer = DELIVERIES.c, DELIVERIES.alias("newer").c
    same = sa.and_(newer.delivery_id == d.delivery_id, newer.feed == d.feed, newer.table_name == d.table_name)
    is_replaced = sa.exists().where(same, newer.attempt > d.attempt, newer.received_at <= as_of)
    is_lately = sa.case((d.received_at > since, 1), else_=0)
    query = (
        sa.select(
            d.feed,
            d.table_name,
            *(sa.func.sum(d[name]) for name in _COUNTS),
            sa.func.sum(is_lately),
            sa.func.sum(sa.case((d.refused.is_not(None), is_lately), else_=0)),
        )
        .where(d.received_at <= as_of, ~is_replaced)
        .group_by(d.feed, d.table_name)
    )
    return {(row[0], row[1]): DeliveredCounts(*(int(n) for n in row[2:])) for row in connection.execute(query)}


def nights_between(connection: sa.Connection, after: datetime, until: datetime) -> list[datetime]:
    """The moments in that time of which everybody was judged and recorded, in order."""
    c = ASSESSMENTS.c
    query = sa.select(c.as_of).where(c.scope == "all", c.as_of > after, c.as_of <= until).distinct().order_by(c.as_of)
    return list(connection.execute(query).scalars())


def stops_between(
    connection: sa.Connection, after: datetime, until: datetime, *, feed: str
) -> list[tuple[datetime, str]]:
    """When the work on that feed was said to be stopped in that time, and the code of the cause."""
    e = ALERT_EVENTS.c
    query = (
        sa.select(e.changed_at, e.evidence)
        .where(e.rule == OPERATIONS, e.state == "open", e.changed_at > after, e.changed_at <= until)
        .order_by(e.changed_at)
    )
    told = [(at, json.loads(evidence)) for at, evidence in connection.execute(query).tuples()]
    return [(at, fact["code"]) for at, fact in told if fact["feed"] == feed]


def labels_used(connection: sa.Connection, *, as_of: datetime) -> list[tuple[str, datetime]]:
    """Each protocol label that judged here by then, and the first moment that it judged, in order."""
    c = ASSESSMENTS.c
    query = (
        sa.select(c.protocol_version, sa.func.min(c.as_of).label("since"))
        .where(c.as_of <= as_of)
        .group_by(c.protocol_version)
    )
    return sorted(((row[0], row[1]) for row in connection.execute(query)), key=lambda pair: (pair[1], pair[0]))
