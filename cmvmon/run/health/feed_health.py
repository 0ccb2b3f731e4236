"""How each table of each feed stands, in counts, codes and moments: what came last, how much, how often it should, and what waits."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

import sqlalchemy as sa

from cmvmon.data_contracts.freshness import fresh_within
from cmvmon.domain.delivered import BY_LABORATORY, BY_NAME
from cmvmon.domain.errors import ProtocolError
from cmvmon.run.health import freshness
from cmvmon.run.health.work_faults import described
from cmvmon.shell.as_known.signs_of_life import rhythm_of
from cmvmon.shell.folder.site import Site
from cmvmon.shell.waiting import feed_state
from cmvmon.shell.waiting.feed_state import FeedTable
from cmvmon.shell.waiting.odd_lately import Odd, odd_lately

A_DAY = timedelta(days=1)


@dataclass(frozen=True)
class FeedHealth:
    """One table of one feed. Moments are None where there was none.

    `last_at`: its last sign of life. `deliveries_last_day`: how many were taken in or refused in 24 hours. `expected_every_h`: the
    hours that are expected between two at most (None = nothing is), `is_by_default`: whether a contract of the package alone expects
    them, for no file of the feed says how often it comes; `is_silent`: whether they are over (None = nothing is expected, or nothing
    came). `n_quarantined`: records that wait; `refused`: why the newest delivery stands refused. `is_described`: whether a file of the
    site or the package describes the feed; the name of another one is whatever somebody called a folder. `clock_ahead_s`: by how
    many seconds at most its results of 24 hours were sent after they had come; None = its clock does not run ahead. `statuses_differ`:
    how many of these were used as less than their own status says, by that of their order.
    """

    feed: str
    table: str
    last_at: datetime | None
    deliveries_last_day: int
    expected_every_h: float | None
    is_silent: bool | None
    n_quarantined: int
    refused: str | None
    is_described: bool
    clock_ahead_s: float | None = None
    statuses_differ: int = 0
    is_by_default: bool = False


def feed_health(connection: sa.Connection, site: Site, *, at: datetime) -> Iterator[FeedHealth]:
    """Each table of each feed that brought something or whose file says that it comes, by name."""
    known = described(site)
    for item in freshness.feed_tables(connection, site, as_of=at):
        expected_every_h, is_by_default = _expected_hours(site, item.feed, item.table)
        yield FeedHealth(
            item.feed,
            item.table,
            item.last_received_at,
            feed_state.n_received(connection, item.feed, item.table, since=at - A_DAY, until=at),
            expected_every_h,
            None if item.is_fresh is None else not item.is_fresh,
            item.n_quarantined,
            item.refused,
            item.feed in known,
            *_odd(connection, item, at),
            is_by_default=is_by_default,
        )


def _odd(connection: sa.Connection, item: FeedTable, at: datetime) -> Odd:
    if item.table not in BY_LABORATORY:
        return Odd(None, 0)
    return odd_lately(connection, item.feed, item.table, since=at - A_DAY, until=at)


def _expected_hours(site: Site, feed: str, table: str) -> tuple[float | None, bool]:
    """By the feed's own file, else by the contract of the table; and whether it is by that."""
    try:
        rhythm = rhythm_of(site, feed, table)
    except ProtocolError:  # told as a fault of that file
        rhythm = None
    if rhythm is not None:
        return rhythm.hours, False
    within = fresh_within(table) if table in BY_NAME else None
    return (None, False) if within is None else (within / timedelta(hours=1), True)
