"""Records that name a result or a row by its number alone: they take effect where it is known, read with what is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.domain.delivered import BY_NAME, Delivered, Versions
from cmvmon.domain.identity import as_text, record_key
from cmvmon.feeds.part import Part
from cmvmon.shell.taken_in.told_apart import known_versions


def with_known_by_number(connection: sa.Connection, part: Part) -> Part:
    """The part with every such record accepted whose result or row is known, in the store or beside it: a withdrawal, or one
    that calls a preliminary result final without repeating it."""
    if part.withdrawals is None or part.withdrawals.is_empty():
        return part
    table = BY_NAME[part.table]
    rows = part.withdrawals.to_dicts()
    named = {record_key(row, table.rows) for row in rows}
    known = known_versions(connection, table, named)
    for row in part.accepted.to_dicts():
        known[record_key(row, table.rows)].append(row)
    whole = [_read_with(versions, row, table) for row in rows if (versions := known.get(record_key(row, table.rows)))]
    if not whole:
        return part
    effective = pl.DataFrame(whole, schema=part.withdrawals.schema)
    waits = ~pl.col("record_number").is_in(effective["record_number"].implode())
    return replace(
        part,
        accepted=pl.concat([part.accepted, effective.select(part.accepted.columns)]),
        quarantined=part.quarantined.filter(waits),
        withdrawals=part.withdrawals.filter(waits),
    )


def _read_with(versions: Sequence[Mapping[str, Any]], row: dict[str, Any], table: Delivered) -> dict[str, Any]:
    """A withdrawal that is not whole, read with what is known of the record that it names."""
    if table.versions is Versions.SNAPSHOT:
        stated = {name: versions[-1][name] for name in table.rows.schema if name not in ("received_at", "delivery_id")}
        return row | stated
    meant = max(versions, key=_settled)
    if row["result_status"] != words.WITHDRAWN:
        return row | _confirmed(meant, row, table)
    read = row | {name: meant[name] for name in table.identity}
    is_early = read["reported_at"] is not None and read["reported_at"] < read[table.starts]
    return read | ({"reported_at": None} if is_early else {})


def _confirmed(meant: Mapping[str, Any], row: Mapping[str, Any], table: Delivered) -> dict[str, Any]:
    """What a record says that calls a preliminary result final without repeating it: that result, final. Of one that is
    settled already it says nothing new, and is a repeat."""
    read = {name: meant[name] for name in table.rows.schema if name not in ("received_at", "delivery_id")}
    if meant["result_status"] != words.PRELIMINARY:
        return read
    return read | {
        "result_status": row["result_status"],
        "reported_at": max((at for at in (row["reported_at"], meant["reported_at"]) if at is not None), default=None),
    }


def _settled(version: Mapping[str, Any]) -> tuple[bool, str, int, str]:
    """An order of the versions of one record, the last one last, in which the order of deliveries has no part."""
    status = str(version["result_status"])
    rank = words.RESULT_STATUS.index(status)
    return status != words.PRELIMINARY, as_text(version["reported_at"]), rank, str(version["patient_id"])
