"""What a page of the store rests on, as two short texts: one changes whenever a page may say something else."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from cmvmon.shell.rows.schema import (
    ALERT_EVENTS,
    ASSESSMENTS,
    DELIVERIES,
    LANDING_ANSWERS,
    OUTBOX_EVENTS,
    PROTOCOL_APPROVALS,
    QUARANTINE_ANSWERS,
    RULE_SWITCHES,
    UNASSESSED,
    UNJUDGED,
)

_FILES = ("settings.toml", "last_backup.json")
_FOLDERS = ("protocol", "labs", "tables")
_COUNTED = (QUARANTINE_ANSWERS, LANDING_ANSWERS, RULE_SWITCHES, PROTOCOL_APPROVALS, UNASSESSED, UNJUDGED, ASSESSMENTS)


@dataclass(frozen=True)
class Revision:
    """`data`: of what was judged and delivered, and of the files under which it is shown. `events`: of what happened to alerts
    and to messages to people."""

    data: str
    events: int


def revision(connection: sa.Connection, root: Path) -> Revision:
    """The revision of a site as it is now."""
    *found, events = connection.execute(_asked()).one()
    paths = [root / name for name in _FILES]
    paths += [path for folder in _FOLDERS for path in sorted((root / folder).glob("*"))]
    parts = [*found, *(_state(path) for path in paths)]
    return Revision(hashlib.sha256(repr(parts).encode()).hexdigest()[:16], int(events))


@cache
def _asked() -> sa.Select[tuple[object, ...]]:
    """Everything in one query; no row is read but the newest."""
    counts = [sa.select(sa.func.count()).select_from(table).scalar_subquery() for table in _COUNTED]
    newest = [
        sa.select(sa.func.max(column)).scalar_subquery() for column in (ASSESSMENTS.c.as_of, DELIVERIES.c.received_at)
    ]
    events = [
        sa.select(sa.func.count()).select_from(table).scalar_subquery() for table in (ALERT_EVENTS, OUTBOX_EVENTS)
    ]
    return sa.select(*counts, *newest, events[0] + events[1])


def _state(path: Path) -> tuple[str, int, int] | None:
    try:
        said = path.stat()
    except OSError:
        return None
    return path.name, said.st_mtime_ns, said.st_size
