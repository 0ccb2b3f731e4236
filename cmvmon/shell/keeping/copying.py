"""A store from one database into another: every row as it is, and at the end the same content in both."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa

from cmvmon.domain.errors import SiteError, StoreError
from cmvmon.shell import dialects
from cmvmon.shell.rows.schema import METADATA
from cmvmon.shell.store.session import Session

_CHUNK = 1000


@dataclass(frozen=True)
class Copied:
    """One table that was copied. `content` = SHA-256 over its rows, whatever their order and the database."""

    table: str
    rows: int
    content: str


def copy_store(source: Session, target: Session) -> tuple[Copied, ...]:
    """Copies every row in one transaction and compares both sides before it ends: it is there whole or not at all.

    Raises SiteError when the target holds a row already, StoreError when the two sides differ in the end.
    """
    tables = sorted(METADATA.tables.values(), key=lambda table: table.name)
    copied = []
    with source.reading() as here, target.writing() as there:
        _refuse_unless_empty(there, tables)
        for table in tables:
            for rows in here.execute(sa.select(table)).mappings().partitions(_CHUNK):
                there.execute(sa.insert(table), [dict(row) for row in rows])
            for column in table.columns:
                if column is table.autoincrement_column:
                    dialects.of(there).numbered_on(there, table.name, column.name)
            one, other = content(here, table), content(there, table)
            if one != other:
                raise StoreError(
                    f"{table.name} differs after it was copied; nothing was changed. Tell whoever maintains cmvmon"
                )
            copied.append(one)
    return tuple(copied)


def content(connection: sa.Connection, table: sa.Table) -> Copied:
    """How many rows a table holds, and one hash over all of them: the sum of the rows' hashes, so that order is nothing."""
    n, total = 0, 0
    for row in connection.execute(sa.select(table)):
        n += 1
        text = "\x1f".join(_text(value) for value in row)
        total = (total + int.from_bytes(hashlib.sha256(text.encode()).digest(), "big")) % 2**256
    return Copied(table.name, n, f"{total:064x}")


def _refuse_unless_empty(connection: sa.Connection, tables: list[sa.Table]) -> None:
    filled = [t.name for t in tables if connection.execute(sa.select(sa.literal(1)).select_from(t).limit(1)).first()]
    if filled:
        raise SiteError(
            f"the database to copy to is not empty ({', '.join(filled)}); nothing was changed. Name a new one"
        )


def _text(value: Any) -> str:
    """A value with its kind: null is not an empty text, and 1 is not true."""
    if isinstance(value, datetime):
        return f"t{value.astimezone(UTC).isoformat()}"
    return f"{type(value).__name__[0]}{value!r}"
