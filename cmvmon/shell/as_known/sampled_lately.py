"""Whose samples were taken lately, by laboratory and assay, out of the store."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from cmvmon.domain.delivered import LEADING
from cmvmon.shell.rows.schema import VERSIONS

OfAssay = tuple[str, str]


def sampled_lately(connection: sa.Connection, *, since: datetime, as_of: datetime) -> dict[OfAssay, set[str]]:
    """By laboratory and assay, the numbers of the patients of whom any version of a result was known at `as_of` whose sample was taken
    at `since` or later; withdrawn ones too."""
    c = VERSIONS[LEADING.name].c
    query = (
        sa.select(c.laboratory, c.assay, c.patient_id)
        .where(c.collected_at >= since, c.collected_at <= as_of, c.received_at <= as_of)
        .distinct()
    )
    found: dict[OfAssay, set[str]] = {}
    for laboratory, assay, patient in connection.execute(query).tuples():
        found.setdefault((laboratory, assay), set()).add(patient)
    return found
