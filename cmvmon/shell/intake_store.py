"""Deliveries into the store: one transaction holds the records, the quarantine, the counts and the delivery's hash.

Nothing is dropped and nothing doubled: received = accepted + quarantined + duplicates + ignored, checked by the database.
A record that brings what is known is a duplicate. A record that says something else under the same version of the same
key is kept beside the other and neither is used (`conflicting_values`), in whichever deliveries the two came.
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
from cmvmon.domain.columns import RowType
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.domain.tables import BY_NAME
from cmvmon.ingest import Intake
from cmvmon.shell.landing import Landed
from cmvmon.shell.schema import DELIVERIES, QUARANTINE, VERSIONS

_CHUNK = 500
# What tells two versions of one record apart, beside its key: arrival does not, for a result.
_VERSION_OF_RESULT = ("reported_at", "result_status")
_NOT_CONTENT = frozenset({"received_at", "delivery_id", "delivered_value", "delivered_unit", "landed_at"})
_OF_THE_FUTURE = ("collected_in_future", "reported_in_future")  # what a later night may find in order
_CONFLICT_REMEDY = (
    "another record has the same key, report time and status with another value: both are kept, neither is used; "
    "ask the laboratory for a corrected result"
)


@dataclass(frozen=True)
class Counted:
    """What one judging of one delivery came to. `reasons` counts the quarantined records by code."""

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
class Earlier:
    """The last judging of a delivery: under which laboratory file, and which records it set apart."""

    attempt: int
    received: int
    laboratory_file: str
    refused: str | None
    open_records: tuple[int, ...]
    waits_for_time: bool  # something was dated in the future of that judging
    received_at: datetime | None = None


def earlier(connection: sa.Connection, landed: Landed) -> Earlier | None:
    """The last judging of that delivery; None when it was never judged."""
    d, q = DELIVERIES.c, QUARANTINE.c
    mine = (d.delivery_id == landed.delivery_id, d.feed == landed.feed, d.table_name == landed.table)
    rows = connection.execute(sa.select(DELIVERIES).where(*mine).order_by(d.attempt)).mappings().all()
    if not rows:
        return None
    last = rows[-1]
    records = connection.execute(
        sa.select(q.record_number, q.reason).where(
            q.delivery_id == landed.delivery_id,
            q.feed == landed.feed,
            q.table_name == landed.table,
            q.attempt == last["attempt"],
        )
    ).all()
    return Earlier(
        int(last["attempt"]),
        int(rows[0]["received"]),
        last["laboratory_file"],
        last["refused"],
        tuple(sorted(number for number, _ in records)),
        any(reason in _OF_THE_FUTURE for _, reason in records),
        last["received_at"],
    )


def append(
    connection: sa.Connection,
    intake: Intake,
    *,
    landed: Landed,
    received_at: datetime,
    laboratory_file: str,
    attempt: int,
) -> Counted:
    """Stores one judged delivery and returns its counts. The caller holds the transaction."""
    accepted, conflicting, duplicates = _sorted_out(connection, intake, landed)
    quarantined = [
        *intake.quarantined.with_columns(attempt=pl.lit(attempt)).to_dicts(),
        *_conflicts(conflicting, landed, attempt),
    ]
    kept = [record | {"attempt": attempt} for record in (*accepted, *(c for c in conflicting if c.pop("is_new")))]
    counted = Counted(
        delivery_id=landed.delivery_id,
        feed=landed.feed,
        table=landed.table,
        attempt=attempt,
        received=intake.received,
        accepted=len(accepted),
        quarantined=len(quarantined),
        duplicates=duplicates,
        ignored=intake.ignored,
        reasons=dict(sorted(Counter(str(row["reason"]) for row in quarantined).items())),
        refused=None if intake.refused is None else intake.refused.code,
        refused_because=None if intake.refused is None else str(intake.refused),
    )
    connection.execute(
        sa.insert(DELIVERIES),
        {
            "delivery_id": landed.delivery_id,
            "feed": landed.feed,
            "table_name": landed.table,
            "attempt": attempt,
            "file_name": landed.file_name,
            "landed_at": landed.landed_at,
            "received_at": received_at,
            "is_history": landed.is_history,
            "laboratory_file": laboratory_file,
            "code_version": __version__,
            **{
                name: getattr(counted, name)
                for name in (
                    "refused",
                    "refused_because",
                    "received",
                    "accepted",
                    "quarantined",
                    "duplicates",
                    "ignored",
                )
            },
        },
    )
    _insert(connection, VERSIONS[landed.table], kept)
    _insert(connection, QUARANTINE, quarantined)
    return counted


def _sorted_out(
    connection: sa.Connection, intake: Intake, landed: Landed
) -> tuple[list[dict[str, Any]], list[dict[str, Any]], int]:
    """New records, conflicting ones (`is_new` = not stored yet), and the number of duplicates.

    Row order does not matter: a conflict takes in every record of its version, not only those after the first.
    """
    row_type = BY_NAME[landed.table]
    groups: dict[tuple[str, ...], list[dict[str, Any]]] = defaultdict(list)
    for row in intake.accepted.to_dicts():
        record = _with_identity(row, row_type, landed)
        groups[_version(record, row_type)].append(record)
    known = _known(connection, row_type, {version[0] for version in groups})
    accepted: list[dict[str, Any]] = []
    conflicting: list[dict[str, Any]] = []
    duplicates = 0
    for version, group in groups.items():
        stored = known[version[0]]
        peers = [row for row in stored if _version(row, row_type) == version]
        repeatable = peers if row_type is VIRAL_LOAD_RESULTS else peers + stored[-1:]
        fresh, repeats = _told_apart(group, repeatable)
        contents = {row["content"] for row in (*peers, *fresh)}
        if len(contents) > 1:
            conflicting += [record | {"is_new": True} for record in fresh]
        else:
            accepted += fresh
        if len({row["content"] for row in peers}) > 1:
            conflicting += [record | {"is_new": False} for record in repeats]
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


def _with_identity(row: dict[str, Any], row_type: RowType, landed: Landed) -> dict[str, Any]:
    """The record with its key and the two hashes that tell versions apart."""
    content = {c.name: row[c.name] for c in row_type.columns if c.name not in _NOT_CONTENT}
    record = {c.name: row[c.name] for c in row_type.columns}
    return record | {
        "record_key": "|".join(_text(row[name]) for name in row_type.key),
        "content": _hash(json.dumps({k: _text(v) for k, v in content.items()}, sort_keys=True)),
        "delivered": _hash(row["delivered_text"]),
        "delivered_text": row["delivered_text"],
        "landed_at": landed.landed_at,
        "feed": landed.feed,
        "record_number": row["record_number"],
        "line": row["line"],
    }


def _version(record: Mapping[str, Any], row_type: RowType) -> tuple[str, ...]:
    """Key and version. Courses and stays carry no report time: what arrives together is one version."""
    parts = _VERSION_OF_RESULT if row_type is VIRAL_LOAD_RESULTS else ("received_at", "landed_at")
    return (str(record["record_key"]), *(_text(record[name]) for name in parts))


def _known(connection: sa.Connection, row_type: RowType, keys: Iterable[str]) -> dict[str, list[dict[str, Any]]]:
    """Stored versions by key, in the order in which they were received."""
    table = VERSIONS[row_type.name]
    wanted = sorted(keys)
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for start in range(0, len(wanted), _CHUNK):
        query = (
            sa.select(table)
            .where(table.c.record_key.in_(wanted[start : start + _CHUNK]))
            .order_by(table.c.received_at, table.c.landed_at, table.c.version_number)
        )
        for row in connection.execute(query).mappings():
            found[row["record_key"]].append(dict(row))
    return found


def _conflicts(conflicting: Sequence[dict[str, Any]], landed: Landed, attempt: int) -> list[dict[str, Any]]:
    return [
        {
            "delivery_id": landed.delivery_id,
            "feed": landed.feed,
            "table_name": landed.table,
            "attempt": attempt,
            "record_number": record["record_number"],
            "line": record["line"],
            "reason": "conflicting_values",
            "column": None,
            "remedy": _CONFLICT_REMEDY,
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
