"""Keeps watch over the drop folder and the inbox: takes files in as they settle and messages as they come, and brings the patients
whom they touch up to date.

Files are taken in by the same step as in a night, and patients assessed by the same as for one delivery. What was taken in and
not assessed, because a program ended in between, is made up by the next look, and so by the first one of the next start.
"""

from __future__ import annotations

import time
import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from threading import Event

from cmvmon.domain.delivered import WHOLE_DELIVERY
from cmvmon.domain.errors import AlreadyRunning, CmvmonError, ProtocolUnusable, StoreBusy
from cmvmon.run.daytime.refresh import refresh_unassessed
from cmvmon.run.daytime.unchecked import Unchecked
from cmvmon.run.deliveries.faults import Fault, note_stopped
from cmvmon.run.deliveries.inbox_taking import is_of_inbox, take_in_inbox, waits
from cmvmon.run.deliveries.intake import TakenIn, take_in_drop
from cmvmon.run.health import at_work
from cmvmon.run.health.nights import nights
from cmvmon.run.judging.assessing import Counts, assessed
from cmvmon.run.messages.telling import tell_safely
from cmvmon.run.nightly.night_alerts import halt_for_protocol, note_missed
from cmvmon.run.pages.publish import Published, halting, publish
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.folder.drop_folder import Dropped, Found, Stray, look_through
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.clock import moment_to_record, note_clock
from cmvmon.shell.work.opening import OpenSite, held, open_site

LOOKS_EVERY_S = 3.0
LOOKS_INTO_INBOX_EVERY_S = 0.25
_TRIES = 3  # of a message that ends its judging in an error of ours, by one watch: then it stands there, and each night tries it
TRIES_AGAIN_AFTER_S = 60.0  # what could not be done, for a reason that may pass
_WAITS_FOR_SITE_S = 3.0  # a look comes again; meanwhile whoever watches can be stopped
_LOOKS_FOR_NIGHTS_EVERY_S = 600.0
_TELLS_EVERY_S = 30.0  # what waits for its hour or its next try; what a look raised is told at once

State = tuple[int, float, int]


@dataclass(frozen=True)
class Look:
    """What one look came to: what was new, and whom it touched; `assessed` and `published` are None where it was nobody."""

    taken_in: TakenIn
    assessed: Counts | None = None
    published: Published | None = None


@dataclass(frozen=True)
class Trouble:
    """Why something was not done, in words without patient data; it is tried again."""

    words: str


@dataclass
class Watch:
    """One site that is watched. It remembers which files it has seen, so that a look at a folder of old files costs little.

    `seen`: files that were taken in, or refused. `faulty`: those that could not be judged, which are tried again.
    `met`: when each was first seen as it is, by a clock that nobody sets. `judges`: whoever is touched is brought up to date at once;
    else what was stored waits for a lab feed (cmvmon.run.daytime.calling).
    """

    root: Path
    seen: dict[Path, State] = field(default_factory=dict)
    faulty: dict[Path, State] = field(default_factory=dict)
    met: dict[Path, tuple[State, float]] = field(default_factory=dict)
    strays: tuple[Stray, ...] = ()
    told: frozenset[Fault] = frozenset()
    tried_at: float = float("-inf")
    has_unjudged: bool = False  # messages that have landed and could not be judged
    is_stuck: bool = False  # messages that wait could not be moved
    tries: Counter[Fault] = field(default_factory=Counter)  # of messages that end their judging in an error of ours
    messages_at: float = float("-inf")  # when a message was last taken in
    is_behind: bool = True  # something may have been taken in that nobody has assessed
    is_halted: bool = False  # the ward page says that nobody is judged
    judges: bool = True

    def look(self) -> Look | None:
        """Takes in what has settled since the last look, and refreshes whom it touches; None where nothing is new.

        Raises what a night raises: AlreadyRunning, StoreError, ClockInDoubt, ContractBroken, ProtocolError. What was not done
        then is done by the next look.
        """
        site = Site(self.root)
        found = look_through(site.drop)
        has_less = bool(self.faulty.keys() - {item.path for item in found.files})
        has_messages = self.has_messages
        if has_messages:
            self.messages_at = time.monotonic()
        fresh = self._settled(found.files, site.settings().file_settles_s)
        is_due = bool(self.faulty or self.has_unjudged or self.is_stuck) and self._is_time
        is_of_drop = bool(fresh or has_less or is_due or self.is_behind or found.strays != self.strays)
        if not (is_of_drop or has_messages):
            return None
        # What could not be judged goes with the others, or the alert about its feed would be taken for settled.
        again = [item for item in found.files if self.faulty.get(item.path) == item.state and item not in fresh]
        was_behind = self.is_behind
        with held(site, wait_s=_WAITS_FOR_SITE_S), open_site(self.root) as opened:
            self.is_behind = True
            found = replace(found, files=(*fresh, *again), growing=())
            taken_in = self._take_in(opened, found) if is_of_drop else self._take_in_messages(opened)
            look = _refreshed(opened, taken_in) if self.judges else Look(taken_in)
            # Whoever was stopped between assessing and publishing left the pages of before.
            if self.judges and was_behind:
                _published_anew(opened, is_halted=self.is_halted)
        self.is_behind = self.is_halted = False
        return look

    @property
    def has_messages(self) -> bool:
        """Whether a message waits that is to be moved now."""
        return (not self.is_stuck or self._is_time) and waits(self.root)

    @property
    def _is_time(self) -> bool:
        """Whether what could not be done may be tried again."""
        return time.monotonic() - self.tried_at >= TRIES_AGAIN_AFTER_S

    def _settled(self, files: tuple[Dropped, ...], settles_s: float) -> list[Dropped]:
        """Those that are not known and that nobody has written to for so long, by their own time or by ours."""
        there = {item.path for item in files}
        for kept in (self.seen, self.faulty, self.met):
            for path in kept.keys() - there:
                del kept[path]
        settled: list[Dropped] = []
        for item in files:
            if item.state in (self.seen.get(item.path), self.faulty.get(item.path)):
                continue
            state, since = self.met.get(item.path, (item.state, time.monotonic()))
            since = since if state == item.state else time.monotonic()
            self.met[item.path] = item.state, since
            if item.state[1] <= time.time() - settles_s or time.monotonic() - since >= settles_s:
                settled.append(item)
        return settled

    def _take_in(self, opened: OpenSite, found: Found) -> TakenIn:
        """What is new of it: deliveries that were not known, and faults that were not told."""
        with halting(opened):
            at = moment_to_record(opened)
        taken_in = take_in_drop(opened, received_at=at, found=found)
        note_clock(opened, at)
        self.tried_at, self.strays = time.monotonic(), found.strays
        stopped = {(fault.feed, fault.table, fault.file_name) for fault in taken_in.faults}
        for item in found.files:
            is_faulty = (item.feed, item.table or WHOLE_DELIVERY, item.name) in stopped
            now_in, before_in = (self.faulty, self.seen) if is_faulty else (self.seen, self.faulty)
            now_in[item.path] = item.state
            before_in.pop(item.path, None)
        self.tries = Counter(
            {fault: self.tries[fault] + 1 for fault in taken_in.faults if fault.code == CmvmonError.code}
        )
        self.has_unjudged = any(is_of_inbox(fault) and self.tries[fault] < _TRIES for fault in taken_in.faults)
        untold = self._untold(taken_in.faults)
        self.told = frozenset(taken_in.faults)
        return TakenIn(tuple(one for one in taken_in.counted if not one.was_known), untold)

    def _untold(self, faults: Iterable[Fault]) -> tuple[Fault, ...]:
        faults = tuple(faults)
        self.is_stuck = bool(faults) and waits(self.root)
        return tuple(fault for fault in faults if fault not in self.told)

    def _take_in_messages(self, opened: OpenSite) -> TakenIn:
        """What waits in the inbox, and nothing else: a message is on the page before the drop folder is gone through."""
        with halting(opened):
            at = moment_to_record(opened)
        found = take_in_inbox(opened, received_at=at)
        note_clock(opened, at)
        note_stopped(opened, found.faults, at)
        if found.faults:
            self.tried_at, self.has_unjudged = time.monotonic(), True
        untold = self._untold(found.faults)
        self.told |= frozenset(untold)
        return TakenIn(tuple(one for one in found.counted if not one.was_known), untold)


def _refreshed(opened: OpenSite, taken_in: TakenIn) -> Look:
    """Whoever is touched by it, or by what came in before and nobody has judged, brought up to date."""
    with halting(opened):
        as_of = moment_to_record(opened)
    _, came_to = refresh_unassessed(opened, as_of=as_of)
    return Look(taken_in, *came_to) if came_to else Look(taken_in)


def _published_anew(opened: OpenSite, *, is_halted: bool) -> None:
    """The pages of the last assessment, where those that stand were written before it, or say that there is none."""
    with opened.reading() as connection:
        last = alert_store.last_as_of(connection)
    page = opened.site.pages / "index.html"
    written = page.stat().st_mtime if page.exists() else float("-inf")
    if last is not None and (is_halted or written < last.timestamp()):
        publish(opened, assessed(opened, as_of=last), as_of=last)


def keep_watch(root: Path, *, stop: Event) -> Iterator[Look | Trouble]:
    """Looks every few seconds, and when a message has come, until somebody stops it, and gives what each look came to; silent where
    nothing is new.

    Nothing that a look meets ends it: it says so once, waits, and goes on.
    """
    watch, said, wait_s = Watch(root), "", LOOKS_EVERY_S
    nights_said, nights_at = "", float("-inf")
    telling, unchecked = _Telling(root), Unchecked()
    while not stop.is_set():
        trouble, wait_s = "", LOOKS_EVERY_S
        try:
            look = watch.look()
            if look is not None and (look.taken_in.counted or look.taken_in.faults or look.assessed):
                yield from telling.tell(is_due=True)
                yield look
            if look is not None and look.published is not None:
                unchecked.add(one.delivery_id for one in look.taken_in.counted)
            if time.monotonic() - nights_at >= _LOOKS_FOR_NIGHTS_EVERY_S:
                nights_at, before = time.monotonic(), nights_said
                nights_said = _of_nights(root)
                if nights_said and not before:
                    yield Trouble(nights_said)
            yield from telling.tell()
            if unchecked.is_due(watch.messages_at, waits_s=TRIES_AGAIN_AFTER_S):
                unchecked.check(root)
        except (AlreadyRunning, StoreBusy) as error:
            trouble = in_a_sentence(error)
        except ProtocolUnusable as error:
            trouble, wait_s = in_a_sentence(error), TRIES_AGAIN_AFTER_S
            if trouble != said:
                halt_for_protocol(root, error)
                watch.is_behind = watch.is_halted = True
        except Exception as error:  # noqa: BLE001 - whatever it is; its text may hold what it stumbled over
            trouble, wait_s = in_a_sentence(error), TRIES_AGAIN_AFTER_S
        if trouble and trouble != said:
            yield Trouble(trouble)
        said = trouble
        _wait(watch, stop, wait_s, for_messages=not trouble)


def _wait(watch: Watch, stop: Event, wait_s: float, *, for_messages: bool) -> None:
    """Waits so long, or until somebody stops it, or a message comes."""
    until = time.monotonic() + wait_s
    while for_messages and time.monotonic() + LOOKS_INTO_INBOX_EVERY_S < until:
        if stop.wait(LOOKS_INTO_INBOX_EVERY_S):
            return
        if watch.has_messages:
            return
    stop.wait(max(0.0, until - time.monotonic()))


@dataclass
class _Telling:
    """Tells people now and then, and at once where something is due. Why it can't be done is said once."""

    root: Path
    at: float = float("-inf")
    said: str | None = None

    def tell(self, *, is_due: bool = False) -> Iterator[Trouble]:
        if not is_due and time.monotonic() - self.at < _TELLS_EVERY_S:
            return
        told, before = tell_safely(self.root), self.said
        self.at, self.said = time.monotonic(), told.trouble if told else None
        if self.said and self.said != before:
            yield Trouble(f"nobody could be told: {self.said}")


def _of_nights(root: Path) -> str:
    """What is to be said where a night is missing, once an alert about the work says it too. A site may have none at first."""
    found = nights(root)
    if found.last is None or not found.is_overdue(is_served=bool(at_work.is_running(root, at_work.SERVE))):
        return ""
    return "no night ran since the last one was due: start `cmvmon serve`, or look at cron" if note_missed(root) else ""


def in_a_sentence(error: Exception) -> str:
    """What went wrong, without the text of an error that is not ours, which may hold what it stumbled over."""
    if isinstance(error, CmvmonError):
        return f"{error}. It is tried again"
    last = traceback.extract_tb(error.__traceback__)[-1]
    return f"unexpected {type(error).__name__} in {Path(last.filename).name}, line {last.lineno}. It is tried again"
