"""A snapshot is all that holds: what a feed's newest one lacks is withdrawn from then on, or the snapshot is refused.

Nothing is deleted: a withdrawal is one more version of the record, received with the snapshot, so that what was known
before is still what was known then.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import polars as pl
import sqlalchemy as sa

from cmvmon.domain.delivered import BY_NAME, SNAPSHOT_REFUSED, TOO_MANY_WITHDRAWN, WHOLE_SNAPSHOT, Delivered
from cmvmon.domain.errors import DeliveryError
from cmvmon.domain.identity import Named, record_key
from cmvmon.domain.patient_links import Links
from cmvmon.domain.rows import QUARANTINED_RECORDS
from cmvmon.feeds.part import Part
from cmvmon.feeds.reasons import explain
from cmvmon.feeds.records import refusal
from cmvmon.feeds.table_file import TableForm
from cmvmon.shell.folder.landing import Landed
from cmvmon.shell.rows.schema import DELIVERIES, VERSIONS
from cmvmon.shell.versions.links import links

MAX_WITHDRAWN_SHARE = 0.5  # where none is declared
SHARE_JUDGED_FROM = 10  # standing records; of fewer, a few that end are no reason to doubt the rest


@dataclass(frozen=True)
class Newest:
    """The last snapshot of a feed's table that was taken in, and when it came."""

    delivery_id: str
    received_at: datetime
    landed_at: datetime


def newest(connection: sa.Connection, feed: str, table: str) -> Newest | None:
    """None where no snapshot was taken in."""
    d = DELIVERIES.c
    query = (
        sa.select(d.delivery_id, d.received_at, d.landed_at)
        .where(d.feed == feed, d.table_name == table, d.sends == WHOLE_SNAPSHOT, d.refused.is_(None))
        .order_by(d.received_at.desc(), d.landed_at.desc(), d.attempt.desc())
    )
    row = connection.execute(query.limit(1)).first()
    return None if row is None else Newest(row.delivery_id, row.received_at, row.landed_at)


def was_refused_since(connection: sa.Connection, landed: Landed, newest: Newest) -> bool:
    """Whether a snapshot of that feed and table was refused after the newest: the same bytes then say that it holds still."""
    d = DELIVERIES.c
    query = sa.select(d.delivery_id).where(
        d.feed == landed.feed,
        d.table_name == landed.kept_as,
        d.refused.is_not(None),
        d.received_at > newest.received_at,
    )
    return connection.execute(query.limit(1)).first() is not None


def taken(
    connection: sa.Connection, part: Part, landed: Landed, form: TableForm, received_at: datetime
) -> tuple[Part, list[dict[str, Any]], int]:
    """The part as it is to be stored, the standing records that it lacks, and how many of these are gone. A part that lacks
    too many is refused whole.

    A record that is set apart is not lacking: no standing record that it may be is withdrawn. One that is lacking is not gone
    where another record says what it said, under a number of its own or of the patient whom its own was merged into, or is of
    the same whole (the same stay).
    """
    table = BY_NAME[part.table]
    ours = _standing_of(connection, table, landed.feed)
    rows = part.accepted.to_dicts()
    held = {record_key(row, table.rows) for row in rows}
    unread = [part.named.get(number, Named({}, {})) for number in part.quarantined["record_number"]]
    since = None if form.holds_days is None else received_at - timedelta(days=form.holds_days)
    lacking = [
        row
        for key, row in ours.items()
        if key not in held and not any(one.may_be(row) for one in unread) and not _ended_before(row, table, since)
    ]
    numbers = {str(row["patient_id"]) for row in (*rows, *lacking)}
    one = Links() if table.says_who else links(connection, as_of=received_at, about=numbers)
    said = {_what(row, table, one) for row in rows}
    gone = [row for row in lacking if _what(row, table, one) not in said]
    new = Counter(one.of(row["patient_id"]) for row in rows if record_key(row, table.rows) not in ours)
    refused = _refusal(_n_unreplaced(gone, new, one), len(ours), part, landed, form)
    return (part, lacking, len(gone)) if refused is None else (as_refused(part, landed, refused), [], 0)


def _n_unreplaced(gone: Sequence[Mapping[str, Any]], new: Mapping[str, int], one: Links) -> int:
    """How many of them have no new record of their patient in their place: a start that was mended has one."""
    of_patient = Counter(one.of(row["patient_id"]) for row in gone)
    return sum(max(0, n - new.get(patient, 0)) for patient, n in of_patient.items())


def _refusal(n_gone: int, n_standing: int, part: Part, landed: Landed, form: TableForm) -> DeliveryError | None:
    """Why a snapshot is refused; None where it is not. A share that is declared is asked however little stands, and so it is
    of an empty one."""
    declared = form.max_withdrawn_share
    share = MAX_WITHDRAWN_SHARE if declared is None else declared
    is_asked = declared is not None or part.received == 0 or n_standing >= SHARE_JUDGED_FROM
    if not is_asked or n_gone <= share * n_standing:
        return None
    found = f"{landed.feed}, {part.table}: {n_gone} of {n_standing} standing records are gone from the {part.received} of it"
    return refusal(TOO_MANY_WITHDRAWN, f"{found}, more than {share:.0%}")


def _standing_of(connection: sa.Connection, table: Delivered, feed: str) -> dict[str, dict[str, Any]]:
    """By key, the last version of each record that stands and was last brought by that feed."""
    versions = VERSIONS[table.name]
    mine = sa.select(versions.c.record_key).where(versions.c.feed == feed)
    query = (
        sa.select(versions)
        .where(versions.c.record_key.in_(mine))
        .order_by(versions.c.received_at, versions.c.landed_at, versions.c.version_number)
    )
    last: dict[str, list[dict[str, Any]]] = {}
    for found in connection.execute(query).mappings():
        row = dict(found)
        before = last.get(row["record_key"], [])
        is_same = before and (before[0]["received_at"], before[0]["landed_at"]) == (
            row["received_at"],
            row["landed_at"],
        )
        last[row["record_key"]] = [*before, row] if is_same else [row]
    return {
        key: rows[-1]
        for key, rows in last.items()
        if rows[-1]["feed"] == feed and not any(row["is_withdrawn"] for row in rows)
    }


def _what(row: Mapping[str, Any], table: Delivered, one: Links) -> tuple[Any, ...]:
    """What a record is of, whichever of the numbers of one patient it came under."""
    names = (table.whole, "patient_id") if table.whole else table.rows.key
    return tuple(one.of(row[name]) if name == "patient_id" else row[name] for name in names)


def _ended_before(row: Mapping[str, Any], table: Delivered, since: datetime | None) -> bool:
    """Whether a record ended before a snapshot's first day, so that it need not be in it."""
    end = row[table.ends[0]]
    return since is not None and end is not None and end < since


def withdrawn(
    rows: Sequence[Mapping[str, Any]], landed: Landed, received_at: datetime, attempt: int
) -> list[dict[str, Any]]:
    """A version of each of these stored records that says that it stands no more since the snapshot was received."""
    return [
        {
            **{name: value for name, value in row.items() if name != "version_number"},
            "received_at": received_at,
            "landed_at": landed.landed_at,
            "delivery_id": landed.delivery_id,
            "attempt": attempt,
            "record_number": 0,  # no record of the delivery says so
            "content": (mark := withdrawal_of(row["content"])),
            "delivered": mark,
            "is_withdrawn": True,
        }
        for row in rows
    ]


def withdrawal_of(content: str) -> str:
    """The content hash of the version that withdraws a record of that content."""
    return hashlib.sha256(f"withdrawn {content}".encode()).hexdigest()


def as_refused(part: Part, landed: Landed, error: DeliveryError) -> Part:
    """The part with every record of it set apart, as refused whole."""
    remedy = f"{explain(SNAPSHOT_REFUSED, feed=landed.feed)} The refusal ({error.code}): {error}"
    records = pl.concat(
        [
            part.accepted.select("record_number", "line", "patient_id", "delivered_text"),
            part.quarantined.select("record_number", "line", "patient_id", "delivered_text"),
        ]
    ).sort("record_number")
    quarantined = records.with_columns(
        delivery_id=pl.lit(landed.delivery_id),
        feed=pl.lit(landed.feed),
        table_name=pl.lit(part.table),
        attempt=pl.lit(0),
        reason=pl.lit(SNAPSHOT_REFUSED),
        remedy=pl.lit(remedy),
    )
    rows = BY_NAME[part.table].rows
    named = dict(part.named) | {row["record_number"]: Named.of(row, rows) for row in part.accepted.to_dicts()}
    return replace(
        part,
        accepted=part.accepted.clear(),
        quarantined=QUARANTINED_RECORDS.conform(quarantined),
        named=named,
        refused=error,
        withdrawals=None,
    )
