"""What a delivery brought for one table: accepted rows, quarantined records with their remedies, and counts."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Any

import polars as pl

from cmvmon.domain.delivered import Delivered
from cmvmon.domain.errors import DeliveryError
from cmvmon.domain.identity import Named
from cmvmon.feeds.judged import NOTHING_NOTICED, Judged, Noticed
from cmvmon.feeds.reasons import explain, remedy
from cmvmon.feeds.records import Records


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
        noticed: what is odd in the accepted records; nothing, where only some that were set apart are judged again.
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
    noticed: Noticed = NOTHING_NOTICED


def joined(parts: Sequence[Part]) -> Part:
    """The parts of one table as one."""
    if len(parts) == 1:
        return parts[0]
    withdrawals = [part.withdrawals for part in parts if part.withdrawals is not None]
    return replace(
        parts[0],
        accepted=pl.concat([part.accepted for part in parts]),
        quarantined=pl.concat([part.quarantined for part in parts]),
        named={number: named for part in parts for number, named in part.named.items()},
        withdrawals=pl.concat(withdrawals) if withdrawals else None,
        ignored=sum(part.ignored for part in parts),
        received=sum(part.received for part in parts),
        noticed=reduce(Noticed.and_, (part.noticed for part in parts)),
    )


def only(judged: Judged, numbers: frozenset[int]) -> Judged:
    wanted = pl.col("record_number").is_in(sorted(numbers))
    return replace(
        judged,
        accepted=judged.accepted.filter(wanted),
        rejected=judged.rejected.filter(wanted),
        withdrawals=None if judged.withdrawals is None else judged.withdrawals.filter(wanted),
        ignored=tuple(number for number in judged.ignored if number in numbers),
        noticed=NOTHING_NOTICED,
    )


def as_rows(accepted: pl.DataFrame, table: Delivered | None, records: Records) -> pl.DataFrame:
    rows = accepted if table is None else table.rows.conform(accepted)
    numbers = [accepted[name] for name in ("row_key", "is_withdrawn") if name in accepted.columns]
    return rows.with_columns(accepted["record_number"], accepted["line"], delivered_text(accepted, records), *numbers)


def delivered_text(frame: pl.DataFrame, records: Records) -> pl.Series:
    """Each record as it was delivered, by its number; an empty JSON object where the file could not be read."""
    by_number = {record.number: record for record in records.records}
    texts = [
        records.delivered_text(by_number[number]) if number in by_number else "{}" for number in frame["record_number"]
    ]
    return pl.Series("delivered_text", texts, pl.String)


def remedies(
    rejected: pl.DataFrame, feed: str, table: str, refused: DeliveryError | None, place: str = "line"
) -> pl.Series:
    """One sentence for each rejected record; in a refused delivery with the record's own reason after it."""
    sentences = []
    for row in rejected.iter_rows(named=True):
        where = {"column": row["column"], "line": row["line"], "place": place}
        sentence = explain(row["reason"], feed=feed, table=table, **where)
        if refused is not None:
            sentence += f" The refusal ({refused.code}): {remedy(refused.code)}"
        if row.get("own"):
            column = f" (column `{row['own_column']}`)" if row["own_column"] else ""
            sentence += f" This record by itself: {row['own']}{column}: {remedy(row['own'], table=table)}"
        sentences.append(sentence)
    return pl.Series("remedy", sentences, pl.String)
