"""Patients' numbers in the store that are another one but for leading zeros, case or blanks, looked up in an index."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cache

import sqlalchemy as sa

from cmvmon.domain.delivered import DELIVERED, LEADING
from cmvmon.feeds.patient_numbers import fold_number
from cmvmon.shell.as_known.known import delivered_tables
from cmvmon.shell.rows.schema import VERSIONS, folded_number

_CHUNK = 500
_OF_PATIENTS = [VERSIONS[table.name].c for table in DELIVERED if not table.says_who]


def written_otherwise(connection: sa.Connection, numbers: Collection[str], *, as_of: datetime) -> frozenset[str]:
    """The numbers known at `as_of` that are written as one of these but for leading zeros, case or blanks; not these."""
    wanted = sorted({fold_number(number) for number in numbers} - {""})
    found, folded, came = set[str](), set(wanted), delivered_tables(connection, as_of=as_of)
    tables = tuple(table.name for table in DELIVERED if table.name in came and not table.says_who)
    for start in range(0, len(wanted) if tables else 0, _CHUNK):
        asked = {"wanted": wanted[start : start + _CHUNK], "as_of": as_of}
        found |= set(connection.execute(_written_as_one_of(tables), asked).scalars())
    return frozenset(number for number in found if fold_number(number) in folded) - frozenset(numbers)


@cache
def _written_as_one_of(tables: tuple[str, ...]) -> sa.CompoundSelect[tuple[str]]:
    """The numbers that are written as one of `wanted` but for that, of these tables at once."""
    wanted = sa.bindparam("wanted", expanding=True, type_=sa.String())
    as_of = sa.bindparam("as_of", type_=_OF_PATIENTS[0].received_at.type)
    return sa.union_all(
        *(
            sa.select(c.patient_id).where(folded_number(c.patient_id).in_(wanted), c.received_at <= as_of)
            for c in (VERSIONS[name].c for name in tables)
        )
    )


def every_number(connection: sa.Connection, *, as_of: datetime) -> frozenset[str]:
    """Every patient's number of which a row was known at `as_of`: reads the whole store."""
    found: set[str] = set()
    for c in _OF_PATIENTS:
        found |= set(connection.execute(sa.select(c.patient_id).where(c.received_at <= as_of).distinct()).scalars())
    return frozenset(found)


def at_several_laboratories(connection: sa.Connection, *, as_of: datetime) -> list[tuple[str, str]]:
    """Number and laboratory of every number of which more than one laboratory had sent results by then: reads the whole store."""
    c = VERSIONS[LEADING.name].c
    several = (
        sa.select(c.patient_id)
        .where(c.received_at <= as_of)
        .group_by(c.patient_id)
        .having(sa.func.count(c.laboratory.distinct()) > 1)
    )
    query = sa.select(c.patient_id, c.laboratory).where(c.patient_id.in_(several), c.received_at <= as_of).distinct()
    return [(row[0], row[1]) for row in connection.execute(query)]


def is_known(connection: sa.Connection, number: str, *, as_of: datetime) -> bool:
    """Whether any row of that number was known at `as_of`."""
    return any_known(connection, [number], as_of=as_of)


def any_known(connection: sa.Connection, numbers: Collection[str], *, as_of: datetime) -> bool:
    """Whether any row of any of these numbers was known at `as_of`."""
    wanted = sorted(numbers)
    queries = [
        sa.select(c.patient_id).where(c.patient_id.in_(wanted[start : start + _CHUNK]), c.received_at <= as_of)
        for start in range(0, len(wanted), _CHUNK)
        for c in _OF_PATIENTS
    ]
    return any(connection.execute(query.limit(1)).first() is not None for query in queries)
