"""One thread that writes into the inbox: it takes everything that waits, stores it in one transaction, then tells everybody."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from pathlib import Path
from threading import Condition, Thread
from time import monotonic
from typing import Any, NamedTuple

from cmvmon.shell.incoming.inbox import Inbox, InboxFault, Message, Stored

AT_ONCE, BYTES_AT_ONCE = 2000, 32_000_000
Result = tuple[Stored, bytes] | InboxFault
Told = Callable[[list[tuple["Item", Result]], float], None]


class Item(NamedTuple):
    """A message that waits, and whatever its owner knows it by."""

    message: Message
    owner: Any


class InboxWriter:
    """The inbox with its thread. `told` is called by that thread, once for each transaction, with what became of each message and
    how many seconds it took."""

    def __init__(self, root: Path, told: Told) -> None:
        """Opens the inbox. Raises InboxFault where it can't be used."""
        self._inbox = Inbox(root)
        self._told = told
        self._waiting: deque[Item] = deque()
        self._scraps: deque[tuple[str, int, bytes, str]] = deque(maxlen=100)
        self._changed = Condition()
        self._is_closing = False
        self._thread = Thread(target=self._work, name="inbox", daemon=True)
        self._thread.start()

    def put(self, items: list[Item]) -> None:
        """Adds messages that are to be stored."""
        with self._changed:
            self._waiting.extend(items)
            self._changed.notify()

    def put_scrap(self, code: str, n_bytes: int, kept: bytes, received_at: str) -> None:
        """Adds bytes that are no message; nobody is told, and of too many at one time the last are kept."""
        with self._changed:
            self._scraps.append((code, n_bytes, kept, received_at))
            self._changed.notify()

    def close(self) -> None:
        """Stores what waits, and closes the inbox."""
        with self._changed:
            self._is_closing = True
            self._changed.notify()
        self._thread.join()
        self._inbox.close()

    def _work(self) -> None:
        fault: InboxFault | None = None
        while True:
            with self._changed:
                while not (self._waiting or self._scraps or self._is_closing):
                    self._changed.wait()
                items, scraps = self._taken(), list(self._scraps)
                self._scraps.clear()
                if not items and not scraps and self._is_closing:
                    return
            if items:
                begun = monotonic()
                results, fault = self._stored(items, fault)
                self._told(list(zip(items, results, strict=True)), monotonic() - begun)
            for code, n_bytes, kept, at in scraps if fault is None or not fault.ends else ():
                try:
                    self._inbox.keep_scrap(code, n_bytes, kept, received_at=at)
                except InboxFault:  # nobody waits for it, and the next message will meet the same
                    break

    def _taken(self) -> list[Item]:
        items: list[Item] = []
        size = 0
        while self._waiting and len(items) < AT_ONCE and size < BYTES_AT_ONCE:
            items.append(self._waiting.popleft())
            size += len(items[-1].message.raw)
        return items

    def _stored(self, items: list[Item], before: InboxFault | None) -> tuple[list[Result], InboxFault | None]:
        """What became of each. After a fault that ends the work nothing is written any more: a sync that failed once may seem to
        succeed the next time, and what it should have kept is gone."""
        if before is not None and before.ends:
            return [before] * len(items), before
        try:
            return list(self._inbox.store([item.message for item in items])), None
        except InboxFault as error:
            return [error] * len(items), error
        except Exception as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            fault = InboxFault(
                f"the inbox met an unexpected {type(error).__name__}; nothing was stored", "unexpected", ends=True
            )
            return [fault] * len(items), fault
