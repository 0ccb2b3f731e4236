"""Protocols that were tried on a site and approved by a second person: rows that stay, with texts. The last approval counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from cmvmon.shell.rows.schema import PROTOCOL_APPROVALS, PROTOCOL_TRIALS


@dataclass(frozen=True)
class Approval:
    """That `actor` approved a protocol, which `tried_by` had tried."""

    protocol_hash: str
    approved_at: datetime
    version: str
    actor: str
    tried_at: datetime
    tried_by: str


@dataclass(frozen=True)
class Kept:
    """The texts of a protocol that was tried, and of the priors that it names (both empty: it names none)."""

    version: str
    text: str
    priors_name: str
    priors_text: str


def is_kept_here(connection: sa.Connection) -> bool:
    """Whether the database has the tables: one that no program since schema 0006 has moved approves nothing."""
    return sa.inspect(connection).has_table(PROTOCOL_APPROVALS.name)


def last(connection: sa.Connection) -> Approval | None:
    """The approval that holds; None: no protocol was ever approved here."""
    found = approvals(connection, newest=1)
    return found[0] if found else None


def approvals(connection: sa.Connection, *, newest: int | None = None) -> list[Approval]:
    """Every approval, the last one first."""
    query = sa.select(PROTOCOL_APPROVALS).order_by(PROTOCOL_APPROVALS.c.approved_at.desc()).limit(newest)
    return [Approval(**row) for row in connection.execute(query).mappings()]


def trials(connection: sa.Connection) -> list[dict[str, Any]]:
    """Every trial, the last one first: rows of `protocol_trials` without texts."""
    told = [column for column in PROTOCOL_TRIALS.c if column.name not in ("text", "priors_text")]
    query = sa.select(*told).order_by(PROTOCOL_TRIALS.c.tried_at.desc())
    return [dict(row) for row in connection.execute(query).mappings()]


def kept(connection: sa.Connection, protocol_hash: str) -> Kept | None:
    """The texts of that content, if it was ever approved."""
    t, a = PROTOCOL_TRIALS.c, PROTOCOL_APPROVALS.c
    is_it = sa.and_(a.protocol_hash == t.protocol_hash, a.tried_at == t.tried_at, t.protocol_hash == protocol_hash)
    query = sa.select(t.version, t.text, t.priors_name, t.priors_text).join_from(
        PROTOCOL_TRIALS, PROTOCOL_APPROVALS, is_it
    )
    row = connection.execute(query.order_by(a.approved_at.desc()).limit(1)).mappings().first()
    return None if row is None else Kept(**row)


def record_trial(connection: sa.Connection, row: Mapping[str, Any]) -> None:
    """Writes a trial: a row of `protocol_trials`."""
    connection.execute(sa.insert(PROTOCOL_TRIALS), dict(row))


def record_approval(connection: sa.Connection, row: Mapping[str, Any]) -> None:
    """Writes an approval: a row of `protocol_approvals`."""
    connection.execute(sa.insert(PROTOCOL_APPROVALS), dict(row))
