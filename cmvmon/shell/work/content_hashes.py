"""Cells that are not what was stored: each row's hash is made again from what the row says now, and compared.

The database's own look for damage finds broken pages. A load whose figures changed on the disk is a whole page; only the
hash that was stored beside it tells. It covers what a row says and its key, not how and when it came.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from cmvmon.domain.columns import RowType
from cmvmon.domain.delivered import DELIVERED
from cmvmon.domain.errors import StoreError
from cmvmon.domain.identity import content_hash, record_key, row_key
from cmvmon.domain.results import VERDICTS, WEEKLY_DECLINE
from cmvmon.shell.alerts import stored_results
from cmvmon.shell.rows.schema import STORED, VERSIONS
from cmvmon.shell.store import database
from cmvmon.shell.store.session import Session
from cmvmon.shell.taken_in import snapshots

A_NIGHT = 50_000  # rows of each table that one night compares: a second or two
_CHUNK = 1000


def check(store: Session, *, night: datetime | None = None) -> int:
    """Compares every row; of `night` the range whose turn it is, so that the ranges follow each other from night to night.

    Returns how many rows were compared. Raises StoreError where one is not what was stored.
    """
    n_compared, changed = 0, dict[str, int]()
    with store.reading() as connection:
        for table, number, is_as_stored in _hashed():
            try:
                n, n_changed = _compared(connection, _turn(connection, table, number, night), is_as_stored)
            except (ValueError, TypeError):  # a moment that is none, a number that is a text
                n, n_changed = 1, 1
            n_compared += n
            changed |= {table.name: n_changed} if n_changed else {}
    if changed:
        said = ", ".join(f"{n} row(s) of {name}" for name, n in sorted(changed.items()))
        raise StoreError(database.damaged(store.engine.url, f"{said} not as stored"))
    return n_compared


def _hashed() -> list[tuple[sa.Table, sa.Column[int], Callable[[Mapping[str, Any]], bool]]]:
    """The tables whose rows bear a hash, the column that numbers their rows, and how a row is compared."""
    versions = [(VERSIONS[table.name], _version_of(table.rows)) for table in DELIVERED]
    said = [(STORED[rows.name], _said_of(rows)) for rows in (WEEKLY_DECLINE, VERDICTS)]
    return [(table, next(iter(table.primary_key)), compared) for table, compared in (*versions, *said)]


def _version_of(rows: RowType) -> Callable[[Mapping[str, Any]], bool]:
    def is_as_stored(row: Mapping[str, Any]) -> bool:
        is_numbered = "feed" in row and str(row["record_key"]).startswith(row_key(row["feed"], ""))
        if not is_numbered and row["record_key"] != record_key(row, rows):
            return False
        if content_hash(row, rows) == row["content"]:
            return True
        before = content_hash(
            {**row, "is_withdrawn": False}, rows
        )  # a snapshot lacked it: cmvmon.shell.taken_in.snapshots
        return bool(row.get("is_withdrawn")) and snapshots.withdrawal_of(before) == row["content"]

    return is_as_stored


def _said_of(rows: RowType) -> Callable[[Mapping[str, Any]], bool]:
    def is_as_stored(row: Mapping[str, Any]) -> bool:
        # A row that ends another repeats its hash, made under an earlier stamp.
        return bool(row["is_gone"]) or stored_results.content_of(rows, row) == row["content"]

    return is_as_stored


def _turn(
    connection: sa.Connection, table: sa.Table, number: sa.Column[int], night: datetime | None
) -> sa.Select[tuple[Any, ...]]:
    query = sa.select(table).order_by(number)
    if night is None:
        return query
    highest = connection.execute(sa.select(sa.func.coalesce(sa.func.max(number), 0))).scalar_one()
    first = night.toordinal() % max(1, -(-highest // A_NIGHT)) * A_NIGHT
    return query.where(number > first, number <= first + A_NIGHT)


def _compared(
    connection: sa.Connection, query: sa.Select[tuple[Any, ...]], is_as_stored: Callable[[Mapping[str, Any]], bool]
) -> tuple[int, int]:
    n, n_changed = 0, 0
    for rows in connection.execute(query).mappings().partitions(_CHUNK):
        n += len(rows)
        n_changed += sum(not is_as_stored(dict(row)) for row in rows)
    return n, n_changed
