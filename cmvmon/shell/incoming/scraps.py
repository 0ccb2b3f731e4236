"""What came by a socket and is no message: of such bytes the inbox keeps the beginning, of many the last ones."""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from cmvmon.shell.incoming import inbox
from cmvmon.shell.incoming.inbox_moves import in_words, reading


@dataclass(frozen=True)
class Scraps:
    """Pieces that came since a moment, by why none is a message: how many, and when the last one came (ISO 8601, UTC)."""

    code: str
    n: int
    last_at: str


def scraps_since(root: Path, since: str) -> tuple[Scraps, ...]:
    """The pieces that the site's inbox keeps of that time, by code; nothing where no listener ever stored anything.

    `since`: ISO 8601, UTC, with microseconds, as the inbox writes it. No more than inbox.MOST_SCRAPS are kept at all.
    Raises InboxUnread.
    """
    path = root / inbox.NAME
    if not path.exists():
        return ()
    with in_words(inbox.NAME), closing(reading(path)) as connection:
        rows = connection.execute(
            "SELECT code, count(*), max(received_at) FROM scraps WHERE received_at >= ? GROUP BY code ORDER BY code",
            (since,),
        ).fetchall()
    return tuple(Scraps(*row) for row in rows)
