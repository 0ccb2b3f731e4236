"""The rows that an analysis set apart, as one table beside its results."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

import polars as pl

from cmvmon.feeds.reasons import remedy


def write_quarantined(out: Path, quarantined: Mapping[str, pl.DataFrame], *, computed: Collection[str]) -> None:
    """Every broken row: its table, place (line of a CSV, else null), reason, column, remedy, and itself as JSON text."""
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
        for name, frame in quarantined.items()
        if not frame.is_empty()
    ]
    columns = ("table_name", "line", "reason", "column", "remedy", "delivered_text")
    empty = pl.DataFrame(schema={name: pl.Int64 if name == "line" else pl.String for name in columns})
    pl.concat([empty, *parts], rechunk=True).write_parquet(out / "quarantined.parquet")
