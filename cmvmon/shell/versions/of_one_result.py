"""The stored versions of one result, each as its record was last judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from cmvmon.domain.delivered import LEADING
from cmvmon.shell.rows.schema import VERSIONS
from cmvmon.shell.versions.stored_versions import RECORD

_V = VERSIONS[LEADING.name]


def versions_of(connection: sa.Connection, key: str, *, as_of: datetime | None = None) -> list[Mapping[str, Any]]:
    """What was stored under that key (by `as_of`), without what a later judging of the same record replaced."""
    query = sa.select(_V).where(_V.c.record_key == key)
    if as_of is not None:
        query = query.where(_V.c.received_at <= as_of)
    return of_last_judging([dict(row) for row in connection.execute(query).mappings()])


def of_last_judging(rows: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Stored versions without those that a later judging of the same record replaced."""
    last: dict[tuple[Any, ...], int] = {}
    for row in rows:
        last[place_in_delivery(row)] = max(row["attempt"], last.get(place_in_delivery(row), 0))
    return [row for row in rows if row["attempt"] == last[place_in_delivery(row)]]


def place_in_delivery(row: Mapping[str, Any]) -> tuple[Any, ...]:
    """Which record of which delivery a row is."""
    return tuple(row[name] for name in RECORD)
