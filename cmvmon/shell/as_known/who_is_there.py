"""Who may be on the ward: patients with a row that goes on, or that began lately, asked of the store without reading the rest."""

from __future__ import annotations

from datetime import datetime

import polars as pl
import sqlalchemy as sa

from cmvmon.domain.columns import RowType
from cmvmon.domain.delivered import BY_NAME
from cmvmon.shell.as_known.known import known_table
from cmvmon.shell.as_known.movements_left_open import may_go_on
from cmvmon.shell.rows.schema import VERSIONS
from cmvmon.shell.versions.links import led_on


def patients_without_end(
    connection: sa.Connection, row_type: RowType, end: str, *, after: datetime, as_of: datetime
) -> set[str]:
    """Patients with a row that has no such end by `after`, in a version that came last of it by `as_of`.

    Also those whose last versions contradict each other: which end holds is not known then.
    """
    table = VERSIONS[row_type.name]
    c, newer = table.c, table.alias("newer").c
    came_later = sa.or_(
        newer.received_at > c.received_at,
        sa.and_(newer.received_at == c.received_at, newer.landed_at > c.landed_at),
    )
    is_replaced = sa.exists().where(newer.record_key == c.record_key, newer.received_at <= as_of, came_later)
    contradicts = sa.exists().where(
        newer.record_key == c.record_key,
        newer.received_at == c.received_at,
        newer.landed_at == c.landed_at,
        newer.content != c.content,
    )
    goes_on = sa.or_(c[end].is_(None), c[end] >= after, contradicts)
    query = sa.select(c.patient_id).where(c.received_at <= as_of, goes_on, ~is_replaced).distinct()
    return led_on(connection, connection.execute(query).scalars(), as_of) | _told_without_end(
        connection, row_type, end, after=after, as_of=as_of
    )


def _told_without_end(
    connection: sa.Connection, row_type: RowType, end: str, *, after: datetime, as_of: datetime
) -> set[str]:
    """The same of the rows that are made of statements of another table."""
    table = BY_NAME[row_type.name]
    if table.told is None:
        return set()
    query = may_go_on(VERSIONS[table.told.by], after=after, as_of=as_of)
    patients = led_on(connection, connection.execute(query).scalars(), as_of)
    rows = known_table(connection, table, as_of=as_of, patients=patients) if patients else None
    return set() if rows is None else set(rows.filter(pl.col(end).is_null() | (pl.col(end) >= after))["patient_id"])


def patients_since(
    connection: sa.Connection, row_type: RowType, start: str, *, since: datetime, as_of: datetime
) -> set[str]:
    """Patients with a version of a row that starts at `since` or later, known by `as_of`."""
    c = VERSIONS[row_type.name].c
    query = sa.select(c.patient_id).where(c[start] >= since, c.received_at <= as_of).distinct()
    return led_on(connection, connection.execute(query).scalars(), as_of)
