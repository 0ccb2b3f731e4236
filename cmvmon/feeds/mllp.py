"""Bytes in, frames out: the Minimal Lower Layer Protocol (HL7 2.5.1, appendix C), owning no socket and no clock.

Rules of this file:
- Bytes may come in any chunks; what comes out is the same.
- A frame is VT ... FS CR, or VT ... FS LF. FS before the VT of the next frame, or before the end of the bytes, ends it too: there a
  CR is missing.
- A VT before MSH within a frame begins another one: the end of the one before it is missing.
- What stands between frames is skipped, counted, and kept up to a limit; of NUL, CR, LF and blanks nothing is kept.
- A frame that is too long is told once, with its beginning, and the rest of the stream is dropped: whoever owns the socket closes it.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

VT, FS, CR = b"\x0b", b"\x1c", b"\r"
END, _END_LF = FS + CR, FS + b"\n"
_BEGINS = VT + b"MSH"
_FILLING = b"\0\r\n \t"
_LONGEST_MARK = len(_BEGINS)
_OF_OTHERS = (
    b"GET ",
    b"POST",
    b"PUT ",
    b"HEAD",
    b"OPTI",
    b"CONN",
    b"PRI ",
    b"SSH-",
    b"\x16\x03",
)  # HTTP, SSH, a TLS hello


@dataclass(frozen=True)
class Limits:
    """The longest frame that is taken, and how much is kept of bytes that can't be used."""

    frame_bytes: int = 10_000_000
    kept_bytes: int = 4096


@dataclass(frozen=True)
class Frame:
    """What stood between the marks of one frame."""

    data: bytes


@dataclass(frozen=True)
class Skipped:
    """Bytes outside of a frame: how many, and the first of them. `is_of_others`: another protocol speaks there."""

    n_bytes: int
    kept: bytes
    is_of_others: bool = False


@dataclass(frozen=True)
class Unfinished:
    """A frame without its end: another one began, or the bytes ended."""

    n_bytes: int
    kept: bytes


@dataclass(frozen=True)
class TooLong:
    """A frame over the limit, by its beginning. Nothing follows it."""

    limit: int
    kept: bytes


Event = Frame | Skipped | Unfinished | TooLong


def framed(data: bytes) -> bytes:
    """The bytes in a frame of their own.

    >>> framed(b"MSH|...")
    b'\\x0bMSH|...\\x1c\\r'
    """
    return VT + data + END


class Framer:
    """Takes bytes by `receive`, gives what is complete by `events`; `end` says that no more come.

    >>> framer = Framer()
    >>> framer.receive(b"\\x0bMSH|1\\x1c"); framer.receive(b"\\r")
    >>> framer.events()
    [Frame(data=b'MSH|1')]
    """

    def __init__(self, limits: Limits = Limits()) -> None:
        self._limits = limits
        self._held = bytearray()  # of a frame what has come; outside of one what was not looked at yet
        self._looked_at = 0
        self._is_in_frame = False
        self._is_over = False
        self._n_skipped = 0
        self._skipped = bytearray()
        self._done: deque[Event] = deque()

    @property
    def is_in_frame(self) -> bool:
        """Whether a frame has begun whose end has not come."""
        return self._is_in_frame

    def receive(self, data: bytes) -> None:
        """Takes in some bytes."""
        if self._is_over:
            return
        self._held += data
        while not self._is_over and (self._end_frame() if self._is_in_frame else self._begin_frame()):
            pass

    def end(self) -> None:
        """Says that no more bytes come."""
        if self._is_in_frame:
            held = bytes(self._held)
            if held.endswith(FS):
                self._give(held[:-1])
            else:
                self._done.append(Unfinished(len(held), held[: self._limits.kept_bytes]))
        self._held.clear()
        self._is_in_frame, self._is_over = False, True
        self._end_skipped()

    def events(self) -> list[Event]:
        """What became complete since the last time, in order."""
        found = list(self._done)
        self._done.clear()
        return found

    def _begin_frame(self) -> bool:
        """Looks for the beginning of a frame; what stands before it is skipped."""
        at = self._held.find(VT)
        self._skip(bytes(self._held if at < 0 else self._held[:at]))
        if at < 0:
            self._held.clear()
            return False
        self._end_skipped()
        del self._held[: at + 1]
        self._is_in_frame, self._looked_at = True, 0
        return True

    def _end_frame(self) -> bool:
        """Looks for the end of the frame, from where it was looked for before."""
        start = max(0, self._looked_at - _LONGEST_MARK)
        found = [(at, mark) for mark in (END, _END_LF, FS + VT, _BEGINS) if (at := self._held.find(mark, start)) >= 0]
        # Of what has no end yet the last bytes may be the beginning of one.
        at, mark = min(found, default=(len(self._held) - _LONGEST_MARK, b""))
        if at > (limit := self._limits.frame_bytes):
            self._done.append(TooLong(limit, bytes(self._held[: min(limit, self._limits.kept_bytes)])))
            self._held.clear()
            self._is_in_frame, self._is_over = False, True
            return False
        if not found:
            self._looked_at = len(self._held)
            return False
        if mark == _BEGINS:
            self._done.append(Unfinished(at, bytes(self._held[: min(at, self._limits.kept_bytes)])))
        else:
            self._give(bytes(self._held[:at]))
        del self._held[: at + (2 if mark in (END, _END_LF) else 1 if mark == FS + VT else 0)]
        self._is_in_frame = False
        return True

    def _give(self, data: bytes) -> None:
        self._done.append(Frame(data))

    def _skip(self, data: bytes) -> None:
        if self._n_skipped == 0:
            data = data.lstrip(_FILLING)
        self._n_skipped += len(data)
        self._skipped += data[: max(0, self._limits.kept_bytes - len(self._skipped))]

    def _end_skipped(self) -> None:
        if self._n_skipped:
            kept = bytes(self._skipped)
            self._done.append(Skipped(self._n_skipped, kept, kept.startswith(_OF_OTHERS)))
        self._n_skipped = 0
        self._skipped.clear()

    @property
    def n_outside(self) -> int:
        """How many bytes have been skipped since the last frame, filling left out."""
        return self._n_skipped

    @property
    def hears_others(self) -> bool:
        """Whether what is being skipped is another protocol: no frame will follow."""
        return bytes(self._skipped[:4]).startswith(_OF_OTHERS)
