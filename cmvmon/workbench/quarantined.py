"""The rows that an analysis set apart, as one table beside its results."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from pathlib import Path

import polars as pl

from cmvmon.feeds.reasons import remedy

SET_APART = "quarantined"  # the name of that table
QUARANTINED = {
    name: pl.Int64() if name == "line" else pl.String()
    for name in ("table_name", "line", "reason", "column", "remedy", "delivered_text")
}

Apart = Iterable[tuple[str, pl.DataFrame]]


def write_quarantined(out: Path, quarantined: Apart, *, computed: Collection[str]) -> None:
    """The broken rows of `quarantined_rows`, as quarantined.parquet."""
    quarantined_rows(quarantined, computed=computed).write_parquet(out / f"{SET_APART}.parquet")


def quarantined_rows(quarantined: Apart, *, computed: Collection[str]) -> pl.DataFrame:
    """Every broken row: its table, place (line of a CSV, else null), reason, column, remedy, and itself as JSON text.

    Args:
        quarantined: names of tables, and broken rows of each with `reason` and `column`.
        computed: the tables that no laboratory can mend: their rows have no remedy.
    """
    marks = ("record_number", "line", "reason", "column")
    parts = [
        frame.select(
            pl.lit(name).alias("table_name"),
            (pl.col("line") if "line" in frame.columns else pl.lit(None)).cast(pl.Int64).alias("line"),
            "reason",
            "column",
            pl.lit(None, pl.String).alias("remedy")
            if name in computed
            else pl.col("reason")
            .replace_strict({r: remedy(r, table=name) for r in frame["reason"].unique()})
            .alias("remedy"),
            pl.struct(pl.exclude(marks)).struct.json_encode().alias("delivered_text"),
        )
        for name, frame in quarantined
        if not frame.is_empty()
    ]
    return pl.concat([pl.DataFrame(schema=QUARANTINED), *parts], rechunk=True)
