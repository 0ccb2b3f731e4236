"""Bytes in, messages out: the same reader serves a file, a socket and a test. It reads nothing itself and decodes nothing.

Rules of this file:
- Bytes may come in any chunks; what comes out is the same.
- A segment ends with CR (HL7 2.5.1, 2.5.2), and also with LF or CRLF, as files have it. Blank lines are nothing.
- A message begins with MSH and ends before the next header or trailer, with a frame (MLLP, HL7 2.5.1 appendix C: VT ... FS CR),
  or with the bytes. It is whole when its last segment has its end, and its frame one where it has begun.
- Every other line belongs to a message, is a header or trailer of a batch (FHS, BHS, BTS, FTS; 2.10.3), or is told as a stray.
- One that is too long is told, and skipped up to the next header: what is held at one time is never more than the limits.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import NamedTuple

_VT, _FS = 0x0B, 0x1C
_FRAME = b"\x0b\x1c"
_UTF_8_MARK = b"\xef\xbb\xbf"
_STARTS = b"MSH"
_OF_BATCHES = (b"FHS", b"BHS", b"BTS", b"FTS")


@dataclass(frozen=True)
class Limits:
    """The longest message that is read, and the most segments that it may have."""

    message_bytes: int = 10_000_000
    segments: int = 10_000


class Line(NamedTuple):
    """A line as bytes, without its end; the first line is 1."""

    number: int
    data: bytes


@dataclass(frozen=True)
class RawMessage:
    """The lines of one message. `is_whole`: its end was seen."""

    lines: tuple[Line, ...]
    is_whole: bool

    @property
    def line(self) -> int:
        return self.lines[0].number


@dataclass(frozen=True)
class OfBatch:
    """A header or trailer of a batch or a file of batches."""

    line: Line

    @property
    def name(self) -> str:
        return self.line.data[:3].decode("ascii")


@dataclass(frozen=True)
class Stray:
    """Lines that belong to no message: the first of them, and how many follow one another."""

    line: int
    n: int


@dataclass(frozen=True)
class TooLong:
    """A message over a limit: its first line, and the limit in words."""

    line: int
    limit: str


Event = RawMessage | OfBatch | Stray | TooLong


class Reader:
    """Takes bytes by `receive`, gives what is complete by `events`; `end` says that no more come.

    >>> reader = Reader()
    >>> reader.receive(b"MSH|^~\\\\&|A\\rPID|1\\r"); reader.end()
    >>> [len(event.lines) for event in reader.events()]
    [2]
    """

    def __init__(self, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._rest = bytearray()  # of a line whose end has not come
        self._cr_was_last = False
        self._number = 0  # of the last line
        self._lines: list[Line] = []
        self._size = 0
        self._is_framed = False
        self._skips = False  # the rest of a message that is too long
        self._stray: Stray | None = None
        self._done: deque[Event] = deque()

    def receive(self, data: bytes) -> None:
        """Takes in some bytes."""
        if self._cr_was_last and data[:1] == b"\n":  # the second half of a CRLF that was cut
            data, self._cr_was_last = data[1:], False
        if not data:
            return
        self._cr_was_last = data.endswith(b"\r")
        for line in data.splitlines(keepends=True):
            if line[-1] in b"\r\n":
                self._end_of_line(bytes(self._rest) + line.rstrip(b"\r\n"))
                self._rest.clear()
            elif (
                len(self._rest) <= self._limits.message_bytes
            ):  # it is over the limit already: what follows need not be held
                self._rest += line

    def end(self) -> None:
        """Says that no more bytes come."""
        if self._rest:
            self._end_of_line(bytes(self._rest), is_ended=False)
            self._rest.clear()
        self._end_message(is_whole=not self._is_framed)
        self._end_stray()

    def events(self) -> list[Event]:
        """What became complete since the last time, in order."""
        found = list(self._done)
        self._done.clear()
        return found

    def _end_of_line(self, data: bytes, *, is_ended: bool = True) -> None:
        self._number += 1
        text = data.lstrip(_FRAME)
        before = data[: len(data) - len(text)]
        if _FS in before:
            self._end_message(is_whole=True)
        if _VT in before:  # a frame may begin with the mark of UTF-8, as a file may
            text = text.removeprefix(_UTF_8_MARK)
        core = text.rstrip(b"\x1c")
        if core:
            self._take(Line(self._number, core), is_framed=_VT in before, is_ended=is_ended or core != text)
        if core != text:
            self._end_message(is_whole=True)

    def _take(self, line: Line, *, is_framed: bool, is_ended: bool) -> None:
        if not line.data.strip():
            return
        name = line.data[:3]
        if name == _STARTS or name in _OF_BATCHES:
            self._end_message(is_whole=not self._is_framed)
            self._end_stray()
            self._is_framed = is_framed
            if name != _STARTS:
                self._is_framed = False
                self._done.append(OfBatch(line))
                return
        elif not self._lines and not self._skips:
            self._stray = Stray(line.number, 1) if self._stray is None else Stray(self._stray.line, self._stray.n + 1)
            return
        self._add(line)
        if not is_ended:
            self._end_message(is_whole=False)

    def _add(self, line: Line) -> None:
        if self._skips:
            return
        self._lines.append(line)
        self._size += len(line.data)
        limits = self._limits
        if self._size > limits.message_bytes or len(self._lines) > limits.segments:
            is_size = self._size > limits.message_bytes
            limit = f"{limits.message_bytes} bytes" if is_size else f"{limits.segments} segments"
            self._done.append(TooLong(self._lines[0].number, limit))
            self._lines, self._size, self._skips = [], 0, True

    def _end_message(self, *, is_whole: bool) -> None:
        if self._lines:
            self._done.append(RawMessage(tuple(self._lines), is_whole))
        self._lines, self._size, self._is_framed, self._skips = [], 0, False, False

    def _end_stray(self) -> None:
        if self._stray is not None:
            self._done.append(self._stray)
        self._stray = None
