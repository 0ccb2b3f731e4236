"""How each feed stands: when it last brought something, what stands refused, what waits in quarantine.

Asked in SQL, over indexes: a site with a delivery for every message has a great many of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from cmvmon.shell.schema import DELIVERIES

# So that the first row of a feed's table is the last judging of the delivery that landed last.
_NEWEST_FIRST = tuple(DELIVERIES.c[name].desc() for name in ("landed_at", "received_at", "delivery_id", "attempt"))


@dataclass(frozen=True)
class FeedTable:
    """One table of one feed: its last delivery that was taken in (None = none yet), and why the newest is refused."""

    feed: str
    table: str
    last_received_at: datetime | None
    refused: str | None
    n_quarantined: int


def feed_tables(connection: sa.Connection, *, as_of: datetime) -> list[FeedTable]:
    """Every table of every feed that had brought something by `as_of`, by name."""
    d = DELIVERIES.c
    taken_in = sa.func.max(sa.case((d.refused.is_(None), d.received_at)))
    groups = sa.select(d.feed, d.table_name, taken_in).where(d.received_at <= as_of).group_by(d.feed, d.table_name)
    waiting = _waiting(connection)
    return [
        FeedTable(
            feed, table, last, _newest_refused(connection, feed, table, as_of=as_of), waiting.get((feed, table), 0)
        )
        for feed, table, last in sorted((tuple(row) for row in connection.execute(groups)), key=lambda row: row[:2])
    ]


def newest_refused(connection: sa.Connection, feed: str) -> dict[str, str] | None:
    """Code, feed and table of a newest delivery of that feed which stands refused; None when none does."""
    d = DELIVERIES.c
    tables = connection.execute(sa.select(d.table_name).where(d.feed == feed).distinct()).scalars()
    for table in sorted(tables):
        code = _newest_refused(connection, feed, table)
        if code is not None:
            return {"code": code, "feed": feed, "table_name": table}
    return None


def with_open_quarantine(connection: sa.Connection) -> list[tuple[str, str, str]]:
    """The deliveries whose last judging set records apart."""
    d = DELIVERIES.c
    return sorted(tuple(row) for row in connection.execute(_set_apart(d.delivery_id, d.feed, d.table_name)))


def _newest_refused(connection: sa.Connection, feed: str, table: str, *, as_of: datetime | None = None) -> str | None:
    """Why the newest delivery stands refused; None where it does not."""
    d = DELIVERIES.c
    query = sa.select(d.refused).where(d.feed == feed, d.table_name == table).order_by(*_NEWEST_FIRST).limit(1)
    return connection.execute(query if as_of is None else query.where(d.received_at <= as_of)).scalar()


def _waiting(connection: sa.Connection) -> dict[tuple[str, str], int]:
    """How many records wait in quarantine, by feed and table."""
    d = DELIVERIES.c
    query = _set_apart(d.feed, d.table_name, sa.func.sum(d.quarantined)).group_by(d.feed, d.table_name)
    return {(feed, table): int(n) for feed, table, n in connection.execute(query)}


def _set_apart(*columns: sa.ColumnElement[object]) -> sa.Select[tuple[object, ...]]:
    """Those columns of the last judging of each delivery that set records apart."""
    d, later = DELIVERIES.c, DELIVERIES.alias("later")
    same = (later.c[name] == d[name] for name in ("delivery_id", "feed", "table_name"))
    is_last = ~sa.exists().where(*same, later.c.attempt > d.attempt)
    return sa.select(*columns).where(d.quarantined > 0, is_last)
