"""A part of a delivery with some of its accepted rows set apart, for what stands in the store."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.identity import Named
from cmvmon.domain.rows import QUARANTINED_RECORDS
from cmvmon.feeds.part import Part
from cmvmon.feeds.reasons import explain
from cmvmon.shell.folder.landing import Landed


def with_set_apart(part: Part, landed: Landed, rows: Sequence[tuple[Mapping[str, Any], str, str | None]]) -> Part:
    """The part with those accepted rows, each with its reason and the column that is blamed, among the quarantined."""
    if not rows:
        return part
    table = BY_NAME[part.table]
    quarantined = pl.DataFrame(
        [
            {
                "delivery_id": landed.delivery_id,
                "feed": landed.feed,
                "table_name": part.table,
                "attempt": 0,
                "reason": reason,
                "column": column,
                "remedy": explain(reason, feed=landed.feed, column=column, line=row["line"]),
                **{name: row[name] for name in ("record_number", "line", "patient_id", "delivered_text")},
            }
            for row, reason, column in rows
        ],
        schema_overrides=QUARANTINED_RECORDS.schema,
    )
    numbers = [row["record_number"] for row, *_ in rows]
    return replace(
        part,
        accepted=part.accepted.filter(~pl.col("record_number").is_in(numbers)),
        quarantined=pl.concat([part.quarantined, QUARANTINED_RECORDS.conform(quarantined)]).sort("record_number"),
        named=dict(part.named) | {row["record_number"]: Named.of(row, table.rows) for row, *_ in rows},
    )
