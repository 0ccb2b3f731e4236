"""One step of work at a time on a site. The lock belongs to the process: it goes when the process does, however it ends.

Who waits stands at a door, and the door lets one through: whoever is at the door is next, so a night that lets go between
two steps can't overtake a delivery that waits there. Those who wait for the door itself come in no promised order.
"""

from __future__ import annotations

import errno
import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TextIO

from cmvmon.domain.errors import AlreadyRunning, SiteError
from cmvmon.shell.basis.files import FOLDER_MODE

HELD_BY_ANOTHER = "another run is at work on this site; nothing was done. Wait for it to end, then start again"
_LOOKS_EVERY_S = 0.02


@contextmanager
def only_run(lock: Path, *, wait_s: float = 0.0) -> Iterator[None]:
    """Holds the site's lock. Raises AlreadyRunning when others keep it longer than `wait_s`."""
    lock.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
    deadline = time.monotonic() + wait_s
    with _opened(lock) as site, _opened(lock.with_name(f"{lock.name}.door")) as door:
        _take(door, deadline)
        try:
            _take(site, deadline)
        finally:
            fcntl.flock(door, fcntl.LOCK_UN)
        try:
            yield
        finally:
            fcntl.flock(site, fcntl.LOCK_UN)


def _opened(path: Path) -> TextIO:
    """A lock's file, for this user alone: whoever may open it, even to read, could hold it for ever.

    Raises SiteError where another user made it.
    """
    try:
        file = os.fdopen(os.open(path, os.O_CREAT | os.O_RDWR, 0o600), "a")
    except OSError as error:
        why = {
            errno.EROFS: "the site lies on a file system that can only be read; nothing can be written there",
            errno.ENOSPC: "the disk is full; make room on it",
        }.get(error.errno or 0, "the nights and every command that writes must run as one user")
        raise SiteError(f"{path.name} can't be opened ({error.strerror}); {why}") from None
    if os.fstat(file.fileno()).st_mode & 0o077:  # made by an earlier version
        with suppress(PermissionError):
            os.fchmod(file.fileno(), 0o600)
    return file


def _take(file: TextIO, deadline: float) -> None:
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        except BlockingIOError as error:
            if time.monotonic() >= deadline:
                raise AlreadyRunning(HELD_BY_ANOTHER) from error
            time.sleep(_LOOKS_EVERY_S)
