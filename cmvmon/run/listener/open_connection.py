"""What every connection of the listener has: its peer, its streams, what it asks of the listener, and how it is ended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Protocol

from cmvmon.feeds.fhir.posted import Answer
from cmvmon.feeds.senders import Listening, Peer
from cmvmon.run.listener.listening_counts import Ledger
from cmvmon.run.listener.places import Caller
from cmvmon.shell.incoming.inbox import InboxFault, Message, Stored
from cmvmon.shell.incoming.sender_files import Senders

CHUNK = 1 << 16
_LINGERS_S = 2.0  # so that an answer is read before the connection goes


class Desk(Protocol):
    """What a connection asks of the listener."""

    settings: Listening
    ledger: Ledger

    def senders(self) -> Senders:
        """The senders as their files say now."""

    def settle(self, caller: Caller, own: Sequence[str]) -> str | None:
        """Gives a caller that has shown to be one of these senders its place; why not, as a code, where there is none."""

    def store(self, messages: list[Message]) -> Awaitable[list[tuple[Stored, bytes] | InboxFault]]:
        """Stores them, durable when it returns."""

    def answer(self, feed: str, body: bytes) -> Awaitable[Answer]:
        """What the sender of a posted body is told once it is kept."""

    def keep_scrap(self, code: str, n_bytes: int, kept: bytes) -> None:
        """Keeps the beginning of bytes that are no message."""


@dataclass(eq=False)
class OpenConnection:
    """One connection. `is_stopping`: what came is finished, and nothing more is read."""

    desk: Desk
    caller: Caller
    peer: Peer
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    is_stopping: bool = False

    async def serve(self) -> None:
        """Answers until the peer goes, a limit is met, or the listener stops."""
        raise NotImplementedError

    def stop(self) -> None:
        """Nothing more is read; what was read is answered."""
        self.is_stopping = True
        self.writer.transport.pause_reading()  # type: ignore[attr-defined]
        self.reader.feed_eof()

    async def linger(self) -> None:
        """Waits a moment for the peer to read its last answer and go: a connection that is closed with bytes unread is reset."""
        if self.is_stopping:
            return
        try:
            async with asyncio.timeout(_LINGERS_S):
                if self.writer.can_write_eof():
                    self.writer.write_eof()
                while await self.reader.read(CHUNK):
                    pass
        except (TimeoutError, OSError):
            return
