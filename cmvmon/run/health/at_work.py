"""Which of a site's long programs runs on this machine: `cmvmon serve`, `watch`, `listen`, `board`. Each at most once.

A program that ends, however it does, lets go of its lock: nothing has to be cleared by hand.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from cmvmon.domain.errors import AlreadyRunning, SiteError
from cmvmon.shell.basis.lock import only_run

SERVE, WATCH, LISTEN, BOARD = "serve", "watch", "listen", "board"
_LOOKED_AT_FOR_S = 2.0  # `cmvmon status` takes the lock for a moment, to see whether it is free


@contextmanager
def only_one(root: Path, program: str) -> Iterator[None]:
    """Is the one program of that kind on this site. Raises AlreadyRunning where there is one."""
    with ExitStack() as stack:
        try:
            stack.enter_context(only_run(_lock(root, program), wait_s=_LOOKED_AT_FOR_S))
        except AlreadyRunning as error:
            raise AlreadyRunning(f"`cmvmon {program}` runs on this site already; stop that one first") from error
        yield


@contextmanager
def standing_still(root: Path, program: str, *, why: str) -> Iterator[None]:
    """Sees to it that the program does not run meanwhile; makes no file where it never ran. Raises AlreadyRunning."""
    with ExitStack() as stack:
        if _lock(root, program).exists():
            try:
                stack.enter_context(only_run(_lock(root, program), wait_s=_LOOKED_AT_FOR_S))
            except AlreadyRunning as error:
                raise AlreadyRunning(f"`cmvmon {program}` runs on this site: {why}") from error
        yield


def is_running(root: Path, program: str) -> bool | None:
    """Whether it runs on this machine; None where this user can't tell. Makes no file."""
    lock = _lock(root, program)
    if not lock.exists():
        return False
    try:
        with only_run(lock):
            return False
    except AlreadyRunning:
        return True
    except SiteError:  # another user's
        return None


def _lock(root: Path, program: str) -> Path:
    return root / f".{program}.lock"
