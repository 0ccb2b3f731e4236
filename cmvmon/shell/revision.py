"""What a page of the store rests on, as one short text: it changes whenever a page may say something else."""

from __future__ import annotations

import hashlib
from pathlib import Path

import sqlalchemy as sa

from cmvmon.shell.schema import (
    ALERT_EVENTS,
    ASSESSMENTS,
    DELIVERIES,
    LANDING_ANSWERS,
    QUARANTINE_ANSWERS,
    RULE_SWITCHES,
    UNASSESSED,
    UNJUDGED,
)

_FILES = ("settings.toml", "backup.last")
_FOLDERS = ("protocol", "labs", "tables")


def revision(connection: sa.Connection, root: Path) -> str:
    """The revision of a site: of what was judged, delivered and answered, and of the files under which that is shown."""
    counted = (ALERT_EVENTS, QUARANTINE_ANSWERS, LANDING_ANSWERS, RULE_SWITCHES, UNASSESSED, UNJUDGED, ASSESSMENTS)
    parts: list[object] = [
        connection.execute(sa.select(sa.func.count()).select_from(table)).scalar_one() for table in counted
    ]
    parts.append(connection.execute(sa.select(sa.func.max(ASSESSMENTS.c.as_of, type_=sa.String))).scalar())
    parts.append(connection.execute(sa.select(sa.func.max(DELIVERIES.c.received_at, type_=sa.String))).scalar())
    paths = [root / name for name in _FILES]
    paths += [path for folder in _FOLDERS for path in sorted((root / folder).glob("*"))]
    parts += [_state(path) for path in paths]
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]


def _state(path: Path) -> tuple[str, int, int] | None:
    try:
        said = path.stat()
    except OSError:
        return None
    return path.name, said.st_mtime_ns, said.st_size
