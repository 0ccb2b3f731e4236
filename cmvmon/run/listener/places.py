"""Who has a place at the listener: those who have shown which sender they are, and for a moment each who has not shown it yet.

Rules of this file:
- A place is counted once it is known whose it is. Who has not shown it takes none, and can keep nobody out.
- Of each sender one place is kept, whatever the others hold.
"""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Collection
from contextlib import suppress
from dataclasses import dataclass


@dataclass(eq=False)
class Caller:
    """Who has connected. `is_expected`: a sender's file names that address, or a sender has shown its certificate from there."""

    source: str
    socket: socket.socket
    is_expected: bool = False
    is_dropped: bool = False


class Newcomers:
    """Those who have not yet shown who they are: `most` at one time. For one more, one who is there already goes: none of them is
    told from a sender, and a sender needs a moment only."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._here: dict[Caller, None] = {}  # in the order in which they came

    def enter(self, caller: Caller) -> Caller | None:
        """Lets one in; who had to go for it, where one had to."""
        gone = self.drop() if len(self._here) >= self._most else None
        self._here[caller] = None
        return gone

    def leave(self, caller: Caller) -> None:
        """It is known by now who that is, or it has gone."""
        self._here.pop(caller, None)

    def drop(self) -> Caller | None:
        """Ends the connection of one and returns it; None where nobody is there.

        Whom no sender's file expects at that address goes first; among these one of the address that has the most, and of this the
        one who came first.
        """
        of_source = Counter(one.source for one in self._here)
        gone = min(self._here, key=lambda one: (one.is_expected, -of_source[one.source]), default=None)
        if gone is not None:
            self.leave(gone)
            gone.is_dropped = True
            with suppress(OSError):  # it has gone by itself
                gone.socket.shutdown(socket.SHUT_RDWR)
        return gone


class Places:
    """The places of those who have shown which sender they are: `most` in all, `most_of_source` of one address."""

    def __init__(self, most: int, most_of_source: int) -> None:
        self._most, self._most_of_source = most, most_of_source
        self._of: dict[Caller, str] = {}
        self._last_at: dict[str, str] = {}

    def settle(self, caller: Caller, own: Collection[str], senders: Collection[str]) -> str | None:
        """Gives the caller a place; why not, as a code, where there is none.

        Args:
            own: the senders that it has shown to be, by name; one at least. The place is of the one that has the fewest.
            senders: all senders for each of which a place is kept.
        """
        held = Counter(self._of.values())
        name = min(own, key=lambda one: (held[one], one))
        is_kept = not held[name]
        if not is_kept and sum(one.source == caller.source for one in self._of) >= self._most_of_source:
            return "too_many_of_one_source"
        if self._most - len(self._of) <= (0 if is_kept else sum(not held[one] for one in senders)):
            return "too_many_connections"
        self._of[caller] = name
        self._last_at[name] = caller.source
        return None

    def has(self, caller: Caller) -> bool:
        """Whether it has a place."""
        return caller in self._of

    def were_at(self, source: str) -> bool:
        """Whether the last place of a sender was of one at that address."""
        return source in self._last_at.values()

    def leave(self, caller: Caller) -> None:
        """It has gone."""
        self._of.pop(caller, None)
