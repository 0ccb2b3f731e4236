"""What has landed and was never taken in: not judged, or refused whole, and nobody has said that it is dealt with."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from cmvmon.domain.errors import SiteError
from cmvmon.shell import quarantine
from cmvmon.shell.landing import ids, landed
from cmvmon.shell.schema import DELIVERIES


def never_taken_in(connection: sa.Connection, landing: Path, *, as_of: datetime) -> int:
    """How many deliveries had landed by `as_of` of which nothing was taken in, each counted once, whatever its feeds."""
    d = DELIVERIES.c
    known = sa.or_(d.is_history, d.received_at <= as_of)
    judged = set(connection.execute(sa.select(d.delivery_id).where(known).distinct()).scalars())
    unjudged = {one for one in ids(landing) - judged if _had_landed(landing, one, as_of)}
    return len(unjudged | quarantine.refused_whole(connection, as_of=as_of))


def _had_landed(landing: Path, delivery_id: str, as_of: datetime) -> bool:
    """Whether one of its notes says so; a note that can't be read counts, for nobody can tell."""
    return any(at is None or at <= as_of for at in _landed_at(landing, delivery_id))


def _landed_at(landing: Path, delivery_id: str) -> Iterator[datetime | None]:
    try:
        yield from (way.landed_at for way in landed(landing, delivery_id))
    except SiteError:
        yield None
