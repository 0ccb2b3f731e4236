"""Tables in exchange form (courses, stays, results, assays) as typed rows; whole columns at a time, for millions.

Exchange form is `ROWTYPE.exchanged`: CSV in UTF-8 with commas and a header, or a frame from Parquet with types of its
own. Empty = null. A date without a time is a broken row (`no_time`). A time without an offset is local to the zone that
is given. None is given unless somebody states one, and such a time is then a broken row (`time_without_zone`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal
from zoneinfo import ZoneInfo

import polars as pl

from cmvmon.domain.columns import Column, Kind, RowType, split_by_promises
from cmvmon.domain.constraints import OneOf
from cmvmon.feeds.csv_records import check_header, read_records
from cmvmon.feeds.judged import PLACE, REJECTED
from cmvmon.feeds.records import EXCHANGE, Expected, Fault, Records, refusal
from cmvmon.feeds.times import DAY_NUMBER

_UTC = ZoneInfo("UTC")
NO_FAULTS: Mapping[int, Fault] = MappingProxyType({})
_ROW = "row of the frame"
_DELIVERED = "delivered "
_NUMBER = r"^-?[0-9]+(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?$"
_DATE_ONLY = r"^(?:[0-9]{4}-[0-9]{2}-[0-9]{2}|[0-9]{8})$"
_OFFSET = r"(?:[Zz]|[+-][0-9]{2}:?[0-9]{2})$"
_MOMENT = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ](?:[01][0-9]|2[0-3]):[0-5][0-9](?::[0-5][0-9](?:\.[0-9]{1,9})?)? ?"
    r"(?:[Zz]|[+-](?:[01][0-9]|2[0-3]):?[0-5][0-9])?$"
)


def required_columns(row_type: RowType) -> tuple[str, ...]:
    """The exchanged columns that are never null: a table can't do without them. The others may be absent."""
    return tuple(c.name for c in row_type.columns if c.exchanged and not c.null_means)


def expected_columns(row_type: RowType) -> Expected:
    """The columns that a table in exchange form is read from."""
    return Expected(row_type.exchanged, required_columns(row_type))


def read_table(data: bytes, row_type: RowType, *, zone: ZoneInfo | None = None) -> tuple[pl.DataFrame, pl.DataFrame]:
    """A CSV in exchange form: the rows that can be used, and the broken ones as delivered.

    Both frames have `record_number` and `line`; the second has the exchanged columns as text, `reason` and `column`.

    Raises:
        DeliveryError: the file as a whole can't be used (encoding, quoting, separator, missing column, ...).
    """
    records = read_records(data, encoding=EXCHANGE.encoding, separator=EXCHANGE.separator)
    expected = expected_columns(row_type)
    check_header(records, expected=expected.columns, required=expected.required, separator=EXCHANGE.separator)
    return typed_records(records, row_type, zone)


def typed_records(
    records: Records, row_type: RowType, zone: ZoneInfo | None, faults: Mapping[int, Fault] = NO_FAULTS
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of records whose header was checked, and the broken ones, as `read_table` gives them.

    `faults`: by number of a record, why it gives no row whatever its cells say; the column is ours.
    """
    whole = records.readable
    present = [(at, name) for at, name in enumerate(records.header) if name in row_type.exchanged]
    columns: dict[str, list[str] | list[int]] = {name: [record.cells[at] for record in whole] for at, name in present}
    columns |= {"record_number": [r.number for r in whole], "line": [r.line for r in whole]}
    text: dict[str, pl.DataType] = {name: pl.String() for _, name in present}
    frame = pl.DataFrame(columns, schema=text | PLACE)
    rows, broken = typed(frame, row_type, zone=zone)
    if faults:
        wrong = pl.col("record_number").is_in(sorted(faults))
        told = [faults[number] for number in frame.filter(wrong)["record_number"]]
        reason, column = (
            pl.Series([f.code for f in told], dtype=pl.String),
            pl.Series([f.column for f in told], dtype=pl.String),
        )
        marked = frame.filter(wrong).with_columns(reason=reason, column=column)
        rows, broken = rows.filter(~wrong), pl.concat([broken.filter(~wrong), marked], how="diagonal")
    unreadable = pl.DataFrame(records.unreadable(), schema=REJECTED, orient="row")
    return rows, pl.concat([broken, unreadable], how="diagonal").sort("record_number")


def typed(
    frame_of_strings: pl.DataFrame, row_type: RowType, *, zone: ZoneInfo | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Rows of `row_type` read from text, and the rows that can't be used.

    Cells are stripped; an empty one is null. Numbers are `-12`, `3.5`, `1e7` and nothing else; moments are ISO 8601.
    `record_number` and `line` are carried when present; no other column is read.

    Returns:
        Rows with every column of the row type (those that cmvmon fills are null), and broken rows: the exchanged
        columns as delivered, `reason`, `column`. Order is kept.
    Raises:
        DeliveryError: `missing_column`; `wrong_type` when a column is no text.
    """
    not_text = [
        n for n in row_type.exchanged if n in frame_of_strings.columns and frame_of_strings.schema[n] != pl.String
    ]
    if not_text:
        raise refusal("wrong_type", f"{row_type.name}: column(s) {', '.join(not_text)} hold no text")
    return typed_exchange(frame_of_strings, row_type, zone=zone)


def typed_exchange(
    frame: pl.DataFrame, row_type: RowType, *, zone: ZoneInfo | None = None
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`typed` for a frame that came with types of its own (Parquet).

    Whole numbers become text ids; any unit and zone of a moment becomes microseconds UTC (a naive one is local to `zone`); a date
    is `no_time`; NaN and infinity are broken rows with the promise's reason, never null. Text is read as in `typed`.

    Raises:
        DeliveryError: `missing_column`; `wrong_type` when a column holds what can't be read without guessing.
    """
    missing = [name for name in required_columns(row_type) if name not in frame.columns]
    if missing:
        raise refusal("missing_column", f"{row_type.name}: the table lacks {', '.join(missing)}")
    carried = [name for name in PLACE if name in frame.columns]
    marked = _marked(frame, row_type, carried, zone)
    readable = marked.filter(pl.col("reason").is_null()).drop("reason", "column")
    rows, broken = split_by_promises(readable, row_type)
    unreadable = marked.filter(pl.col("reason").is_not_null())
    set_apart = pl.concat([part.select(_ROW, "reason", "column") for part in (unreadable, broken)]).sort(_ROW)
    as_delivered = frame[set_apart[_ROW]].select(
        *carried,
        *(
            _as_text(n, frame.schema[n]) if n in frame.columns else pl.lit(None, pl.String).alias(n)
            for n in row_type.exchanged
        ),
    )
    return rows.drop(_ROW), as_delivered.with_columns(set_apart["reason"], set_apart["column"])


def _marked(frame: pl.DataFrame, row_type: RowType, carried: Sequence[str], zone: ZoneInfo | None) -> pl.DataFrame:
    """Every row with its number, typed columns, and the first cell that could not be read: `reason` and `column`."""
    present = [column for column in row_type.columns if column.exchanged and column.name in frame.columns]
    reads = {column.name: _read(column, frame.schema[column.name], zone) for column in present}
    wrong = [f"{name} is {frame.schema[name]}" for name, read in reads.items() if read is None]
    if wrong:
        raise refusal("wrong_type", f"{row_type.name}: {', '.join(wrong)}")
    faults = {name: read.fault for name, read in reads.items() if read is not None and read.fault is not None}
    values = [(reads.get(c.name) or _ABSENT).value.cast(c.kind.dtype).alias(c.name) for c in row_type.columns]
    # In two steps: a fault is told from the value beside the delivered cell, and the value is computed once.
    both = frame.with_row_index(_ROW).select(
        _ROW, *carried, *values, *(pl.col(name).alias(_DELIVERED + name) for name in faults)
    )
    nothing = pl.lit(None, pl.String)
    marked = both.with_columns(
        reason=pl.coalesce(nothing, *faults.values()),
        column=pl.coalesce(nothing, *(pl.when(f.is_not_null()).then(pl.lit(n)) for n, f in faults.items())),
    )
    return marked.select(_ROW, *row_type.schema, *carried, "reason", "column")


@dataclass(frozen=True)
class _Read:
    """How a column is read: `value`, over the delivered columns; `fault`, over the value and the delivered cell.

    `fault` is the reason code where a cell can't be read, else null; None when every cell can.
    """

    value: pl.Expr
    fault: pl.Expr | None = None


_ABSENT = _Read(pl.lit(None))


def _read(column: Column, dtype: pl.DataType, zone: ZoneInfo | None) -> _Read | None:
    """How to read a column of that type as one of `column.kind`; None when it can't be read without guessing."""
    value, delivered = pl.col(column.name), pl.col(_DELIVERED + column.name)
    if dtype == pl.Null:
        return _ABSENT
    if dtype == pl.String or isinstance(dtype, (pl.Categorical, pl.Enum)):
        return _read_text(column, zone)
    if column.kind is Kind.TEXT and dtype.is_integer():
        return _Read(value.cast(pl.String))
    if column.kind is Kind.NUMBER and dtype.is_numeric():
        return _Read(value.cast(pl.Float64))
    if column.kind is Kind.MOMENT and dtype == pl.Date:
        return _Read(pl.lit(None), pl.when(delivered.is_not_null()).then(pl.lit("no_time")))
    if column.kind is Kind.MOMENT and isinstance(dtype, pl.Datetime):
        return _read_moments(value, delivered, dtype, zone)
    return None


def _read_moments(value: pl.Expr, delivered: pl.Expr, dtype: pl.Datetime, zone: ZoneInfo | None) -> _Read:
    known, cell = (pl.when(_is_on_calendar(each, dtype)).then(each) for each in (value, delivered))
    astray = pl.when(~_is_on_calendar(delivered, dtype)).then(pl.lit("implausible_date"))
    if dtype.time_zone is not None:
        return _Read(known.dt.convert_time_zone("UTC").dt.cast_time_unit("us"), astray)
    local = pl.lit(None) if zone is None else _local(known, zone, ambiguous="null").dt.cast_time_unit("us")
    why = pl.lit("time_without_zone") if zone is None else _why_not_local(cell, zone)
    return _Read(local, astray.when(delivered.is_not_null() & value.is_null()).then(why))


def _is_on_calendar(value: pl.Expr, dtype: pl.Datetime) -> pl.Expr:
    """Whether a moment lies in the years 1700 to 2250: polars stops the program on one that it can't convert."""
    per_second = {"ms": 10**3, "us": 10**6, "ns": 10**9}[dtype.time_unit]
    return value.to_physical().is_between(-8_520_336_000 * per_second, 8_836_000_000 * per_second)


def _as_text(name: str, dtype: pl.DataType) -> pl.Expr:
    """A delivered column as text, for people who look a broken row up; a moment off the calendar as its bare number."""
    value = pl.col(name)
    if not isinstance(dtype, pl.Datetime):
        return value.cast(pl.String, strict=False)
    printable = pl.when(_is_on_calendar(value, dtype)).then(value).cast(pl.String)
    return pl.coalesce(printable, value.to_physical().cast(pl.String)).alias(name)


def stripped(cell: pl.Expr) -> pl.Expr:
    """The text of a cell without blanks around it; null for an empty one."""
    text = cell.cast(pl.String).str.strip_chars()
    return pl.when(text != "").then(text)


def _read_text(column: Column, zone: ZoneInfo | None) -> _Read | None:
    value, delivered = pl.col(column.name), stripped(pl.col(_DELIVERED + column.name))
    text = stripped(pl.col(column.name))
    unread = delivered.is_not_null() & value.is_null()
    if column.kind is Kind.TEXT:
        return _Read(_of_list(text.str.to_lowercase() if column.any_case else text, column))
    if column.kind is Kind.NUMBER:
        number = pl.when(text.str.contains(_NUMBER)).then(text).cast(pl.Float64)
        return _Read(number, pl.when(unread).then(pl.lit("malformed_number")))
    if column.kind is Kind.MOMENT:
        return _Read(read_moment(text, zone), pl.when(unread).then(_why_no_moment(delivered, zone)))
    return None


def _of_list(text: pl.Expr, column: Column) -> pl.Expr:
    """The text; where the column has a word for what is none of its list, that word in place of such a text."""
    if not column.otherwise:
        return text
    listed = next(promise.values for promise in column.constraints if isinstance(promise, OneOf))
    return pl.when(text.is_in(list(listed)) | text.is_null()).then(text).otherwise(pl.lit(column.otherwise))


def read_moment(text: pl.Expr, zone: ZoneInfo | None) -> pl.Expr:
    """ISO 8601 text in UTC; null where it is not of that form or names no moment. Decimals are cut at six."""
    written = pl.when(text.str.contains(_MOMENT)).then(text)  # from here on every part has its place
    has_colon, has_none = (written.str.slice(-n, 1).is_in(["+", "-"]) for n in (6, 5))
    tail = pl.when(has_colon).then(written.str.slice(-6)).when(has_none).then(written.str.slice(-5))
    minutes = tail.str.slice(1, 2).cast(pl.Int64) * 60 + tail.str.slice(-2).cast(pl.Int64)
    ahead = pl.when(tail.str.starts_with("-")).then(-minutes).otherwise(minutes).fill_null(0)
    told = (_wall_clock(written) - pl.duration(microseconds=ahead * 60_000_000)).dt.replace_time_zone("UTC")
    if zone == _UTC:
        return told
    local = pl.lit(None) if zone is None else _local(_wall_clock(written), zone, ambiguous="null")
    return pl.when(_has_no_offset(written)).then(local).otherwise(told)


def _wall_clock(written: pl.Expr) -> pl.Expr:
    """Date and time as they are written, without their offset."""
    second = pl.when(written.str.slice(16, 1) == ":").then(written.str.slice(17, 2)).otherwise(pl.lit("00"))
    whole = written.str.slice(0, 10) + "T" + written.str.slice(11, 5) + ":" + second
    decimals = written.str.extract(r"\.([0-9]{1,6})").str.pad_end(6, "0").cast(pl.Int64).fill_null(0)
    local = whole.str.to_datetime("%Y-%m-%dT%H:%M:%S", time_unit="us", strict=False)
    return local + pl.duration(microseconds=decimals)


def _has_no_offset(text: pl.Expr) -> pl.Expr:
    return text.str.contains(_MOMENT) & ~text.str.contains(_OFFSET)


def _local(wall_clock: pl.Expr, zone: ZoneInfo, *, ambiguous: Literal["earliest", "null"]) -> pl.Expr:
    """The moment of a local time in UTC; null for one that the zone skipped."""
    placed = wall_clock.dt.replace_time_zone(zone.key, ambiguous=ambiguous, non_existent="null")
    return placed.dt.convert_time_zone("UTC")


def _why_not_local(wall_clock: pl.Expr, zone: ZoneInfo) -> pl.Expr:
    """The reason code of a local time that names no moment of the zone."""
    occurs = _local(wall_clock, zone, ambiguous="earliest").is_not_null()
    return pl.when(occurs).then(pl.lit("time_is_ambiguous")).otherwise(pl.lit("time_does_not_exist"))


def _why_no_moment(delivered: pl.Expr, zone: ZoneInfo | None) -> pl.Expr:
    """The reason code of a cell that names no moment."""
    is_days = delivered.str.contains(f"^(?:{DAY_NUMBER})$")
    code = (
        pl.when(delivered.str.contains(_DATE_ONLY))
        .then(pl.lit("no_time"))
        .when(is_days)
        .then(pl.lit("number_as_time"))
        .otherwise(pl.lit("malformed_time"))
    )
    if zone == _UTC:
        return code
    wall_clock = _wall_clock(delivered)
    local = pl.lit("time_without_zone") if zone is None else _why_not_local(wall_clock, zone)
    return pl.when(_has_no_offset(delivered) & wall_clock.is_not_null()).then(local).otherwise(code)
