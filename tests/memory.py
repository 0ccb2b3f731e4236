"""Where tests put their files: in memory where there is room, for a store waits for its disk some ninety times a night."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

_MEMORY = Path("/dev/shm")
_ROOM_BYTES = 4 * 2**30


def in_memory() -> Path | None:
    """The folder that is kept in memory; None where there is none, where it is small, as in many a container, or where no
    program may be started from it. Whoever writes there still asks that it be on disk, and is answered at once."""
    if not os.access(_MEMORY, os.W_OK) or os.statvfs(_MEMORY).f_flag & os.ST_NOEXEC:
        return None
    return _MEMORY if min(shutil.disk_usage(_MEMORY).free, _free_bytes()) > _ROOM_BYTES else None


def show_the_way_to(folder: Path) -> None:
    """Lets other users go to that folder of a test: pytest keeps those above it to its own user."""
    top = Path(tempfile.gettempdir())
    for each in (folder, *folder.parents):
        if each.is_relative_to(top) and each != top:
            each.chmod(0o755)


def _free_bytes() -> int:
    """What is left of the machine's memory."""
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable"))
