"""Whether the nights run: when the last one was, when the next is due, and the alert about one that did not run or end.

All of it is told by the store and the clock alone, so that no scheduler has to be asked.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from cmvmon.domain.delivered import WHOLE_DELIVERY
from cmvmon.domain.errors import (
    AlreadyRunning,
    CmvmonError,
    ContractBroken,
    ProtocolError,
    ProtocolUnusable,
    SiteError,
    StoreBusy,
    StoreError,
)
from cmvmon.domain.subjects import subject_key
from cmvmon.domain.words import OPERATIONS
from cmvmon.shell import alert_store, database
from cmvmon.shell.clock import moment_to_record
from cmvmon.shell.session import ASSESSMENT_FEED, OpenSite, held, now, open_site, open_store
from cmvmon.shell.site import Site

DUE_AT = time(5, 30)  # local, as `cmvmon serve` has it and the README's line for cron
# Of a night that is not there so long after it was due, somebody is told. No night of a large ward comes near it.
ENDS_WITHIN = timedelta(hours=2)
MISSED = "night_missed"
STOPPED = "night_stopped"
_NOTED_WITHIN_S = 60.0  # an alert about the work waits no longer than that for whoever holds the site


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


def note_missed(root: Path, *, on_page: bool = True) -> bool:
    """Opens the alert about the work where a night is missing, unless one about the work stands open already.

    `on_page`: the ward page says so too, beside the list of the last assessment. Returns whether a night is missing.
    Raises AlreadyRunning, StoreError, ClockInDoubt.
    """
    with held(Site(root), wait_s=_NOTED_WITHIN_S), open_site(root) as opened:
        with opened.reading() as connection:
            last = alert_store.last_as_of(connection, scope="all")
        if not nights_since(opened.site, last).is_to_be_made_up:
            return False  # it ended while this waited
        is_new = _note(opened, MISSED)
    if is_new and last is not None and on_page:
        _publish(root)
    return True


@contextmanager
def noting_a_stop(root: Path) -> Iterator[None]:
    """Where the night inside is stopped, an alert about the work is opened before the error goes on.

    An assessment that was stopped by its contracts or the protocol has one already; a clock in doubt is told by the page;
    a wrong call and a night that another run kept out have begun nothing. Nothing is written into a store that is damaged or
    gone, or without a protocol that can be used: the ward page alone says it, without a list.
    """
    try:
        yield
    except ProtocolUnusable as error:
        halt_for_protocol(root, error)
        raise
    except (ContractBroken, ProtocolError, SiteError, AlreadyRunning):
        raise
    except StoreBusy:
        _note_stopped(root)
        raise
    except StoreError:
        _halt_page(root)
        raise
    except Exception:
        _note_stopped(root)
        raise


def _note_stopped(root: Path) -> None:
    """As well as it can be done: what stopped the night may stop this too, and the night's own error is the one to tell."""
    try:
        with held(Site(root), wait_s=_NOTED_WITHIN_S), open_site(root) as opened:
            _note(opened, STOPPED)
        _publish(root)
    except (CmvmonError, OSError, sa.exc.SQLAlchemyError):
        return


def halt_for_protocol(root: Path, error: ProtocolUnusable) -> None:
    """The ward page says that nobody is judged, and why, as well as it can be done: a list of before would read as today's."""
    from cmvmon.run.publish import publish_without_protocol

    try:
        publish_without_protocol(Site(root), error)
    except (CmvmonError, OSError, sa.exc.SQLAlchemyError):
        return


def _halt_page(root: Path) -> None:
    from cmvmon.run.publish import publish_without_store

    try:
        publish_without_store(Site(root), STOPPED)
    except (CmvmonError, OSError):
        return


def _publish(root: Path) -> None:
    from cmvmon.run.night import publish_step  # slow to load, and `cmvmon status` has no use for it

    publish_step(root)


def _note(opened: OpenSite, code: str) -> bool:
    """Opens it unless an alert about the work stands open; says whether it did."""
    at = moment_to_record(opened)
    fact = {"code": code, "feed": ASSESSMENT_FEED, "table_name": WHOLE_DELIVERY}
    with opened.writing() as connection:
        if any(is_about_the_work(alert) for alert in alert_store.alerts(connection, states={"open"})):
            return False
        evidence = json.dumps(fact, sort_keys=True)
        alert_store.record_operations(connection, feed=ASSESSMENT_FEED, evidence=evidence, stamp=opened.stamp(at))
    return True


def is_about_the_work(alert: alert_store.Row) -> bool:
    """Whether the alert is about the work itself, and not about a patient or one feed."""
    return bool(alert["rule"] == OPERATIONS and subject_key(alert["subject"])["feed"] == ASSESSMENT_FEED)
