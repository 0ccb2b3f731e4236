"""What was said at each moment: weekly decline and verdicts as they were recorded, changed rows only.

A row is added when it says something else than the newest stored row of its key, or is said by another method, policy or
code. One that is no longer judged is marked by a row `is_gone`, which repeats what was said last. The store numbers rows as
they are recorded; of one patient no earlier moment is recorded after a later one.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.domain.columns import RowType
from cmvmon.domain.results import VERDICTS
from cmvmon.shell.rows.frames import framed
from cmvmon.shell.rows.schema import STAMP, STORED
from cmvmon.shell.rows.stamp import Stamp


def record(
    connection: sa.Connection,
    row_type: RowType,
    frame: pl.DataFrame,
    *,
    stamp: Stamp,
    patients: Collection[str] | None,
    late: Collection[str],
) -> None:
    """Adds what has changed. The caller holds the transaction.

    Args:
        frame: the whole table, as its row type, of those patients.
        patients: whom it covers; None = everyone.
        late: patients of whom a later moment is recorded: their later word stands, nothing of them is added.
    """
    table = STORED[row_type.name]
    newest = _newest(connection, table, patients)
    added: list[dict[str, Any]] = []
    judged = set()
    for row in frame.select(*row_type.schema).to_dicts():
        if row["patient_id"] in late:
            continue
        key = _hash([row[name] for name in row_type.key])
        judged.add(key)
        values = row | asdict(stamp)
        content = content_of(row_type, values)
        stored = newest.get(key)
        if stored is None or stored["is_gone"] or stored["content"] != content:
            added.append(values | {"row_key": key, "content": content, "is_gone": False})
    vanished = [
        stored["number"]
        for key, stored in newest.items()
        if key not in judged and not stored["is_gone"] and stored["patient_id"] not in late
    ]
    for number in vanished:
        last = connection.execute(sa.select(table).where(table.c.number == number)).mappings().one()
        added.append({k: v for k, v in last.items() if k != "number"} | asdict(stamp) | {"is_gone": True})
    if added:
        names = {column.name for column in table.columns}
        connection.execute(sa.insert(table), [{k: v for k, v in row.items() if k in names} for row in added])


def content_of(row_type: RowType, values: Mapping[str, Any]) -> str:
    """The hash of what a row says and under what, but for the moment: `content` of a row that is stored."""
    return _hash([values[name] for name in sorted({*row_type.schema, *STAMP}) if name != "as_of"])


def stored(
    connection: sa.Connection, row_type: RowType, *, as_of: datetime, patients: Collection[str] | None = None
) -> pl.DataFrame:
    """The table as it stood at `as_of`: what had been said last of everything that was still judged.

    Returns:
        The columns of the row type and of STAMP, sorted by key. `as_of` in a row = since when it has been said so.
    """
    table = STORED[row_type.name]
    last = _last(table, patients).where(table.c.as_of <= as_of).subquery()
    names = list(dict.fromkeys((*row_type.schema, *STAMP)))
    query = (
        sa.select(*(table.c[name] for name in names))
        .join(last, table.c.number == last.c.number)
        .where(table.c.is_gone.is_(False))
    )
    types = {"as_of": pl.Datetime("us", "UTC"), **row_type.schema}
    return framed(connection, query, types).sort(*row_type.key, nulls_last=False)


def last_verdicts(
    connection: sa.Connection, patients: Collection[str], *, rules: Collection[str] | None = None
) -> pl.DataFrame:
    """What was said last of these patients, and still stands. `rules`: of other rules only what could not be assessed.

    Returns: patient_id, rule, reason, compartment, verdict, evidence and subject of `verdicts`, by patient and rule.
    """
    table = STORED[VERDICTS.name]
    names = ("patient_id", "rule", "reason", "compartment", "verdict", "evidence", "subject")
    last = _last(table, patients).subquery()
    query = (
        sa.select(*(table.c[name] for name in names))
        .join(last, table.c.number == last.c.number)
        .where(table.c.is_gone.is_(False))
    )
    if rules is not None:
        query = query.where(sa.or_(table.c.rule.in_(sorted(rules)), table.c.verdict == words.NOT_ASSESSABLE))
    types = {name: VERDICTS.schema[name] for name in names}
    return framed(connection, query, types).sort(*names, nulls_last=False)


def last_method(connection: sa.Connection) -> str | None:
    """How the decline was estimated in what was recorded last; None when nothing was."""
    verdicts = STORED["verdicts"].c
    return connection.execute(sa.select(verdicts.method).order_by(verdicts.number.desc()).limit(1)).scalar()


def _newest(
    connection: sa.Connection, table: sa.Table, patients: Collection[str] | None
) -> dict[str, Mapping[Any, Any]]:
    last = _last(table, patients).subquery()
    c = table.c
    query = sa.select(c.number, c.row_key, c.content, c.is_gone, c.patient_id).join(last, c.number == last.c.number)
    return {row["row_key"]: row for row in connection.execute(query).mappings()}


def _last(table: sa.Table, patients: Collection[str] | None) -> sa.Select[tuple[int]]:
    """The number of the newest row of each key."""
    query = sa.select(sa.func.max(table.c.number).label("number")).group_by(table.c.row_key)
    return query if patients is None else query.where(table.c.patient_id.in_(sorted(patients)))


def _hash(values: list[Any]) -> str:
    text = json.dumps(values, default=lambda value: value.isoformat(), ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()
