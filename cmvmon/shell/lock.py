"""One run at a time on a site. The lock belongs to the process: it goes when the process does, however it ends."""

from __future__ import annotations

import fcntl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from cmvmon.domain.errors import AlreadyRunning


@contextmanager
def only_run(lock: Path, *, wait_s: float = 0.0) -> Iterator[None]:
    """Holds the site's lock. Raises AlreadyRunning when another process keeps it longer than `wait_s`."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    with lock.open("a") as file:
        deadline = time.monotonic() + wait_s
        while True:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError as error:
                if time.monotonic() >= deadline:
                    raise AlreadyRunning(
                        "another run is at work on this site; nothing was done. Wait for it to end, then start again"
                    ) from error
                time.sleep(0.05)
        try:
            yield
        finally:
            fcntl.flock(file, fcntl.LOCK_UN)
