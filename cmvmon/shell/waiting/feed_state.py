"""How each feed stands: when it last brought something, what stands refused, what waits in quarantine.

Asked in SQL, over indexes: a site with a delivery for every message has a great many of them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import sqlalchemy as sa

from cmvmon.domain.delivered import WHOLE_SNAPSHOT
from cmvmon.shell.rows.schema import DELIVERIES, QUARANTINE, WAITING
from cmvmon.shell.waiting import quarantine
from cmvmon.shell.waiting.quarantine import Waits

# So that the first row of a feed's table is the last judging of the delivery that landed last.
_NEWEST_FIRST = tuple(DELIVERIES.c[name].desc() for name in ("landed_at", "received_at", "delivery_id", "attempt"))


@dataclass(frozen=True)
class FeedTable:
    """One table of one feed: its last delivery that was taken in (None = none yet), why the newest is refused, and how many
    records that were known before it withdrew. `is_fresh`: whether it comes as often as is agreed; None = not asked, nothing
    is agreed, or nothing came."""

    feed: str
    table: str
    last_received_at: datetime | None
    refused: str | None
    n_quarantined: int
    n_withdrawn: int
    is_snapshot: bool
    is_fresh: bool | None = None


def feed_tables(
    connection: sa.Connection, *, as_of: datetime, waiting: Collection[Waits] | None = None
) -> list[FeedTable]:
    """Every table of every feed that had brought something by `as_of`, by name. `waiting`: what waited then, where it was
    asked for already."""
    waits = quarantine.waits(connection, as_of=as_of) if waiting is None else waiting
    n_waiting = Counter((one.feed, one.table) for one in waits)
    found = []
    for feed, table in feeds_and_tables(connection):
        given = {"in_feed": feed, "of_table": table, "as_of": as_of}
        if connection.execute(_any_brought(), given).first() is not None:
            last = _last_taken_in(connection, feed, table, as_of=as_of)
            refused = _newest_refused(connection, feed, table, as_of=as_of)
            n = n_waiting[feed, table]
            if last is None:
                found.append(FeedTable(feed, table, None, refused, n, 0, is_snapshot=False))
            else:
                is_snapshot = last.sends == WHOLE_SNAPSHOT
                found.append(FeedTable(feed, table, last.received_at, refused, n, last.withdrawn, is_snapshot))
    return found


def newest_refused(connection: sa.Connection, feed: str) -> dict[str, str] | None:
    """Code, feed and table of a newest delivery of that feed which stands refused; None when none does."""
    for _, table in (pair for pair in feeds_and_tables(connection) if pair[0] == feed):
        code = _newest_refused(connection, feed, table)
        if code is not None:
            return {"code": code, "feed": feed, "table_name": table}
    return None


def landed_since(connection: sa.Connection, table: str, since: datetime, *, as_of: datetime) -> frozenset[str]:
    """The ids of the deliveries of that table that landed after a moment and were taken in by another."""
    d = DELIVERIES.c
    query = sa.select(d.delivery_id).where(
        d.table_name == table, d.landed_at > since, d.refused.is_(None), d.received_at <= as_of
    )
    return frozenset(connection.execute(query.distinct()).scalars())


def n_received(connection: sa.Connection, feed: str, table: str, *, since: datetime, until: datetime) -> int:
    """How many deliveries of that table were judged in that time, taken in or refused, each once: over an index."""
    d = DELIVERIES.c
    query = sa.select(sa.func.count(sa.distinct(d.delivery_id))).where(
        d.feed == feed, d.table_name == table, d.received_at > since, d.received_at <= until
    )
    return int(connection.execute(query).scalar_one())


def judged(connection: sa.Connection) -> frozenset[tuple[str, str, str]]:
    """Id, feed and what it is kept as (its table, or its format) of every delivery of which a judging is stored."""
    d = DELIVERIES.c
    rows = connection.execute(sa.select(d.delivery_id, d.feed, d.table_name, d.format)).all()
    return frozenset((row[0], row[1], kept_as) for row in rows for kept_as in (row[2], row[3]))


def with_open_quarantine(connection: sa.Connection) -> list[tuple[str, str, str]]:
    """The deliveries of which records wait in quarantine."""
    w = WAITING.c
    query = sa.select(w.delivery_id, w.feed, w.table_name).distinct()
    return sorted(tuple(row) for row in connection.execute(query))


def feeds_and_tables(connection: sa.Connection) -> list[tuple[str, str]]:
    """Every feed and table that brought something, by name."""
    return sorted(connection.execute(_which_feeds_and_tables()).tuples())


@cache
def _which_feeds_and_tables() -> sa.Select[tuple[str, str]]:
    """From one feed to the next in an index, and of each from one table to the next: not over all deliveries."""
    d = DELIVERIES.c
    feeds = sa.select(sa.func.min(d.feed).label("feed")).cte("feeds", recursive=True)
    next_feed = sa.select(sa.func.min(d.feed)).where(d.feed > feeds.c.feed).scalar_subquery()
    feeds = feeds.union_all(sa.select(next_feed).where(feeds.c.feed.is_not(None)))
    first = sa.select(sa.func.min(d.table_name)).where(d.feed == feeds.c.feed).scalar_subquery()
    tables = sa.select(feeds.c.feed, first.label("table_name")).where(feeds.c.feed.is_not(None))
    found = tables.cte("tables", recursive=True)
    after = sa.select(sa.func.min(d.table_name)).where(d.feed == found.c.feed, d.table_name > found.c.table_name)
    found = found.union_all(sa.select(found.c.feed, after.scalar_subquery()).where(found.c.table_name.is_not(None)))
    return sa.select(found.c.feed, found.c.table_name).where(found.c.table_name.is_not(None))


def _last_taken_in(
    connection: sa.Connection, feed: str, table: str, *, as_of: datetime
) -> sa.Row[tuple[datetime, int, str]] | None:
    """When the last delivery was taken in, of those of one moment that which landed last; how many records it withdrew, and
    what it sends."""
    return connection.execute(_last(), {"in_feed": feed, "of_table": table, "as_of": as_of}).first()


def _mine() -> tuple[tuple[sa.ColumnElement[bool], sa.ColumnElement[bool]], sa.BindParameter[datetime]]:
    """That a delivery is of the feed `in_feed` and the table `of_table`; and the moment `as_of`."""
    d = DELIVERIES.c
    feed, table = sa.bindparam("in_feed", type_=d.feed.type), sa.bindparam("of_table", type_=d.table_name.type)
    return (d.feed == feed, d.table_name == table), sa.bindparam("as_of", type_=d.received_at.type)


@cache
def _any_brought() -> sa.Select[tuple[datetime]]:
    """One delivery by `as_of`. This statement and the next are made once: they are asked of every feed for every result."""
    d, (mine, as_of) = DELIVERIES.c, _mine()
    return sa.select(d.received_at).where(*mine, d.received_at <= as_of).order_by(d.received_at.desc()).limit(1)


@cache
def _last() -> sa.Select[tuple[datetime, int, str]]:
    d, (mine, as_of) = DELIVERIES.c, _mine()
    mine_taken_in = (*mine, d.refused.is_(None))
    at = sa.select(sa.func.max(d.received_at)).where(*mine_taken_in, d.received_at <= as_of).scalar_subquery()
    last = sa.select(d.received_at, d.withdrawn, d.sends).where(*mine_taken_in)
    # Looked up in the order of landing: of a unit that brought a long past at one moment many are of that moment.
    return last.where((d.received_at != at).is_not(True)).order_by(*_NEWEST_FIRST).limit(1)


def _newest_refused(connection: sa.Connection, feed: str, table: str, *, as_of: datetime | None = None) -> str | None:
    """Why the newest delivery stands refused; None where it does not, or persons said of all its records that they are dealt with."""
    d = DELIVERIES.c
    query = (
        sa.select(d.refused, d.delivery_id)
        .where(d.feed == feed, d.table_name == table)
        .order_by(*_NEWEST_FIRST)
        .limit(1)
    )
    if as_of is not None:  # written so that the order is looked up in its index: nearly everything came before as_of
        query = query.where((d.received_at > as_of).is_not(True))
    newest = connection.execute(query).first()
    if newest is None or newest.refused is None or _is_dealt_with(connection, newest.delivery_id, feed, table, as_of):
        return None
    return str(newest.refused)


def _is_dealt_with(connection: sa.Connection, delivery_id: str, feed: str, table: str, as_of: datetime | None) -> bool:
    """Whether records of a refused delivery were set apart, and none of them waits. Of one without a record nobody can answer any."""
    q = QUARANTINE.c
    mine = sa.select(q.delivery_id).where(q.delivery_id == delivery_id, q.feed == feed, q.table_name == table)
    if connection.execute(mine.limit(1)).first() is None:
        return False
    if as_of is not None:
        return delivery_id not in quarantine.refused_whole(connection, as_of=as_of)
    w = WAITING.c
    waits = sa.select(w.delivery_id).where(w.delivery_id == delivery_id, w.feed == feed, w.table_name == table)
    return connection.execute(waits.limit(1)).first() is None
