"""The versions of delivered rows as they are stored, read as frames."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from cmvmon.domain.columns import Kind, RowType
from cmvmon.shell.rows.frames import framed
from cmvmon.shell.rows.schema import VERSIONS

_CHUNK = 500
RECORD = ("delivery_id", "feed", "record_number")  # one record of one delivery


def stored_versions(
    connection: sa.Connection, row_type: RowType, as_of: datetime, whom: Collection[str] | None
) -> pl.DataFrame:
    """Every version of a table's records that was received by `as_of`, under the numbers that they came under, with what is stored
    beside: record_key, landed_at, the record of the delivery, attempt, is_withdrawn. `whom` None = of everybody."""
    table = VERSIONS[row_type.name]
    beside = ["record_key", "landed_at", *RECORD, "attempt", *(["is_withdrawn"] if "is_withdrawn" in table.c else [])]
    names = dict.fromkeys([*row_type.schema, *beside])
    query = sa.select(*(table.c[name] for name in names)).where(table.c.received_at <= as_of)
    if whom is None:
        return _frame(connection, query, row_type)
    parts = [_frame(connection, query.where(table.c.patient_id.in_(some)), row_type) for some in chunks(whom)]
    return pl.concat(parts) if parts else _frame(connection, query.where(sa.false()), row_type)


def _frame(connection: sa.Connection, query: sa.Select[tuple[object, ...]], row_type: RowType) -> pl.DataFrame:
    types: dict[str, pl.DataType] = {
        "landed_at": Kind.MOMENT.dtype,
        "record_number": pl.Int64(),
        "attempt": pl.Int64(),
        "is_withdrawn": pl.Boolean(),
        **row_type.schema,
    }
    return framed(connection, query, types)


def chunks(patients: Collection[str]) -> list[list[str]]:
    """Names in order, in lists that fit into one statement."""
    wanted = sorted(patients)
    return [wanted[start : start + _CHUNK] for start in range(0, len(wanted), _CHUNK)]
