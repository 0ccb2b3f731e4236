"""Ingest: the bytes of one delivery as accepted rows, quarantined records and counts that add up; it stores nothing.

    received = accepted + quarantined + ignored

Duplicates and conflicts are told by the store, which knows what came before. A delivery that can't be used is returned
as refused, with each of its records in quarantine; no content makes `ingest` raise.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.errors import DeliveryError, SiteError
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, QUARANTINED_RECORDS, VIRAL_LOAD_RESULTS
from cmvmon.feeds.csv_feed import Arrival, check_laboratory_header, judge_results
from cmvmon.feeds.csv_records import Records, read_records, refusal
from cmvmon.feeds.judged import PLACE, Judged
from cmvmon.feeds.laboratory import MAX_QUARANTINED_SHARE, Laboratory
from cmvmon.feeds.patient_ids import placeholders
from cmvmon.feeds.reasons import explain, remedy
from cmvmon.feeds.standard_table import ENCODING, SEPARATOR, check_table_header, judge_table

SHARE_JUDGED_FROM = 20  # records; in fewer, one bad morning is no reason to refuse the rest
_STANDARD = {table.name: table for table in (ANTIVIRAL_COURSES, ICU_STAYS)}
_HISTORY_KNOWN_SINCE = {ANTIVIRAL_COURSES.name: "started_at", ICU_STAYS.name: "admitted_at"}
REFUSED = "delivery_refused"


@dataclass(frozen=True)
class Intake:
    """What one delivery brought.

    Attributes:
        accepted: rows of the table's row type, and record_number, line, delivered_text (the record as JSON text).
        quarantined: rows of quarantined_records; `attempt` is 0 until the store numbers it.
        ignored: records that the laboratory file says are no CMV load.
        received: accepted + quarantined + ignored.
        refused: why the whole delivery was refused, or None.
    """

    accepted: pl.DataFrame
    quarantined: pl.DataFrame
    ignored: int
    received: int
    refused: DeliveryError | None


def ingest(
    data: bytes,
    *,
    feed: str,
    table: str,
    laboratory: Laboratory | None,
    delivery_id: str,
    received_at: datetime,
    landed_at: datetime,
    history: bool = False,
    only_records: Collection[int] | None = None,
) -> Intake:
    """Accepted rows, quarantined records and counts of one delivery, by the words of its laboratory file.

    Args:
        table: viral_load_results (needs a laboratory), antiviral_courses or icu_stays.
        received_at: when cmvmon learned of it; `landed_at`: when its bytes were landed. Both with a zone.
        history: rows are taken as known since they were reported (else collected, started, admitted).
        only_records: judge the whole delivery again, and return these record numbers only.

    Raises:
        SiteError: the call itself can't be carried out (unknown table, no laboratory); never for content.
    """
    if table != VIRAL_LOAD_RESULTS.name and table not in _STANDARD:
        raise SiteError(
            f"{feed}: no table {table!r} is taken in; use {VIRAL_LOAD_RESULTS.name}, {', '.join(_STANDARD)}"
        )
    if table == VIRAL_LOAD_RESULTS.name and laboratory is None:
        raise SiteError(f"{feed}: {table} needs a laboratory file; add labs/{feed}.toml")
    arrival = Arrival(delivery_id, received_at, landed_at, history)
    row_type = _STANDARD.get(table, VIRAL_LOAD_RESULTS)
    records, judged = Records((), ()), None
    refused: DeliveryError | None = None
    try:
        records = _records(data, table, laboratory)
        _check_header(records, row_type, laboratory)
        judged = _judge(records, row_type, laboratory, arrival)
        _check_share(judged, laboratory)
    except DeliveryError as error:
        refused = DeliveryError(error.code, f"{feed}, {table}: {error}")
        judged = _all_refused(records, judged, row_type)
    return _intake(judged, records, row_type, feed=feed, arrival=arrival, refused=refused, only=only_records)


def _records(data: bytes, table: str, laboratory: Laboratory | None) -> Records:
    if laboratory is None or table in _STANDARD:
        return read_records(data, encoding=ENCODING, separator=SEPARATOR)
    return read_records(data, encoding=laboratory.encoding, separator=laboratory.separator)


def _check_header(records: Records, row_type: RowType, laboratory: Laboratory | None) -> None:
    if laboratory is None or row_type is not VIRAL_LOAD_RESULTS:
        check_table_header(records, row_type)
    else:
        check_laboratory_header(records, laboratory)


def _judge(records: Records, row_type: RowType, laboratory: Laboratory | None, arrival: Arrival) -> Judged:
    if laboratory is not None and row_type is VIRAL_LOAD_RESULTS:
        return judge_results(records, laboratory, arrival)
    nobody = placeholders() if laboratory is None else laboratory.placeholder_patient_ids
    judged = judge_table(records, row_type, placeholder_patient_ids=nobody)
    since = pl.col(_HISTORY_KNOWN_SINCE[row_type.name]) if arrival.history else pl.lit(arrival.received_at)
    accepted = judged.accepted.with_columns(
        received_at=since.cast(pl.Datetime("us", "UTC")), delivery_id=pl.lit(arrival.delivery_id)
    )
    return Judged(accepted, judged.rejected)


def _check_share(judged: Judged, laboratory: Laboratory | None) -> None:
    """Nothing, unless so many records are set apart that the delivery or the laboratory file must be wrong."""
    limit = MAX_QUARANTINED_SHARE if laboratory is None else laboratory.max_quarantined_share
    n_rejected = judged.rejected.height
    received = judged.accepted.height + n_rejected + len(judged.ignored)
    if received < SHARE_JUDGED_FROM or n_rejected <= limit * received:
        return
    counts = judged.rejected.group_by("reason").len().sort(["len", "reason"], descending=[True, False])
    reasons = ", ".join(f"{reason} {n}" for reason, n in counts.iter_rows())
    raise refusal(
        "too_many_quarantined", f"{n_rejected} of {received} records can't be used, more than {limit:.0%} ({reasons})"
    )


def _all_refused(records: Records, judged: Judged | None, row_type: RowType) -> Judged:
    """Every record set apart as `delivery_refused`; an unreadable file is one record on line 1."""
    places = [(record.number, record.line) for record in records.records] or [(1, 1)]
    rejected = pl.DataFrame(places, schema=PLACE, orient="row").with_columns(
        reason=pl.lit(REFUSED), column=pl.lit(None, pl.String)
    )
    if judged is not None:  # the own reason of a record stays to be read, in its remedy
        own = judged.rejected.select("record_number", own="reason", own_column="column")
        rejected = rejected.join(own, on="record_number", how="left", maintain_order="left")
    return Judged(pl.DataFrame(schema=row_type.schema | PLACE), rejected)


def _intake(
    judged: Judged,
    records: Records,
    row_type: RowType,
    *,
    feed: str,
    arrival: Arrival,
    refused: DeliveryError | None,
    only: Collection[int] | None,
) -> Intake:
    accepted, rejected, ignored = judged.accepted, judged.rejected, judged.ignored
    if only is not None:
        wanted = sorted(set(only))
        accepted = accepted.filter(pl.col("record_number").is_in(wanted))
        rejected = rejected.filter(pl.col("record_number").is_in(wanted))
        ignored = tuple(number for number in ignored if number in wanted)
    quarantined = QUARANTINED_RECORDS.conform(
        rejected.with_columns(
            delivery_id=pl.lit(arrival.delivery_id),
            feed=pl.lit(feed),
            table_name=pl.lit(row_type.name),
            attempt=pl.lit(0),
            remedy=_remedies(rejected, feed, refused),
            delivered_text=_delivered_text(rejected, records),
        )
    )
    accepted = row_type.conform(accepted).with_columns(
        accepted["record_number"], accepted["line"], _delivered_text(accepted, records)
    )
    received = accepted.height + quarantined.height + len(ignored)
    return Intake(accepted, quarantined, len(ignored), received, refused)


def _delivered_text(frame: pl.DataFrame, records: Records) -> pl.Series:
    """Each record as it was delivered, by its number; an empty JSON object where the file could not be read."""
    texts = [
        records.delivered_text(records.records[number - 1]) if number <= len(records.records) else "{}"
        for number in frame["record_number"]
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
