"""How the work on a site stands: the last night and the next, what runs, and what keeps it from being done. Nothing is written.

Told by the store, the clock and two locks, so that it is true when the scheduler is not there.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from cmvmon.domain.errors import ProtocolUnusable, SiteError
from cmvmon.domain.moved_together import MovedTogether
from cmvmon.domain.waiting_policy import WaitingPolicy
from cmvmon.domain.words import OPERATIONS
from cmvmon.run.health import at_work
from cmvmon.run.health.feed_health import A_DAY, FeedHealth, feed_health
from cmvmon.run.health.nights import nights
from cmvmon.run.messages.telling_state import NOBODY_IS_TOLD, Telling, out_state, state
from cmvmon.run.ward.patient_numbers import unused
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.alerts.work_facts import each_fact, moved_of
from cmvmon.shell.folder.in_force import in_force
from cmvmon.shell.folder.making_site import refuse_lost_database
from cmvmon.shell.folder.site import Site
from cmvmon.shell.incoming.certificates import Certificate, certificates
from cmvmon.shell.incoming.inbox_moves import InboxUnread, Moves
from cmvmon.shell.incoming.scraps import scraps_since
from cmvmon.shell.incoming.sender_files import LISTEN
from cmvmon.shell.keeping.last_backup import last_backup
from cmvmon.shell.store import database
from cmvmon.shell.store.session import open_store
from cmvmon.shell.taken_in.never_taken_in import NOTHING, NeverTakenIn, of_each_kind
from cmvmon.shell.versions.links import links
from cmvmon.shell.work.clock import CLOCK_FEED
from cmvmon.shell.work.opening import ASSESSMENT_FEED

_THE_WORK = (ASSESSMENT_FEED, CLOCK_FEED)


@dataclass(frozen=True)
class Stopped:
    """An alert about the work that stands open: since when, which feed, the code of its cause, and of a laboratory in doubt what moved
    together."""

    since: datetime
    feed: str
    code: str
    moved: MovedTogether | None = None

    @property
    def is_of_the_work(self) -> bool:
        """Whether it is about the work itself and no feed."""
        return self.feed in _THE_WORK


@dataclass(frozen=True)
class Messages:
    """How one feed of the inbox stands: stored = moved + waiting. Of what was refused (`feed` is None) nothing is moved.

    `last_at`, `oldest_waiting_at`: when the last message came, and the first of those that wait. `id_reused`: how many came under an
    id that had come before, with other content. `last_day`: how many came in the last 24 hours.
    """

    feed: str | None
    stored: int
    moved: int
    waiting: int
    id_reused: int
    last_at: datetime
    oldest_waiting_at: datetime | None
    last_day: int = 0


@dataclass(frozen=True)
class NoMessages:
    """Pieces that came by a socket in the last 24 hours and are no message: why (`code`), how many, when the last one came."""

    code: str
    n: int
    last_at: datetime


@dataclass(frozen=True)
class Status:
    """How the work stands. Moments are in the zone of the site.

    `last_night`: the moment that the last whole night judged; None = there was none. `next_night`: when the next one is due;
    None = `cmvmon serve` does not run here, and what cron does can't be seen. `is_overdue`: a night is missing.
    `last_assessed`: the last moment that was judged for anybody. `is_serving`, `is_watching`: None = it can't be told.
    `never_taken_in`: deliveries that have landed and were refused or not judged, whatever came after them.
    `is_demo`: a demo, whose nights are of its own year: none is missing, and no feed is silent.
    `telling`: whether people are told, and what could not be sent; `out`: the same of other programs (out.toml).
    `is_listening`: as the two before. `messages`: how each feed of the inbox stands, what was refused first; `inbox_fault`: why that
    can't be told. `no_messages`: what came by a socket and is none. `must_listen`: the site has a listen.toml.
    `last_backup`: when the rows of the last whole backup were read; None = never, or `backup_fault` says why it can't be told.
    `merges_unused`: by why (cmvmon.domain.patient_links.NOT_USED), how many merges of numbers should hold and are not used.
    `policy_waits`: the protocol file that waits for a second person, and the approved one that judges meanwhile.
    `feeds`: how each table of each feed stands; `certificates`: until when those of the line hold.
    """

    at: datetime
    last_night: datetime | None
    is_overdue: bool
    next_night: datetime | None
    last_assessed: datetime | None
    is_serving: bool | None
    is_watching: bool | None
    stopped: tuple[Stopped, ...]
    never_taken_in: NeverTakenIn = NOTHING
    is_demo: bool = False
    telling: Telling = NOBODY_IS_TOLD
    out: Telling = NOBODY_IS_TOLD
    is_listening: bool | None = False
    messages: tuple[Messages, ...] = ()
    no_messages: tuple[NoMessages, ...] = ()
    inbox_fault: str | None = None
    must_listen: bool = False
    last_backup: datetime | None = None
    backup_fault: str | None = None
    feeds: tuple[FeedHealth, ...] = ()
    certificates: tuple[Certificate, ...] = ()
    merges_unused: Mapping[str, int] = field(default_factory=dict)
    policy_waits: WaitingPolicy | None = None

    @property
    def n_merges_unused(self) -> int:
        """How many merges of numbers should hold and are not used."""
        return sum(self.merges_unused.values())

    @property
    def n_never_taken_in(self) -> int:
        """How many deliveries have landed of which something was not taken in."""
        return self.never_taken_in.n

    @property
    def silent(self) -> tuple[FeedHealth, ...]:
        """The tables of feeds that do not come as often as is expected."""
        return tuple(each for each in self.feeds if each.is_silent)

    @property
    def is_deaf(self) -> bool:
        """Whether the site has a listen.toml and nobody listens: its senders wait."""
        return self.must_listen and self.is_listening is False

    @property
    def is_at_rest(self) -> bool:
        """Whether a night is missing, nobody listens who should, or something keeps the work itself from being done."""
        return self.is_overdue or self.is_deaf or any(each.is_of_the_work for each in self.stopped)


def stopped_now(root: Path) -> tuple[Stopped, ...]:
    """The alerts about the work that stand open."""
    site = Site(root)
    with open_store(site.database) as store, store.reading() as connection:
        open_ones = alert_store.alerts(connection, states={"open"})
    return tuple(_stopped(open_ones, ZoneInfo(site.settings().time_zone)))


def _stopped(alerts: Iterable[Mapping[str, Any]], zone: ZoneInfo) -> list[Stopped]:
    return [
        Stopped(row["opened_at"].astimezone(zone), fact["feed"], fact["code"], moved_of(fact))
        for row in alerts
        if row["rule"] == OPERATIONS
        for fact in each_fact(row["evidence"])
    ]


def status(root: Path) -> Status:
    """How the work on this site stands now. Raises StoreError for a database that can't be used."""
    site = Site(root)
    zone = ZoneInfo(site.settings().time_zone)
    refuse_lost_database(site)
    found = nights(root)
    is_serving = at_work.is_running(root, at_work.SERVE)
    assessed, stopped, never, not_used, feeds = None, [], NOTHING, Counter[str](), list[FeedHealth]()
    waits = None
    messages, no_messages, inbox_fault = _messages(root, zone, found.at)
    backup, backup_fault = _backup(root, zone)
    if database.exists(site.database):
        with open_store(site.database) as store, store.reading() as connection:
            assessed = alert_store.last_as_of(connection)
            never = of_each_kind(connection, as_of=found.at)
            with suppress(ProtocolUnusable):  # the night and `cmvmon doctor` say that
                waits = in_force(site, connection).waits
            feeds = [_local(each, zone, is_demo=found.is_demo) for each in feed_health(connection, site, at=found.at)]
            not_used = Counter(why for _, _, why in unused(links(connection, as_of=found.at)))
            open_ones = alert_store.alerts(connection, states={"open"})
        stopped = _stopped(open_ones, zone)
    return Status(
        at=found.at.astimezone(zone),
        last_night=None if found.last is None else found.last.astimezone(zone),
        is_overdue=found.is_overdue(is_served=bool(is_serving)),
        next_night=found.next_due if is_serving else None,
        last_assessed=None if assessed is None else assessed.astimezone(zone),
        is_serving=is_serving,
        is_watching=at_work.is_running(root, at_work.WATCH),
        stopped=tuple(stopped),
        never_taken_in=never,
        is_demo=found.is_demo,
        merges_unused=dict(sorted(not_used.items())),
        policy_waits=None if waits is None else replace(waits, approved_at=waits.approved_at.astimezone(zone)),
        telling=state(root),
        out=out_state(root),
        is_listening=at_work.is_running(root, at_work.LISTEN),
        messages=messages,
        no_messages=no_messages,
        inbox_fault=inbox_fault,
        must_listen=(root / LISTEN).exists(),
        last_backup=backup,
        backup_fault=backup_fault,
        feeds=tuple(feeds),
        certificates=tuple(_local_end(each, zone) for each in certificates(root)),
    )


def _local(each: FeedHealth, zone: ZoneInfo, *, is_demo: bool) -> FeedHealth:
    """With its moment in the site's zone. What a demo delivers is of another year, and nobody waits for more."""
    is_silent = None if is_demo else each.is_silent
    return replace(each, last_at=None if each.last_at is None else each.last_at.astimezone(zone), is_silent=is_silent)


def _local_end(each: Certificate, zone: ZoneInfo) -> Certificate:
    return each if each.ends_at is None else replace(each, ends_at=each.ends_at.astimezone(zone))


def _backup(root: Path, zone: ZoneInfo) -> tuple[datetime | None, str | None]:
    """When the last backup was, or why that can't be told."""
    try:
        last = last_backup(root)
    except SiteError as error:
        return None, str(error)
    return None if last is None else last.taken_at.astimezone(zone), None


def _messages(
    root: Path, zone: ZoneInfo, now: datetime
) -> tuple[tuple[Messages, ...], tuple[NoMessages, ...], str | None]:
    """How the inbox stands, or why that can't be told: the rest of the work can."""

    def at(text: str | None) -> datetime | None:
        return None if text is None else datetime.fromisoformat(text).astimezone(zone)

    lately = (now - A_DAY).astimezone(UTC).isoformat(timespec="microseconds")
    try:
        found, scraps = Moves(root).state(since=lately), scraps_since(root, lately)
    except InboxUnread as error:
        return (), (), str(error)
    messages = tuple(
        Messages(
            one.feed, one.stored, one.moved, one.waiting, one.reused, last_at, at(one.oldest_waiting_at), one.lately
        )
        for one in found
        if (last_at := at(one.last_at)) is not None
    )
    pieces = tuple(NoMessages(one.code, one.n, last_at) for one in scraps if (last_at := at(one.last_at)) is not None)
    return messages, pieces, None
