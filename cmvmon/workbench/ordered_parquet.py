"""A Parquet file written piece by piece, whose bytes depend on its rows only, not on the pieces."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import polars as pl

if TYPE_CHECKING:
    import pyarrow.parquet as pq

ROW_GROUP = 65_536  # rows; every row group but the last holds exactly as many


class OrderedParquet:
    """Appends frames of one schema. Rows are held back until a row group is full.

    Only text is gathered into dictionaries and packed tightly (zstd): estimates hardly ever repeat, so that looking for
    repetition in them takes half of the time of writing and gains nothing. Numbers are packed fast (lz4). The least and the
    largest of each row group are noted of the columns `key` only, by which rows are looked up.
    """

    def __init__(self, path: Path, schema: dict[str, pl.DataType], *, key: Sequence[str]) -> None:
        import pyarrow.parquet as pq

        self._held = pl.DataFrame(schema=schema)
        arrow = self._arrow(self._held).schema
        texts = [name for name, dtype in schema.items() if dtype == pl.String]
        self._writer: pq.ParquetWriter = pq.ParquetWriter(
            path,
            arrow,
            use_dictionary=texts,
            compression={name: "zstd" if name in texts else "lz4" for name in schema},
            write_statistics=list(key),
        )

    def append(self, frame: pl.DataFrame) -> None:
        self._held = pl.concat([self._held, frame])
        full = self._held.height // ROW_GROUP * ROW_GROUP
        for start in range(0, full, ROW_GROUP):
            self._write(self._held.slice(start, ROW_GROUP))
        if full:  # through Arrow, which copies: a slice alone would keep the texts of every row that is written
            self._held = pl.DataFrame(self._arrow(self._held.slice(full)), schema=self._held.schema)

    def __enter__(self) -> OrderedParquet:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None and self._held.height:
            self._write(self._held)
        self._writer.close()

    def _write(self, rows: pl.DataFrame) -> None:
        self._writer.write_table(self._arrow(rows.rechunk()).combine_chunks(), row_group_size=ROW_GROUP)

    @staticmethod
    def _arrow(frame: pl.DataFrame) -> pq.Table:
        return frame.to_arrow(compat_level=pl.CompatLevel.oldest())
