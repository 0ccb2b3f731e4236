"""The versions of delivered rows as they are stored, read as frames."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from functools import cache

import polars as pl
import sqlalchemy as sa

from cmvmon.domain.columns import Kind, RowType
from cmvmon.domain.delivered import BY_NAME
from cmvmon.shell.rows.frames import framed
from cmvmon.shell.rows.schema import VERSIONS

_CHUNK = 500
RECORD = ("delivery_id", "feed", "record_number")  # one record of one delivery


def stored_versions(
    connection: sa.Connection, row_type: RowType, as_of: datetime, whom: Collection[str] | None
) -> pl.DataFrame:
    """Every version of a table's records that was received by `as_of`, under the numbers that they came under, with what is stored
    beside: record_key, landed_at, the record of the delivery, attempt, is_withdrawn. `whom` None = of everybody."""
    everybodys, theirs = _queries(row_type.name)
    if whom is None:
        return _frame(connection, everybodys, row_type, {"known_at": as_of})
    if not whom:
        return _no_version(row_type)
    parts = [_frame(connection, theirs, row_type, {"known_at": as_of, "whom": some}) for some in chunks(whom)]
    return parts[0] if len(parts) == 1 else pl.concat(parts)


@cache
def _queries(name: str) -> tuple[sa.Select[tuple[object, ...]], sa.Select[tuple[object, ...]]]:
    """Everybody's versions of that table by `known_at`, and those of `whom`: made once, for each is asked for every delivery."""
    c = VERSIONS[name].c
    query = sa.select(*(c[column] for column in _columns(name)))
    query = query.where(c.received_at <= sa.bindparam("known_at", type_=c.received_at.type))
    return query, query.where(c.patient_id.in_(sa.bindparam("whom", expanding=True)))


def _columns(name: str) -> list[str]:
    c = VERSIONS[name].c
    beside = ["record_key", "landed_at", *RECORD, "attempt", *(["is_withdrawn"] if "is_withdrawn" in c else [])]
    return list(dict.fromkeys([*BY_NAME[name].rows.schema, *beside]))


def _frame(
    connection: sa.Connection, query: sa.Select[tuple[object, ...]], row_type: RowType, given: Mapping[str, object]
) -> pl.DataFrame:
    return framed(connection, query, _types(row_type), given=given)


def _no_version(row_type: RowType) -> pl.DataFrame:
    types = _types(row_type)
    return pl.DataFrame(schema={name: types.get(name, pl.String()) for name in _columns(row_type.name)})


def _types(row_type: RowType) -> dict[str, pl.DataType]:
    return {
        "landed_at": Kind.MOMENT.dtype,
        "record_number": pl.Int64(),
        "attempt": pl.Int64(),
        "is_withdrawn": pl.Boolean(),
        **row_type.schema,
    }


def chunks(patients: Collection[str]) -> list[list[str]]:
    """Names in order, in lists that fit into one statement."""
    wanted = sorted(patients)
    return [wanted[start : start + _CHUNK] for start in range(0, len(wanted), _CHUNK)]
