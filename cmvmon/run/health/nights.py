"""Whether the nights run: when the last one was, and when the next is due, by the store and the clock alone: no scheduler
has to be asked. The alert about one that did not run or end: `cmvmon.run.nightly.night_alerts`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from cmvmon.shell.alerts import alert_store
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store import database
from cmvmon.shell.store.session import now, open_store

DUE_AT = time(5, 30)  # local, as `cmvmon serve` has it and the README's line for cron
# Of a night that is not there so long after it was due, somebody is told. No night of a large ward comes near it.
ENDS_WITHIN = timedelta(hours=2)
MISSED = "night_missed"
STOPPED = "night_stopped"


@dataclass(frozen=True)
class Nights:
    """How the nights of a site stand.

    `last`: the moment that the last whole night judged; None = there was none. `due`: when one was last due, `next_due`:
    when one is due again. `is_demo`: its night is of another year, and none is missed.
    """

    last: datetime | None
    due: datetime
    next_due: datetime
    at: datetime
    is_demo: bool

    @property
    def is_to_be_made_up(self) -> bool:
        """Whether no night was there since one was last due."""
        return not self.is_demo and (self.last is None or self.last < self.due)

    def is_overdue(self, *, is_served: bool) -> bool:
        """Whether somebody must look why there was no night. `is_served`: `cmvmon serve` runs, so that one is due each
        day at DUE_AT; without it whoever starts it has an hour of their own, and a day is allowed."""
        if self.is_demo:
            return False
        if self.last is None:
            return not is_served or self.at > self.due + ENDS_WITHIN
        is_late = self.is_to_be_made_up and self.at > self.due + ENDS_WITHIN
        return self.at - self.last > timedelta(days=1) + ENDS_WITHIN or (is_served and is_late)


def nights(root: Path) -> Nights:
    """How the nights of this site stand now; nothing is written. Raises StoreError for a database that can't be used."""
    site = Site(root)
    last = None
    if database.exists(site.database):
        with open_store(site.database) as store, store.reading() as connection:
            last = alert_store.last_as_of(connection, scope="all")
    return nights_since(site, last)


def nights_since(site: Site, last: datetime | None, *, at: datetime | None = None) -> Nights:
    """The same where it is known when the last one was; as they stand at `at`, without it now."""
    settings = site.settings()
    at, zone = at or now(), ZoneInfo(settings.time_zone)
    return Nights(last, due_by(at, zone), due_after(at, zone), at, settings.is_demo)


def due_by(at: datetime, zone: ZoneInfo) -> datetime:
    """When a night was last due, at that moment or before it.

    >>> from datetime import UTC
    >>> due_by(datetime(2026, 3, 10, 4, 29, tzinfo=UTC), ZoneInfo("Europe/Amsterdam")).isoformat()
    '2026-03-09T05:30:00+01:00'
    """
    local = at.astimezone(zone)
    today = datetime.combine(local.date(), DUE_AT, zone)
    return today if today <= local else datetime.combine(local.date() - timedelta(days=1), DUE_AT, zone)


def due_after(at: datetime, zone: ZoneInfo) -> datetime:
    """When a night is due next, after that moment.

    >>> from datetime import UTC
    >>> due_after(datetime(2026, 3, 10, 4, 30, tzinfo=UTC), ZoneInfo("Europe/Amsterdam")).isoformat()
    '2026-03-11T05:30:00+01:00'
    """
    return datetime.combine(due_by(at, zone).date() + timedelta(days=1), DUE_AT, zone)
