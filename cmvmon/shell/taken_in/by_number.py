"""Records that name a result or a row by its number alone: they take effect where it is known, read with what is known of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl
import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.domain.delivered import BY_NAME, LEADING, Delivered, Versions
from cmvmon.domain.identity import as_text, record_key
from cmvmon.feeds.part import Part
from cmvmon.shell.taken_in.told_apart import known_versions

_BORROWED = (
    *LEADING.identity,
    "detection",
    "viral_load_iu_per_ml",
    "lod_iu_per_ml",
    "lloq_iu_per_ml",
    "uloq_iu_per_ml",
)


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
    whole = [read_with(versions, row, table) for row in rows if (versions := known.get(record_key(row, table.rows)))]
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


def read_with(versions: Sequence[Mapping[str, Any]], row: dict[str, Any], table: Delivered) -> dict[str, Any]:
    """A withdrawal that is not whole, read with what is known of the record that it names.

    One that calls a preliminary result final repeats no value. Which one it means is told wherever the versions of its result are
    settled (`cmvmon.domain.versions.with_confirmed`), as a version that comes later may lie before it; what its row must hold
    beside is that of a version that is known, and says nothing.
    """
    if table.versions is Versions.SNAPSHOT:
        stated = {name: versions[-1][name] for name in table.rows.schema if name not in ("received_at", "delivery_id")}
        return row | stated
    meant = max(versions, key=_settled)
    names = _BORROWED if row["confirms"] else table.identity
    read = row | {name: meant[name] for name in names}
    is_early = read["reported_at"] is not None and read["reported_at"] < read[table.starts]
    return read | ({"reported_at": None} if is_early else {})


def _settled(version: Mapping[str, Any]) -> tuple[bool, bool, str, int, str]:
    """An order of the versions of one record, the last one last, in which the order of deliveries has no part."""
    status = str(version["result_status"])
    rank = words.RESULT_STATUS.index(status)
    is_preliminary = status == words.PRELIMINARY
    return (
        not version["confirms"],
        not is_preliminary,
        as_text(version["reported_at"]),
        rank,
        str(version["patient_id"]),
    )
