"""What waits in quarantine. History stays; that a later delivery brought a record right is asked of what is stored.

A record waits no longer once a later delivery of its feed brings its key, in a version that holds beside it
(docs/decisions/0021).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.domain.delivered import BY_NAME, CONFLICT, WITHDRAWS_UNKNOWN, Delivered, Versions
from cmvmon.domain.identity import Named, as_text
from cmvmon.domain.rows import QUARANTINED_RECORDS
from cmvmon.shell.schema import DELIVERIES, QUARANTINE, VERSIONS

_CHUNK = 500
_PLACE = ("delivery_id", "feed", "attempt", "record_number")


@dataclass(frozen=True)
class _Waiting:
    """A record of the last judging of its delivery, and when that delivery landed."""

    row: Mapping[str, Any]
    named: Named
    landed_at: datetime


def open_quarantine(connection: sa.Connection, *, as_of: datetime | None = None) -> pl.DataFrame:
    """The records that wait (by `as_of`), as `quarantined_records`: set apart by the last judging of their delivery, and
    not brought right by a later one."""
    rows = set_apart(connection, as_of=as_of)
    answered = {place(row) for row in brought_right(connection, rows, as_of=as_of)}
    waiting = [{name: row[name] for name in QUARANTINED_RECORDS.schema} for row in rows if place(row) not in answered]
    frame = pl.DataFrame(waiting, schema=QUARANTINED_RECORDS.schema, orient="row")
    return frame.sort(*QUARANTINED_RECORDS.key)


def place(row: Mapping[str, Any]) -> tuple[object, ...]:
    """Where a record of the quarantine stands."""
    return tuple(row[name] for name in QUARANTINED_RECORDS.key)


def set_apart(
    connection: sa.Connection, *, as_of: datetime | None = None, delivery: tuple[str, str] | None = None
) -> list[dict[str, Any]]:
    """The records that the last judging of each delivery (by `as_of`) set apart, with `landed_at`; of one delivery (its
    id and feed) or of all."""
    # Asked of each record that was ever set apart: of them there are few, of deliveries many.
    q, d, later = QUARANTINE.c, DELIVERIES.c, DELIVERIES.alias("later").c
    same = ("delivery_id", "feed", "table_name")
    is_later = sa.and_(*(later[name] == q[name] for name in same), later.attempt > q.attempt)
    query = sa.select(QUARANTINE, d.landed_at).join(
        DELIVERIES, sa.and_(*(d[name] == q[name] for name in (*same, "attempt")))
    )
    if as_of is not None:
        query = query.where(sa.or_(d.is_history, d.received_at <= as_of))
        is_later = sa.and_(is_later, sa.or_(later.is_history, later.received_at <= as_of))
    if delivery is not None:
        query = query.where(q.delivery_id == delivery[0], q.feed == delivery[1])
    query = query.where(~sa.exists(sa.select(later.attempt).where(is_later)))
    return [dict(row) for row in connection.execute(query).mappings()]


def brought_right(
    connection: sa.Connection, rows: Sequence[Mapping[str, Any]], *, as_of: datetime | None = None
) -> list[Mapping[str, Any]]:
    """Those of these records (of `set_apart`) that a later delivery of their feed brought right by `as_of`."""
    found: list[Mapping[str, Any]] = []
    for name, table in BY_NAME.items():
        waiting = [
            _Waiting(row, Named.from_text(str(row["identity"])), row["landed_at"])
            for row in rows
            if row["table_name"] == name and row["identity"]
        ]
        whole = [one for one in waiting if one.named.key(table.rows) is not None]
        by_key = _versions(connection, table, "record_key", {str(one.named.key(table.rows)) for one in whole}, as_of)
        found += [
            one.row
            for one in whole
            if any(_brings_right(version, one, table) for version in by_key[str(one.named.key(table.rows))])
        ]
        parted = [one for one in waiting if one.named.key(table.rows) is None]
        found += _brought_whole(connection, parted, table, as_of)
    return found


def _brings_right(version: Mapping[str, Any], one: _Waiting, table: Delivered) -> bool:
    """Whether a stored version of its key came later from its feed, about its patient, and is the last word beside it."""
    if version["feed"] != one.row["feed"] or version["landed_at"] <= one.landed_at or version["is_conflicting"]:
        return False
    if table.versions is Versions.SNAPSHOT:
        return True
    read, status = one.named.read, str(version["result_status"])
    changes = status in words.CHANGES_A_RESULT
    if not changes and read.get("patient_id", "") not in ("", version["patient_id"]):
        return False
    stated, reported = read.get("reported_at", ""), as_text(version["reported_at"])
    if stated and reported and stated != reported:
        return stated < reported
    if read.get("result_status") in words.CHANGES_A_RESULT:
        return changes
    return status != words.PRELIMINARY or read.get("result_status") == words.PRELIMINARY


def _brought_whole(
    connection: sa.Connection, waiting: Sequence[_Waiting], table: Delivered, as_of: datetime | None
) -> list[Mapping[str, Any]]:
    """Those of which a part of the key could not be read, where a key that agrees with what is written came later as new.

    As many keys must have come as one delivery held records that name the same.
    """
    named = [one for one in waiting if one.named.read.get("patient_id")]
    versions = _versions(connection, table, "patient_id", {one.named.read["patient_id"] for one in named}, as_of)
    alike: dict[tuple[str, str], list[_Waiting]] = defaultdict(list)
    for one in named:
        alike[str(one.row["feed"]), one.named.written()].append(one)
    found: list[Mapping[str, Any]] = []
    for (feed, _), group in alike.items():
        first = min(one.landed_at for one in group)
        needed = max(Counter(place(one.row)[:-1] for one in group).values())
        came: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for version in versions[group[0].named.read["patient_id"]]:
            came[version["record_key"]].append(version)
        new = [
            max(version["landed_at"] for version in of_key)
            for of_key in came.values()
            if min(version["landed_at"] for version in of_key) > first
            and of_key[0]["feed"] == feed
            and not any(version["is_conflicting"] for version in of_key)
            and _agrees(of_key[0], group[0].named)
        ]
        if len(new) >= needed:
            found += [one.row for one in group if one.landed_at < max(new)]
    return found


def _agrees(version: Mapping[str, Any], named: Named) -> bool:
    """Whether a version says what could be read, and what is written where a moment could not be."""
    if any(name in version and as_text(version[name]) != text for name, text in named.read.items()):
        return False
    return all(
        isinstance(version[name], datetime) and _is_day_of(version[name], cell) for name, cell in named.unread.items()
    )


def _is_day_of(moment: datetime, cell: str) -> bool:
    """Whether the numbers in a cell hold the day of that moment, in any order; of a zone nothing is known there."""
    compact = re.sub(r"\b(\d{4})(\d{2})(\d{2})\b", r"\1 \2 \3", cell)
    numbers = Counter(int(text) for text in re.findall(r"\d+", compact)[:3])
    days = (moment + timedelta(days=offset) for offset in (-1, 0, 1))
    return any(numbers == Counter((day.year, day.month, day.day)) for day in days)


def _versions(
    connection: sa.Connection, table: Delivered, column: str, wanted: Collection[str], as_of: datetime | None
) -> dict[str, list[dict[str, Any]]]:
    """Stored versions by the value of that column, each with `is_conflicting`: set apart itself where it stands."""
    v, q = VERSIONS[table.name].c, QUARANTINE.c
    stated = ("reported_at", "result_status") if table.versions is Versions.REPORTED else ()
    names = dict.fromkeys((*table.rows.key, "patient_id", "feed", "record_key", "landed_at", *stated))
    is_conflicting = sa.exists().where(
        q.table_name == table.name, q.reason == CONFLICT, *(q[name] == v[name] for name in _PLACE)
    )
    query = sa.select(*(v[name] for name in names), is_conflicting.label("is_conflicting"))
    if as_of is not None:
        query = query.where(v.received_at <= as_of)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    ordered = sorted(wanted)
    for start in range(0, len(ordered), _CHUNK):
        for row in connection.execute(query.where(v[column].in_(ordered[start : start + _CHUNK]))).mappings():
            found[row[column]].append(dict(row))
    return found


def keys_that_wait(connection: sa.Connection, table: Delivered, feed: str) -> frozenset[str]:
    """The keys of records of a feed's table that wait, where they could be read whole."""
    rows = [row for row in set_apart(connection) if row["table_name"] == table.name and row["feed"] == feed]
    answered = {place(row) for row in brought_right(connection, rows)}
    named = [Named.from_text(row["identity"]) for row in rows if row["identity"] and place(row) not in answered]
    return frozenset(key for one in named if (key := one.key(table.rows)) is not None)


def waiting_for(connection: sa.Connection, delivery_id: str) -> list[tuple[str, str]]:
    """The deliveries (id and feed) with a withdrawal that waits for a record which that delivery brought."""
    q = QUARANTINE.c
    tables = sa.select(q.table_name).where(q.reason == WITHDRAWS_UNKNOWN).distinct()
    found: set[tuple[str, str]] = set()
    for name in connection.execute(tables).scalars().all():
        v = VERSIONS[name].c
        brought = set(connection.execute(sa.select(v.record_key).where(v.delivery_id == delivery_id)).scalars())
        waits = [row for row in set_apart(connection) if row["table_name"] == name and _waits_for(row, brought)]
        found |= {(row["delivery_id"], row["feed"]) for row in waits}
    return sorted(found)


def _waits_for(row: Mapping[str, Any], keys: Collection[str]) -> bool:
    table = BY_NAME[row["table_name"]].rows
    return row["reason"] == WITHDRAWS_UNKNOWN and Named.from_text(str(row["identity"])).key(table) in keys


def is_known(connection: sa.Connection, row: Mapping[str, Any]) -> bool:
    """Whether the record that a waiting withdrawal names is stored."""
    if row["reason"] != WITHDRAWS_UNKNOWN:
        return False
    v = VERSIONS[row["table_name"]].c
    key = Named.from_text(str(row["identity"])).key(BY_NAME[row["table_name"]].rows)
    return connection.execute(sa.select(v.record_key).where(v.record_key == key).limit(1)).first() is not None
