"""Which contents a site knows under the label of a protocol: one label is one content, for good."""

from __future__ import annotations

import sqlalchemy as sa

from cmvmon.shell.folder import approved
from cmvmon.shell.rows.schema import ASSESSMENTS


def judged_under(connection: sa.Connection, label: str) -> str | None:
    """The content of the policy that bore that label at the last moment judged under it; None: it was never used."""
    c = ASSESSMENTS.c
    query = sa.select(c.protocol_hash).where(c.protocol_version == label).order_by(c.as_of.desc()).limit(1)
    found: str | None = connection.execute(query).scalar()
    return found


def others_under(connection: sa.Connection, label: str, protocol_hash: str) -> list[str]:
    """Which other contents than that one were judged or approved under that label; empty: it may be approved under it."""
    before = {judged_under(connection, label)}
    before |= {one.protocol_hash for one in approved.approvals(connection) if one.version == label}
    return sorted(one for one in before if one not in (None, protocol_hash))
