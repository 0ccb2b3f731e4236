"""What was told before of a delivery: how its last judging ended, and which of its records still wait."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from cmvmon.domain.delivered import REJECTED_BY_A_PERSON
from cmvmon.shell.folder.landing import Landed
from cmvmon.shell.rows.schema import DELIVERIES, QUARANTINE
from cmvmon.shell.taken_in.beside_another import was_told_since
from cmvmon.shell.waiting.brought_right import brought_right, place, set_apart
from cmvmon.shell.waiting.quarantine import is_known
from cmvmon.shell.waiting.quarantine_answers import UNREAD, unanswered
from cmvmon.shell.waiting.said_of_records import is_confirmed

_OF_THE_FUTURE = ("collected_in_future", "reported_in_future")  # what a later night may find in order


@dataclass(frozen=True)
class Before:
    """What was last told of one table of a delivery: how much it first brought, and why it stands refused, if it does."""

    table: str
    received: int
    attempt: int
    refused: str | None


@dataclass(frozen=True)
class Earlier:
    """The last judging of a delivery: under which laboratory file, and which records it set apart.

    `attempt` is the last number used for any judging of these bytes by this feed, in whatever format.
    """

    attempt: int
    tables: tuple[Before, ...]
    laboratory_file: str
    open_records: frozenset[int]
    open_tables: frozenset[str]
    waits_for_time: bool  # something was dated in the future of that judging
    has_unread: bool  # something of it could not even be told from the rest: what it holds is not known
    # A withdrawal waited for a record that has come since, a person's word was taken back or given, or the table that contradicted a
    # record says more of its patient.
    waits_no_more: bool
    received_at: datetime
    landed_at: datetime

    @property
    def is_refused_whole(self) -> bool:
        return all(table.refused for table in self.tables)

    @property
    def refusals(self) -> dict[str, str]:
        """Why each table of it that stands refused does."""
        return {table.table: table.refused for table in self.tables if table.refused}


def earlier(connection: sa.Connection, landed: Landed) -> Earlier | None:
    """The last judging of that delivery; None when it was never judged."""
    d, q = DELIVERIES.c, QUARANTINE.c
    mine = [d.delivery_id == landed.delivery_id, d.feed == landed.feed, d.format == landed.form]
    if landed.table is not None:
        mine.append(d.table_name == landed.table)
    rows = connection.execute(sa.select(DELIVERIES).where(*mine).order_by(d.attempt)).mappings().all()
    if not rows:
        return None
    first = {row["table_name"]: row for row in reversed(rows)}
    last = {row["table_name"]: row for row in rows}
    waiting = [
        row
        for row in set_apart(connection, q.delivery_id == landed.delivery_id, q.feed == landed.feed)
        if row["table_name"] in last and row["attempt"] == last[row["table_name"]]["attempt"]
    ]
    answered = {place(row) for row in brought_right(connection, waiting)}
    still = [row for row in unanswered(connection, waiting) if place(row) not in answered]
    return Earlier(
        last_attempt(connection, landed),
        tuple(Before(name, first[name]["received"], row["attempt"], row["refused"]) for name, row in last.items()),
        rows[-1]["laboratory_file"],
        frozenset(row["record_number"] for row in still),
        frozenset(row["table_name"] for row in still),
        any(row["reason"] in _OF_THE_FUTURE for row in still),
        any(row["delivered_text"] == UNREAD for row in still),
        any(_waits_no_more(connection, row, rows[-1]["received_at"]) for row in still),
        rows[-1]["received_at"],
        rows[-1]["landed_at"],
    )


def _waits_no_more(connection: sa.Connection, row: Mapping[str, Any], judged_at: datetime) -> bool:
    if row["reason"] == REJECTED_BY_A_PERSON or was_told_since(connection, row, judged_at):
        return True
    return is_known(connection, row) or is_confirmed(connection, row)


def last_attempt(connection: sa.Connection, landed: Landed) -> int:
    """The highest number of a judging of these bytes by this feed, in whatever format; 0 when there is none."""
    d = DELIVERIES.c
    query = sa.select(sa.func.max(d.attempt)).where(d.delivery_id == landed.delivery_id, d.feed == landed.feed)
    if landed.table is not None:
        query = query.where(d.table_name == landed.table)
    return int(connection.execute(query).scalar() or 0)
