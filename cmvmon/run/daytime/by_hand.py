"""Files that somebody takes in by hand: each lands and is stored at a moment of its own, under the rule of every other work."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from cmvmon.domain.errors import SiteError
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.run.pages.publish import halting
from cmvmon.shell.folder.site import Site
from cmvmon.shell.taken_in.intake_store import Counted
from cmvmon.shell.work.clock import moment_to_record, note_clock
from cmvmon.shell.work.opening import held, open_site


def take_in_by_hand(
    root: Path, files: Sequence[Path], *, feed: str, table: str | None = None, is_history: bool = False
) -> Iterator[tuple[Path, tuple[Counted, ...] | SiteError]]:
    """Each file with its counts by table, or with what keeps it from being taken in; that of one file does not stop the next.

    The site is held for one file at a time, and the clock read when it is: what a night under a clock that stood ahead has
    recorded is then not newer than what comes now. Raises ClockInDoubt, before anything lands, where the clock can't be
    believed, and AlreadyRunning where another run keeps the site for too long.
    """
    site = Site(root).prepare()
    with open_site(root) as opened:
        for file in files:
            with held(site):
                with halting(opened):
                    at = moment_to_record(opened)
                try:
                    found: tuple[Counted, ...] | SiteError = take_in_file(
                        opened, file, feed=feed, table=table, received_at=at, is_history=is_history
                    )
                except SiteError as error:
                    found = error
                note_clock(opened, at)
            yield file, found
