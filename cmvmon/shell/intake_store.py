"""Deliveries into the store: one transaction holds the records, the quarantine, the counts and the delivery's hash.

Nothing is dropped and nothing doubled: received = accepted + quarantined + duplicates + ignored, for each table that a
delivery fills, checked by the database.
A record that brings what is known is a duplicate. A record that says something else under the same version of the same
key, or is of another sample under the same number, is kept beside the other and neither is used, in whichever
deliveries the two came (the reasons of `cmvmon.domain.conflicts`).
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from cmvmon import __version__
from cmvmon.domain import words
from cmvmon.domain.conflicts import are_several_samples, settled, what_conflicts
from cmvmon.domain.delivered import BY_NAME, Delivered, Versions
from cmvmon.feeds.reasons import remedy
from cmvmon.ingest import Intake, Part
from cmvmon.shell.earlier import Earlier, last_attempt
from cmvmon.shell.landing import Landed
from cmvmon.shell.schema import DELIVERIES, QUARANTINE, VERSIONS

_CHUNK = 500
_NOT_CONTENT = frozenset({"received_at", "delivery_id", "delivered_value", "delivered_unit", "landed_at"})


@dataclass(frozen=True)
class Counted:
    """What one judging of one delivery came to for one table. `reasons` counts the quarantined records by code."""

    delivery_id: str
    feed: str
    table: str
    attempt: int
    received: int
    accepted: int
    quarantined: int
    duplicates: int
    ignored: int
    reasons: Mapping[str, int]
    refused: str | None = None
    refused_because: str | None = None
    was_known: bool = False


@dataclass(frozen=True)
class _Judging:
    """What is the same for every table of one judging."""

    landed: Landed
    received_at: datetime
    laboratory_file: str
    attempt: int


def append(
    connection: sa.Connection,
    intake: Intake,
    *,
    landed: Landed,
    received_at: datetime,
    laboratory_file: str,
    before: Earlier | None,
) -> tuple[Counted, ...]:
    """Stores one judged delivery and returns its counts by table. The caller holds the one transaction for all of them."""
    attempt = last_attempt(connection, landed) + 1
    judging = _Judging(landed, received_at, laboratory_file, attempt)
    waiting = before.open_tables if before else frozenset()
    parts = [part for part in intake.parts if before is None or part.received or part.table in waiting]
    counted = [_append(connection, part, judging) for part in parts]
    for table in sorted(waiting - {part.table for part in parts}):  # its records were another table's
        nothing = Counted(landed.delivery_id, landed.feed, table, attempt, 0, 0, 0, 0, 0, {})
        _note(connection, nothing, judging)
        counted.append(nothing)
    return tuple(counted)


def _append(connection: sa.Connection, part: Part, judging: _Judging) -> Counted:
    landed, attempt = judging.landed, judging.attempt
    accepted, conflicting, duplicates = _sorted_out(connection, part, landed)
    quarantined = [
        *part.quarantined.with_columns(attempt=pl.lit(attempt)).to_dicts(),
        *_conflicts(conflicting, part.table, judging),
    ]
    kept = [record | {"attempt": attempt} for record in (*accepted, *(c for c in conflicting if c.pop("is_new")))]
    counted = Counted(
        delivery_id=landed.delivery_id,
        feed=landed.feed,
        table=part.table,
        attempt=attempt,
        received=part.received,
        accepted=len(accepted),
        quarantined=len(quarantined),
        duplicates=duplicates,
        ignored=part.ignored,
        reasons=dict(sorted(Counter(str(row["reason"]) for row in quarantined).items())),
        refused=None if part.refused is None else part.refused.code,
        refused_because=None if part.refused is None else str(part.refused),
    )
    _note(connection, counted, judging)
    if kept:
        _insert(connection, VERSIONS[part.table], kept)
    _insert(connection, QUARANTINE, quarantined)
    return counted


def _note(connection: sa.Connection, counted: Counted, judging: _Judging) -> None:
    """The delivery's row for one table."""
    landed = judging.landed
    counts = ("refused", "refused_because", "received", "accepted", "quarantined", "duplicates", "ignored")
    connection.execute(
        sa.insert(DELIVERIES),
        {
            "delivery_id": landed.delivery_id,
            "feed": landed.feed,
            "table_name": counted.table,
            "attempt": judging.attempt,
            "file_name": landed.file_name,
            "landed_at": landed.landed_at,
            "received_at": judging.received_at,
            "is_history": landed.is_history,
            "laboratory_file": judging.laboratory_file,
            "code_version": __version__,
            "format": landed.form,
            **{name: getattr(counted, name) for name in counts},
        },
    )


def _sorted_out(
    connection: sa.Connection, part: Part, landed: Landed
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """New records, conflicting ones (`is_new` = not stored yet), and the number of duplicates.

    Row order does not matter: a conflict takes in every record of its version, not only those after the first.
    """
    if part.accepted.is_empty():
        return [], [], 0
    table = BY_NAME[part.table]
    groups: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in part.accepted.to_dicts():
        record = _with_identity(row, table, landed)
        groups[record["record_key"]].append(record)
    known = _known(connection, table, groups)
    accepted: list[dict[str, Any]] = []
    conflicting: list[dict[str, Any]] = []
    duplicates = 0
    for key, records in groups.items():
        kept, clashing, repeated = _of_one_key(records, known[key], table)
        accepted += kept
        conflicting += clashing
        duplicates += repeated
    return accepted, conflicting, duplicates


def _of_one_key(
    records: Sequence[dict[str, Any]], stored: Sequence[dict[str, Any]], table: Delivered
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """The same for the records of one key; a conflicting one has its `reason`."""
    accepted: list[dict[str, Any]] = []
    conflicting: list[dict[str, Any]] = []
    duplicates = 0
    several = None
    if table.versions is Versions.REPORTED and are_several_samples([*stored, *records]):
        several = what_conflicts(settled([*stored, *records]))
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for record in records:
        groups[_version(record, table)].append(record)
    for version, group in groups.items():
        peers = [row for row in stored if _version(row, table) == version]
        repeatable = peers if table.versions is Versions.REPORTED else [*peers, *stored[-1:]]
        fresh, repeats = _told_apart(group, repeatable)
        is_elsewhere = several is not None and group[0]["result_status"] != words.PRELIMINARY
        reason = several or what_conflicts([*peers, *fresh])
        if is_elsewhere or len({row["content"] for row in (*peers, *fresh)}) > 1:
            conflicting += [record | {"is_new": True, "reason": reason} for record in fresh]
        else:
            accepted += fresh
        if is_elsewhere or len({row["content"] for row in peers}) > 1:
            conflicting += [record | {"is_new": False, "reason": reason} for record in repeats]
        else:
            duplicates += len(repeats)
    return accepted, conflicting, duplicates


def _told_apart(
    group: Sequence[dict[str, Any]], repeatable: Sequence[Mapping[str, Any]]
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The records that say something new, and those that repeat what is stored or stands earlier in the group.

    The same delivered text is a repeat even where a changed laboratory file now reads it otherwise.
    """
    seen = {row[name] for row in repeatable for name in ("content", "delivered")}
    fresh: list[dict[str, Any]] = []
    repeats: list[dict[str, Any]] = []
    for record in group:
        if record["content"] in seen or record["delivered"] in seen:
            repeats.append(record)
        else:
            seen |= {record["content"], record["delivered"]}
            fresh.append(record)
    return fresh, repeats


def _with_identity(row: dict[str, Any], table: Delivered, landed: Landed) -> dict[str, Any]:
    """The record with its key and the two hashes that tell versions apart."""
    columns = table.rows.columns
    content = {c.name: row[c.name] for c in columns if c.name not in _NOT_CONTENT}
    record = {c.name: row[c.name] for c in columns}
    return record | {
        "record_key": "|".join(_text(row[name]) for name in table.rows.key),
        "content": _hash(json.dumps({k: _text(v) for k, v in content.items()}, sort_keys=True)),
        "delivered": _hash(row["delivered_text"]),
        "delivered_text": row["delivered_text"],
        "landed_at": landed.landed_at,
        "feed": landed.feed,
        "record_number": row["record_number"],
        "line": row["line"],
    }


def _version(record: Mapping[str, Any], table: Delivered) -> tuple[str, ...]:
    """Key and version. Where records carry no report time, what arrives together is one version."""
    return (str(record["record_key"]), *(_text(record[name]) for name in table.versions.told_apart_by))


def _known(connection: sa.Connection, table: Delivered, keys: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Stored versions by key, in the order in which they were received."""
    versions = VERSIONS[table.name]
    wanted = sorted(keys)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for start in range(0, len(wanted), _CHUNK):
        query = (
            sa.select(versions)
            .where(versions.c.record_key.in_(wanted[start : start + _CHUNK]))
            .order_by(versions.c.received_at, versions.c.landed_at, versions.c.version_number)
        )
        for row in connection.execute(query).mappings():
            found[row["record_key"]].append(dict(row))
    return found


def _conflicts(conflicting: Sequence[dict[str, Any]], table: str, judging: _Judging) -> list[dict[str, Any]]:
    return [
        {
            "delivery_id": judging.landed.delivery_id,
            "feed": judging.landed.feed,
            "table_name": table,
            "attempt": judging.attempt,
            "record_number": record["record_number"],
            "line": record["line"],
            "reason": record["reason"],
            "column": None,
            "remedy": remedy(record["reason"]),
            "patient_id": record["patient_id"],
            "delivered_text": record["delivered_text"],
        }
        for record in conflicting
    ]


def _insert(connection: sa.Connection, table: sa.Table, rows: Sequence[dict[str, Any]]) -> None:
    names = {column.name for column in table.columns}
    if rows:
        connection.execute(sa.insert(table), [{k: v for k, v in row.items() if k in names} for row in rows])


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.isoformat()
    return "" if value is None else repr(value) if isinstance(value, float) else str(value)


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
