"""Whether a feed's clock runs ahead of ours: what says that it was sent after it had come."""

from __future__ import annotations

from datetime import datetime, timedelta

import sqlalchemy as sa

from cmvmon.domain.delivered import LEADING
from cmvmon.shell.rows.schema import VERSIONS

# What two clocks that are kept may differ by, and what a message's moment is rounded by. Layout, not policy.
ORDINARY = timedelta(minutes=1)


def clock_ahead_s(connection: sa.Connection, feed: str, *, since: datetime, until: datetime) -> float | None:
    """By how many seconds at most a result of that feed, received in that time, was sent after it had come; None where none was,
    by more than a minute. What was sent more than an hour ahead states no moment in the store, and counts for nothing here."""
    v = VERSIONS[LEADING.name].c
    query = sa.select(v.sent_at, v.landed_at).where(
        v.feed == feed, v.received_at > since, v.received_at <= until, v.sent_at > v.landed_at
    )
    leads = [row.sent_at - row.landed_at for row in connection.execute(query.distinct())]
    longest = max(leads, default=timedelta())
    return longest.total_seconds() if longest > ORDINARY else None
