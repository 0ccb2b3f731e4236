"""What has landed and was never taken in: not judged, or refused whole, and nobody has said that it is dealt with."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from cmvmon.domain.errors import SiteError
from cmvmon.feeds.formats import FORMATS
from cmvmon.shell import quarantine
from cmvmon.shell.landing import ids, landed_by, notes_besides
from cmvmon.shell.schema import DELIVERIES


def never_taken_in(connection: sa.Connection, landing: Path, *, as_of: datetime) -> int:
    """How many deliveries had landed by `as_of` of which something was not taken in: bytes that were for several feeds or tables
    are one delivery, and count where one of those waits, whatever was taken in of the others."""
    d = DELIVERIES.c
    known = sa.or_(d.is_history, d.received_at <= as_of)
    query = sa.select(d.delivery_id, d.feed, d.table_name, d.format).where(known).distinct()
    judged = {
        (of, feed, form if FORMATS[form].names_tables else table) for of, feed, table, form in connection.execute(query)
    }
    unjudged = {note.parent.name for note in notes_besides(landing, judged) if _had_landed(note, as_of)}
    of_judged = {of for of, _, _ in judged}
    unnoted = {one for one in ids(landing) - of_judged if not any((landing / one).glob("*.json"))}
    return len(unjudged | unnoted | quarantine.refused_whole(connection, as_of=as_of))


def _had_landed(note: Path, as_of: datetime) -> bool:
    """Whether it says so; a note that can't be read counts, for nobody can tell."""
    try:
        return landed_by(note).landed_at <= as_of
    except SiteError:
        return True
