"""When a lab feed is called for: what comes in is taken in, and what is stored and not judged is called for, a burst at once.

`cmvmon serve` takes in as `cmvmon watch` does, by the same looks; whom that touches is brought up to date by a run of the flow
`lab-feed`.

One call is out at a time. What it was for waits in the store until its pages stand (`unassessed`): a call that was lost
is made again, and what came meanwhile is called for once that is done. Knows no Prefect.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from cmvmon.domain.errors import AlreadyRunning, StoreBusy
from cmvmon.run.daytime.watching import LOOKS_EVERY_S, TRIES_AGAIN_AFTER_S, Look, Trouble, Watch, in_a_sentence
from cmvmon.run.health import at_work
from cmvmon.run.health.nights import ENDS_WITHIN, nights
from cmvmon.shell.as_known import unassessed
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store import database
from cmvmon.shell.store.session import open_store

QUIET_FOR_S = 1.0  # after the last of a burst
WAITS_AT_MOST_S = 5.0  # where the burst does not end
_CALLED_AGAIN_AFTER_S, _AT_MOST_AFTER_S = 120.0, 1800.0  # where the pages of what was called for do not come
_LOOKS_FOR_CALLS_EVERY_S = 0.5


@dataclass
class Calls:
    """Which deliveries are called for, and when. Moments are by a clock that nobody sets, in seconds.

    `met`: when each of those that wait was first seen. `called`: those of the call that is out, `called_at`: when it was made last,
    `n_called`: how often.
    """

    met: dict[str, float] = field(default_factory=dict)
    called: frozenset[str] = frozenset()
    called_at: float = 0.0
    n_called: int = 0

    def due(self, waiting: Sequence[str], at: float) -> str | None:
        """The delivery to call for now, which stands for all that wait; None where it is no time.

        >>> calls = Calls()
        >>> calls.due(["a"], 0.0), calls.due(["a", "b"], 0.9), calls.due(["a", "b"], 1.5), calls.due(["a", "b"], 2.0)
        (None, None, None, 'a')
        """
        self.met = {one: self.met.get(one, at) for one in waiting}
        if not waiting:
            self.called, self.n_called = frozenset(), 0
            return None
        if self.called & set(waiting):
            waits_s = min(_CALLED_AGAIN_AFTER_S * 2 ** (self.n_called - 1), _AT_MOST_AFTER_S)
            return waiting[0] if at - self.called_at >= waits_s else None
        self.n_called = 0
        is_quiet = at - max(self.met.values()) >= QUIET_FOR_S
        return waiting[0] if is_quiet or at - min(self.met.values()) >= WAITS_AT_MOST_S else None

    def made(self, waiting: Sequence[str], at: float) -> None:
        """Says that the call for all of these was made."""
        self.called, self.called_at, self.n_called = frozenset(waiting), at, self.n_called + 1


@dataclass
class Caller:
    """One site of which `cmvmon serve` takes in what comes by day, and calls for lab feeds."""

    root: Path
    calls: Calls = field(default_factory=Calls)
    watch: Watch = field(init=False)
    looked_at: float = float("-inf")
    asked_at: float = float("-inf")
    said: str = ""
    missing: tuple[datetime, float] | None = None  # the night that is not there, and since when that is known

    def __post_init__(self) -> None:
        self.watch = Watch(self.root, judges=False)

    def look(self) -> Iterator[Look | Trouble]:
        """Takes in what has come; gives what that came to, and, once, why it can't be done. It is tried again."""
        at, trouble = time.monotonic(), ""
        waits_s = TRIES_AGAIN_AFTER_S if self.said else LOOKS_EVERY_S
        if at - self.looked_at < waits_s and (self.said or not self.watch.has_messages):
            return
        try:
            if self._is_left_to_others(at):
                return
            self.looked_at = at
            look = self.watch.look()
            if look is not None and (look.taken_in.counted or look.taken_in.faults):
                yield look
        except (AlreadyRunning, StoreBusy):
            return
        except Exception as error:  # noqa: BLE001 - whatever it is; its text may hold what it stumbled over
            self.looked_at, trouble = at, in_a_sentence(error)
        if trouble and trouble != self.said:
            yield Trouble(trouble)
        self.said = trouble

    def due(self) -> tuple[str, tuple[str, ...]] | None:
        """The delivery to call for now and all that it stands for; None where there is none. Raises StoreError."""
        site, at = Site(self.root), time.monotonic()
        if at - self.asked_at < _LOOKS_FOR_CALLS_EVERY_S or not database.exists(site.database):
            return None
        self.asked_at = at
        with open_store(site.database) as store, store.reading() as connection:
            waiting = tuple(unassessed.waiting(connection))
        if waiting and self._is_left_to_others(at):
            return None
        first = self.calls.due(waiting, at)
        return None if first is None else (first, waiting)

    def _is_left_to_others(self, at: float) -> bool:
        """Whether `cmvmon watch` does the work, or a night that is due."""
        return bool(at_work.is_running(self.root, at_work.WATCH)) or self._is_for_the_night(at)

    def _is_for_the_night(self, at: float) -> bool:
        """Whether a night is due that takes everything in and judges everybody: it is left alone until it should have ended."""
        found = nights(self.root)
        if not found.is_to_be_made_up:
            self.missing = None
            return False
        if self.missing is None or self.missing[0] != found.due:
            self.missing = found.due, at
        return at - self.missing[1] < ENDS_WITHIN.total_seconds()
