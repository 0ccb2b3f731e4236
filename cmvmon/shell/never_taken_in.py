"""What has landed and was never taken in: not judged, or refused whole, and nobody has said that it is dealt with."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa

from cmvmon.shell import quarantine, unjudged


def never_taken_in(connection: sa.Connection, *, as_of: datetime) -> int:
    """How many deliveries had landed by `as_of` of which something was not taken in: bytes that were for several feeds or tables
    are one delivery, and count where one of those waits, whatever was taken in of the others."""
    return len(unjudged.never_judged(connection, as_of) | quarantine.refused_whole(connection, as_of=as_of))
