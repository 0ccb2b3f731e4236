"""When each feed last gave a sign of life, and which tables it is too long ago for, by what the feeds' files declare.

A sign of life is a delivery that arrived and was not refused, with records or without, also one whose bytes were known. That
it was judged again, as after a file of the feed was changed, is none; nor is a file that lies where it lay.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from cmvmon.domain.delivered import BY_LABORATORY, BY_NAME, Delivered, with_what_it_tells
from cmvmon.domain.errors import ProtocolError
from cmvmon.feeds.rhythm import Rhythm
from cmvmon.shell.folder.site import Site
from cmvmon.shell.rows.schema import ARRIVALS, DELIVERIES, VERSIONS
from cmvmon.shell.waiting import feed_state


def last_sign(connection: sa.Connection, feed: str, table: str, *, as_of: datetime) -> datetime | None:
    """The last sign of life of that table of that feed by `as_of`; None = none."""
    given = {"in_feed": feed, "of_table": table, "as_of": as_of}
    landed, came = _last_landed_and_came()
    found = [min(row) for row in connection.execute(landed, given)] + list(connection.execute(came, given).scalars())
    return max(found, default=None)


@cache
def _last_landed_and_came() -> tuple[sa.Select[tuple[datetime, datetime]], sa.Select[tuple[datetime]]]:
    """When the last delivery landed and was received, and when the last bytes came; made once, for it is asked of every feed."""
    d, a = DELIVERIES.c, ARRIVALS.c
    feed, table = sa.bindparam("in_feed", type_=d.feed.type), sa.bindparam("of_table", type_=d.table_name.type)
    as_of = sa.bindparam("as_of", type_=d.received_at.type)
    # Written so that the last is looked up in the order of landing, or a delivery by its id: nearly everything came before as_of.
    taken_in = (d.feed == feed, d.table_name == table, d.refused.is_(None), (d.received_at > as_of).is_not(True))
    landed = sa.select(d.landed_at, d.received_at).where(*taken_in).order_by(d.landed_at.desc()).limit(1)
    is_kept_as = a.table_name.in_([d.table_name, d.format])  # its table, or a format that names its tables
    came = (
        sa.select(a.arrived_at)
        .where(a.feed == feed, a.arrived_at <= as_of)
        .where(sa.exists().where(*taken_in, d.delivery_id == a.delivery_id, is_kept_as))
        .order_by(a.arrived_at.desc())
        .limit(1)
    )
    return landed, came


def last_signs(connection: sa.Connection, *, as_of: datetime) -> dict[tuple[str, str], datetime]:
    """By feed and table, the last sign of life by `as_of`, where there was one."""
    signs = {
        (feed, table): last_sign(connection, feed, table, as_of=as_of)
        for feed, table in feed_state.feeds_and_tables(connection)
    }
    return {place: last for place, last in signs.items() if last is not None}


def last_heard(signs: Mapping[tuple[str, str], datetime], *, as_of: datetime) -> dict[str, datetime]:
    """By table, until when all of its feeds have been heard of: the first of the last signs among those of the last day.

    A feed that was heard of longer ago, as one that brought a file once, says nothing of now; where all are such, the last.
    """
    by_table: dict[str, list[datetime]] = {}
    for (_, name), last in signs.items():
        for table in with_what_it_tells(name):
            by_table.setdefault(table, []).append(last)
    lately = {table: [at for at in each if as_of - at <= timedelta(days=1)] for table, each in by_table.items()}
    return {table: min(lately[table]) if lately[table] else max(each) for table, each in by_table.items()}


def rhythm_of(site: Site, feed: str, table: str) -> Rhythm | None:
    """How often that table of that feed comes; None = its file does not say. Raises ProtocolError for a file that can't be
    read."""
    if table in BY_LABORATORY:
        laboratory = site.laboratory(feed)
        return None if laboratory is None else laboratory.rhythm
    file = site.table_file(feed) if table in BY_NAME else None
    return None if file is None else file.form(BY_NAME[table]).rhythm


def keeps_rhythm(site: Site, feed: str, table: str, last: datetime | None, *, as_of: datetime) -> bool | None:
    """Whether the last sign of life lies within what is agreed; None = nothing is agreed, or there was none.

    What is agreed in a file that can't be read is not kept: nothing of that feed is taken in until the file is mended.
    """
    if last is None:
        return None
    try:
        rhythm = rhythm_of(site, feed, table)
    except ProtocolError:
        return False
    return None if rhythm is None else rhythm.is_kept(last, as_of=as_of, site_zone=ZoneInfo(site.settings().time_zone))


def rhythms_kept(
    signs: Mapping[tuple[str, str], datetime], site: Site, *, as_of: datetime
) -> dict[tuple[str, str], bool]:
    """By feed and table, whether its last sign of life (`last_signs`) lies within what is agreed, where anything is agreed."""
    asked = {place: keeps_rhythm(site, *place, last, as_of=as_of) for place, last in signs.items()}
    return {place: is_kept for place, is_kept in asked.items() if is_kept is not None}


def silent_tables(
    signs: Mapping[tuple[str, str], datetime], kept: Mapping[tuple[str, str], bool]
) -> dict[str, datetime]:
    """The tables of which every feed that says how often it comes is silent (`rhythms_kept`): the last of its signs of life."""
    of_table: dict[str, list[tuple[str, str]]] = {}
    for place in kept:
        for table in with_what_it_tells(place[1]):
            of_table.setdefault(table, []).append(place)
    silent = {table: each for table, each in of_table.items() if not any(kept[place] for place in each)}
    return {table: max(signs[place] for place in each) for table, each in silent.items()}


def silent_laboratories(
    signs: Mapping[tuple[str, str], datetime], kept: Mapping[tuple[str, str], bool]
) -> dict[str, datetime]:
    """The laboratories whose results have stayed away for longer than their file says (`rhythms_kept`), each with the last of its
    signs of life: a laboratory's results come by the feed of its name."""
    return {
        feed: signs[feed, table] for (feed, table), is_kept in kept.items() if table in BY_LABORATORY and not is_kept
    }


def silent_of(connection: sa.Connection, site: Site, table: str, *, as_of: datetime) -> dict[str, datetime]:
    """`silent_tables` of that table alone: its name and when it was last heard of, or nothing."""
    places = [place for place in feed_state.feeds_and_tables(connection) if table in with_what_it_tells(place[1])]
    asked = {place: last_sign(connection, *place, as_of=as_of) for place in places}
    signs = {place: last for place, last in asked.items() if last is not None}
    told = silent_tables(signs, rhythms_kept(signs, site, as_of=as_of))
    return {name: last for name, last in told.items() if name == table}


def ever_sent(connection: sa.Connection, table: Delivered, as_of: datetime) -> frozenset[str]:
    """Of the words that are asked for those that a row of the unit had held by then."""
    (column, asked), c = table.asked_for, VERSIONS[table.name].c
    rows = sa.select(c[column]).where(c.received_at <= as_of).limit(1)
    return frozenset(word for word in asked if connection.execute(rows.where(c[column] == word)).first() is not None)
