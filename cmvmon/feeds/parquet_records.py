"""A Parquet file as a header and numbered records: every cell as the text that a CSV file would hold, to the letter.

    whole numbers, decimals      as they are         true, false     so
    floating point               the shortest text that reads back as the same number
    timestamps                   ISO 8601, with Z where the file knows the zone; without, they are local to the sender
    dates, times                 ISO 8601            null            an empty cell

A list, a record or bytes are no cell. A small file may unpack to a huge one: rows, columns and texts are held to limits before
they are unpacked, and a text that many rows share is held once. Damage within a page is seen where its writer added a sum.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from decimal import Decimal
from typing import Any

from cmvmon.feeds.json_numbers import Number
from cmvmon.feeds.records import Fault, Record, Records, refusal

MOST_BYTES = 200_000_000
MOST_UNPACKED_BYTES = 2_000_000_000
MOST_ROWS = 5_000_000
MOST_COLUMNS = 500
LONGEST_TEXT = 131_072  # characters of a cell, as of CSV
AT_ONCE = 10_000  # rows that are held as Python objects at one time
_NO_CELL = object()


def read_parquet(data: bytes) -> Iterator[Records]:
    """The records, some at a time, at least one part.

    Raises DeliveryError: `empty_file`, `too_large` or `malformed_parquet`; the latter also after parts were given.
    """
    import pyarrow as pa  # takes as long as all else that intake imports
    import pyarrow.parquet as pq

    if not data:
        raise refusal("empty_file", "0 bytes were found")
    if len(data) > MOST_BYTES:
        raise refusal("too_large", f"{len(data)} bytes were found, and at most {MOST_BYTES} are read at once")
    try:
        schema = pq.read_schema(io.BytesIO(data))
        texts = [
            field.name for field in schema if pa.types.is_string(field.type) or pa.types.is_large_string(field.type)
        ]
        file = pq.ParquetFile(io.BytesIO(data), read_dictionary=texts, page_checksum_verification=True)
        _check_size(file.metadata)
        yield from _parts(file)
    except (pa.ArrowException, OSError, ValueError, ArithmeticError, LookupError):  # what it says may quote the file
        raise refusal("malformed_parquet", "it can't be unpacked") from None


def _check_size(metadata: Any) -> None:
    groups = [metadata.row_group(at) for at in range(min(metadata.num_row_groups, MOST_ROWS))]
    for n, most, what in (
        (metadata.num_rows, MOST_ROWS, "rows"),
        (metadata.num_columns, MOST_COLUMNS, "columns"),
        (sum(group.total_byte_size for group in groups), MOST_UNPACKED_BYTES, "bytes once unpacked"),
    ):
        if n > most:
            raise refusal("too_large", f"there are more than {most} {what}")


def _parts(file: Any) -> Iterator[Records]:
    header = tuple(file.schema_arrow.names)
    number = 0
    for batch in file.iter_batches(batch_size=AT_ONCE):
        batch.validate(full=True)  # of a damaged file places and texts may point to nothing
        columns = [_cells(column) for column in batch.columns]
        records: list[Record] = []
        faults: dict[int, Fault] = {}
        for row in range(batch.num_rows):
            number += 1
            cells = tuple(column[row] for column in columns)
            bad = next((name for name, cell in zip(header, cells, strict=True) if cell is _NO_CELL), None)
            if bad is not None:
                faults[number] = Fault("no_cell", bad)
            records.append(Record(number, number, tuple("" if cell is _NO_CELL else cell for cell in cells)))
        yield Records(header, tuple(records), faults)
    if not number:
        yield Records(header, ())


def _cells(column: Any) -> list[Any]:
    """The cells of a column as texts; `_NO_CELL` for what is none."""
    import pyarrow as pa

    kind = column.type
    if pa.types.is_dictionary(kind):
        places, held = column.indices.to_pylist(), column.dictionary
        told = {at: held[at].as_py() for at in set(places) if at is not None}
        cells = {at: "" if one is None else one if _is_cell(one) else _NO_CELL for at, one in told.items()}
        return ["" if at is None else cells[at] for at in places]
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        column = column.cast(
            pa.timestamp("us", kind.tz), safe=False
        )  # no clock of a ward tells less than a microsecond
    if pa.types.is_float32(kind) or pa.types.is_float64(kind):
        column = column.cast(pa.string())  # the shortest text that reads back as the same
    write = _writer(pa, kind)
    return ["" if one is None else _NO_CELL if write is None else write(one) for one in column.to_pylist()]


def _writer(pa: Any, kind: Any) -> Callable[[Any], str] | None:
    is_a = pa.types
    if is_a.is_timestamp(kind) or is_a.is_date(kind) or is_a.is_time(kind):
        return lambda one: str(one.isoformat())
    if is_a.is_boolean(kind):
        return lambda one: "true" if one else "false"
    if is_a.is_integer(kind) or is_a.is_float32(kind) or is_a.is_float64(kind):
        return Number
    return (lambda one: Number(f"{Decimal(one):f}")) if is_a.is_decimal(kind) else None


def _is_cell(text: Any) -> bool:
    return isinstance(text, str) and len(text) <= LONGEST_TEXT and "\0" not in text
