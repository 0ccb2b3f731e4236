"""What waits in quarantine, and the list of it, which is written with every delivery.

History stays: a record waits from the last judging of its delivery until a later one brings it right
(cmvmon.shell.waiting.brought_right), or a person says that it is dealt with (`quarantine_answers`). Which ones wait now
is listed, so that no page and no delivery reads every record that was ever set apart; the list follows from what is stored,
and is made again each night.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

import polars as pl
import sqlalchemy as sa

from cmvmon.domain.conflicts import TWO_PATIENTS, are_several_samples
from cmvmon.domain.delivered import BY_NAME, LINKS, SNAPSHOT_REFUSED, WITHDRAWS_UNKNOWN, Delivered
from cmvmon.domain.rows import QUARANTINED_RECORDS
from cmvmon.ingest import REFUSED
from cmvmon.shell import dialects
from cmvmon.shell.folder.landing import Landed
from cmvmon.shell.rows.schema import DELIVERIES, QUARANTINE, QUARANTINE_ANSWERS, VERSIONS, WAITING
from cmvmon.shell.versions.links import links
from cmvmon.shell.versions.one_number import judged_under
from cmvmon.shell.waiting.brought_right import EVER, brought_right, place, set_apart
from cmvmon.shell.waiting.quarantine_answers import mark, unanswered

_CHUNK = 500
_IS_LISTED = sa.and_(*(WAITING.c[name] == QUARANTINE.c[name] for name in QUARANTINED_RECORDS.key))
_LISTED = sa.select(QUARANTINE).join(WAITING, _IS_LISTED)
_OF_WAITING = sa.select(WAITING.c.delivery_id, WAITING.c.feed, WAITING.c.table_name).distinct().subquery()
_CAME_IN = (
    sa.select(*_OF_WAITING.c, DELIVERIES.c.file_name, DELIVERIES.c.landed_at)
    .join(DELIVERIES, sa.and_(*(DELIVERIES.c[one.name] == one for one in _OF_WAITING.c)))
    .order_by(DELIVERIES.c.attempt.desc())
)


def open_quarantine(connection: sa.Connection, *, as_of: datetime | None = None) -> pl.DataFrame:
    """The records that wait (by `as_of`), as `quarantined_records`: set apart by the last judging of their delivery, and
    not brought right by a later one."""
    rows = waiting_rows(connection, as_of)
    waiting = [{name: row[name] for name in QUARANTINED_RECORDS.schema} for row in rows]
    frame = pl.DataFrame(waiting, schema=QUARANTINED_RECORDS.schema, orient="row")
    return frame.sort(*QUARANTINED_RECORDS.key)


def open_with_deliveries(connection: sa.Connection) -> list[dict[str, Any]]:
    """The rows of `open_quarantine`, each with `file_name` and `landed_at` of the delivery that brought it."""
    came = {
        (of, feed, table): (name, at) for of, feed, table, name, at in connection.execute(_CAME_IN)
    }  # the first judging
    found = []
    for row in open_quarantine(connection).to_dicts():
        file_name, landed_at = came[row["delivery_id"], row["feed"], row["table_name"]]
        found.append(row | {"file_name": file_name, "landed_at": landed_at})
    return found


def waiting_rows(connection: sa.Connection, as_of: datetime | None) -> Sequence[Mapping[str, Any]]:
    """The records of `open_quarantine` as they are stored, in any order: with `identity`, what they name."""
    if as_of is None or not _came_after(connection, as_of):
        return _listed(connection)
    return _waiting(connection, set_apart(connection, as_of=as_of), as_of=as_of)


@dataclass(frozen=True)
class Waits:
    """One record that waits, however often it was delivered. `patient_id` None = it names nobody that could be read."""

    feed: str
    table: str
    patient_id: str | None
    reason: str
    mark: str


def waits(connection: sa.Connection, *, as_of: datetime) -> frozenset[Waits]:
    """What waited at that moment."""
    return frozenset(
        Waits(row["feed"], row["table_name"], row["named_patient"] or row["patient_id"], row["reason"], mark(row))
        for row in waiting_rows(connection, as_of)
    )


def refused_whole(connection: sa.Connection, *, as_of: datetime) -> frozenset[str]:
    """The deliveries that were refused whole and wait for somebody at that moment."""
    reasons = (REFUSED, SNAPSHOT_REFUSED)
    if _came_after(connection, as_of):
        return frozenset(row["delivery_id"] for row in waiting_rows(connection, as_of) if row["reason"] in reasons)
    return frozenset(row["delivery_id"] for row in _listed(connection, QUARANTINE.c.reason.in_(reasons)))


def _came_after(connection: sa.Connection, as_of: datetime) -> bool:
    """Whether anything is stored that was received or answered after it: what waited by then is not what waits now."""
    return bool(connection.execute(_anything_after(), {"as_of": as_of}).scalar_one())


@cache
def _anything_after() -> sa.Select[tuple[bool]]:
    """That question as one statement: it is asked of every table, several times for one delivery."""
    columns = (QUARANTINE_ANSWERS.c.answered_at, *(table.c.received_at for table in (DELIVERIES, *VERSIONS.values())))
    as_of = sa.bindparam("as_of", type_=DELIVERIES.c.received_at.type)
    return sa.select(sa.or_(*(sa.exists().where(column > as_of) for column in columns)))


def _waiting(
    connection: sa.Connection, rows: Sequence[dict[str, Any]], *, as_of: datetime | None = None
) -> list[dict[str, Any]]:
    """Those of these records (of `set_apart`) that wait, by what is stored."""
    answered = {place(row) for row in brought_right(connection, rows, as_of=as_of)}
    answered |= {place(row) for row in rows if _is_of_one_patient(connection, row, as_of)}
    still = {place(row) for row in unanswered(connection, rows, as_of=as_of)} - answered
    return [row for row in rows if place(row) in still]


def _is_of_one_patient(connection: sa.Connection, row: Mapping[str, Any], as_of: datetime | None) -> bool:
    """Whether a record was set apart for two patients under one key, and all that is stored of the key is one patient's now,
    by the links that are known, and contradicts nothing else."""
    if row["reason"] != TWO_PATIENTS or row["named_key"] is None:
        return False

    table, v = BY_NAME[row["table_name"]], VERSIONS[row["table_name"]]
    query = sa.select(v).where(v.c.record_key == row["named_key"])
    stored = [dict(found) for found in connection.execute(query).mappings()]
    known = [found for found in stored if as_of is None or found["received_at"] <= as_of]
    one = links(connection, as_of=as_of or EVER, about={found["patient_id"] for found in known})
    told = [judged_under(found, table, one) for found in known if not found.get("confirms")]
    contents: dict[tuple[Any, ...], set[str]] = defaultdict(set)
    for found in told:
        contents[tuple(found[name] for name in table.versions.told_apart_by(found))].add(found["content"])
    is_one = len({found["patient_id"] for found in told}) == 1 and all(len(said) == 1 for said in contents.values())
    return is_one and not are_several_samples(told)


def _listed(connection: sa.Connection, *conditions: sa.ColumnElement[bool]) -> list[dict[str, Any]]:
    """The records on the list of which the conditions hold."""
    query = _LISTED.where(*conditions) if conditions else _LISTED
    return [dict(row) for row in connection.execute(query).mappings()]


def keys_that_wait(connection: sa.Connection, table: Delivered, feed: str) -> frozenset[str]:
    """The keys of records of a feed's table that wait, where they could be read whole."""
    q = QUARANTINE.c
    rows = _listed(connection, q.table_name == table.name, q.feed == feed, q.named_key.is_not(None))
    return frozenset(row["named_key"] for row in rows)


def waiting_for(connection: sa.Connection, delivery_id: str) -> list[tuple[str, str]]:
    """The deliveries (id and feed) with a withdrawal that waits for a record which that delivery brought."""
    waits = _listed(connection, QUARANTINE.c.reason == WITHDRAWS_UNKNOWN)
    return sorted({(row["delivery_id"], row["feed"]) for row in waits if is_known(connection, row, of=delivery_id)})


def is_known(connection: sa.Connection, row: Mapping[str, Any], *, of: str | None = None) -> bool:
    """Whether the record that a waiting withdrawal names is stored; by the delivery `of`, if one is named."""
    if row["reason"] != WITHDRAWS_UNKNOWN:
        return False
    v = VERSIONS[row["table_name"]].c
    query = sa.select(v.record_key).where(v.record_key == row["named_key"])
    if of is not None:
        query = query.where(v.delivery_id == of)
    return connection.execute(query.limit(1)).first() is not None


def list_after(
    connection: sa.Connection, landed: Landed, table: str, stored: Collection[tuple[str, str]], *, is_all: bool = False
) -> None:
    """Brings the list up to date with a judging of one table of a delivery, and the patients and keys that it stored
    (none need be named where nothing was set apart before it).

    What a delivery can bring right, or put in question again, names one of its patients or keys. One that holds all there
    is (`is_all`) ends the waiting of everything that an earlier one of its kind set apart.
    """
    q = QUARANTINE.c
    of_feed = sa.and_(q.feed == landed.feed, q.table_name == table)
    own = sa.and_(of_feed, q.delivery_id == landed.delivery_id)
    if table == LINKS.name:  # what stood for two patients may be one's now, or two's again
        in_doubt = sa.select(q.named_key).where(q.reason == TWO_PATIENTS)
        _list_again(connection, [q.named_key.in_(in_doubt)])
    patients, keys = {patient for patient, _ in stored}, {key for _, key in stored}
    for patient, key in connection.execute(sa.select(q.named_patient, q.named_key).where(own)):
        patients.add(patient or "")
        keys.add(key or "")
    if not holds_any(connection, landed.feed, table):
        return
    if is_all:
        _list_again(connection, [of_feed])
        return
    _list_again(connection, [sa.and_(own, q.named_patient.is_(None), q.named_key.is_(None))])
    for column, names in ((q.named_patient, patients - {""}), (q.named_key, keys - {""})):
        _list_again(connection, [sa.and_(of_feed, column.in_(some)) for some in _chunks(names)])


def holds_any(connection: sa.Connection, feed: str, table: str) -> bool:
    """Whether a record of that table of that feed was ever set apart."""
    q = QUARANTINE.c
    return (
        connection.execute(sa.select(q.feed).where(q.feed == feed, q.table_name == table).limit(1)).first() is not None
    )


def list_anew(connection: sa.Connection) -> None:
    """The list made again from all that is stored: it is what follows from it, whatever it was."""
    _list_again(connection, [sa.true()])


def _list_again(connection: sa.Connection, conditions: Iterable[sa.ColumnElement[bool]]) -> None:
    """The part of the list for which a condition holds, made again from what is stored.

    A part must hold every record that names the same patient, or the same key, or records that name nothing.
    """
    w = WAITING.c
    for condition in conditions:
        listed = {place(row) for row in _listed(connection, condition)}
        waits = {place(row) for row in _waiting(connection, set_apart(connection, condition))}
        if waits - listed:
            new = [dict(zip(QUARANTINED_RECORDS.key, one, strict=True)) for one in waits - listed]
            connection.execute(dialects.of(connection).insert_new(WAITING), new)
        for one in listed - waits:
            of_it = (w[name] == value for name, value in zip(QUARANTINED_RECORDS.key, one, strict=True))
            connection.execute(sa.delete(WAITING).where(*of_it))


def _chunks(names: Collection[str]) -> list[list[str]]:
    wanted = sorted(names)
    return [wanted[start : start + _CHUNK] for start in range(0, len(wanted), _CHUNK)]
