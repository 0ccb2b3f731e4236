"""The moment under which work is recorded: each once, in order, and never ahead of the clock's own word without asking.

Alerts move forward only. A clock that stood wrong for one night would silence every night until then, so:

1. A clock that stands further past the last recorded moment than `longest_pause_days` is asked about before anything is
   written.
2. A clock that stands at or behind the last recorded moment, by no more than that, goes on from there: the next moment is
   the one right after it, until the clock has passed it. Nothing is silenced, and the page says so.
3. Further behind, nothing is written, and the page says why.
"""

from __future__ import annotations

import json
from datetime import datetime, timedelta

import sqlalchemy as sa

from cmvmon.domain.delivered import WHOLE_DELIVERY
from cmvmon.domain.errors import ClockInDoubt, SiteError
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.rows.schema import DELIVERIES
from cmvmon.shell.store import session
from cmvmon.shell.work.opening import OpenSite

CLOCK_FEED = "clock"  # the subject of an operations alert about the clock itself
_NEXT = timedelta(microseconds=1)
_NOTICEABLE = timedelta(seconds=1)  # several steps may share one reading of the clock


def moment_to_record(opened: OpenSite, as_of: datetime | None = None, *, clock_is_right: bool = False) -> datetime:
    """The moment under which what is done now is recorded. The caller holds the site.

    Args:
        as_of: the moment that somebody states; None = the clock's.
        clock_is_right: somebody says that a long pause is true.

    Raises SiteError for a stated moment that lies ahead of the clock or before the last assessment (it can be shown, not
    written), ClockInDoubt where the clock can't be believed.
    """
    clock = session.now()
    with opened.reading() as connection:
        assessed = alert_store.last_as_of(connection)
        last = assessed if as_of is not None else _last_recorded(connection, assessed)
    if as_of is not None:
        return _stated(as_of, clock, last)
    longest = timedelta(days=opened.site.settings().longest_pause_days)
    if last is None or last < clock <= last + longest:
        return clock
    if clock > last:
        if clock_is_right or opened.site.settings().is_demo:
            return clock
        raise ClockInDoubt(
            f"the clock says {_said(clock)}, {(clock - last).days} days after the last moment recorded here ({_said(last)}). If "
            "that is so, run `cmvmon nightly --clock-is-right`; if not, set the clock first. Nothing was written"
        )
    if last - clock > longest:
        raise ClockInDoubt(
            f"the last moment recorded here ({_said(last)}) lies {(last - clock).days} days ahead of the clock ({_said(clock)}): "
            "one of the two stood wrong, and alerts are frozen. Set the clock; if it is right, put back a backup of before that "
            "moment, and deliver what lies in landing/ again. Nothing was written"
        )
    return last + _NEXT


def note_clock(opened: OpenSite, as_of: datetime) -> None:
    """Opens the alert about the clock while work is recorded under a moment that lies ahead of it; resolves it after that."""
    is_ahead = as_of - session.now() > _NOTICEABLE
    fact = {"code": "clock_behind", "feed": CLOCK_FEED, "table_name": WHOLE_DELIVERY}
    with opened.writing() as connection:
        alert_store.record_operations(
            connection,
            feed=CLOCK_FEED,
            evidence=json.dumps(fact, sort_keys=True) if is_ahead else None,
            stamp=opened.stamp(as_of),
        )


def _stated(as_of: datetime, clock: datetime, last: datetime | None) -> datetime:
    show = "to see it without writing, name a folder for its pages: --out DIR"
    if as_of > clock:
        raise SiteError(
            f"--as-of {_said(as_of)} lies ahead of the clock ({_said(clock)}); nothing was done. Check it, or {show}"
        )
    if last is not None and as_of < last:
        raise SiteError(
            f"--as-of {_said(as_of)} lies before the last moment that was judged here ({_said(last)}), and moments are written in "
            f"order; nothing was done. Check it, or {show}"
        )
    return as_of


def moment_of_a_word(opened: OpenSite) -> datetime:
    """When a person's word counts: now, but not before the last moment at which anything was assessed or received, for it is about
    what had been. On a live demo's site, whose clock only the demo knows, it is that moment."""
    with opened.reading() as connection:
        last = _last_recorded(connection, alert_store.last_as_of(connection))
    clock = session.now()
    return clock if last is None else last if _is_of_live_demo(opened) else max(clock, last)


def moment_after_a_word(opened: OpenSite) -> datetime:
    """Under which moment what follows from a person's word is judged and recorded. Raises ClockInDoubt."""
    return moment_of_a_word(opened) if _is_of_live_demo(opened) else moment_to_record(opened)


def _is_of_live_demo(opened: OpenSite) -> bool:
    settings = opened.site.settings()
    return settings.is_demo and not settings.takes_history and not session.is_simulated()


def _last_recorded(connection: sa.Connection, assessed: datetime | None) -> datetime | None:
    received = connection.execute(sa.select(sa.func.max(DELIVERIES.c.received_at))).scalar()
    return max((moment for moment in (assessed, received) if moment is not None), default=None)


def _said(moment: datetime) -> str:
    return moment.isoformat(timespec="minutes")
