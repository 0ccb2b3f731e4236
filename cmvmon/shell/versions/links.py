"""Which numbers are one patient, by the links that were known at a moment."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from cmvmon.domain.delivered import BIRTHS, LINKS, Delivered
from cmvmon.domain.patient_links import Links, links_at
from cmvmon.shell.rows.schema import VERSIONS
from cmvmon.shell.versions.stored_versions import chunks, stored_versions

_ANY = sa.select(VERSIONS[LINKS.name].c.version_number).limit(1)


def links(connection: sa.Connection, *, as_of: datetime, about: Collection[str] | None = None) -> Links:
    """Which numbers are one patient at `as_of`, by the links known then. `about`: only those that concern these numbers."""
    if connection.execute(_ANY).first() is None:
        return Links()
    among = None if about is None else linked(connection, about)
    current, contradicting = _current(stored_versions(connection, LINKS.rows, as_of, among), LINKS)
    named = {number for column in LINKS.patients for number in current[column]}
    return links_at(current, contradicting, as_of, births(connection, named, as_of=as_of))


def births(connection: sa.Connection, numbers: Collection[str], *, as_of: datetime) -> pl.DataFrame:
    """Every version of the dates of birth of these numbers, as they came, known at `as_of`; none of one that was withdrawn."""
    is_withdrawn = pl.col("is_withdrawn").any().over("record_key")
    return stored_versions(connection, BIRTHS.rows, as_of, numbers).filter(~is_withdrawn).select(*BIRTHS.rows.schema)


def linked(connection: sa.Connection, numbers: Collection[str]) -> frozenset[str]:
    """These numbers, and every one that a link ever joined to one of them, and so on."""
    c = VERSIONS[LINKS.name].c
    ways = [(c[one], c[other]) for one in LINKS.patients for other in LINKS.patients if one != other]
    found = asked = frozenset(numbers)
    while asked:
        parts = [sa.select(other).where(one.in_(some)) for some in chunks(asked) for one, other in ways]
        asked = frozenset(name for part in parts for name in connection.execute(part.distinct()).scalars()) - found
        found |= asked
    return found


def led_on(connection: sa.Connection, numbers: Iterable[str], as_of: datetime) -> set[str]:
    """These patients, each under the number that they go on under."""
    found = set(numbers)
    if not found:
        return found
    one = links(connection, as_of=as_of, about=found)
    return {one.of(number) for number in found}


def _current(versions: pl.DataFrame, table: Delivered) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The last version of each record, withdrawn ones left out, and one row for each record whose last versions contradict
    each other."""
    said = pl.struct(table.rows.content)
    stamp = pl.struct("received_at", "landed_at").rank("dense").over("record_key")
    last = (
        versions.with_columns(stamp=stamp, said=said)
        .filter(pl.col("stamp") == pl.col("stamp").max().over("record_key"))
        .filter(~pl.col("is_withdrawn").any().over("record_key"))
        .unique(subset=["record_key", "said"], keep="first", maintain_order=True)
        .drop("stamp", "said")
    )
    several = pl.col("record_key").is_duplicated()
    return last.filter(~several), last.filter(several).unique(subset="record_key", keep="first", maintain_order=True)
