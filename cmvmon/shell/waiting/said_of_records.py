"""What a person said of a record, whatever delivery brings it: not to be used, though it could be; or right as it stands."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import sqlalchemy as sa

from cmvmon.feeds.part import Part
from cmvmon.feeds.result_cells import ASKS_A_PERSON
from cmvmon.shell.folder.landing import Landed
from cmvmon.shell.waiting.quarantine_answers import REJECTED, RELEASED, mark, marks


def without_rejected(connection: sa.Connection, part: Part, landed: Landed) -> tuple[Part, list[dict[str, Any]]]:
    """The part without the accepted rows that a person rejected, and those rows."""
    rejected = marks(connection, feed=landed.feed, table=part.table, answer=REJECTED)
    if not rejected or part.accepted.is_empty():
        return part, []
    beside = {"feed": landed.feed, "table_name": part.table, "delivery_id": landed.delivery_id}
    numbers = [
        row["record_number"]
        for row in part.accepted.select("record_number", "delivered_text").iter_rows(named=True)
        if mark(beside | row) in rejected
    ]
    is_rejected = pl.col("record_number").is_in(numbers)
    rows = part.accepted.filter(is_rejected).to_dicts()
    return replace(part, accepted=part.accepted.filter(~is_rejected)), rows


def confirmed_records(connection: sa.Connection, parts: Sequence[Part], feed: str) -> frozenset[int]:
    """The numbers of the records that are held for a person to confirm, and that a person confirmed."""
    found: set[int] = set()
    for part in parts:
        held = part.quarantined.filter(pl.col("reason").is_in(sorted(ASKS_A_PERSON)))
        if held.is_empty() or part.refused is not None:
            continue
        released = marks(connection, feed=feed, table=part.table, answer=RELEASED)
        found |= {row["record_number"] for row in held.to_dicts() if mark(row) in released}
    return frozenset(found)


def is_confirmed(connection: sa.Connection, row: Mapping[str, Any]) -> bool:
    """Whether a record that waits (a row of `quarantined_records`) is held for a person to confirm, and was confirmed."""
    if row["reason"] not in ASKS_A_PERSON:
        return False
    return mark(row) in marks(connection, feed=row["feed"], table=row["table_name"], answer=RELEASED)
