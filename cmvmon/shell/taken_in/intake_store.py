"""Deliveries into the store: one transaction holds the records, the quarantine, the counts and the delivery's hash.

Nothing is dropped and nothing doubled: received = accepted + quarantined + duplicates + ignored, for each table that a
delivery fills, checked by the database.
A record that brings what is known is a duplicate. A record that says something else under the same version of the same
key, or is of another sample under the same number, is kept beside the other and neither is used, in whichever
deliveries the two came (the reasons of `cmvmon.domain.conflicts`); of those that change a record (corrected, withdrawn)
only where they were received together, for else the later one holds.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

import polars as pl
import sqlalchemy as sa

from cmvmon import __version__
from cmvmon.domain.delivered import BY_NAME, REJECTED_BY_A_PERSON, ROWS, WHOLE_SNAPSHOT
from cmvmon.domain.errors import DeliveryError
from cmvmon.domain.identity import Named
from cmvmon.feeds.judged import NOTHING_NOTICED, Noticed
from cmvmon.feeds.part import Part
from cmvmon.feeds.reasons import remedy
from cmvmon.feeds.table_file import NOTHING_SAID, TableFile, TableForm
from cmvmon.ingest import Intake
from cmvmon.shell.folder.landing import Landed
from cmvmon.shell.rows.schema import DELIVERIES, QUARANTINE, VERSIONS
from cmvmon.shell.taken_in import snapshots
from cmvmon.shell.taken_in.beside_another import without_contradicted
from cmvmon.shell.taken_in.by_number import with_known_by_number
from cmvmon.shell.taken_in.earlier import Earlier, last_attempt
from cmvmon.shell.taken_in.told_apart import sorted_out
from cmvmon.shell.taken_in.whose_number import without_shared_numbers
from cmvmon.shell.waiting.quarantine import holds_any, list_after
from cmvmon.shell.waiting.said_of_records import without_rejected


@dataclass(frozen=True)
class Counted:
    """What one judging of one delivery came to for one table. `reasons` counts the quarantined records by code; `withdrawn`
    are records that were known before and stand no more."""

    delivery_id: str
    feed: str
    table: str
    attempt: int
    received: int
    accepted: int
    quarantined: int
    duplicates: int
    ignored: int
    reasons: Mapping[str, int]
    refused: str | None = None
    refused_because: str | None = None
    was_known: bool = False
    withdrawn: int = 0
    noticed: Noticed = NOTHING_NOTICED


@dataclass(frozen=True)
class TakenAs:
    """What a delivery is taken for.

    Attributes:
        table_file: says of each table what a delivery of it is; None = rows.
        is_whole: every record of it is judged; else only some that were set apart, and it withdraws nothing.
        refusal: why it is refused whatever it holds; None = it is not.
        state_an_authority: the laboratories whose file says who gives their patients' numbers.
    """

    table_file: TableFile | None = None
    is_whole: bool = True
    refusal: DeliveryError | None = None
    state_an_authority: frozenset[str] = frozenset()


AS_ROWS = TakenAs()
_AT_ONCE = 10_000  # records that are held as Python objects at one time


@dataclass(frozen=True)
class _Judging:
    """What is the same for every table of one judging."""

    landed: Landed
    received_at: datetime
    laboratory_file: str
    attempt: int
    taken_as: TakenAs

    def form(self, part: Part) -> TableForm:
        """What is said of that part's table: of a delivery of history, which tells what was, and of no table, nothing."""
        file, table = self.taken_as.table_file, BY_NAME.get(part.table)
        return NOTHING_SAID if file is None or table is None or self.landed.is_history else file.form(table)


def append(
    connection: sa.Connection,
    intake: Intake,
    *,
    landed: Landed,
    received_at: datetime,
    laboratory_file: str,
    before: Earlier | None,
    taken_as: TakenAs = AS_ROWS,
) -> tuple[Counted, ...]:
    """Stores one judged delivery and returns its counts by table. The caller holds the one transaction for all of them."""
    attempt = last_attempt(connection, landed) + 1
    judging = _Judging(landed, received_at, laboratory_file, attempt, taken_as)
    waiting = before.open_tables if before else frozenset()
    parts = [part for part in intake.parts if before is None or part.received or part.table in waiting]
    counted = [_append(connection, part, judging) for part in parts]
    for table in sorted(waiting - {part.table for part in parts}):  # its records were another table's
        nothing = Counted(landed.delivery_id, landed.feed, table, attempt, 0, 0, 0, 0, 0, {})
        _note(connection, nothing, judging, ROWS)
        list_after(connection, landed, table, ())
        counted.append(nothing)
    return tuple(counted)


def _append(connection: sa.Connection, part: Part, judging: _Judging) -> Counted:
    landed, attempt = judging.landed, judging.attempt
    part = with_known_by_number(connection, part)
    part = without_shared_numbers(connection, part, landed, stated=judging.taken_as.state_an_authority)
    part = without_contradicted(connection, part, landed, received_at=judging.received_at)
    form = judging.form(part)
    is_snapshot = form.sends == WHOLE_SNAPSHOT
    lacking: list[dict[str, Any]] = []
    n_gone = 0
    if judging.taken_as.refusal is not None:
        part = snapshots.as_refused(part, landed, judging.taken_as.refusal)
    elif is_snapshot and judging.taken_as.is_whole and part.refused is None:
        part, lacking, n_gone = snapshots.taken(connection, part, landed, form, judging.received_at)
    gone = snapshots.withdrawn(lacking, landed, judging.received_at, attempt)
    part, rejected = without_rejected(connection, part, landed)
    quarantined = _named(part.quarantined.with_columns(attempt=pl.lit(attempt)), part.named)
    quarantined += _set_apart([row | {"reason": REJECTED_BY_A_PERSON} for row in rejected], part.table, judging)
    n_accepted = n_withdrawn = duplicates = 0
    stored, are_named = set[tuple[str, str]](), holds_any(connection, landed.feed, part.table)
    for some in _by_key(part):
        accepted, conflicting, repeats = sorted_out(
            connection, some, landed, received_at=judging.received_at, tells_all=is_snapshot
        )
        n_accepted, duplicates = n_accepted + len(accepted), duplicates + repeats
        n_withdrawn += sum(bool(record.get("is_withdrawn")) for record in accepted)
        quarantined += _set_apart(conflicting, part.table, judging)
        kept = [
            record | {"attempt": attempt, "landed_at": _holds_from(record, judging)}
            for record in (*accepted, *(c for c in conflicting if c.pop("is_new")))
        ]
        _insert(connection, VERSIONS.get(part.table), kept)
        stored |= {(record["patient_id"], record["record_key"]) for record in kept} if are_named else set()
    _insert(connection, VERSIONS.get(part.table), gone)
    counted = Counted(
        delivery_id=landed.delivery_id,
        feed=landed.feed,
        table=part.table,
        attempt=attempt,
        received=part.received,
        accepted=n_accepted,
        quarantined=len(quarantined),
        duplicates=duplicates,
        ignored=part.ignored,
        reasons=dict(sorted(Counter(str(row["reason"]) for row in quarantined).items())),
        refused=None if part.refused is None else part.refused.code,
        refused_because=None if part.refused is None else str(part.refused),
        withdrawn=n_gone + n_withdrawn,
        noticed=part.noticed,
    )
    _note(connection, counted, judging, form.sends)
    _insert(connection, QUARANTINE, quarantined)
    list_after(connection, landed, part.table, stored, is_all=is_snapshot)
    return counted


def _by_key(part: Part) -> Iterator[Part]:
    """The part as several of about `_AT_ONCE` accepted records, those of one key together: only they can contradict each other.

    A part of few records is given as it is.
    """
    n = -(-part.accepted.height // _AT_ONCE)
    if n < 2:
        yield part
        return
    key = pl.struct(BY_NAME[part.table].rows.key).hash(seed=0)
    if "row_key" in part.accepted.columns:
        is_numbered = pl.col("row_key").fill_null("") != ""
        key = pl.when(is_numbered).then(pl.col("row_key").hash(seed=0)).otherwise(key)
    of = part.accepted.select(key % n).to_series()
    for number in range(n):
        yield replace(part, accepted=part.accepted.filter(of == number))


def _holds_from(record: Mapping[str, Any], judging: _Judging) -> datetime:
    """What orders a version among those received with it. A withdrawal that waited for its record holds after it."""
    landed_at: datetime = record["landed_at"]
    return max(landed_at, judging.received_at) if record.get("is_withdrawn") and judging.attempt > 1 else landed_at


def _note(connection: sa.Connection, counted: Counted, judging: _Judging, sends: str) -> None:
    """The delivery's row for one table."""
    landed = judging.landed
    counts = ("refused", "refused_because", "received", "accepted", "quarantined", "duplicates", "ignored", "withdrawn")
    connection.execute(
        sa.insert(DELIVERIES),
        {
            "delivery_id": landed.delivery_id,
            "feed": landed.feed,
            "table_name": counted.table,
            "attempt": judging.attempt,
            "file_name": landed.file_name,
            "landed_at": landed.landed_at,
            "received_at": judging.received_at,
            "is_history": landed.is_history,
            "laboratory_file": judging.laboratory_file,
            "code_version": __version__,
            "format": landed.form,
            "sends": sends,
            **asdict(counted.noticed),
            **{name: getattr(counted, name) for name in counts},
        },
    )


def _named(quarantined: pl.DataFrame, named: Mapping[int, Named]) -> list[dict[str, Any]]:
    """Those rows with what each of them names; null where nothing could be read."""
    return [row | _names(named.get(row["record_number"]), row["table_name"]) for row in quarantined.to_dicts()]


def _names(named: Named | None, table: str) -> dict[str, str | None]:
    if named is None:
        return {"identity": None, "named_patient": None, "named_key": None}
    key = named.key(BY_NAME[table].rows)
    return {"identity": named.written(), "named_patient": named.read.get("patient_id") or None, "named_key": key}


def _set_apart(records: Sequence[dict[str, Any]], table: str, judging: _Judging) -> list[dict[str, Any]]:
    return [
        {
            "delivery_id": judging.landed.delivery_id,
            "feed": judging.landed.feed,
            "table_name": table,
            "attempt": judging.attempt,
            "record_number": record["record_number"],
            "line": record["line"],
            "reason": record["reason"],
            "column": None,
            "remedy": remedy(record["reason"], table=table),
            "patient_id": record["patient_id"],
            "delivered_text": record["delivered_text"],
        }
        | _names(Named.of(record, BY_NAME[table].rows), table)
        for record in records
    ]


def _insert(connection: sa.Connection, table: sa.Table | None, rows: Sequence[dict[str, Any]]) -> None:
    if rows and table is not None:
        names = [column.name for column in table.columns if column.name in rows[0]]
        connection.execute(sa.insert(table), [{name: row[name] for name in names} for row in rows])
