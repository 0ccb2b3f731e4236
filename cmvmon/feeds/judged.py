"""What a feed makes of the records of one delivery: accepted rows, rejected records, records that are not ours."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

import polars as pl

from cmvmon.domain.identity import Named

PLACE: dict[str, pl.DataType] = {"record_number": pl.Int64(), "line": pl.Int64()}
REJECTED: dict[str, pl.DataType] = PLACE | {"reason": pl.String(), "column": pl.String()}


@dataclass(frozen=True)
class Arrival:
    """When and how a delivery came: what the records themselves do not say.

    `history` is a delivery of old results: each is then taken as known since it was reported (or else collected).
    `confirmed`: the numbers of the records of which a person said that what is asked of a person is as it stands.
    """

    delivery_id: str
    received_at: datetime
    landed_at: datetime
    history: bool = False
    confirmed: frozenset[int] = frozenset()


@dataclass(frozen=True)
class Noticed:
    """What is odd in records that are used all the same: a matter for whoever keeps the feed.

    Attributes:
        statuses_differ: of how many results the status of their order lets less rest on them than their own says.
        sent_ahead_s: by how many seconds at most a message says that it was made after it had come; 0 = none does.
    """

    statuses_differ: int = 0
    sent_ahead_s: int = 0

    def and_(self, other: Noticed) -> Noticed:
        """Of both."""
        return Noticed(self.statuses_differ + other.statuses_differ, max(self.sent_ahead_s, other.sent_ahead_s))


NOTHING_NOTICED = Noticed()


@dataclass(frozen=True)
class Judged:
    """Every record stands in exactly one of the three.

    Attributes:
        accepted: columns of the row type, `record_number` and `line`.
        rejected: `record_number`, `line`, `reason`, `column` (the delivered header that is to blame, or null).
        withdrawals: of those rejected as WITHDRAWS_UNKNOWN, what takes effect as soon as the record is known: columns of
            the row type, its `identity` null, `record_number` and `line`.
        named: by number of a rejected record, what it names, where any of it could be read.
        ignored: numbers of the records that the laboratory file says are no CMV load.
        noticed: of all accepted records together.
    """

    accepted: pl.DataFrame
    rejected: pl.DataFrame
    ignored: tuple[int, ...] = ()
    withdrawals: pl.DataFrame | None = None
    named: Mapping[int, Named] = field(default_factory=dict)
    noticed: Noticed = NOTHING_NOTICED
