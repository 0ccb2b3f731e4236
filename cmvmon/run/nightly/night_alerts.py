"""The alert about a night that is missing or was stopped, and the ward page that says so."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

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
from cmvmon.run.health.nights import MISSED, STOPPED, nights_since
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.clock import moment_to_record
from cmvmon.shell.work.opening import ASSESSMENT_FEED, OpenSite, held, open_site

_NOTED_WITHIN_S = 60.0  # an alert about the work waits no longer than that for whoever holds the site


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
    from cmvmon.run.pages.publish import publish_without_protocol

    try:
        publish_without_protocol(Site(root), error)
    except (CmvmonError, OSError, sa.exc.SQLAlchemyError):
        return


def _halt_page(root: Path) -> None:
    from cmvmon.run.pages.publish import publish_without_store

    try:
        publish_without_store(Site(root), STOPPED)
    except (CmvmonError, OSError):
        return


def _publish(root: Path) -> None:
    from cmvmon.run.nightly.night import publish_step  # slow to load, and `cmvmon status` has no use for it

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
