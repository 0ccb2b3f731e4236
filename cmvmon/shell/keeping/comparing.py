"""Two stores compared by the hashes of what each version of each record says, wherever and whenever it was stored."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass

import sqlalchemy as sa

from cmvmon.domain.delivered import DELIVERED
from cmvmon.domain.errors import StoreError
from cmvmon.shell.rows.schema import VERSIONS
from cmvmon.shell.store.session import Session


@dataclass(frozen=True)
class Compared:
    """One delivered table of two stores: how many versions each holds, how many the one has and the other lacks (by key and
    content hash), and how many of those that both have were received at another moment."""

    table: str
    old: int
    new: int
    only_old: int
    only_new: int
    at_other_moments: int

    @property
    def is_equal(self) -> bool:
        return not (self.only_old or self.only_new)


def compared(old: Session, new: Session) -> tuple[Compared, ...]:
    """Every delivered table of the two. Raises StoreError where one can't be read."""
    with old.reading() as here, new.reading() as there:
        return tuple(_compared(here, there, VERSIONS[table.name]) for table in DELIVERED)


def _compared(here: sa.Connection, there: sa.Connection, table: sa.Table) -> Compared:
    (old, old_at), (new, new_at) = _hashes(here, table), _hashes(there, table)
    n_both, n_both_at = (old & new).total(), (old_at & new_at).total()
    only_old, only_new = (old - new).total(), (new - old).total()
    return Compared(table.name, old.total(), new.total(), only_old, only_new, n_both - n_both_at)


def _hashes(connection: sa.Connection, table: sa.Table) -> tuple[Counter[bytes], Counter[bytes]]:
    """Of each version a hash of its key and content, and one of these and of when it was received, both short: one of them
    stands for what is long."""
    said, received = Counter[bytes](), Counter[bytes]()
    query = sa.select(table.c.record_key, table.c.content, table.c.received_at)
    try:
        for key, content, at in connection.execute(query):
            said[_short(f"{key}|{content}")] += 1
            received[_short(f"{key}|{content}|{at.isoformat()}")] += 1
    except (ValueError, AttributeError):  # a moment that is none
        raise StoreError(f"{table.name} holds a row that can't be read") from None
    return said, received


def _short(text: str) -> bytes:
    return hashlib.blake2b(text.encode(), digest_size=16).digest()
