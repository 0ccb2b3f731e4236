"""Processes that are forked off one which has everything loaded, told of when they are ready, and ended by their own numbers."""

from __future__ import annotations

import os
import select
import signal
import sys
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from functools import partial

LIMIT_S = 300.0  # of a machine that others use too


def forked(work: Callable[[], None]) -> int:
    """The process that does the work; it ends with code 0 where that was done."""
    sys.stdout.flush()
    pid = os.fork()
    if pid:
        return pid
    code = 1
    try:
        work()
        code = 0
    except BaseException:
        traceback.print_exc()
        raise
    finally:
        os._exit(code)


def ended(pid: int, *, by: signal.Signals | None) -> None:
    """Waits for it, killed before where a signal is named. Raises RuntimeError where it ended otherwise or not at all."""
    if by is not None:
        with suppress(ProcessLookupError):
            os.kill(pid, by)
    deadline = time.monotonic() + LIMIT_S
    while time.monotonic() < deadline:
        done, status = os.waitpid(pid, os.WNOHANG)
        if done:
            code = os.waitstatus_to_exitcode(status)
            if code not in ((0, -by) if by is not None else (0,)):
                raise RuntimeError(f"it ended with {code}")
            return
        time.sleep(0.002)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    raise RuntimeError(f"it did not end within {LIMIT_S:.0f} s")


def told(work: Callable[[Callable[[int], None]], None]) -> tuple[int, int]:
    """A process that does the work, and the number that it told once it was ready."""
    told, tell = os.pipe()
    try:
        pid = forked(lambda: work(partial(_write, tell)))
        if not select.select([told], [], [], LIMIT_S)[0]:
            raise RuntimeError("it did not start")
        return pid, int(os.read(told, 32))
    finally:
        os.close(told)
        os.close(tell)


def _write(tell: int, number: int) -> None:
    os.write(tell, f"{number}\n".encode())
