"""Deliveries into the store: landed first, then judged, then appended in one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa

from cmvmon.domain import tables
from cmvmon.domain.errors import SiteError
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.ingest import ingest
from cmvmon.run.opened import OpenSite
from cmvmon.shell import alert_store, feed_state, intake_store, landing
from cmvmon.shell.files import read_bytes
from cmvmon.shell.intake_store import Counted, Earlier
from cmvmon.shell.landing import Landed


def take_in_file(
    opened: OpenSite, path: Path, *, feed: str, table: str, received_at: datetime, is_history: bool = False
) -> Counted:
    """Lands one file, takes it in, and returns its counts. A file that is known changes nothing."""
    if table not in tables.DELIVERED:
        raise SiteError(f"no table is called {table!r}; it must be one of {', '.join(tables.DELIVERED)}")
    landed = landing.land(
        opened.site.landing,
        read_bytes(path),
        feed=_feed_name(feed),
        table=table,
        file_name=path.name,
        landed_at=received_at,
        is_history=is_history,
    )
    return take_in_landed(opened, landed, received_at=received_at)


def take_in_drop(opened: OpenSite, *, received_at: datetime) -> list[Counted]:
    """Takes in the drop folder, and judges again what a mended laboratory file may now accept.

    Files are left in place. One that is known is counted as known. A refused one never stops the next. A demo's files
    are history: each record counts as known since it was reported.
    """
    is_history = opened.site.settings().is_demo
    counted = [
        take_in_file(
            opened, item.path, feed=item.feed, table=item.table, received_at=received_at, is_history=is_history
        )
        for item in opened.site.dropped()
    ]
    seen = {(item.delivery_id, item.feed, item.table) for item in counted}
    with opened.reading() as connection:
        waiting = [key for key in feed_state.with_open_quarantine(connection) if key not in seen]
    for delivery_id, feed, table in waiting:
        for landed in landing.landed(opened.site.landing, delivery_id):
            if (landed.feed, landed.table) == (feed, table):
                again = take_in_landed(opened, landed, received_at=received_at)
                counted += [] if again.was_known else [again]
    return counted


def take_in_landed(opened: OpenSite, landed: Landed, *, received_at: datetime) -> Counted:
    """Judges one landed delivery and stores what came of it.

    The same bytes for the same feed and table are judged once; again only when the laboratory file has changed, and then
    only the records that were set apart.
    """
    laboratory = opened.site.laboratory(landed.feed)
    if laboratory is None and landed.table == VIRAL_LOAD_RESULTS.name:
        raise SiteError(
            f"there is no laboratory file for the feed {landed.feed!r}; add labs/{landed.feed}.toml to the site "
            "(cmvmon/feeds/labs/example_nl.toml is a template)"
        )
    version = "" if laboratory is None else laboratory.fingerprint
    with opened.reading() as connection:
        before = intake_store.earlier(connection, landed)
    if before is not None and not _judges_again(before, version):
        return _already_known(landed, before)
    intake = ingest(
        landing.raw(opened.site.landing, landed.delivery_id),
        feed=landed.feed,
        table=landed.table,
        laboratory=laboratory,
        delivery_id=landed.delivery_id,
        received_at=received_at,
        landed_at=landed.landed_at if before is None else received_at,
        history=landed.is_history,
        only_records=None if before is None or before.refused else before.open_records,
    )
    with opened.writing() as connection:
        counted = intake_store.append(
            connection,
            intake,
            landed=landed,
            received_at=received_at,
            laboratory_file=version,
            attempt=1 if before is None else before.attempt + 1,
        )
        _note_feed(opened, connection, landed.feed, received_at)
    return counted


def _judges_again(before: Earlier, version: str) -> bool:
    return bool(before.open_records) and before.laboratory_file != version


def _already_known(landed: Landed, before: Earlier) -> Counted:
    """The counts of a delivery that changes nothing: every record of it is a duplicate."""
    return Counted(
        delivery_id=landed.delivery_id,
        feed=landed.feed,
        table=landed.table,
        attempt=before.attempt,
        received=before.received,
        accepted=0,
        quarantined=0,
        duplicates=before.received,
        ignored=0,
        reasons={},
        was_known=True,
    )


def _note_feed(opened: OpenSite, connection: sa.Connection, feed: str, as_of: datetime) -> None:
    """An alert about the work while the newest delivery of one of the feed's tables stands refused."""
    refused = feed_state.newest_refused(connection, feed)
    evidence = None if refused is None else json.dumps(refused, sort_keys=True)
    alert_store.record_operations(
        connection, feed=feed, evidence=evidence, as_of=as_of, protocol_version=opened.protocol.version
    )


def _feed_name(feed: str) -> str:
    if not feed or not all(c.isascii() and (c.isalnum() or c in "_-") for c in feed):
        raise SiteError("a feed's name holds letters, digits, - and _ only: it is the name of its laboratory file")
    return feed


def balanced(counted: Iterable[Counted]) -> bool:
    """Whether every delivery's records are all accounted for."""
    return all(c.received == c.accepted + c.quarantined + c.duplicates + c.ignored for c in counted)
