"""What is wrong with the work itself and has to be told: alerts about it, silent feeds, many records set apart, a missing night."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from cmvmon.domain.words import OPERATIONS
from cmvmon.run.health import at_work, freshness
from cmvmon.run.health.nights import MISSED, STOPPED, nights_since
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.folder.site import Site
from cmvmon.shell.outgoing.alert_news import Standing
from cmvmon.shell.waiting import quarantine
from cmvmon.shell.waiting.feed_state import FeedTable
from cmvmon.shell.work.opening import ASSESSMENT_FEED
from cmvmon.telling.notify_file import NotifyFile
from cmvmon.telling.routing import Fault

NIGHT = "night"  # what a fault is about that the store could not note itself
_AT_ONCE, _BY_DAY = 1, 2  # tiers: the second waits for the end of the quiet hours


@dataclass(frozen=True)
class Work:
    """How the work stands, for messages and the digest. `n_waiting`: records set apart, however often each was delivered;
    `is_judged`: whether everybody was ever judged."""

    feeds: tuple[FeedTable, ...]
    n_waiting: int
    is_night_missing: bool
    is_judged: bool

    @property
    def silent(self) -> tuple[FeedTable, ...]:
        """Tables of feeds that do not come as often as is expected."""
        return tuple(item for item in self.feeds if item.is_fresh is False)


def work(connection: sa.Connection, site: Site, *, at: datetime) -> Work:
    """How the work stands at that moment, by the store, the site's files and the clock."""
    waiting = quarantine.waits(connection, as_of=at)
    feeds = freshness.feed_tables(connection, site, as_of=at, waiting=waiting)
    last = alert_store.last_as_of(connection, scope="all")
    is_missing = False
    if last is not None:  # a site may have none at first
        is_served = bool(at_work.is_running(site.root, at_work.SERVE))
        is_missing = nights_since(site, last, at=at).is_overdue(is_served=is_served)
    return Work(tuple(feeds), len(waiting), is_missing, last is not None)


def faults(
    found: Work,
    standing: Collection[Standing],
    file: NotifyFile,
    site: Site,
    *,
    at: datetime,
    night_stopped: bool = False,
) -> Iterator[Fault]:
    """Each fault, and since what it stands: the same again is no other one.

    A feed is named where a file of the site or the package describes it: the names of folders may say anything.
    `night_stopped`: the night ended with an error just now, which no alert tells.
    """
    known = described(site)
    about_the_night = False
    for one in standing:
        if one.rule == OPERATIONS:
            about_the_night |= one.feed == ASSESSMENT_FEED
            feed = one.feed if one.feed in known else None
            yield Fault(one.alert_id, one.transition, str(one.code), one.tier, feed)
    zone = ZoneInfo(site.settings().time_zone)
    if night_stopped and not about_the_night:
        yield Fault(NIGHT, at.astimezone(zone).date().isoformat(), STOPPED, _AT_ONCE)
    if found.is_night_missing and not about_the_night and not night_stopped:
        yield Fault(NIGHT, f"{MISSED} {at.astimezone(zone).date().isoformat()}", MISSED, _AT_ONCE)
    for item in found.silent:
        feed = item.feed if item.feed in known else None
        since = "never" if item.last_received_at is None else item.last_received_at.isoformat()
        yield Fault(f"silent {item.feed}/{item.table}", since, "feed_silent", _BY_DAY, feed)
    if file.quarantine_from is not None and found.n_waiting >= file.quarantine_from:
        # Told again when it has doubled, and each week that it stands.
        year, week, _ = at.astimezone(zone).isocalendar()
        doubled = math.floor(math.log2(found.n_waiting / file.quarantine_from))
        yield Fault("quarantine", f"{year}-{week:02} {doubled}", "quarantine_filling", _BY_DAY, None, found.n_waiting)


def described(site: Site) -> frozenset[str]:
    """The feeds that a file of the site or the package describes: the name of another may be anything."""
    own = (path.stem for folder in ("labs", "tables") for path in (site.root / folder).glob("*.toml"))
    packaged = resources.files("cmvmon.feeds").joinpath("labs")
    return frozenset(own) | {item.name.removesuffix(".toml") for item in packaged.iterdir()}
