"""The wards that were ever named in the store."""

from __future__ import annotations

import sqlalchemy as sa

from cmvmon.domain.delivered import DELIVERED
from cmvmon.shell.rows.schema import VERSIONS

_NAMING = [VERSIONS[table.name].c.ward for table in DELIVERED if "ward" in VERSIONS[table.name].c]


def every_ward(connection: sa.Connection) -> frozenset[str]:
    """The ward of every stay and every movement that was ever delivered, whatever became of the row."""
    found = connection.execute(sa.union(*(sa.select(ward).where(ward.is_not(None)) for ward in _NAMING)))
    return frozenset(found.scalars())
