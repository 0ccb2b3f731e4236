"""How a delivery came: it is its bytes and its arrival. A snapshot may return to what held before, and every feed gives signs
of life.

A file is left in place, and read again every night: it arrives once, as long as its name, its time of modification and its
bytes stay. The same bytes under another name or time arrive anew; so they do whenever somebody takes them in by hand.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from cmvmon.domain.delivered import BY_NAME, WHOLE_SNAPSHOT, Versions
from cmvmon.domain.errors import DeliveryError
from cmvmon.feeds.records import refusal
from cmvmon.shell.basis.files import name_of
from cmvmon.shell.folder.landing import Landed
from cmvmon.shell.rows.schema import ARRIVALS, DELIVERIES
from cmvmon.shell.taken_in import snapshots
from cmvmon.shell.taken_in.earlier import Earlier

OLDER_SNAPSHOT = "older_snapshot"  # why one is refused that is of an earlier day than what was taken in
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = r"(?<!\d)(\d{4})([-_.]?)(\d{2})\2(\d{2})"
_TIME = r"(?:[T _-]?(\d{2})[-_:.h]?(\d{2})(?:[-_:.]?(\d{2}))?)?(?!\d)"
_STATED = re.compile(_DAY + _TIME)


@dataclass(frozen=True)
class Arrival:
    """One coming of some bytes. `is_overtaken`: a later snapshot came with it, so that it need not be looked at again."""

    file_name: str
    modified_at: datetime
    is_overtaken: bool = False


@dataclass(frozen=True)
class Came:
    """What an arrival asks for: `is_new` = it is to be noted; `is_again` = bytes that were judged before hold again now;
    `refusal` = why it is refused whatever it holds."""

    is_new: bool = False
    is_again: bool = False
    refusal: DeliveryError | None = None


def of_file(path: Path) -> Arrival:
    """The arrival of a file in the drop folder. Raises OSError."""
    return Arrival(name_of(path), _EPOCH + timedelta(microseconds=path.stat().st_mtime_ns // 1000))


def by_hand(at: datetime) -> Arrival:
    """A file that somebody takes in at that moment: whatever its name says, it is what holds."""
    return Arrival("", at)


def stated_day(file_name: str) -> datetime | None:
    """The date, and the time where there is one, that a file's name states (the last of several); None where it states none.

    >>> stated_day("kuren_2026-03-09.csv")
    datetime.datetime(2026, 3, 9, 0, 0, tzinfo=datetime.timezone.utc)
    >>> stated_day("kuren 20260309_0615.csv").hour
    6
    """
    found: datetime | None = None
    for match in _STATED.finditer(file_name):
        year, _, month, day, hour, minute, second = match.groups()
        try:
            found = datetime(
                int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0), tzinfo=UTC
            )
        except ValueError:
            continue
    return found


def is_known(connection: sa.Connection, feed: str, table: str, delivery_id: str, arrival: Arrival) -> bool:
    """Whether those bytes came in that way before."""
    a = ARRIVALS.c
    query = sa.select(a.arrived_at).where(
        a.feed == feed,
        a.table_name == table,
        a.delivery_id == delivery_id,
        a.file_name == arrival.file_name,
        a.modified_at == arrival.modified_at,
    )
    return connection.execute(query).first() is not None


def sent_snapshots(connection: sa.Connection, feed: str, table: str) -> bool:
    """Whether a delivery of that table was judged as a snapshot before: files that came as rows are then looked at anew."""
    d = DELIVERIES.c
    query = sa.select(d.delivery_id).where(d.feed == feed, d.table_name == table, d.sends == WHOLE_SNAPSHOT)
    return connection.execute(query.limit(1)).first() is not None


def note(connection: sa.Connection, landed: Landed, arrival: Arrival, arrived_at: datetime) -> None:
    """Notes an arrival that is not known yet."""
    row = {
        "feed": landed.feed,
        "table_name": landed.kept_as,
        "delivery_id": landed.delivery_id,
        "file_name": arrival.file_name,
        "modified_at": arrival.modified_at,
        "arrived_at": arrived_at,
    }
    connection.execute(sa.insert(ARRIVALS), row)


def came(connection: sa.Connection, landed: Landed, arrival: Arrival | None, before: Earlier | None) -> Came:
    """What that coming of a snapshot asks for. `arrival`: None where nobody brings it now (it is judged again, or late)."""
    is_new = arrival is not None and not is_known(connection, landed.feed, landed.kept_as, landed.delivery_id, arrival)
    newest = snapshots.newest(connection, landed.feed, landed.kept_as)
    if newest is None:
        holds_first = is_new or not sent_snapshots(connection, landed.feed, landed.kept_as)
        return Came(is_new, arrival is not None and holds_first and before is not None and not arrival.is_overtaken)
    is_older = (
        landed.landed_at < newest.landed_at if arrival is None else _is_older(connection, landed, arrival, newest)
    )
    if before is None:
        found = f"{landed.feed}, {landed.kept_as}: this snapshot is older than one that was taken in"
        return Came(is_new, refusal=refusal(OLDER_SNAPSHOT, found) if is_older else None)
    is_again = arrival is not None and is_new and not is_older and not arrival.is_overtaken
    says_anew = newest.delivery_id != landed.delivery_id or snapshots.was_refused_since(connection, landed, newest)
    return Came(is_new, is_again and says_anew)


def came_besides(connection: sa.Connection, landed: Landed, arrival: Arrival | None, before: Earlier | None) -> Came:
    """The same of what is no snapshot: known bytes that come anew are a sign of life.

    They hold again where a table of them knows no order but that of receipt and something of it came since: a course that
    was ended, and goes on after all, may be told in the very bytes of before. Bytes that somebody takes in by hand for the
    first time are told by their delivery, which a message of one record is.
    """
    if arrival is None or (before is None and not arrival.file_name):
        return Came()
    is_new = not is_known(connection, landed.feed, landed.kept_as, landed.delivery_id, arrival)
    is_again = is_new and before is not None and not landed.is_history and _came_since(connection, landed, before)
    return Came(is_new, is_again)


def _came_since(connection: sa.Connection, landed: Landed, before: Earlier) -> bool:
    """Whether the feed has brought another delivery of a table that receipt alone orders since these bytes last came."""
    d = DELIVERIES.c
    names = (table.name for table in BY_NAME.values() if table.versions is Versions.SNAPSHOT)
    by_receipt = sorted({*names} & {one.table for one in before.tables})
    others = (d.feed == landed.feed, d.table_name.in_(by_receipt), d.delivery_id != landed.delivery_id)
    query = sa.select(d.delivery_id).where(*others, d.refused.is_(None), d.received_at >= before.received_at)
    return bool(by_receipt) and connection.execute(query.limit(1)).first() is not None


def _is_older(connection: sa.Connection, landed: Landed, arrival: Arrival, newest: snapshots.Newest) -> bool:
    """Whether the names state that it is of an earlier day than the newest that was taken in."""
    a = ARRIVALS.c
    of_newest = (
        sa.select(a.file_name)
        .where(a.feed == landed.feed, a.table_name == landed.kept_as, a.delivery_id == newest.delivery_id)
        .order_by(a.arrived_at.desc(), a.modified_at.desc())
    )
    name = connection.execute(of_newest.limit(1)).scalar()
    own, other = stated_day(arrival.file_name), stated_day(name or "")
    return own is not None and other is not None and own < other
