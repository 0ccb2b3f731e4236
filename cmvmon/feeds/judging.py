"""The records of one table judged, whatever they were written in: in a laboratory's words, or as they are exchanged."""

from __future__ import annotations

from zoneinfo import ZoneInfo

import polars as pl

from cmvmon.domain.delivered import Delivered
from cmvmon.feeds.judged import Arrival, Judged
from cmvmon.feeds.laboratory import Laboratory
from cmvmon.feeds.laboratory_results import judge_results
from cmvmon.feeds.patient_ids import placeholders
from cmvmon.feeds.records import EXCHANGE, Expected, Records, Writing
from cmvmon.feeds.standard_table import expected_columns, judge_table


def writing_of(table: Delivered | None, laboratory: Laboratory | None) -> Writing:
    """How the sender writes that table: a laboratory as its file says, an exchanged table always alike."""
    return laboratory.writing if laboratory is not None and table is not None and table.by_laboratory else EXCHANGE


def expected_of(table: Delivered, laboratory: Laboratory | None) -> Expected:
    """The delivered columns that the table is read from."""
    if table.by_laboratory and laboratory is not None:
        headers = tuple(laboratory.columns.values())
        return Expected(headers, headers)
    return expected_columns(table.rows)


def patient_header(table: Delivered, laboratory: Laboratory | None) -> str:
    """The delivered column that names the patient."""
    return laboratory.columns["patient_id"] if table.by_laboratory and laboratory is not None else "patient_id"


def judge(
    records: Records, table: Delivered, laboratory: Laboratory | None, arrival: Arrival, zone: ZoneInfo | None
) -> Judged:
    """Rows of the table, and the records that give none. Of a delivery of history a row dates itself.

    `zone`: of times without an offset in a table that no laboratory file describes; None = nobody states it.
    """
    if table.by_laboratory and laboratory is not None:
        judged = judge_results(records, laboratory, arrival)
    else:
        nobody = placeholders() if laboratory is None else laboratory.placeholder_patient_ids
        judged = judge_table(records, table.rows, placeholder_patient_ids=nobody, zone=zone, patients=table.patients)
    since = table.known_from() if arrival.history else pl.lit(arrival.received_at)
    accepted = judged.accepted.with_columns(
        received_at=since.cast(pl.Datetime("us", "UTC")), delivery_id=pl.lit(arrival.delivery_id)
    )
    withdrawals = judged.withdrawals
    if withdrawals is not None:
        # One of history that does not say when it was reported is taken as known since it was received.
        withdrawals = withdrawals.with_columns(
            received_at=pl.coalesce(since, pl.lit(arrival.received_at)).cast(pl.Datetime("us", "UTC")),
            delivery_id=pl.lit(arrival.delivery_id),
        )
    return Judged(accepted, judged.rejected, judged.ignored, withdrawals, judged.named)
