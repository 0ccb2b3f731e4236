"""What a person said of records that wait in quarantine: dealt with, never to be followed, not to be used, or right as they
stand. The last word counts.

An answer is about what was delivered: a record that an export repeats each night is one, whatever delivery brought it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from cmvmon.shell import dialects
from cmvmon.shell.rows.schema import QUARANTINE_ANSWERS

CLOSED, IGNORED, REJECTED, RELEASED, REOPENED = "closed", "ignored", "rejected", "released", "reopened"
ANSWERS = (CLOSED, IGNORED, REJECTED, RELEASED, REOPENED)
_ALSO_LATER = (IGNORED, REJECTED)  # answers that hold of what comes later with the same text
UNREAD = "{}"  # the delivered text of a file in which no record could be told from another


def mark(row: Mapping[str, Any]) -> str:
    """What is the same of a record and its repeats: a hash of its text; of a file that could not be read, of that file."""
    text = str(row["delivered_text"])
    told = text if text != UNREAD else f"{row['delivery_id']}|{row['record_number']}"
    return hashlib.sha256("|".join((row["feed"], row["table_name"], told)).encode()).hexdigest()


def unanswered(
    connection: sa.Connection, rows: Sequence[Mapping[str, Any]], *, as_of: datetime | None = None
) -> list[Mapping[str, Any]]:
    """Those of these records (with `landed_at`) that nobody had closed, ignored or rejected by `as_of`.

    Closed are those that had landed by then; ignored and rejected also those that come later.
    """
    if not rows:
        return []
    a = QUARANTINE_ANSWERS.c
    query = sa.select(a.feed, a.mark, a.answer, a.answered_at).order_by(a.answered_at)
    if as_of is not None:
        query = query.where(a.answered_at <= as_of)
    last = {(feed, of): (answer, at) for feed, of, answer, at in connection.execute(query)}
    if not last:
        return list(rows)

    def is_answered(row: Mapping[str, Any]) -> bool:
        answer, at = last.get((row["feed"], mark(row)), (REOPENED, None))
        return answer in _ALSO_LATER or (answer == CLOSED and at is not None and row["landed_at"] <= at)

    return [row for row in rows if not is_answered(row)]


def standing(connection: sa.Connection) -> list[dict[str, Any]]:
    """The answers that stand, newest first: what is closed and what is ignored."""
    a, newer = QUARANTINE_ANSWERS.c, QUARANTINE_ANSWERS.alias("newer").c
    is_replaced = sa.exists().where(newer.feed == a.feed, newer.mark == a.mark, newer.answered_at > a.answered_at)
    query = sa.select(QUARANTINE_ANSWERS).where(~is_replaced, a.answer != REOPENED).order_by(a.answered_at.desc())
    return [dict(row) for row in connection.execute(query).mappings()]


def marks(connection: sa.Connection, *, feed: str, table: str, answer: str) -> frozenset[str]:
    """The marks of that feed's table of which that answer is the last word."""
    a = QUARANTINE_ANSWERS.c
    query = sa.select(a.mark, a.answer).where(a.feed == feed, a.table_name == table).order_by(a.answered_at)
    last = {row.mark: row.answer for row in connection.execute(query)}
    return frozenset(of for of, said in last.items() if said == answer)


def record(
    connection: sa.Connection,
    rows: Collection[Mapping[str, Any]],
    *,
    answer: str,
    why: str,
    actor: str,
    answered_at: datetime,
) -> list[dict[str, Any]]:
    """Writes that answer of each of these records once, however often it was delivered, and returns what was written."""
    said = {
        (row["feed"], mark(row)): {
            "feed": row["feed"],
            "table_name": row["table_name"],
            "mark": mark(row),
            "answer": answer,
            "why": why,
            "actor": actor,
            "answered_at": answered_at,
        }
        for row in rows
    }
    return write(connection, list(said.values()))


def write(connection: sa.Connection, rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Writes these rows, and returns them."""
    new = [dict(row) for row in rows]
    connection.execute(dialects.of(connection).insert_new(QUARANTINE_ANSWERS), new)
    return new


def take_back(
    connection: sa.Connection, answer: Mapping[str, Any], *, why: str, actor: str, answered_at: datetime
) -> list[dict[str, Any]]:
    """Writes that an answer (a row of `standing`) holds no longer, and returns what was written."""
    new = {"answer": REOPENED, "why": why, "actor": actor, "answered_at": answered_at}
    return write(connection, [dict(answer) | new])
