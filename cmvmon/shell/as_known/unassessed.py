"""The outbox of the intake: deliveries that are stored, and whose patients nobody has judged since.

A row is written in the transaction that stores the delivery, so that none is missed, and is taken away once the pages of whom it
touches stand, so that whoever was stopped before that leaves it: at least once.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from cmvmon.shell import dialects
from cmvmon.shell.rows.schema import DELIVERIES, UNASSESSED

_CHUNK = 500


def note(connection: sa.Connection, delivery_id: str, stored_at: datetime) -> None:
    """Says that the delivery was stored then, and that its patients are to be judged."""
    row = {"delivery_id": delivery_id, "stored_at": stored_at}
    connection.execute(dialects.of(connection).insert_new(UNASSESSED), [row])


def waiting(connection: sa.Connection) -> list[str]:
    """The ids of those deliveries, the one that was stored first first."""
    u = UNASSESSED.c
    query = sa.select(u.delivery_id).order_by(u.stored_at, u.delivery_id)
    return list(dict.fromkeys(connection.execute(query).scalars()))


def is_stored(connection: sa.Connection, delivery_id: str) -> bool:
    """Whether any table of that delivery was judged and stored, taken in or refused."""
    query = sa.select(DELIVERIES.c.delivery_id).where(DELIVERIES.c.delivery_id == delivery_id).limit(1)
    return connection.execute(query).first() is not None


def done(connection: sa.Connection, delivery_ids: Collection[str]) -> None:
    """Takes these away: the pages of whom they touch stand."""
    ids = sorted(delivery_ids)
    for start in range(0, len(ids), _CHUNK):
        connection.execute(sa.delete(UNASSESSED).where(UNASSESSED.c.delivery_id.in_(ids[start : start + _CHUNK])))


def done_by(connection: sa.Connection, as_of: datetime) -> None:
    """Takes away all that were stored by then: everybody was judged at that moment, and their pages stand."""
    connection.execute(sa.delete(UNASSESSED).where(UNASSESSED.c.stored_at <= as_of))
