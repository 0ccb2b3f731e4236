"""When the site was last backed up whole, as a file of the site says it: `last_backup.json`. It is in no backup itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cmvmon.domain.errors import SiteError, UnreadableFile
from cmvmon.shell.basis.files import read_bytes, write_atomically

NAME = "last_backup.json"


@dataclass(frozen=True)
class LastBackup:
    """The last whole backup. `taken_at`: when its rows were read. `manifest`: the SHA-256 of its manifest."""

    taken_at: datetime
    manifest: str
    n_rows: int
    n_files: int
    n_bytes: int


def note(root: Path, last: LastBackup) -> None:
    """Says that this is the last one. Raises SiteError where that can't be written."""
    said = vars(last) | {"taken_at": last.taken_at.isoformat()}
    write_atomically(root / NAME, json.dumps(said, sort_keys=True).encode())


def last_backup(root: Path) -> LastBackup | None:
    """The last one; None = there was never any. Raises SiteError where the file says something else."""
    if not (root / NAME).exists():
        return None
    try:
        said = json.loads(read_bytes(root / NAME))
        return LastBackup(**said | {"taken_at": datetime.fromisoformat(said["taken_at"])})
    except (ValueError, KeyError, TypeError, UnreadableFile):
        raise SiteError(
            f"{NAME} can't be read, so nobody can tell when the last backup was; make one (`cmvmon backup`)"
        ) from None
