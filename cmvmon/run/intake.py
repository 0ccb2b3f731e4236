"""Deliveries into the store: landed first, then judged, then appended in one transaction."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from cmvmon.domain import delivered
from cmvmon.domain.errors import CmvmonError, NoLaboratoryFile, ProtocolError, SiteError
from cmvmon.domain.subjects import subject_key
from cmvmon.domain.words import OPERATIONS
from cmvmon.feeds.formats import FORMATS, ONE_TABLE, format_of
from cmvmon.ingest import ingest
from cmvmon.shell import alert_store, feed_state, intake_store, landing, quarantine
from cmvmon.shell.earlier import Earlier, earlier
from cmvmon.shell.files import read_bytes
from cmvmon.shell.intake_store import Counted
from cmvmon.shell.landing import Landed
from cmvmon.shell.session import ASSESSMENT_FEED, OpenSite
from cmvmon.shell.site import Dropped, Stray


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
    return _take_in(opened, Dropped(path, feed, held, form), read_bytes(path), received_at, is_history=is_history)


def _take_in(
    opened: OpenSite, item: Dropped, data: bytes, received_at: datetime, *, is_history: bool
) -> tuple[Counted, ...]:
    landed = landing.land(
        opened.site.landing,
        data,
        feed=_feed_name(item.feed),
        table=item.table,
        form=item.form,
        file_name=item.path.name,
        landed_at=received_at,
        is_history=is_history,
        is_at_hand=True,
    )
    return take_in_landed(opened, landed, received_at=received_at)


@dataclass(frozen=True)
class Fault:
    """A file in the drop folder that could not even be judged: it stays where it is, and the others go on."""

    feed: str
    table: str
    code: str
    message: str


@dataclass(frozen=True)
class TakenIn:
    """What the drop folder came to: counts of each delivery and table, and what could not be judged."""

    counted: tuple[Counted, ...]
    faults: tuple[Fault, ...] = ()


def take_in_drop(opened: OpenSite, *, received_at: datetime) -> TakenIn:
    """Takes in the drop folder, and judges again what may now be read: a mended laboratory file, a moment that has come.

    Also what has landed and was never judged, as a delivery that came live while its feed had no laboratory file: it is tried
    every night. Files are left in place. One that is known is counted as known. Neither a refused delivery nor a file that can't be
    judged (no laboratory file, unreadable) stops the next: it is a fault, and an alert about its feed. A demo's files are
    history: each record counts as known since it was reported.
    """
    is_history = opened.site.settings().is_demo
    counted: list[Counted] = []
    faults = [_stray_fault(stray) for stray in opened.site.strays()]
    seen: set[tuple[str, str, str]] = set()
    for item in opened.site.dropped():
        try:
            data = read_bytes(item.path, called=f"a file in {item.place}")
            seen.add((hashlib.sha256(data).hexdigest(), item.feed, item.table or item.form))
            counted += _take_in(opened, item, data, received_at, is_history=is_history)
        except (SiteError, ProtocolError) as error:
            faults.append(Fault(item.feed, item.table or delivered.WHOLE_DELIVERY, error.code, str(error)))
    with opened.reading() as connection:
        judged = feed_state.judged(connection)
    again, failed = _take_in_unjudged(opened, judged | seen, received_at)
    counted += again
    faults += failed
    with opened.writing() as connection:
        quarantine.list_anew(connection)
        waiting = feed_state.with_open_quarantine(connection)
    for delivery_id, feed, table in waiting:
        try:
            ways = [way for way in landing.landed(opened.site.landing, delivery_id) if way.feed == feed]
            mine = [
                way for way in ways if way.table in (table, None) and (way.delivery_id, feed, way.kept_as) not in seen
            ]
            seen |= {(way.delivery_id, feed, way.kept_as) for way in mine}
            read_anew = [one for way in mine for one in take_in_landed(opened, way, received_at=received_at)]
            counted += [item for item in read_anew if not item.was_known]
        except (SiteError, ProtocolError) as error:
            faults.append(Fault(feed, table, error.code, str(error)))
    _note_faults(opened, {item.feed for item in counted}, faults, received_at)
    return TakenIn(tuple(counted), tuple(faults))


def _take_in_unjudged(
    opened: OpenSite, besides: Collection[tuple[str, str, str]], received_at: datetime
) -> tuple[list[Counted], list[Fault]]:
    """Takes in what has landed and is not among `besides`. What is at hand is not: its file is tried again, or somebody
    was told."""
    counted: list[Counted] = []
    faults: list[Fault] = []
    for note in landing.notes_besides(opened.site.landing, besides):
        way = None
        try:
            way = landing.landed_by(note)
            counted += () if way.is_at_hand else take_in_landed(opened, way, received_at=received_at)
        except (SiteError, ProtocolError) as error:
            unread = Fault(note.name.split(".")[0], delivered.WHOLE_DELIVERY, error.code, str(error))
            faults.append(unread if way is None else fault_of(way, error))
    return counted, faults


def fault_of(way: Landed, error: CmvmonError) -> Fault:
    """What could not be judged of a landed delivery."""
    return Fault(way.feed, way.table or delivered.WHOLE_DELIVERY, error.code, str(error))


def note_stopped(opened: OpenSite, faults: Sequence[Fault], as_of: datetime) -> None:
    """An alert about the work for each feed of these faults; those of other feeds stand as they are."""
    if not faults:
        return
    with opened.writing() as connection:
        for fault in faults:
            _record_fault(opened, connection, fault, as_of)


def _record_fault(opened: OpenSite, connection: sa.Connection, fault: Fault, as_of: datetime) -> None:
    evidence = json.dumps({"code": fault.code, "feed": fault.feed, "table_name": fault.table}, sort_keys=True)
    alert_store.record_operations(connection, feed=fault.feed, evidence=evidence, stamp=opened.stamp(as_of))


def _stray_fault(stray: Stray) -> Fault:
    place = "/".join(part for part in ("drop", stray.feed, stray.table) if part)
    cause = {
        "unknown_ending": f"not {' or '.join(_one_table_endings())}, so not read",
        "unknown_table": f"no such table; the folder must be one of {', '.join(delivered.NAMES)}",
        "not_in_a_table": "not in a folder drop/<feed>/<table>, and of no format that names its tables, so not read",
    }[stray.code]
    return Fault(
        stray.feed, stray.table, stray.code, f"{place}: {stray.n} file(s) or folder(s) {cause}; move or remove them"
    )


def _one_table_endings() -> list[str]:
    return [form.ending for form in FORMATS.values() if not form.names_tables]


def _note_faults(opened: OpenSite, feeds: set[str], faults: Sequence[Fault], as_of: datetime) -> None:
    """One alert about the work for each feed with a file that could not be judged; none any more for the others."""
    stopped = {fault.feed: fault for fault in reversed(faults) if fault.feed and fault.code != "unknown_ending"}
    with opened.writing() as connection:
        standing = alert_store.alerts(connection, states={"open"})
        known = {
            feed
            for a in standing
            if a["rule"] == OPERATIONS and (feed := str(subject_key(a["subject"])["feed"])) != ASSESSMENT_FEED
        }
        for feed in sorted(feeds | known | set(stopped)):
            fault = stopped.get(feed)
            if fault is None:
                _note_feed(opened, connection, feed, as_of)
                continue
            _record_fault(opened, connection, fault, as_of)


def take_in_landed(opened: OpenSite, landed: Landed, *, received_at: datetime) -> tuple[Counted, ...]:
    """Judges one landed delivery and stores what came of it: all of its tables, or nothing.

    The same bytes for the same feed, table and format are judged once; again only when the feed's files or the zone that
    the site states have changed or a moment has come, and then only the records that were set apart. Withdrawals that waited
    for a record which it brings are judged again with it, and counted beside it.
    """
    laboratory = opened.site.laboratory(landed.feed)
    if laboratory is None and landed.table in delivered.BY_LABORATORY:
        raise NoLaboratoryFile(
            f"there is no laboratory file for the feed {landed.feed!r}; add labs/{landed.feed}.toml to the site "
            "(cmvmon/feeds/labs/example_nl.toml is a template)"
        )
    zone = opened.site.settings().delivered_zone
    table_file = None if landed.table in delivered.BY_LABORATORY else opened.site.table_file(landed.feed)
    version = "" if laboratory is None else laboratory.fingerprint
    if table_file is not None:
        version += f" {table_file.fingerprint}"
    if zone is not None and landed.table not in delivered.BY_LABORATORY:
        version += f" {zone.key}"
    with opened.reading() as connection:
        before = earlier(connection, landed)
    if before is not None and not _judges_again(before, version, received_at):
        return _already_known(landed, before)
    intake = ingest(
        landing.raw(opened.site.landing, landed.delivery_id),
        feed=landed.feed,
        table=landed.table,
        laboratory=laboratory,
        delivery_id=landed.delivery_id,
        received_at=received_at,
        landed_at=landed.landed_at if before is None else received_at,
        form=landed.form,
        history=landed.is_history,
        only_records=None if before is None or before.is_refused_whole else before.open_records,
        zone=zone,
        table_file=table_file,
    )
    with opened.writing() as connection:
        meanwhile = earlier(connection, landed)
        if meanwhile is not None and meanwhile != before:  # another process was quicker with the same bytes
            return _already_known(landed, meanwhile)
        counted = intake_store.append(
            connection, intake, landed=landed, received_at=received_at, laboratory_file=version, before=before
        )
        _note_feed(opened, connection, landed.feed, received_at)
        withdrawn = [
            item for item in quarantine.waiting_for(connection, landed.delivery_id) if item[0] != landed.delivery_id
        ]
    for delivery_id, feed in withdrawn:
        ways = [way for way in landing.landed(opened.site.landing, delivery_id) if way.feed == feed]
        counted += tuple(one for way in ways for one in take_in_landed(opened, way, received_at=received_at))
    return counted


def _judges_again(before: Earlier, version: str, received_at: datetime) -> bool:
    """Whether something set apart may be read otherwise now: what it is read with has changed, time has passed, or what a
    withdrawal names has come."""
    time_has_passed = before.waits_for_time and received_at > before.received_at
    return bool(before.open_records) and (before.laboratory_file != version or time_has_passed or before.waits_no_more)


def _already_known(landed: Landed, before: Earlier) -> tuple[Counted, ...]:
    """The counts of a delivery that changes nothing: every record of it is a duplicate."""
    return tuple(
        Counted(
            delivery_id=landed.delivery_id,
            feed=landed.feed,
            table=table.table,
            attempt=table.attempt,
            received=table.received,
            accepted=0,
            quarantined=0,
            duplicates=table.received,
            ignored=0,
            reasons={},
            refused=table.refused,
            refused_because=None
            if table.refused is None
            else "it stands refused since it first came; see the ward page",
            was_known=True,
        )
        for table in before.tables
    )


def _note_feed(opened: OpenSite, connection: sa.Connection, feed: str, as_of: datetime) -> None:
    """An alert about the work while the newest delivery of one of the feed's tables stands refused."""
    refused = feed_state.newest_refused(connection, feed)
    evidence = None if refused is None else json.dumps(refused, sort_keys=True)
    alert_store.record_operations(connection, feed=feed, evidence=evidence, stamp=opened.stamp(as_of))


def _feed_name(feed: str) -> str:
    if not feed or not all(c.isascii() and (c.isalnum() or c in "_-") for c in feed):
        raise SiteError("a feed's name holds letters, digits, - and _ only: it is the name of its laboratory file")
    return feed
