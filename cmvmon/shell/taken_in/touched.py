"""Whom a delivery touches: everyone under whom one of its records stands or stood, or of whom it sets one apart."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from functools import cache

import sqlalchemy as sa

from cmvmon.domain.delivered import DELIVERED, LEADING, WHOLE_SNAPSHOT
from cmvmon.shell.rows.schema import DELIVERIES, QUARANTINE, VERSIONS
from cmvmon.shell.versions.links import linked, links
from cmvmon.shell.versions.stored_versions import chunks


def patients_of_delivery(connection: sa.Connection, delivery_id: str) -> frozenset[str]:
    """The patients whom that delivery touches: every patient under whom one of its records stands in any version, so
    that the one from whom a correction takes a result away is among them; of a link, every number that is joined to it. So are
    those of whom it sets a record apart; of a snapshot also of whom the one before it did, which it may have set right."""
    touched, of_links = _set_apart(connection, delivery_id), set[str]()
    for says_who, patient in connection.execute(_brought(), {"delivery": delivery_id}):
        (of_links if says_who else touched).add(patient)
    return frozenset(touched | linked(connection, of_links))


@cache
def _brought() -> sa.CompoundSelect[tuple[bool, str]]:
    """Of every table at once: whether it says who somebody is, and whom a record of `delivery` is of in any version."""
    delivery, parts = sa.bindparam("delivery", type_=DELIVERIES.c.delivery_id.type), []
    for table in DELIVERED:
        c = VERSIONS[table.name].c
        brought = sa.select(c.record_key).where(c.delivery_id == delivery)
        says_who = sa.literal(table.says_who, type_=sa.Boolean())
        parts += [sa.select(says_who, c[name]).where(c.record_key.in_(brought)).distinct() for name in table.patients]
    return sa.union_all(*parts)


def _set_apart(connection: sa.Connection, delivery_id: str) -> set[str]:
    """The patients named by records of that delivery that were set apart, and of the one before it where each tells all that
    holds."""
    d, q = DELIVERIES.c, QUARANTINE.c
    mine = sa.select(d.feed, d.table_name, d.sends, sa.func.max(d.received_at)).where(d.delivery_id == delivery_id)
    found: set[str] = set()
    for feed, table, sends, received_at in connection.execute(mine.group_by(d.feed, d.table_name, d.sends)).all():
        asked = [delivery_id]
        if sends == WHOLE_SNAPSHOT:
            before = sa.select(d.delivery_id).where(
                d.feed == feed, d.table_name == table, d.delivery_id != delivery_id, d.received_at <= received_at
            )
            newest = before.order_by(d.received_at.desc(), d.landed_at.desc()).limit(1)
            asked += connection.execute(newest).scalars()
        named = sa.select(q.named_patient).where(
            q.feed == feed, q.table_name == table, q.delivery_id.in_(asked), q.named_patient.is_not(None)
        )
        found |= set(connection.execute(named.distinct()).scalars())
    return found


def with_sharers(connection: sa.Connection, patients: Collection[str], *, as_of: datetime) -> frozenset[str]:
    """These patients and everyone under whom one of their results ever stood, and so on: whose a result is now, only all
    of its versions tell. With every number that is one patient with them."""
    c, other = VERSIONS[LEADING.name].c, VERSIONS[LEADING.name].alias("other").c
    shared = sa.select(other.patient_id).where(other.record_key == c.record_key, other.patient_id != c.patient_id)
    found, asked = frozenset[str](), frozenset(patients)
    while asked:
        asked = links(connection, as_of=as_of, about=asked).family(asked)
        found |= asked
        parts = [shared.where(c.patient_id.in_(some)).distinct() for some in chunks(asked)]
        asked = frozenset(name for part in parts for name in connection.execute(part).scalars()) - found
    return found
