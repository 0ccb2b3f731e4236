"""How a record that waits is named, and found by its name, by how its name begins, or by its delivery."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa

from cmvmon.domain.errors import SiteError
from cmvmon.shell.folder.landing import Landed
from cmvmon.shell.rows.schema import QUARANTINE
from cmvmon.shell.waiting import quarantine_answers

DELIVERY = 12  # so many characters of a delivery's id name it
_SHORTEST, _NAMED = 4, 5  # characters that a name may be cut to; names that are told of several
_WHERE = "`cmvmon quarantine list` prints the names"


def name(row: Mapping[str, Any]) -> str:
    """The name of a record: delivery, feed, table and number."""
    return f"{row['delivery_id'][:DELIVERY]}-{row['feed']}-{row['table_name']}-{row['record_number']}"


def delivery_name(way: Landed) -> str:
    """The name of a delivery of which no record was told apart."""
    return way_name(way.delivery_id, way.feed, way.kept_as)


def is_named(way: Landed, record: str) -> bool:
    """Whether a delivery of which no record was told apart is meant: by its name, or by its id in whatever ways it landed."""
    return record.strip() in (way.delivery_id, way.delivery_id[:DELIVERY], delivery_name(way))


def begins(way: Landed, record: str) -> bool:
    """Whether its name begins so."""
    return len(record.strip()) >= _SHORTEST and delivery_name(way).startswith(record.strip())


def way_name(delivery_id: str, feed: str, kept_as: str) -> str:
    """The same by its parts."""
    return f"{delivery_id[:DELIVERY]}-{feed}-{kept_as}"


def meant(connection: sa.Connection, rows: Sequence[dict[str, Any]], record: str) -> list[dict[str, Any]]:
    """Those of these waiting records that are meant: the one of that name, all of that delivery, or the one whose name begins so.

    Raises SiteError where none is, or several names begin so; where somebody answered it already, with who and when.
    """
    record = record.strip()
    of_delivery = [row for row in rows if record in (name(row), row["delivery_id"][:DELIVERY], row["delivery_id"])]
    if of_delivery:
        return of_delivery
    begun = [row for row in rows if len(record) >= _SHORTEST and name(row).startswith(record)]
    if len({quarantine_answers.mark(row) for row in begun}) > 1:
        named = ", ".join(sorted(name(row) for row in begun)[:_NAMED])
        more = f" and {len(begun) - _NAMED} more" if len(begun) > _NAMED else ""
        raise SiteError(f"{len(begun)} records have a name that begins so: {named}{more}. Give more of it; {_WHERE}")
    if not begun:
        raise SiteError(
            _answered_already(connection, record) or f"no record of that name waits in quarantine; {_WHERE}"
        )
    return begun


def one(connection: sa.Connection, rows: Sequence[dict[str, Any]], record: str) -> dict[str, Any]:
    """The one record that is meant. Raises SiteError as `meant`, and where a delivery with several is named."""
    found = meant(connection, rows, record)
    if len({quarantine_answers.mark(row) for row in found}) > 1:
        raise SiteError(f"{len(found)} records of that delivery wait; name one of them; {_WHERE}")
    return found[0]


def _answered_already(connection: sa.Connection, record: str) -> str | None:
    """Who answered the record of that name, where somebody did and the answer stands."""
    delivery, q = record.split("-")[0], QUARANTINE.c
    if len(delivery) < DELIVERY or not delivery.isalnum():
        return None
    stored = connection.execute(sa.select(QUARANTINE).where(q.delivery_id.startswith(delivery))).mappings()
    rows = [dict(row) for row in stored]
    marks = {quarantine_answers.mark(row) for row in rows if record in (name(row), row["delivery_id"], delivery)}
    said = [answer for answer in quarantine_answers.standing(connection) if answer["mark"] in marks]
    if not said:
        return None
    last = said[0]
    at = last["answered_at"].isoformat(sep=" ", timespec="seconds")
    way_back = (
        "it is in use since, and only the laboratory withdraws or corrects it"
        if last["answer"] == quarantine_answers.RELEASED
        else "`cmvmon quarantine reopen` takes an answer back"
    )
    return (
        f"that was answered already: {last['answer']} by {last['actor']} at {at} (`cmvmon quarantine list --answered` says why); "
        f"{way_back}. Nothing was done"
    )
