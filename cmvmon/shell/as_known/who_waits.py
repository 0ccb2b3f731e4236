"""Of whom something came in that nobody has judged yet."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cache

import sqlalchemy as sa

from cmvmon.domain.delivered import BIRTHS, DELIVERED, LINKS, Delivered
from cmvmon.shell.rows.schema import ASSESSED_PATIENTS, DELIVERIES, VERSIONS
from cmvmon.shell.versions.links import led_on, linked, links
from cmvmon.shell.versions.stored_versions import chunks


def waiting(
    connection: sa.Connection,
    table: Delivered,
    *,
    as_of: datetime,
    since: datetime | None = None,
    among: Collection[str] | None = None,
) -> set[str]:
    """Patients of whom a row of that table came in by `as_of`, and who were not judged since.

    Args:
        since: only rows that came in after it, as after a moment at which everybody was judged.
        among: only these patients.
    """
    c = VERSIONS[table.name].c
    numbers = None if among is None else links(connection, as_of=as_of, about=among).family(among)
    found: set[str] = set()
    for column in (c[name] for name in table.patients):
        query = sa.select(column).where(c.received_at <= as_of, _not_judged_since(column, c.received_at)).distinct()
        if since is not None:
            query = query.where(c.received_at > since)
        parts = [query] if numbers is None else [query.where(column.in_(some)) for some in chunks(numbers)]
        found |= {patient for part in parts for patient in connection.execute(part).scalars()}
    return led_on(connection, linked(connection, found) if _says_who(table) else found, as_of)


def waiting_since(connection: sa.Connection, *, as_of: datetime, since: datetime) -> set[str]:
    """`waiting` of every delivered table, since a moment at which everybody was judged: asked in one statement."""
    found, of_links = set[str](), set[str]()
    for says_who, patient in connection.execute(_all_waiting(), {"as_of": as_of, "since": since}):
        (of_links if says_who else found).add(patient)
    return led_on(connection, found | linked(connection, of_links), as_of)


def _not_judged_since(patient: sa.Column[str], moment: sa.Column[datetime]) -> sa.ColumnElement[bool]:
    a = ASSESSED_PATIENTS.c
    return ~sa.exists().where(a.patient_id == patient, a.as_of >= moment)


def _says_who(table: Delivered) -> bool:
    return table.says_who or table is BIRTHS  # a date of birth may end what a merge joined


@cache
def _all_waiting() -> sa.CompoundSelect[tuple[bool, str]]:
    """Of every table at once: whether it says who somebody is, and whom a row is of that came in after `since`, unjudged."""
    moment = DELIVERIES.c.received_at.type
    since, as_of, parts = sa.bindparam("since", type_=moment), sa.bindparam("as_of", type_=moment), []
    for table in DELIVERED:
        c = VERSIONS[table.name].c
        for column in (c[name] for name in table.patients):
            query = sa.select(sa.literal(_says_who(table), type_=sa.Boolean()), column).distinct()
            is_new = sa.and_(c.received_at <= as_of, c.received_at > since)
            parts.append(query.where(is_new, _not_judged_since(column, c.received_at)))
    return sa.union_all(*parts)


def joined_or_parted(connection: sa.Connection, *, after: datetime, as_of: datetime) -> frozenset[str]:
    """The numbers of which a link begins or ends after `after`, by `as_of`, and that were not judged since."""
    return linked(connection, set(connection.execute(_all_turned(), {"after": after, "as_of": as_of}).scalars()))


@cache
def _all_turned() -> sa.CompoundSelect[tuple[str]]:
    """Both numbers of every link that begins or ends after `after`, unjudged: in one statement."""
    c = VERSIONS[LINKS.name].c
    after, as_of = (sa.bindparam(name, type_=c.received_at.type) for name in ("after", "as_of"))
    parts = []
    for moment in (c[name] for name in (LINKS.starts, *LINKS.ends)):
        for column in (c[name] for name in LINKS.patients):
            turns = sa.and_(moment > after, moment <= as_of, c.received_at <= as_of)
            parts.append(sa.select(column).where(turns, _not_judged_since(column, moment)).distinct())
    return sa.union_all(*parts)
