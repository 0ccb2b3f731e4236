"""The tables of an analysis as they stand in a folder: found, read whole or in batches, typed."""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterator
from pathlib import Path
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.delivered import LINKS
from cmvmon.domain.errors import DeliveryError, SiteError
from cmvmon.feeds.standard_table import expected_columns, read_table, typed_exchange
from cmvmon.shell.basis.files import read_bytes

_HEADER_BYTES = 100_000
Typed = tuple[pl.DataFrame, pl.DataFrame]  # usable rows; broken rows as delivered, with `reason` and `column`


def zone_called(key: str | None) -> ZoneInfo | None:
    """The zone that somebody states for times without an offset; None = nobody does. Raises SiteError for a name of none."""
    try:
        return None if key is None else ZoneInfo(key)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise SiteError(f"zone is {key!r}, which is no IANA time zone; give one such as Europe/Amsterdam") from error


def find_table(source: Path, row_type: RowType) -> Path | None:
    """The file of that table; None when the folder has none. Raises SiteError when it has two."""
    parquet, csv = (source / f"{row_type.name}.{ending}" for ending in ("parquet", "csv"))
    if parquet.exists() and csv.exists():
        raise SiteError(f"{source.name} holds both {parquet.name} and {csv.name}; leave the one that counts")
    return csv if csv.exists() else parquet if parquet.exists() else None


def refuse_links(source: Path) -> None:
    """Nothing, unless the folder holds merged patient numbers: an analysis reads none. Raises SiteError."""
    if find_table(source, LINKS.rows) is not None:
        raise SiteError(
            f"{source.name} holds {LINKS.name}, which only a site applies; give each patient one number and leave it out"
        )


def files_not_read(source: Path, tables: Collection[str]) -> tuple[str, ...]:
    """The tables in the folder, by the names of their files, that an analysis of these `tables` passes over: spelt otherwise, or of
    something else."""
    found = (path for ending in ("csv", "parquet") for path in source.glob(f"*.{ending}"))
    return tuple(sorted(path.name for path in found if path.stem not in tables))


def headers_not_read(path: Path, row_type: RowType) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """The headers of a file that are no column of the table, and the columns that it has no header for; both in their order.

    A header that is spelt otherwise is in the first and its column in the second: its cells are read as if nothing had been delivered.
    """
    wanted = expected_columns(row_type).columns
    try:
        if path.suffix == ".csv":
            with path.open("rb") as file:
                text = file.read(_HEADER_BYTES).decode("utf-8-sig", errors="replace")
            found = [name.strip() for name in next(csv.reader(io.StringIO(text)), [])]
        else:
            found = pl.scan_parquet(path).collect_schema().names()
    except (pl.exceptions.PolarsError, OSError, csv.Error):
        return (), ()  # reading it says why
    known = {column.name for column in row_type.columns}
    return tuple(name for name in found if name and name not in known), tuple(n for n in wanted if n not in found)


def n_rows(path: Path) -> int:
    """How many rows a Parquet file holds, and about how many a CSV: its lines."""
    if path.suffix == ".csv":
        return read_bytes(path).count(b"\n")
    try:
        return int(pl.scan_parquet(path).select(pl.len()).collect().item())
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(path) from error


def read_whole(path: Path, row_type: RowType, zone: ZoneInfo | None) -> Typed:
    """Usable and broken rows of a table, `zone` being that of times without an offset (None = nobody states one).

    Raises DeliveryError or SiteError when it can't be read as a table.
    """
    (typed,) = read_batches(path, row_type, zone, rows=None)
    return typed


def read_batches(path: Path, row_type: RowType, zone: ZoneInfo | None, *, rows: int | None) -> Iterator[Typed]:
    """`read_whole` in batches of that many rows, in the order of the file, at least one; a CSV comes in one."""
    try:
        if path.suffix == ".csv":
            usable, broken = read_table(read_bytes(path), row_type, zone=zone)
            yield row_type.conform(usable), broken
            return
        whole = n_rows(path)
        step = max(whole, 1) if rows is None else rows
        for start in range(0, max(whole, 1), step):
            usable, broken = typed_exchange(_slice(path, start, step), row_type, zone=zone)
            yield row_type.conform(usable), broken
    except DeliveryError as error:
        raise DeliveryError(error.code, f"{row_type.name}: {error}") from error


def sample_of(path: Path, name: str, *, most: int = 100_000) -> pl.Series | None:
    """About `most` cells of a column of a Parquet file, evenly spaced, as text, unjudged; all where it has no more.

    None for a CSV, or when it has no such column.
    """
    if path.suffix == ".csv":
        return None
    try:
        scan = pl.scan_parquet(path)
        if name not in scan.collect_schema().names():
            return None
        cells = scan.select(pl.col(name)).gather_every(max(1, n_rows(path) // most)).collect()
        return cells.to_series().cast(pl.String, strict=False).str.strip_chars()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(path) from error


def _slice(path: Path, start: int, rows: int) -> pl.DataFrame:
    try:
        return pl.scan_parquet(path).slice(start, rows).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _unreadable(path) from error


def _unreadable(path: Path) -> SiteError:
    return SiteError(f"{path.name} is not a Parquet file that can be read; write it again")
