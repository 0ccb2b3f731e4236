"""What was odd lately in what a feed sent and is used: its clock runs ahead of ours, or orders say other than their results."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import NamedTuple

import sqlalchemy as sa

from cmvmon.shell.rows.schema import DELIVERIES

# What two clocks that are kept may differ by, and what a message's moment is rounded by. Layout, not policy.
ORDINARY = timedelta(minutes=1)


class Odd(NamedTuple):
    """Of the deliveries of a table of a feed in some time.

    `clock_ahead_s`: by how many seconds at most a result was sent after it had come; None where none was, by more than a minute.
    `statuses_differ`: how many results were used as less than their own status says, by that of their order.
    """

    clock_ahead_s: float | None
    statuses_differ: int


def odd_lately(connection: sa.Connection, feed: str, table: str, *, since: datetime, until: datetime) -> Odd:
    """By the counts of the deliveries; those that were stored before they were counted tell nothing."""
    d = DELIVERIES.c
    query = sa.select(sa.func.max(d.sent_ahead_s), sa.func.sum(d.statuses_differ)).where(
        d.feed == feed, d.table_name == table, d.received_at > since, d.received_at <= until
    )
    longest, differ = connection.execute(query).tuples().one()
    ahead = timedelta(seconds=longest or 0)
    return Odd(ahead.total_seconds() if ahead > ORDINARY else None, int(differ or 0))
