"""What was known at a moment, out of the store: the tables that an assessment reads."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from functools import cache

import polars as pl
import sqlalchemy as sa

from cmvmon.domain.columns import RowType
from cmvmon.domain.delivered import BY_NAME, DELIVERED, Delivered, Versions, with_what_it_tells
from cmvmon.domain.known import Known, all_told, unclear_of, with_told
from cmvmon.domain.patient_links import Links
from cmvmon.domain.rows import ASSAYS
from cmvmon.domain.standing import standing_and_fallen
from cmvmon.feeds.formats import STATING
from cmvmon.shell.alerts.answered import answered_results
from cmvmon.shell.as_known.signs_of_life import (
    ever_sent,
    last_heard,
    last_signs,
    rhythms_kept,
    silent_laboratories,
    silent_tables,
)
from cmvmon.shell.as_known.unread_results import unread_results
from cmvmon.shell.as_known.waiting_records import WaitingRecord, waiting_records
from cmvmon.shell.folder.site import Site
from cmvmon.shell.rows.schema import DELIVERIES
from cmvmon.shell.versions.links import links
from cmvmon.shell.versions.one_number import under_one_number
from cmvmon.shell.versions.stored_versions import RECORD, stored_versions
from cmvmon.shell.waiting import feed_state


def known(connection: sa.Connection, site: Site, *, as_of: datetime, patients: Collection[str] | None = None) -> Known:
    """What was known at `as_of`, of all or of some patients: every delivered table, the noise of the assays in it, of
    whom a row could not be read, and which tables are silent. Each patient under the number that they go on under (`links`).

    Raises ProtocolError for a laboratory file that can't be read.
    """
    one = links(connection, as_of=as_of, about=patients)
    came = delivered_tables(connection, as_of=as_of)
    found = {
        table.name: _own_rows(connection, table, as_of=as_of, patients=patients, one=one, came=came)
        for table in DELIVERED
    }
    tables = all_told({name: rows for name, (rows, _) in found.items() if rows is not None})
    signs = last_signs(connection, as_of=as_of)
    kept = rhythms_kept(signs, site, as_of=as_of)
    silent = silent_tables(signs, kept)
    heard = {name: feed_state.landed_since(connection, name, last, as_of=as_of) for name, last in silent.items()}
    waiting = waiting_records(connection, as_of=as_of)
    unread = _unread(waiting, found)
    return Known(
        tables,
        assays_in_use(site, *tables.values()),
        {name: frozenset(patients) for name, patients in unread.items()},
        unread_until=unread,
        unread_results=unread_results(waiting, as_of=as_of),
        silent=silent,
        silent_laboratories=silent_laboratories(signs, kept),
        heard_since=heard,
        last_heard=last_heard(signs, as_of=as_of),
        ever_sent={table.name: ever_sent(connection, table, as_of) for table in DELIVERED if table.asked_for[1]},
        answered=answered_results(connection, as_of=as_of, patients=None if patients is None else one.family(patients)),
    )


def known_table(
    connection: sa.Connection,
    table: Delivered,
    *,
    as_of: datetime,
    patients: Collection[str] | None = None,
    one: Links | None = None,
) -> pl.DataFrame | None:
    """What was known of a table at `as_of` (received_at <= as_of); None when no such delivery had been accepted.

    Every version of each record where the sender states which one is the last; else the rows that stand
    (cmvmon.domain.standing). What came under a number that was merged stands under the one that its patient goes on under,
    whichever of the two is asked for. With the rows that are made of statements of another table. `one`: those links, where
    they were read already.
    """
    one = links(connection, as_of=as_of, about=patients) if one is None else one
    own, _ = _own_rows(connection, table, as_of=as_of, patients=patients, one=one)
    if table.told is None:
        return own
    told_by = BY_NAME[table.told.by]
    return with_told(table, own, _own_rows(connection, told_by, as_of=as_of, patients=patients, one=one)[0])


def _own_rows(
    connection: sa.Connection,
    table: Delivered,
    *,
    as_of: datetime,
    patients: Collection[str] | None,
    one: Links,
    came: Collection[str] | None = None,
) -> tuple[pl.DataFrame | None, pl.DataFrame]:
    """The rows that were delivered as rows of that table (None when no such delivery had been accepted), and what records
    come to of which none stands, for they contradict each other. `came`: `delivered_tables`, where they are known already."""
    if not (_came(connection, [table.name], as_of) if came is None else table.name in came):
        return None, table.rows.empty()
    whom = None if patients is None else one.family(patients)
    versions = under_one_number(stored_versions(connection, table.rows, as_of, whom), table, one)
    if table.stated:
        versions = versions.with_columns(is_statement=pl.col("delivery_id").is_in(_of_messages(connection, table)))
    if table.versions is Versions.SNAPSHOT:
        return standing_and_fallen(versions, table)
    return _of_last_judging(versions).select(*table.rows.schema), table.rows.empty()


def _of_messages(connection: sa.Connection, table: Delivered) -> list[str]:
    """The ids of deliveries of messages or resources: each states what held of a record at a moment; a table's rows say what holds."""
    d = DELIVERIES.c
    query = sa.select(d.delivery_id).where(d.table_name == table.name, d.format.in_(STATING)).distinct()
    return list(connection.execute(query).scalars())


def was_delivered(connection: sa.Connection, row_type: RowType, *, as_of: datetime) -> bool:
    """Whether a delivery of that table had been taken in, or of one by which its rows are told: one that was refused whole
    tells nothing."""
    table = BY_NAME.get(row_type.name)
    told_by = [] if table is None or table.told is None else [table.told.by]
    return _came(connection, [row_type.name, *told_by], as_of)


def delivered_tables(connection: sa.Connection, *, as_of: datetime) -> frozenset[str]:
    """The tables of which a delivery had been taken in by then; those whose rows statements of another tell, only by their own."""
    row = connection.execute(_which_came(), {"as_of": as_of}).one()
    return frozenset(table.name for table, came in zip(DELIVERED, row, strict=True) if came)


@cache
def _which_came() -> sa.Select[tuple[bool, ...]]:
    """Of each delivered table, in their order, whether anything of it was taken in by `as_of`: one statement for all."""
    d, as_of = DELIVERIES.c, sa.bindparam("as_of", type_=DELIVERIES.c.received_at.type)
    taken_in = (d.refused.is_(None), sa.or_(d.is_history, d.received_at <= as_of))
    return sa.select(*(sa.exists().where(d.table_name == table.name, *taken_in) for table in DELIVERED))


def _came(connection: sa.Connection, tables: Collection[str], as_of: datetime) -> bool:
    return connection.execute(_any_of(), {"tables": list(tables), "as_of": as_of}).first() is not None


@cache
def _any_of() -> sa.Select[tuple[str]]:
    """A delivery of one of `tables` that had been taken in by `as_of`; one of history counts as always there."""
    d, as_of = DELIVERIES.c, sa.bindparam("as_of", type_=DELIVERIES.c.received_at.type)
    taken_in = (d.refused.is_(None), sa.or_(d.is_history, d.received_at <= as_of))
    return sa.select(d.delivery_id).where(d.table_name.in_(sa.bindparam("tables", expanding=True)), *taken_in).limit(1)


def _of_last_judging(rows: pl.DataFrame) -> pl.DataFrame:
    """Without the rows that a later judging of the same record replaced, as under another key."""
    if not (rows["attempt"] > 1).any():
        return rows
    return rows.filter(pl.col("attempt") == pl.col("attempt").max().over(RECORD))


def _unread(
    waiting: Iterable[WaitingRecord], own: Mapping[str, tuple[pl.DataFrame | None, pl.DataFrame]]
) -> dict[str, dict[str, datetime]]:
    """By table, the patients of whom a delivered record waits in quarantine, with when the last one landed, a record that was sent
    several times when it did first: what it said can't be told from the rest. `own`: by table, its rows, and what records come
    to of which none stands; statements by which it can't be told which rows of another table stand count too.
    """
    found: dict[str, dict[str, datetime]] = {table.name: {} for table in DELIVERED}

    def add(table: str, who: str, came: datetime) -> None:
        found[table][who] = max(came, found[table].get(who, came))

    for record in waiting:
        name = record.row["table_name"]
        for table in with_what_it_tells(name) if name in found else ():
            add(table, record.patient_id, record.came_first_at)
    for name, (_, fallen) in own.items():
        for who, came in zip(fallen["patient_id"], fallen["received_at"], strict=True) if fallen.height else ():
            for table in with_what_it_tells(name):
                add(table, who, came)
    for table, rows in unclear_of({name: rows for name, (rows, _) in own.items() if rows is not None}).items():
        for who, came in rows.iter_rows():
            add(table, who, came)
    return found


def unread_of(connection: sa.Connection, table: Delivered, *, as_of: datetime, among: Collection[str]) -> set[str]:
    """Those of these patients of whom a row of that table, or a statement that its rows are made of, was delivered by
    `as_of` and could not be used: as `Known.unread_of` tells it."""
    return known_and_unread(connection, table, as_of=as_of, patients=among)[1] if among else set()


def known_and_unread(
    connection: sa.Connection,
    table: Delivered,
    *,
    as_of: datetime,
    patients: Collection[str],
    one: Links | None = None,
) -> tuple[pl.DataFrame | None, set[str]]:
    """`known_table` and `unread_of` of these patients, read once for both."""
    one = links(connection, as_of=as_of, about=patients) if one is None else one
    told_by = [] if table.told is None else [table.told.by]
    found = {
        name: _own_rows(connection, BY_NAME[name], as_of=as_of, patients=patients, one=one)
        for name in (table.name, *told_by)
    }
    rows, *told = (found[name][0] for name in found)
    unread = set(_unread(waiting_records(connection, as_of=as_of), found)[table.name]) & set(patients)
    return with_told(table, rows, *told) if told else rows, unread


def assays_in_use(site: Site, *tables: pl.DataFrame) -> pl.DataFrame:
    """`assays` of the laboratories that these rows are of. Raises ProtocolError for a laboratory file that can't be read."""
    names = {str(name) for rows in tables if "laboratory" in rows.columns for name in rows["laboratory"].unique()}
    in_use = [site.laboratory(name) for name in sorted(names)]
    return pl.concat([ASSAYS.empty(), *(laboratory.assays() for laboratory in in_use if laboratory is not None)])
