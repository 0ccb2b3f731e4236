"""Results under a number that another laboratory sends too, where it is not stated that one authority gives both: set apart."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator

import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.domain.delivered import BY_NAME, TWO_LABORATORIES
from cmvmon.domain.identity import record_key
from cmvmon.feeds.part import Part
from cmvmon.shell.folder.landing import Landed
from cmvmon.shell.rows.schema import VERSIONS
from cmvmon.shell.taken_in.parted import with_set_apart

_CHUNK = 500


def without_shared_numbers(connection: sa.Connection, part: Part, landed: Landed, *, stated: Collection[str]) -> Part:
    """The part with each new result set apart whose number has results of another laboratory, unless both are `stated`.

    A version of a result that is known, and a withdrawal, are let through: they make nobody one patient who was two.

    Args:
        stated: the laboratories whose file says who gives their patients' numbers.
    """
    table = BY_NAME.get(part.table)
    if table is None or not table.by_laboratory or part.accepted.is_empty():
        return part
    whose = part.accepted.select("patient_id", "laboratory").unique()
    others = _laboratories_of(connection, part.table, whose["patient_id"].to_list())
    shared = {
        (number, laboratory)
        for number, laboratory in whose.rows()
        if any(not {laboratory, other} <= set(stated) for other in others[number] - {laboratory})
    }
    if not shared:
        return part
    rows = [
        row
        for row in part.accepted.to_dicts()
        if (row["patient_id"], row["laboratory"]) in shared and row["result_status"] != words.WITHDRAWN
    ]
    known = _known(connection, part.table, [record_key(row, table.rows) for row in rows])
    apart = [row for row in rows if record_key(row, table.rows) not in known]
    return with_set_apart(part, landed, [(row, TWO_LABORATORIES, None) for row in apart])


def _laboratories_of(connection: sa.Connection, table: str, numbers: Collection[str]) -> dict[str, set[str]]:
    """The laboratories of which results are stored, by patient's number."""
    c, found = VERSIONS[table].c, defaultdict[str, set[str]](set)
    for some in _chunks(numbers):
        query = sa.select(c.patient_id, c.laboratory).where(c.patient_id.in_(some)).distinct()
        for number, laboratory in connection.execute(query):
            found[number].add(laboratory)
    return found


def _known(connection: sa.Connection, table: str, keys: Collection[str]) -> set[str]:
    c = VERSIONS[table].c
    return {
        key
        for some in _chunks(keys)
        for key in connection.execute(sa.select(c.record_key).where(c.record_key.in_(some)).distinct()).scalars()
    }


def _chunks(names: Iterable[str]) -> Iterator[list[str]]:
    ordered = sorted(set(names))
    for start in range(0, len(ordered), _CHUNK):
        yield ordered[start : start + _CHUNK]
