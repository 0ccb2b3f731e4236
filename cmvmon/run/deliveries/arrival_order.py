"""The files of the drop folder in the order in which they are taken in: snapshots follow each other as they came."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import sqlalchemy as sa

from cmvmon.domain import delivered
from cmvmon.domain.errors import CmvmonError, ProtocolError
from cmvmon.feeds.reasons import remedy
from cmvmon.run.deliveries.faults import Fault
from cmvmon.shell.basis.files import read_bytes
from cmvmon.shell.folder.drop_folder import Dropped
from cmvmon.shell.folder.site import Site
from cmvmon.shell.taken_in import arrivals
from cmvmon.shell.taken_in.arrivals import Arrival
from cmvmon.shell.waiting import feed_state
from cmvmon.shell.work.opening import OpenSite

_NO_DAY = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class Waiting:
    """A file of the drop folder and, of a snapshot, how it came; `fault` = why it can't be taken in yet."""

    item: Dropped
    arrival: Arrival | None = None
    fault: Fault | None = None


def in_order(opened: OpenSite, files: Iterable[Dropped]) -> list[Waiting]:
    """These files of the drop folder by name; of snapshots of one feed and table, those that come tonight in their order.

    That is the order of the dates in their names where each has one, else of their times of modification. Two of which
    neither tells have a fault, each.
    """
    found: list[Waiting] = []
    of_snapshots: dict[tuple[str, str], list[Dropped]] = defaultdict(list)
    for item in files:
        if item.table is not None and _sends_snapshots(opened.site, item.feed, item.table):
            of_snapshots[item.feed, item.table].append(item)
        else:
            found.append(Waiting(item))
    with opened.reading() as connection:
        for items in of_snapshots.values():
            found += _by_coming(connection, items)
    return found


def _sends_snapshots(site: Site, feed: str, table: str) -> bool:
    """Whether the feed's table file says so; a file that can't be read says nothing here, and is a fault when it is used."""
    try:
        file = None if table in delivered.BY_LABORATORY or site.settings().takes_history else site.table_file(feed)
    except ProtocolError:
        return False
    return file is not None and file.form(delivered.BY_NAME[table]).sends == delivered.WHOLE_SNAPSHOT


def _by_coming(connection: sa.Connection, items: Sequence[Dropped]) -> list[Waiting]:
    known: list[Waiting] = []
    tonight: list[tuple[Waiting, str]] = []
    for item in items:
        try:
            arrival = arrivals.of_file(item.path)
            delivery_id = hashlib.sha256(read_bytes(item.path, called=item.place)).hexdigest()
        except (OSError, CmvmonError):  # told where it is read to be taken in
            known.append(Waiting(item))
            continue
        waiting = Waiting(item, arrival)
        is_known = arrivals.is_known(connection, item.feed, str(item.table), delivery_id, arrival)
        if is_known and arrivals.sent_snapshots(connection, item.feed, str(item.table)):
            known.append(waiting)
        else:
            tonight.append((waiting, delivery_id))
    return [*known, *_ordered(connection, tonight)]


def _ordered(connection: sa.Connection, tonight: Sequence[tuple[Waiting, str]]) -> list[Waiting]:
    """Snapshots of one feed and table that come together, each with the id of its bytes, the oldest first."""
    days = [arrivals.stated_day(one.item.path.name) for one, _ in tonight]
    have_days = None not in days
    keys = [
        ((day if have_days else None) or _NO_DAY, one.arrival.modified_at if one.arrival else _NO_DAY)
        for (one, _), day in zip(tonight, days, strict=True)
    ]
    ordered = sorted(zip(keys, tonight, strict=True), key=lambda pair: pair[0])
    judged = feed_state.judged(connection)
    found: list[Waiting] = []
    for key, (one, delivery_id) in ordered:
        n_alike = len({other for other_key, (_, other) in ordered if other_key == key})
        is_judged = (delivery_id, one.item.feed, str(one.item.table)) in judged
        if n_alike > 1:
            found.append(replace(one, fault=_out_of_order(one.item, n_alike)))
        elif one.arrival is not None:
            is_overtaken = is_judged and key != ordered[-1][0]
            found.append(replace(one, arrival=replace(one.arrival, is_overtaken=is_overtaken)))
    return found


def _out_of_order(item: Dropped, n: int) -> Fault:
    code = "snapshots_out_of_order"
    table = str(item.table)
    return Fault(
        item.feed,
        table,
        code,
        f"{item.place}: {n} snapshots have the same date and time: {remedy(code)}",
        item.name,
    )
