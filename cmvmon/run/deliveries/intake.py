"""Deliveries into the store: landed first, then judged, then appended in one transaction."""

from __future__ import annotations

import hashlib
from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from cmvmon.domain import delivered
from cmvmon.domain.errors import SiteError
from cmvmon.feeds.formats import FORMATS, ONE_TABLE, format_of
from cmvmon.run.deliveries.arrival_order import Waiting, in_order
from cmvmon.run.deliveries.faults import Fault, about, note_faults, of_growing, of_stray, set_apart
from cmvmon.run.deliveries.inbox_taking import FromInbox, take_in_inbox, take_in_messages
from cmvmon.run.deliveries.landed_delivery import take_in_landed
from cmvmon.shell.basis.files import read_bytes
from cmvmon.shell.folder import landing
from cmvmon.shell.folder.drop_folder import Dropped, Found, has_changed, look_through
from cmvmon.shell.taken_in import arrivals, unjudged
from cmvmon.shell.taken_in.intake_store import Counted
from cmvmon.shell.waiting import feed_state, quarantine
from cmvmon.shell.work.opening import OpenSite

Brought = tuple[str, str]
"""A delivery's id and the feed for which it landed: the same bytes may have landed for several."""


def take_in_file(
    opened: OpenSite,
    path: Path,
    *,
    feed: str,
    table: str | None = None,
    received_at: datetime,
    is_history: bool = False,
) -> tuple[Counted, ...]:
    """Lands one file, takes it in, and returns its counts by table. A file that is known changes nothing.

    `table` is the delivered table that the file holds; without it, the leading one. A format whose records name their
    tables takes none. A file whose ending no format has is read as one of a single table.
    """
    form = format_of(path.name) or ONE_TABLE
    if FORMATS[form].names_tables and table is not None:
        raise SiteError(f"the records of a {FORMATS[form].ending} file name their tables; leave --table out")
    if table is not None and table not in delivered.NAMES:
        raise SiteError(f"no table is called {table!r}; it must be one of {', '.join(delivered.NAMES)}")
    held = None if FORMATS[form].names_tables else table or delivered.LEADING.name
    item = Waiting(Dropped(path, feed, held, form), arrivals.by_hand(received_at))
    return _take_in(opened, item, read_bytes(path), received_at, landed_at=received_at, is_history=is_history)


def _take_in(
    opened: OpenSite, waiting: Waiting, data: bytes, received_at: datetime, *, landed_at: datetime, is_history: bool
) -> tuple[Counted, ...]:
    item = waiting.item
    landed = unjudged.land(
        opened,
        opened.site.landing,
        data,
        feed=feed_name(item.feed),
        table=item.table,
        form=item.form,
        file_name=item.name,
        landed_at=landed_at,
        is_history=is_history,
        is_at_hand=True,
    )
    del data  # it is read once more from where it landed
    return take_in_landed(opened, landed, received_at=received_at, arrival=waiting.arrival, arrived_at=landed_at)


@dataclass(frozen=True)
class TakenIn:
    """What the drop folder and the inbox came to: counts of each delivery and table, and what could not be judged."""

    counted: tuple[Counted, ...]
    faults: tuple[Fault, ...] = ()


def take_in_drop(opened: OpenSite, *, received_at: datetime, found: Found | None = None) -> TakenIn:
    """Takes in the drop folder and the inbox, and judges again what may now be read: a mended laboratory file, a moment that has come.

    Also what has landed and was never judged, as a delivery that came live while its feed had no laboratory file: it is tried
    every night. Files are left in place. One that is known is counted as known. Neither a refused delivery nor a file that can't be
    judged (no laboratory file, unreadable) stops the next: it is a fault, and an alert about its feed. A demo's files are
    history: each record counts as known since it was reported.

    `found`: what was found in the drop folder once its files lay still; without it, what lies there now.
    """
    is_history = opened.site.settings().takes_history
    counted: list[Counted] = []
    found = look_through(opened.site.drop) if found is None else found
    faults = [of_stray(stray) for stray in found.strays] + [of_growing(item) for item in found.growing]
    seen: set[tuple[str, str, str]] = set()
    for number, waiting in enumerate(in_order(opened, found.files)):
        item = waiting.item
        # Snapshots of one night follow each other: what lands later holds.
        at = received_at + timedelta(microseconds=number) if waiting.arrival else received_at
        with set_apart(faults, about(item, item.name), called=item.place):
            data = read_bytes(item.path, called="it")
            if has_changed(item):  # while this night waited for the site: what was read may be half of it
                faults.append(of_growing(item))
                continue
            seen.add((hashlib.sha256(data).hexdigest(), item.feed, item.table or item.form))
            if waiting.fault is not None:
                faults.append(waiting.fault)
                continue
            waiting = replace(waiting, arrival=waiting.arrival or arrivals.of_file(item.path))
            counted += _take_in(opened, waiting, data, received_at, landed_at=at, is_history=is_history)
    of_messages = take_in_inbox(opened, received_at=received_at)
    counted += of_messages.counted
    faults += of_messages.faults
    seen |= of_messages.ways
    again, failed = take_in_unjudged(opened, seen, received_at)
    counted += again
    faults += failed
    counted += judge_waiting(opened, faults, received_at=received_at, besides=seen)
    note_faults(opened, {item.feed for item in counted}, faults, received_at)
    return TakenIn(tuple(counted), tuple(faults))


def judge_waiting(
    opened: OpenSite,
    faults: list[Fault],
    *,
    received_at: datetime,
    besides: Collection[tuple[str, str, str]] = (),
    deliveries: Collection[Brought] | None = None,
) -> list[Counted]:
    """Judges again, from the stored bytes, the deliveries of which something waits, where it may be read otherwise now.

    What can't be judged is added to `faults`. `besides`: ways (id, feed, kept_as) that are left out; `deliveries`: the
    ids and feeds of those that are judged, without it all. Gives the counts of what was judged.
    """
    seen, counted = set(besides), list[Counted]()
    with opened.writing() as connection:
        quarantine.list_anew(connection)
        still_waiting = feed_state.with_open_quarantine(connection)
    for delivery_id, feed, table in still_waiting:
        if deliveries is not None and (delivery_id, feed) not in deliveries:
            continue
        with set_apart(faults, partial(Fault, feed, table), called=f"landing/{delivery_id[:12]}..."):
            ways = [way for way in landing.landed(opened.site.landing, delivery_id) if way.feed == feed]
            mine = [
                way for way in ways if way.table in (table, None) and (way.delivery_id, feed, way.kept_as) not in seen
            ]
            seen |= {(way.delivery_id, feed, way.kept_as) for way in mine}
            read_anew = [one for way in mine for one in take_in_landed(opened, way, received_at=received_at)]
            counted += [item for item in read_anew if not item.was_known]
    return counted


def take_in_unjudged(
    opened: OpenSite,
    besides: Collection[tuple[str, str, str]],
    received_at: datetime,
    *,
    deliveries: Collection[Brought] | None = None,
) -> tuple[list[Counted], list[Fault]]:
    """Takes in what has landed, is not judged, and is not among `besides`. What can't be judged is a fault each time, also where
    whoever brought it was told then: it waits until its feed can be read or a person dismisses it."""
    counted: list[Counted] = []
    faults: list[Fault] = []
    with opened.reading() as connection:
        waiting = [way for way in unjudged.ways(connection) if way not in besides]
    for delivery_id, feed, kept_as in waiting:
        if not kept_as or (deliveries is not None and (delivery_id, feed) not in deliveries):
            continue
        of_note = partial(Fault, feed or kept_as.split(".")[0], delivered.WHOLE_DELIVERY)
        with set_apart(faults, of_note, called=f"landing/{delivery_id[:12]}..."):
            way = landing.landed_by(landing.note_of(opened.site.landing, delivery_id, feed, kept_as))
            if way.is_of_inbox:
                of_messages = FromInbox()
                take_in_messages(opened, way, of_messages, received_at=received_at)
                counted += of_messages.counted
                faults += [
                    fault for fault in of_messages.faults if fault not in faults
                ]  # of a half that was tried before
                continue
            with set_apart(faults, about(way, way.file_name), called=way.file_name):
                counted += take_in_landed(opened, way, received_at=received_at)
    return counted, faults


def feed_name(feed: str) -> str:
    """That name of a feed, if it is one. Raises SiteError."""
    if not feed or not all(c.isascii() and (c.isalnum() or c in "_-") for c in feed):
        raise SiteError("a feed's name holds letters, digits, - and _ only: it is the name of its laboratory file")
    return feed
