"""What `cmvmon doctor` says of the last backup of a site."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from cmvmon.shell.folder.site import Site
from cmvmon.shell.keeping.last_backup import last_backup
from cmvmon.shell.store import database
from cmvmon.shell.store.session import now

IS_OLD_AFTER = timedelta(days=7)


def of_backup(site: Site) -> Iterator[tuple[str, str]]:
    """State (as `Finding`) and words: how old it is, or that there was never any; nothing of a site without rows.

    Raises SiteError where it can't be told.
    """
    if not database.exists(site.database):
        return
    last = last_backup(site.root)
    if last is None:
        yield "note", "never: `cmvmon backup --to FOLDER`, each day, onto another disk (docs/operations.md)"
        return
    age = now() - last.taken_at
    words = f"last one {last.taken_at.isoformat(timespec='seconds')}, {age.days} days ago, {last.n_rows} rows, {last.n_files} files"
    yield ("note", f"{words}: make a new one") if age > IS_OLD_AFTER else ("ok", words)
