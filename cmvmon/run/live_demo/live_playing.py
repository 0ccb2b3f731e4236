"""A simulated hospital played live on a site of its own: what it sends, what the listener answers, and what that changes.

The listener is a process (`cmvmon listen`), the watch a thread that goes by the simulated clock. That clock stands at the moment of
what is sent until its pages are written: a slow machine judges at the same moments as a fast one.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from queue import Empty, Queue
from time import monotonic
from typing import Any, Protocol

from cmvmon.domain import words
from cmvmon.domain.errors import CmvmonError
from cmvmon.run.daytime.watching import Look, Trouble, keep_watch
from cmvmon.run.deliveries.inbox_taking import waits
from cmvmon.run.health import at_work
from cmvmon.run.live_demo.live_line import Answer, Program, listener, send
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.alerts.alert_history import events_of
from cmvmon.shell.basis.files import write_atomically
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store.session import by_simulated_clock, open_store
from cmvmon.shell.taken_in.intake_store import Counted
from cmvmon.text import Language, alert_title, of_stored

_LOOKS_EVERY_S = 0.1
_SHOWN_WITHIN_S = 300.0
_STOPS_WITHIN_S = 60.0
_NIGHT_AT = timedelta(hours=5, minutes=30)


class Sendable(Protocol):
    """One thing that is sent: a message, or the text of a file of courses where there is none."""

    @property
    def at(self) -> datetime: ...
    @property
    def message(self) -> bytes | None: ...
    @property
    def text(self) -> str: ...


@dataclass(frozen=True)
class Change:
    """What happened to one alert; `title` in words. `patient_id`: None = it is about the work."""

    event: str
    title: str
    patient_id: str | None


@dataclass(frozen=True)
class Told:
    """What came of one thing that was sent, of all that was known at the start, or of a night.

    Attributes:
        sent: what was sent; one for each thing but at the start, none for a night.
        answers: of the listener, one for each message.
        counted: what was taken in, by delivery and table. Faults are in `trouble`.
        seconds: from the answer (or the file in its place) until the pages were written; None = no page had to change.
        changes: of alerts.
        trouble: what was not done, in words.
    """

    at: datetime
    sent: tuple[Sendable, ...]
    answers: tuple[Answer, ...] = ()
    counted: tuple[Counted, ...] = ()
    seconds: float | None = None
    changes: tuple[Change, ...] = ()
    trouble: tuple[str, ...] = ()


class Clock:
    """The simulated clock: it stands where it was put."""

    def __init__(self, at: datetime) -> None:
        self._at = at

    def __call__(self) -> datetime:
        return self._at

    def move_to(self, at: datetime) -> None:
        self._at = max(self._at, at)


def play(
    root: Path,
    sendings: Sequence[Sendable],
    *,
    feed: str,
    start: datetime,
    days: int,
    days_per_hour: float,
    language: Language,
    stop: threading.Event,
) -> Generator[Told, None, None]:
    """Sends each thing at its moment, and gives what came of it; ends after `days` days, or when `stop` is set.

    What lies before `start` is sent at once, as what the ward knew. Every morning at 05:30 a night is run: time raises alerts too.
    Raises CmvmonError where the listener or the watch ended. Nothing runs any more when this generator ends or is closed.
    """
    before = [one for one in sendings if one.at <= start]
    nights = [start + timedelta(days=day) + _NIGHT_AT for day in range(days)]
    later: list[tuple[datetime, Sendable | None]] = [(one.at, one) for one in sendings if one.at > start]
    later = sorted([*later, *((at, None) for at in nights)], key=lambda item: item[0])
    clock, begun = Clock(start), monotonic()
    with by_simulated_clock(clock), listener(root) as line:
        scene = _Scene(root, feed, clock, line, language)
        opening = scene.send(before)
        with scene.watching():
            yield scene.wait_for(opening, stop)
            for at, one in later:
                due = begun + (at - start) / timedelta(days=days_per_hour) * 3600
                if scene.idles(until=due, stop=stop):
                    return
                clock.move_to(at)
                yield scene.night() if one is None else scene.wait_for(scene.send([one]), stop)


@dataclass(frozen=True)
class _Sent:
    what: tuple[Sendable, ...]
    answers: tuple[Answer, ...]
    at: float  # monotonic, when the last of it was answered

    @property
    def is_taken(self) -> bool:
        return len(self.answers) < len(self.what) or any(answer.code == "AA" for answer in self.answers)


class _Scene:
    """One live demo at work."""

    def __init__(self, root: Path, feed: str, clock: Clock, line: Program, language: Language) -> None:
        self._root, self._feed, self._clock, self._line, self._language = root, feed, clock, line, language
        self._found: Queue[tuple[float, Look | Trouble | Exception]] = Queue()
        self._database = Site(root).database
        self._seen: datetime | None = None
        self._files = 0

    def send(self, what: Sequence[Sendable]) -> _Sent:
        answers = []
        for one in what:
            if one.message is not None:
                answers.append(send(self._line, one.message))
                continue
            self._files += 1
            folder = Site(self._root).drop / self._feed / "antiviral_courses"
            write_atomically(folder / f"synthetic_{self._files:04}.csv", one.text.encode())
        return _Sent(tuple(what), tuple(answers), monotonic())

    @contextmanager
    def watching(self) -> Iterator[None]:
        """The watch at work until the block ends; the step that it is in is done to its end."""
        stop = threading.Event()
        thread = threading.Thread(target=self._watch, args=(stop,), name="watch", daemon=True)
        thread.start()
        try:
            yield
        finally:
            stop.set()
            thread.join(_STOPS_WITHIN_S)

    def _watch(self, stop: threading.Event) -> None:
        try:
            with at_work.only_one(self._root, at_work.WATCH), by_simulated_clock(self._clock):
                for found in keep_watch(self._root, stop=stop):
                    self._found.put((monotonic(), found))
        except Exception as error:  # noqa: BLE001 - told in the thread that waits for it
            self._found.put((monotonic(), error))

    def wait_for(self, sent: _Sent, stop: threading.Event) -> Told:
        """What came of it, once the watch has taken it in and written the pages. Raises CmvmonError where that does not come."""
        counted: list[Counted] = []
        trouble: list[str] = []
        seconds, until = None, monotonic() + _SHOWN_WITHIN_S
        is_seen = not sent.is_taken
        while not (is_seen and not waits(self._root)) and not stop.is_set():
            found = self._next()
            if isinstance(found, tuple):
                at, look = found
                if isinstance(look, Trouble):
                    trouble.append(look.words)
                    continue
                is_seen = is_seen or bool(look.taken_in.counted or look.taken_in.faults or look.assessed)
                counted += look.taken_in.counted
                trouble += [fault.message for fault in look.taken_in.faults]
                if look.published is not None and look.published.written:
                    seconds = at - sent.at
            elif monotonic() > until:
                raise CmvmonError(f"what was sent was not on a page within {_SHOWN_WITHIN_S:.0f} s; the demo ends here")
        return Told(self._clock(), sent.what, sent.answers, tuple(counted), seconds, self._changes(), tuple(trouble))

    def _next(self) -> tuple[float, Look | Trouble] | None:
        """What the watch found next; None where it found nothing for a moment. Raises what ended it, or the listener."""
        try:
            at, found = self._found.get(timeout=_LOOKS_EVERY_S)
        except Empty:
            if not self._line.is_running:
                raise self._line.ended() from None
            return None
        if isinstance(found, Exception):
            raise found if isinstance(found, CmvmonError) else CmvmonError(f"the watch ended: {type(found).__name__}")
        return at, found

    def night(self) -> Told:
        """The night of this moment; what it took in is none of what was sent meanwhile, for nothing was."""
        begun = monotonic()
        night = nightly(self._root)
        new = tuple(one for one in night.taken_in.counted if not one.was_known)
        faults = tuple(fault.message for fault in night.taken_in.faults)
        seconds = monotonic() - begun
        return Told(self._clock(), (), (), new, seconds, self._changes(), faults)

    def idles(self, *, until: float, stop: threading.Event) -> bool:
        """Waits; True once somebody stops it. Raises ProgramEnded where the listener ended meanwhile."""
        while not stop.is_set():
            if not self._line.is_running:
                raise self._line.ended()
            left = until - monotonic()
            if left <= 0:
                return False
            stop.wait(min(left, _LOOKS_EVERY_S))
        return True

    def _changes(self) -> tuple[Change, ...]:
        """What happened to alerts since this was last asked."""
        with open_store(self._database) as store, store.reading() as connection:
            rows = events_of(connection, since=self._seen)
        if rows:
            self._seen = rows[-1]["changed_at"]
        return tuple(Change(row["event"], self._title(row), row["patient_id"]) for row in rows)

    def _title(self, row: dict[str, Any]) -> str:
        if row["rule"] != words.OPERATIONS:
            return of_stored(alert_title, row["rule"], json.loads(row["evidence"]), language=self._language)
        fact = json.loads(row["evidence"])
        return f"{fact.get('feed')}: {fact.get('code')}"
