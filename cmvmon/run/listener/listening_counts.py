"""What the listener says of its work: a line a minute and a line at an event, with counts, durations, codes and hashes.

Never a value, a patient or an id of a message. An event that repeats is told once a minute, and counted.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable
from time import monotonic

Say = Callable[[dict[str, object]], None]
_EVERY_S = 60.0
_MOST_LINES = 100  # of one event in a minute: a flood of many addresses fills no disk


class Ledger:
    """Counts since the last line, and which events were told since then."""

    def __init__(self, say: Say) -> None:
        self._say = say
        self._counts: Counter[str] = Counter()
        self._slowest_ms = 0.0
        self._told: defaultdict[str, set[object]] = defaultdict(set)
        self._since = monotonic()

    def event(self, name: str, **facts: object) -> None:
        """Tells of something that happened, once a minute for each source or code, of the first of these."""
        self._counts[name] += 1
        what, told = facts.get("source", facts.get("code")), self._told[name]
        if what not in told and len(told) < _MOST_LINES:
            told.add(what)
            self._say({"event": name} | facts)

    def count(self, name: str, n: int = 1) -> None:
        """Counts something that is told with the minute."""
        self._counts[name] += n

    def stored_in(self, seconds: float) -> None:
        """How long a transaction took."""
        self._counts["transactions"] += 1
        self._slowest_ms = max(self._slowest_ms, seconds * 1000)

    def tell_minute(self, *, at_end: bool = False) -> None:
        """Tells of the minute, where it is over."""
        if not at_end and monotonic() - self._since < _EVERY_S:
            return
        line: dict[str, object] = {"event": "end" if at_end else "minute", "slowest_ms": round(self._slowest_ms, 1)}
        self._say(line | dict(sorted(self._counts.items())))
        self._counts.clear()
        self._told.clear()
        self._slowest_ms, self._since = 0.0, monotonic()
