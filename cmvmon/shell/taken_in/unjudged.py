"""What has landed and is not judged, as a table: no page and no look goes through the folders of everything that ever landed.

A row is written when a delivery has landed and is taken away in the transaction that stores its judging, or when a person dismisses
it. Each night the table is made again from the folders, and so it is when a store of before it is opened: whatever was copied into
the landing by hand, or landed in a program that was killed at that instant, is there from then on.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cmvmon.domain.errors import SiteError
from cmvmon.feeds.formats import FORMATS
from cmvmon.shell import dialects
from cmvmon.shell.folder import landing, tries
from cmvmon.shell.folder.landing import Landed
from cmvmon.shell.rows.schema import DELIVERIES, LANDING_ANSWERS, UNJUDGED
from cmvmon.shell.store.session import Session

DISMISSED, TAKEN_BACK = "dismissed", "taken_back"
Way = tuple[str, str, str]  # id, feed, and what it is kept as
_U = UNJUDGED.c
_KEY = ("delivery_id", "feed", "kept_as")
_LISTED: Way = ("", "", "")


def land(store: Session, folder: Path, data: bytes, **told: Any) -> Landed:
    """As `landing.land`, and noted here unless it is settled: once its bytes are durable, before anything is judged.

    One that had landed may not have been noted: whoever landed it may have been killed before.
    """
    is_known = landing.has_landed(folder, data, told["feed"], told["table"] or told["form"])
    landed = landing.land(folder, data, **told)
    if is_known:
        with store.reading() as connection:
            if _is_settled(connection, way_of(landed)) or landing.is_parted(folder, landed):
                return landed
    with store.writing() as connection:
        note(connection, landed)
    return landed


def note(connection: sa.Connection, landed: Landed) -> None:
    """Says that it waits to be judged."""
    row = dict(zip(_KEY, way_of(landed), strict=True)) | {"landed_at": landed.landed_at}
    connection.execute(dialects.of(connection).insert_new(UNJUDGED), [row])


def judged(connection: sa.Connection, landed: Landed) -> None:
    """Says that it does not: its judging is stored, or its parts stand for it."""
    _away(connection, way_of(landed))


def way_of(landed: Landed) -> Way:
    """What tells one landed delivery from another."""
    return landed.delivery_id, landed.feed, landed.kept_as


def ways(connection: sa.Connection) -> list[Way]:
    """What waits to be judged, by id."""
    query = sa.select(_U.delivery_id, _U.feed, _U.kept_as).where(_U.delivery_id != "")
    return sorted(tuple(row) for row in connection.execute(query))


def waiting(connection: sa.Connection, folder: Path) -> list[Landed]:
    """The same as they landed, but for those whose note can't be read; in the order of landing."""
    found = []
    for way in ways(connection):
        try:
            found.append(landing.landed_by(landing.note_of(folder, *way)))
        except SiteError:
            continue
    return sorted(found, key=lambda one: (one.landed_at, one.delivery_id))


def never_judged(connection: sa.Connection, as_of: datetime) -> frozenset[str]:
    """The ids of deliveries that had landed by then, and of which one way was not judged: what came after is asked of its index."""
    d, other = DELIVERIES.c, DELIVERIES.alias("other").c
    is_of_it = sa.and_(other.delivery_id == _U.delivery_id, other.feed == _U.feed, _is_kept_as(other))
    had_landed = sa.or_(_U.landed_at.is_(None), _U.landed_at <= as_of)
    waits = sa.select(_U.delivery_id).where(_U.delivery_id != "", had_landed, ~sa.exists().where(is_of_it))
    found = set(connection.execute(waits).scalars())
    came_later = sa.select(d.delivery_id, d.feed, d.table_name, d.format).where(
        d.received_at > as_of, d.landed_at <= as_of, ~d.is_history
    )
    for of, feed, table, form in connection.execute(came_later):
        same = table if not FORMATS[form].names_tables else None
        before = sa.select(d.delivery_id).where(
            d.delivery_id == of, d.feed == feed, d.format == form, sa.or_(d.is_history, d.received_at <= as_of)
        )
        before = before if same is None else before.where(d.table_name == same)
        if connection.execute(before.limit(1)).first() is None:
            found.add(of)
    return frozenset(found)


def _is_kept_as(d: Any) -> sa.ColumnElement[bool]:
    return sa.or_(d.table_name == _U.kept_as, d.format == _U.kept_as)


def is_listed(connection: sa.Connection) -> bool:
    """Whether the folders were ever gone through for this store."""
    return connection.execute(sa.select(_U.delivery_id).where(_is(_LISTED))).first() is not None


def list_anew(connection: sa.Connection, folder: Path) -> None:
    """The table made again from the folders and what is stored: it is what follows from them, whatever it was."""
    there = {_way(note): note for note in landing.notes_besides(folder, _settled(connection))}
    there |= {(one, "", ""): folder / one for one in landing.without_note(folder)}
    listed = set(ways(connection))
    for way in listed - there.keys():
        if not (tries.has_failed(folder, *way) and landing.note_of(folder, *way).exists()):
            _away(connection, way)
    new = [dict(zip(_KEY, way, strict=True)) | {"landed_at": _landed_at(there[way])} for way in there.keys() - listed]
    if not is_listed(connection):
        new.append(dict(zip(_KEY, _LISTED, strict=True)) | {"landed_at": None})
    if new:
        connection.execute(dialects.of(connection).insert_new(UNJUDGED), new)


def _settled(connection: sa.Connection) -> frozenset[Way]:
    """What is judged, or dismissed by a person."""
    d = DELIVERIES.c
    rows = connection.execute(sa.select(d.delivery_id, d.feed, d.table_name, d.format).distinct())
    known = {(of, feed, form if FORMATS[form].names_tables else table) for of, feed, table, form in rows}
    return frozenset(known | {_key(row) for row in standing(connection)})


def _is_settled(connection: sa.Connection, way: Way) -> bool:
    """Whether that one is judged, or dismissed by a person."""
    of, feed, kept_as = way
    d = DELIVERIES.c
    rows = connection.execute(sa.select(d.table_name, d.format).where(d.delivery_id == of, d.feed == feed).distinct())
    if any(kept_as == (form if FORMATS[form].names_tables else table) for table, form in rows):
        return True
    return any(_key(row) == way for row in standing(connection))


def standing(connection: sa.Connection) -> list[dict[str, Any]]:
    """What persons said that stands: which deliveries are dismissed, the last word first."""
    a, newer = LANDING_ANSWERS.c, LANDING_ANSWERS.alias("newer").c
    is_replaced = sa.exists().where(*(newer[name] == a[name] for name in _KEY), newer.answered_at > a.answered_at)
    query = sa.select(LANDING_ANSWERS).where(~is_replaced, a.answer == DISMISSED).order_by(a.answered_at.desc())
    return [dict(row) for row in connection.execute(query).mappings()]


def answer(connection: sa.Connection, row: Mapping[str, Any], *, landed_at: datetime | None = None) -> None:
    """Writes a word on one landed delivery: dismissed, it waits no more; taken back, it waits again."""
    connection.execute(dialects.of(connection).insert_new(LANDING_ANSWERS), [dict(row)])
    _away(connection, _key(row))
    if row["answer"] == TAKEN_BACK:
        again = {name: row[name] for name in _KEY} | {"landed_at": landed_at}
        connection.execute(dialects.of(connection).insert_new(UNJUDGED), [again])


def _away(connection: sa.Connection, way: Way) -> None:
    connection.execute(sa.delete(UNJUDGED).where(_is(way)))


def _is(way: Way) -> sa.ColumnElement[bool]:
    return sa.and_(*(_U[name] == value for name, value in zip(_KEY, way, strict=True)))


def _key(row: Mapping[str, Any]) -> Way:
    return row["delivery_id"], row["feed"], row["kept_as"]


def _way(note: Path) -> Way:
    return note.parent.name, *landing.named(note.name)


def _landed_at(note: Path) -> datetime | None:
    try:
        return landing.landed_by(note).landed_at
    except SiteError:
        return None
