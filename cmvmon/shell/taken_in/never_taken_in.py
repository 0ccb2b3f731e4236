"""What has landed and was never taken in: not judged, or refused whole, and nobody has said that it is dealt with."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from cmvmon.shell.taken_in import unjudged
from cmvmon.shell.waiting import quarantine


@dataclass(frozen=True)
class NeverTakenIn:
    """How many deliveries were not judged, how many were refused whole, and how many there are of both kinds: the same bytes may be
    for several feeds or tables, of which one waits and another was refused."""

    n_not_judged: int
    n_refused: int
    n: int

    @property
    def in_words(self) -> str:
        """The count with its two kinds, and under which reasons `quarantine list` shows them."""
        kinds = (
            (self.n_not_judged, "not judged (`never_judged`)"),
            (self.n_refused, "refused whole (`delivery_refused`, `snapshot_refused`)"),
        )
        said = ", ".join(f"{n} {what}" for n, what in kinds if n)
        if both := self.n_not_judged + self.n_refused - self.n:
            said += f"; {both} of them both, the same bytes for several feeds or tables"
        return f"{self.n} landed and never taken in: {said}"


NOTHING = NeverTakenIn(0, 0, 0)


def of_each_kind(connection: sa.Connection, *, as_of: datetime) -> NeverTakenIn:
    """The deliveries that had landed by `as_of` and of which something was not taken in, by why."""
    waits, refused = unjudged.never_judged(connection, as_of), quarantine.refused_whole(connection, as_of=as_of)
    return NeverTakenIn(len(waits), len(refused), len(waits | refused))


def never_taken_in(connection: sa.Connection, *, as_of: datetime) -> int:
    """How many deliveries had landed by `as_of` of which something was not taken in: bytes that were for several feeds or tables
    are one delivery, and count where one of those waits, whatever was taken in of the others."""
    return of_each_kind(connection, as_of=as_of).n
