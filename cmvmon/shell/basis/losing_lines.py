"""What a program says that must go on: a line that can't be written is lost and counted, and ends nothing.

Of a log whose disk is full, whose reader has gone or whose terminal was closed. Once it can be written again, how many lines were lost
is said before the next one.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Callable

Words = Callable[[int], str]


def lose_lines(lost: Words | None = None) -> None:
    """From now on nothing that this process writes to stdout or stderr fails, until it ends.

    `lost`: the line on stdout that tells how many were lost; without it, in words. Streams that somebody has put in the place of those
    of the process are left as they are.
    """
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout is sys.__stdout__:
        sys.stdout = _losing(sys.stdout, lost or _in_words)
    if isinstance(sys.stderr, io.TextIOWrapper) and sys.stderr is sys.__stderr__:
        sys.stderr = _losing(sys.stderr, _in_words)


def _in_words(n: int) -> str:
    return f"LOST     {n} lines of this log, which could not be written"


def _losing(stream: io.TextIOWrapper, lost: Words) -> io.TextIOWrapper:
    buffer = io.BufferedWriter(_Output(stream.fileno(), lost))
    return io.TextIOWrapper(buffer, encoding=stream.encoding, errors=stream.errors, line_buffering=True)


class _Output(io.RawIOBase):
    """A file descriptor to which every write succeeds, for all that whoever writes can see."""

    def __init__(self, descriptor: int, lost: Words) -> None:
        self._descriptor, self._lost = descriptor, lost
        self._n_lost, self._is_cut = 0, False  # of the last line, only the beginning was written

    def writable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._descriptor

    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    def write(self, data: object) -> int:
        said, about = bytes(data), b""  # type: ignore[call-overload]
        if self._n_lost:
            about = (("\n" if self._is_cut else "") + self._lost(self._n_lost) + "\n").encode()
        n = _written(self._descriptor, about + said)
        if n >= len(about):
            self._n_lost = 0
        if n:
            self._is_cut = not (about + said)[:n].endswith(b"\n")
        self._n_lost += said[max(n - len(about), 0) :].count(b"\n")
        return len(said)


def _written(descriptor: int, data: bytes) -> int:
    """How many of these bytes could be written."""
    n = 0
    while n < len(data):
        try:
            n += os.write(descriptor, data[n:])
        except OSError:
            break
    return n
