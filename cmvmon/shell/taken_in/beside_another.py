"""Rows that can't be true beside what is known of the same patient by another table: set apart when they come, whichever comes last.

What is stored stays, and a row that says what was stored last is let through: a site may hold such a pair of before this was asked.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.identity import content_hash, record_key
from cmvmon.feeds.part import Part
from cmvmon.feeds.rows_in_doubt import beside
from cmvmon.shell.as_known.known import known_table
from cmvmon.shell.folder.landing import Landed
from cmvmon.shell.rows.schema import VERSIONS
from cmvmon.shell.taken_in.parted import with_set_apart
from cmvmon.shell.taken_in.told_apart import known_versions
from cmvmon.shell.versions.links import linked, links

_NUMBER = "_goes_on_under"


def without_contradicted(connection: sa.Connection, part: Part, landed: Landed, *, received_at: datetime) -> Part:
    """The part with each new row set apart that another table contradicts, by what was known at `received_at`."""
    table = BY_NAME.get(part.table)
    asked = None if table is None else beside(table.rows)
    if table is None or asked is None or part.accepted.is_empty():
        return part
    numbers = part.accepted["patient_id"].unique().to_list()
    one = links(connection, as_of=received_at, about=numbers)
    other = known_table(connection, BY_NAME[asked.other.name], as_of=received_at, patients=numbers, one=one)
    if other is None or other.is_empty():
        return part
    mine = part.accepted.with_columns(pl.Series(_NUMBER, [one.of(n) for n in part.accepted["patient_id"]], pl.String))
    beside_it = mine.join(other.select(asked.columns, **{_NUMBER: "patient_id"}), on=_NUMBER, how="inner")
    found = beside_it.filter(asked.contradicts).select("record_number", _blamed=asked.column).unique("record_number")
    if found.is_empty():
        return part
    blamed = dict(found.iter_rows())
    rows = part.accepted.filter(pl.col("record_number").is_in(list(blamed))).to_dicts()
    known = known_versions(connection, table, {record_key(row, table.rows) for row in rows})
    last = {
        (key, version["content"])
        for key, versions in known.items()
        for version in versions
        if _is_last(version, versions)
    }
    new = [row for row in rows if (record_key(row, table.rows), content_hash(row, table.rows)) not in last]
    return with_set_apart(part, landed, [(row, asked.why, blamed[row["record_number"]]) for row in new])


def was_told_since(connection: sa.Connection, row: Mapping[str, Any], since: datetime) -> bool:
    """Whether something came of the other table about the patient of a record that was set apart for it (a row of
    `quarantined_records`), from the moment on at which it was judged last."""
    table = BY_NAME.get(row["table_name"])
    asked = None if table is None else beside(table.rows)
    if asked is None or row["reason"] != asked.why:
        return False
    c = VERSIONS[asked.other.name].c
    numbers = linked(connection, [row["patient_id"]])  # it may have come under another one since
    query = sa.select(c.patient_id).where(c.patient_id.in_(sorted(numbers)), c.received_at >= since)
    return connection.execute(query.limit(1)).first() is not None


def _is_last(version: Mapping[str, Any], versions: Sequence[Mapping[str, Any]]) -> bool:
    return all(version[name] == versions[-1][name] for name in ("received_at", "landed_at"))
