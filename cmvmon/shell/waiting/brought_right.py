"""Which records that were set apart another delivery brought right: asked of what is stored, nothing is marked.

A record waits no longer once its feed has brought its key in a version that holds beside it: of results one that was reported, or
else sent, after it, whichever of the two came first; where neither is known, and of other tables, one that a later delivery
brought (docs/decisions/0021).
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.domain.conflicts import CONFLICTS, asks_for_release, contradicting
from cmvmon.domain.delivered import (
    BY_NAME,
    CORRECTS_WITHDRAWN,
    LEADING,
    SNAPSHOT_REFUSED,
    TOO_MANY_WITHDRAWN,
    WHOLE_SNAPSHOT,
    WITHDRAWS_UNKNOWN,
    Delivered,
    Versions,
)
from cmvmon.domain.identity import Named, as_text
from cmvmon.domain.patient_links import Links
from cmvmon.domain.rows import QUARANTINED_RECORDS
from cmvmon.shell.rows.schema import DELIVERIES, QUARANTINE, VERSIONS
from cmvmon.shell.versions.links import links
from cmvmon.shell.versions.of_one_result import place_in_delivery, versions_of
from cmvmon.shell.versions.one_number import judged_under

_CHUNK = 500
EVER = datetime(2200, 1, 1, tzinfo=UTC)  # after every moment that a link can name
_PLACE = ("delivery_id", "feed", "attempt", "record_number")


@dataclass(frozen=True)
class Waiting:
    """A record of the last judging of its delivery, and when that delivery landed."""

    row: Mapping[str, Any]
    named: Named
    landed_at: datetime


def place(row: Mapping[str, Any]) -> tuple[object, ...]:
    """Where a record of the quarantine stands."""
    return tuple(row[name] for name in QUARANTINED_RECORDS.key)


def set_apart(
    connection: sa.Connection, *conditions: sa.ColumnElement[bool], as_of: datetime | None = None
) -> list[dict[str, Any]]:
    """The records that the last judging of each delivery (by `as_of`) set apart, with `landed_at`; those of which the
    conditions hold. Of snapshots, only the newest one's and what came after it: it says all that holds. Of those refused for
    lacking too much, only the last one's: it asks what the ones before it asked."""
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
    newer = DELIVERIES.alias("newer").c
    came_later = sa.or_(
        newer.received_at > d.received_at, sa.and_(newer.received_at == d.received_at, newer.landed_at > d.landed_at)
    )
    asks_again = sa.and_(q.reason == SNAPSHOT_REFUSED, newer.refused == TOO_MANY_WITHDRAWN)
    is_superseded = sa.and_(
        d.sends == WHOLE_SNAPSHOT,
        newer.feed == q.feed,
        newer.table_name == q.table_name,
        newer.delivery_id != q.delivery_id,
        newer.sends == WHOLE_SNAPSHOT,
        sa.or_(newer.refused.is_(None), asks_again),
        came_later,
    )
    if as_of is not None:
        is_superseded = sa.and_(is_superseded, newer.received_at <= as_of)
    query = query.where(
        *conditions,
        ~sa.exists(sa.select(later.attempt).where(is_later)),
        ~sa.exists(sa.select(newer.attempt).where(is_superseded)),
    )
    return [dict(row) for row in connection.execute(query).mappings()]


def brought_right(
    connection: sa.Connection, rows: Sequence[Mapping[str, Any]], *, as_of: datetime | None = None
) -> list[Mapping[str, Any]]:
    """Those of these records (of `set_apart`) that another delivery of their feed had brought right by `as_of`."""
    asked = [row for row in rows if row["reason"] == CORRECTS_WITHDRAWN]
    found: list[Mapping[str, Any]] = [row for row in asked if not _asks_for_release(connection, row, as_of)]
    rows = [row for row in rows if row["reason"] != CORRECTS_WITHDRAWN]
    for name, table in BY_NAME.items():
        waiting = [
            Waiting(row, Named.from_text(str(row["identity"])), row["landed_at"])
            for row in rows
            if row["table_name"] == name and row["identity"]
        ]
        whole = [one for one in waiting if one.named.key(table.rows) is not None]
        by_key = _versions(connection, table, "record_key", {str(one.named.key(table.rows)) for one in whole}, as_of)
        if table.versions is Versions.REPORTED:
            by_key = {key: _with_contradictions(connection, of_key, table, as_of) for key, of_key in by_key.items()}
        found += [
            one.row
            for one in whole
            if any(brings_right(version, one, table) for version in by_key.get(str(one.named.key(table.rows)), ()))
        ]
        parted = [one for one in waiting if one.named.key(table.rows) is None]
        found += _brought_whole(connection, parted, table, as_of)
    return found


def _asks_for_release(connection: sa.Connection, row: Mapping[str, Any], as_of: datetime | None) -> bool:
    """Whether a correction of what stood withdrawn is the last word on its result, and still held."""
    asks = asks_for_release(versions_of(connection, row["named_key"], as_of=as_of))
    return place_in_delivery(row) in {place_in_delivery(version) for version in asks}


def brings_right(version: Mapping[str, Any], one: Waiting, table: Delivered) -> bool:
    """Whether a stored version of its key comes after it from its feed, about its patient, and is the last word beside it.

    A withdrawal by number is not brought right: it is judged again as soon as its result is known, and takes effect in its place.
    """
    if version["feed"] != one.row["feed"] or version["is_conflicting"]:
        return False
    if table.versions is Versions.SNAPSHOT:
        is_later = bool(version["landed_at"] > one.landed_at)
        return is_later and (bool(version["is_withdrawn"]) or one.row["reason"] != WITHDRAWS_UNKNOWN)
    if one.row["reason"] == WITHDRAWS_UNKNOWN or version["confirms"]:
        return False
    status, changes = one.named.read.get("result_status"), version["result_status"] in words.CHANGES_A_RESULT
    if version["result_status"] == words.PRELIMINARY and status != words.PRELIMINARY:
        return False
    if not (changes or _is_of_its_sample(version, one)):
        return False
    # Of preliminary ones that contradict each other neither counts beside a settled one, whichever was sent first.
    is_settled = status == words.PRELIMINARY != version["result_status"] and one.row["reason"] in CONFLICTS
    return is_settled or _comes_after(version, one, status, changes=changes)


def _comes_after(version: Mapping[str, Any], one: Waiting, status: str | None, *, changes: bool) -> bool:
    """Whether a version of a result comes after a record that names it, in the order in which versions are settled
    (`cmvmon.domain.versions`): by report time; what changes a result after the result; then by when they were sent, and where
    that is not known by when they landed."""
    sent, sent_of_version = one.named.sent_at, as_text(version["sent_at"])
    at: str | None = one.named.read.get("reported_at") or None
    if at is None and status in words.CHANGES_A_RESULT:
        at = sent
    elif at is None and status is not None:
        at = one.named.read.get("reported_at")  # a result without a report time comes first
    at_of_version = as_text(version["reported_at"])
    if not at_of_version and changes:
        at_of_version = sent_of_version or as_text(version["received_at"])
    if at is not None and at != at_of_version:
        return at < at_of_version
    if status in words.CHANGES_A_RESULT and not changes:
        return False
    if changes and status is not None and status not in words.CHANGES_A_RESULT:
        return True
    if sent and sent_of_version and sent != sent_of_version:
        return sent < sent_of_version
    return bool(version["landed_at"] > one.landed_at)


def _with_contradictions(
    connection: sa.Connection, versions: Sequence[dict[str, Any]], table: Delivered, as_of: datetime | None
) -> list[dict[str, Any]]:
    """The versions of one key, of those that contradict each other each with `is_conflicting`: whichever was set apart, for it came
    second, neither holds."""
    patients = {version["patient_id"] for version in versions}
    one = links(connection, as_of=as_of or EVER, about=patients) if len(patients) > 1 else Links()
    told = [dict(judged_under(version, table, one)) for version in versions]
    doubted = {id(version) for version in contradicting(told)}
    return [version | {"is_conflicting": id(of_one) in doubted} for version, of_one in zip(versions, told, strict=True)]


def _is_of_its_sample(version: Mapping[str, Any], one: Waiting) -> bool:
    """Whether a version is of the patient whom the record names; of one that contradicts others, of its whole sample."""
    sample = one.named.sample if one.row["reason"] in CONFLICTS else {}
    said = {"patient_id": one.named.read.get("patient_id", ""), **sample}
    return all(not text or as_text(version[name]) == text for name, text in said.items())


def _brought_whole(
    connection: sa.Connection, waiting: Sequence[Waiting], table: Delivered, as_of: datetime | None
) -> list[Mapping[str, Any]]:
    """Those of which a part of the key could not be read, where a key that agrees with what is written came later as new.

    As many keys must have come as one delivery held records that name the same.
    """
    named = [one for one in waiting if one.named.read.get("patient_id")]
    versions = _versions(connection, table, "patient_id", {one.named.read["patient_id"] for one in named}, as_of)
    alike: dict[tuple[str, str], list[Waiting]] = defaultdict(list)
    for one in named:
        alike[str(one.row["feed"]), replace(one.named, sent_at=None).written()].append(one)
    found: list[Mapping[str, Any]] = []
    for (feed, _), group in alike.items():
        first = min(one.landed_at for one in group)
        needed = max(Counter(place(one.row)[:-1] for one in group).values())
        came: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
        for version in versions[group[0].named.read["patient_id"]]:
            came[version["record_key"]].append(version)
        first_told = [of_key for of_key in came.values() if min(version["landed_at"] for version in of_key) > first]
        # Another feed's word on the same key, later, neither brings right nor puts in question what this feed has said.
        own = [[one for one in of_key if one["feed"] == feed] for of_key in first_told if of_key[0]["feed"] == feed]
        new = [
            max(version["landed_at"] for version in of_key)
            for of_key in own
            if not any(version["is_conflicting"] for version in of_key) and _agrees(of_key[0], group[0].named)
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
    is_reported = table.versions is Versions.REPORTED
    stated = LEADING.rows.schema if is_reported else ("is_withdrawn",)
    names = dict.fromkeys((*table.rows.key, "patient_id", "feed", "record_key", "landed_at", "content", *stated))
    is_conflicting = sa.exists().where(
        q.table_name == table.name, q.reason.in_(CONFLICTS), *(q[name] == v[name] for name in _PLACE)
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
