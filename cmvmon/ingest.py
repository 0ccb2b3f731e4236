"""Ingest: the bytes of one delivery as accepted rows, quarantined records and counts that add up; it stores nothing.

    received = accepted + quarantined + ignored, for each table that the delivery fills

Duplicates and conflicts are told by the store, which knows what came before. A delivery that can't be used, or the part
of it that fills one table, is returned as refused, with each of its records in quarantine; no content makes `ingest`
raise.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl

from cmvmon.domain import delivered
from cmvmon.domain.delivered import WHOLE_DELIVERY, WITHDRAWS_UNKNOWN, Delivered
from cmvmon.domain.errors import DeliveryError, NoLaboratoryFile, SiteError
from cmvmon.domain.identity import Named
from cmvmon.domain.rows import QUARANTINED_RECORDS
from cmvmon.feeds.formats import FORMATS, ONE_TABLE, Format
from cmvmon.feeds.judged import PLACE, REJECTED, Arrival, Judged
from cmvmon.feeds.judging import Declared, expected_of, judge, patient_header, patient_named, writing_of
from cmvmon.feeds.laboratory import Laboratory
from cmvmon.feeds.reasons import explain, remedy
from cmvmon.feeds.records import Records, refusal
from cmvmon.feeds.table_file import TableFile
from cmvmon.feeds.two_scales import is_log10_of

SHARE_JUDGED_FROM = 20  # records; in fewer, one bad morning is no reason to refuse the rest
REFUSED = "delivery_refused"


@dataclass(frozen=True)
class Part:
    """What one delivery brought for one table.

    Attributes:
        table: the table's name; `WHOLE_DELIVERY` for records of which it can't be told.
        accepted: rows of the table's row type, and record_number, line, delivered_text (the record as JSON text); of a feed
            with a table file also row_key (the key of a record that its feed numbers) and is_withdrawn.
        quarantined: rows of quarantined_records; `attempt` is 0 until the store numbers it.
        named: by record number, what a quarantined record names, where any of it could be read.
        withdrawals: of the quarantined, the records that take effect where the store knows what they withdraw: rows of
            the table without its `identity`, record_number, line, delivered_text.
        ignored: records that the laboratory file says are no CMV load.
        received: accepted + quarantined + ignored.
        refused: why this part was refused whole, or None.
        is_log10_of: of two records, whether the second prints in log10 what the first prints as it is; None where no
            laboratory's words say so.
    """

    table: str
    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    named: Mapping[int, Named]
    withdrawals: pl.DataFrame | None
    ignored: int
    received: int
    refused: DeliveryError | None
    is_log10_of: Callable[[Mapping[str, Any], Mapping[str, Any]], bool] | None = None


@dataclass(frozen=True)
class Intake:
    """What one delivery brought: a part for each table that it fills, at least one."""

    parts: tuple[Part, ...]

    @property
    def received(self) -> int:
        return sum(part.received for part in self.parts)


@dataclass(frozen=True)
class _Call:
    """What is the same for every part of a delivery."""

    feed: str
    form: Format
    declared: Declared
    arrival: Arrival
    only: frozenset[int] | None


def ingest(
    data: bytes,
    *,
    feed: str,
    table: str | None,
    laboratory: Laboratory | None,
    delivery_id: str,
    received_at: datetime,
    landed_at: datetime,
    form: str = ONE_TABLE,
    history: bool = False,
    only_records: Collection[int] | None = None,
    zone: ZoneInfo | None = None,
    table_file: TableFile | None = None,
) -> Intake:
    """Accepted rows, quarantined records and counts of one delivery, by the words of its feed's files.

    Args:
        table: the delivered table that the file holds; None where the format names its tables.
        laboratory: the feed's laboratory file; results can't be read without it.
        received_at: when cmvmon learned of it; `landed_at`: when its bytes were landed. Both with a zone.
        form: how it is written, a name in `cmvmon.feeds.formats`.
        history: rows are taken as known since they say (`Delivered.known_since`).
        only_records: judge the whole delivery again, and return these record numbers only.
        zone: of times without an offset in the other tables, where the table file says none; None = such a record is set
            apart.
        table_file: how the feed writes the other tables; None = in exchange form.

    Raises:
        SiteError: the call itself can't be carried out (unknown table, no laboratory file); never for content.
    """
    _check_call(feed, table, form, laboratory)
    arrival = Arrival(delivery_id, received_at, landed_at, history)
    only = None if only_records is None else frozenset(only_records)
    declared = Declared(laboratory, table_file, zone)
    call = _Call(feed, FORMATS[form], declared, arrival, only)
    name = table or WHOLE_DELIVERY
    writing = writing_of(delivered.BY_NAME.get(name), declared)
    try:
        read = call.form.read(data, name, writing)
    except DeliveryError as error:
        return Intake((_refused(name, Records((), ()), None, error, call),))
    order = (*delivered.NAMES, WHOLE_DELIVERY)
    parts = [_part(name, read[name], call) for name in order if name in read]
    return Intake(tuple(parts) or (_judged(WHOLE_DELIVERY, Records((), ()), _unjudged(Records((), ())), call),))


def _check_call(feed: str, table: str | None, form: str, laboratory: Laboratory | None) -> None:
    if FORMATS[form].names_tables:
        if table is not None:
            raise SiteError(f"{feed}: the records of a {form} file name their tables; leave the table out")
        return
    if table not in delivered.NAMES:
        raise SiteError(f"{feed}: no table {table!r} is taken in; use {', '.join(delivered.NAMES)}")
    if table in delivered.BY_LABORATORY and laboratory is None:
        raise NoLaboratoryFile(f"{feed}: {table} needs a laboratory file; add labs/{feed}.toml")


def _part(name: str, records: Records, call: _Call) -> Part:
    """The records of one table, judged; or all of them in quarantine, when they can't be that table."""
    table = delivered.BY_NAME.get(name)
    if table is None:
        return _judged(name, records, _unjudged(records), call)
    judged: Judged | None = None
    try:
        if table.by_laboratory and call.declared.laboratory is None:
            raise refusal("laboratory_file", f"{len(records.records)} record(s) were found")
        if call.form.names_tables and call.declared.sends(table) == delivered.WHOLE_SNAPSHOT:
            raise refusal("snapshot_of_messages", f"{len(records.records)} record(s) were found")
        expected = expected_of(table, call.declared)
        records = call.form.fitted(records, expected, writing_of(table, call.declared))
        judged = judge(records, table, call.declared, call.arrival)
        _check_share(judged, call.declared.max_quarantined_share(table))
    except DeliveryError as error:
        return _refused(name, records, judged, error, call)
    return _judged(name, records, judged, call)


def _unjudged(records: Records) -> Judged:
    """Records of no known table: none can be judged, each has its fault."""
    return Judged(pl.DataFrame(schema=PLACE), pl.DataFrame(records.unreadable(), schema=REJECTED, orient="row"))


def _check_share(judged: Judged, limit: float) -> None:
    """Nothing, unless so many records are set apart that the delivery or the feed's file must be wrong."""
    wrong = judged.rejected.filter(pl.col("reason") != WITHDRAWS_UNKNOWN)  # those are told by the store
    n_rejected = wrong.height
    received = judged.accepted.height + judged.rejected.height + len(judged.ignored)
    if received < SHARE_JUDGED_FROM or n_rejected <= limit * received:
        return
    counts = wrong.group_by("reason").len().sort(["len", "reason"], descending=[True, False])
    reasons = ", ".join(f"{reason} {n}" for reason, n in counts.iter_rows())
    raise refusal(
        "too_many_quarantined", f"{n_rejected} of {received} records can't be used, more than {limit:.0%} ({reasons})"
    )


def _refused(name: str, records: Records, judged: Judged | None, error: DeliveryError, call: _Call) -> Part:
    """Every record set apart as `delivery_refused`; an unreadable file is one record on line 1."""
    places = [(record.number, record.line) for record in records.records] or [(1, 1)]
    rejected = pl.DataFrame(places, schema=PLACE, orient="row").with_columns(
        reason=pl.lit(REFUSED), column=pl.lit(None, pl.String)
    )
    if judged is not None:  # the own reason of a record stays to be read, in its remedy
        own = judged.rejected.select("record_number", own="reason", own_column="column")
        rejected = rejected.join(own, on="record_number", how="left", maintain_order="left")
    table = delivered.BY_NAME.get(name)
    of_table = "" if table is None else f", {name}"
    none = pl.DataFrame(schema=PLACE if table is None else table.rows.schema | PLACE)
    refused = DeliveryError(error.code, f"{call.feed}{of_table}: {error}")
    named = {} if judged is None or table is None else dict(judged.named)
    if judged is not None and table is not None:
        named |= {row["record_number"]: Named.of(row, table.rows) for row in judged.accepted.to_dicts()}
    return _judged(name, records, Judged(none, rejected, named=named), call, refused)


def _judged(name: str, records: Records, judged: Judged, call: _Call, refused: DeliveryError | None = None) -> Part:
    if call.only is not None:
        judged = _only(judged, call.only)
    table = delivered.BY_NAME.get(name)
    rejected = judged.rejected
    by_number = {record.number: record for record in records.records}
    header = "patient_id" if table is None else patient_header(table, call.declared)
    named = [records.cell(by_number[n], header) if n in by_number else "" for n in rejected["record_number"]]
    quarantined = QUARANTINED_RECORDS.conform(
        rejected.with_columns(
            delivery_id=pl.lit(call.arrival.delivery_id),
            feed=pl.lit(call.feed),
            table_name=pl.lit(name),
            attempt=pl.lit(0),
            remedy=_remedies(rejected, call.feed, refused),
            patient_id=pl.Series(
                [
                    (patient or None) if table is None else patient_named(patient, table, call.declared)
                    for patient in named
                ],
                dtype=pl.String,
            ),
            delivered_text=_delivered_text(rejected, records),
        )
    )
    accepted = _as_rows(judged.accepted, table, records)
    received = accepted.height + quarantined.height + len(judged.ignored)
    withdrawals = None if judged.withdrawals is None else _as_rows(judged.withdrawals, table, records)
    scales = None
    laboratory = None if table is None else call.declared.words_of(table)
    if laboratory is not None:
        scales = partial(is_log10_of, grammar=laboratory.grammar)
    return Part(name, accepted, quarantined, judged.named, withdrawals, len(judged.ignored), received, refused, scales)


def _only(judged: Judged, numbers: frozenset[int]) -> Judged:
    wanted = pl.col("record_number").is_in(sorted(numbers))
    return replace(
        judged,
        accepted=judged.accepted.filter(wanted),
        rejected=judged.rejected.filter(wanted),
        withdrawals=None if judged.withdrawals is None else judged.withdrawals.filter(wanted),
        ignored=tuple(number for number in judged.ignored if number in numbers),
    )


def _as_rows(accepted: pl.DataFrame, table: Delivered | None, records: Records) -> pl.DataFrame:
    rows = accepted if table is None else table.rows.conform(accepted)
    numbers = [accepted[name] for name in ("row_key", "is_withdrawn") if name in accepted.columns]
    return rows.with_columns(accepted["record_number"], accepted["line"], _delivered_text(accepted, records), *numbers)


def _delivered_text(frame: pl.DataFrame, records: Records) -> pl.Series:
    """Each record as it was delivered, by its number; an empty JSON object where the file could not be read."""
    by_number = {record.number: record for record in records.records}
    texts = [
        records.delivered_text(by_number[number]) if number in by_number else "{}" for number in frame["record_number"]
    ]
    return pl.Series("delivered_text", texts, pl.String)


def _remedies(rejected: pl.DataFrame, feed: str, refused: DeliveryError | None) -> pl.Series:
    """One sentence for each rejected record; in a refused delivery with the record's own reason after it."""
    sentences = []
    for row in rejected.iter_rows(named=True):
        sentence = explain(row["reason"], feed=feed, column=row["column"], line=row["line"])
        if refused is not None:
            sentence += f" The refusal ({refused.code}): {remedy(refused.code)}"
        if row.get("own"):
            place = f" (column `{row['own_column']}`)" if row["own_column"] else ""
            sentence += f" This record by itself: {row['own']}{place}: {remedy(row['own'])}"
        sentences.append(sentence)
    return pl.Series("remedy", sentences, pl.String)
