"""How each feed stands: when it last brought something, what stands refused, what waits in quarantine."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from cmvmon.shell.schema import DELIVERIES

# So that the last row of a feed's table is the last judging of the delivery that landed last.
_NEWEST_LAST = (DELIVERIES.c.landed_at, DELIVERIES.c.received_at, DELIVERIES.c.delivery_id, DELIVERIES.c.attempt)


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
    rows = connection.execute(
        sa.select(DELIVERIES).where(d.received_at <= as_of).order_by(d.feed, d.table_name, *_NEWEST_LAST)
    ).mappings()
    found: dict[tuple[str, str], list[Any]] = {}
    for row in rows:
        found.setdefault((row["feed"], row["table_name"]), []).append(row)
    waiting = _waiting(connection)
    return [
        FeedTable(
            feed,
            table,
            max((row["received_at"] for row in rows_ if row["refused"] is None), default=None),
            rows_[-1]["refused"],
            waiting.get((feed, table), 0),
        )
        for (feed, table), rows_ in found.items()
    ]


def newest_refused(connection: sa.Connection, feed: str) -> dict[str, str] | None:
    """Code, feed and table of a newest delivery of that feed which stands refused; None when none does."""
    d = DELIVERIES.c
    rows = connection.execute(
        sa.select(DELIVERIES).where(d.feed == feed).order_by(d.table_name, *_NEWEST_LAST)
    ).mappings()
    by_table: dict[str, list[Any]] = {}
    for row in rows:
        by_table.setdefault(row["table_name"], []).append(row)
    for table, rows_ in by_table.items():
        code = rows_[-1]["refused"]
        if code is not None:
            return {"code": code, "feed": feed, "table_name": table}
    return None


def with_open_quarantine(connection: sa.Connection) -> list[tuple[str, str, str]]:
    """The deliveries whose last judging set records apart."""
    return list(_set_apart(connection))


def _waiting(connection: sa.Connection) -> dict[tuple[str, str], int]:
    """How many records wait in quarantine, by feed and table."""
    total: dict[tuple[str, str], int] = {}
    for (_, feed, table), quarantined in _set_apart(connection).items():
        total[feed, table] = total.get((feed, table), 0) + quarantined
    return total


def _set_apart(connection: sa.Connection) -> dict[tuple[str, str, str], int]:
    """Records that the last judging of each delivery set apart, by delivery, feed and table, where there are any."""
    d = DELIVERIES.c
    rows = connection.execute(
        sa.select(d.delivery_id, d.feed, d.table_name, d.quarantined).order_by(
            d.delivery_id, d.feed, d.table_name, d.attempt
        )
    )
    last = {(row[0], row[1], row[2]): int(row[3]) for row in rows}
    return {key: quarantined for key, quarantined in last.items() if quarantined}
