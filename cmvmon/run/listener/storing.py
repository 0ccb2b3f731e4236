"""Messages of many connections on their way into the inbox, and what became of each."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from cmvmon.run.listener.listening_counts import Ledger
from cmvmon.shell.incoming.inbox import InboxFault, Message, Stored
from cmvmon.shell.incoming.inbox_writer import InboxWriter, Item, Result

Answers = list[tuple[Stored, bytes] | InboxFault]


class Storing:
    """What stores them, in a thread of its own. `ended`: the fault after which nothing may be stored any more."""

    def __init__(self, root: Path, ledger: Ledger) -> None:
        self.ended: InboxFault | None = None
        self._ledger = ledger
        self._loop = asyncio.get_running_loop()
        self._inbox = InboxWriter(root, self._from_inbox)

    async def store(self, messages: list[Message]) -> Answers:
        """Stores them, durable when it returns."""
        waits: asyncio.Future[Answers] = self._loop.create_future()
        owner = _Owner(waits, [None] * len(messages), len(messages))
        self._inbox.put([Item(message, (owner, place)) for place, message in enumerate(messages)])
        return await waits

    def keep_scrap(self, code: str, n_bytes: int, kept: bytes) -> None:
        """Keeps the beginning of bytes that are no message."""
        self._inbox.put_scrap(code, n_bytes, kept, datetime.now(UTC).isoformat(timespec="microseconds"))

    async def close(self) -> None:
        """Stores what waits, and ends."""
        await asyncio.to_thread(self._inbox.close)

    def _from_inbox(self, told: list[tuple[Item, Result]], seconds: float) -> None:
        self._loop.call_soon_threadsafe(self._tell, told, seconds)

    def _tell(self, told: list[tuple[Item, Result]], seconds: float) -> None:
        self._ledger.stored_in(seconds)
        for item, result in told:
            owner, place = item.owner
            owner.results[place] = result
            if isinstance(result, InboxFault) and result.ends:
                self.ended = result
            owner.n_open -= 1
            if not owner.n_open and not owner.waits.done():
                owner.waits.set_result(owner.results)


@dataclass(eq=False)
class _Owner:
    """Several messages of one connection that are waited for together."""

    waits: asyncio.Future[Answers]
    results: list[Result | None]
    n_open: int
