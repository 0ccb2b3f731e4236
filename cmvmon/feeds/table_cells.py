"""The records of an exchanged table from a feed's own words into ours, as its table file declares; nothing is guessed.

What a cell says is judged afterwards, as if the sender had written our columns. A cell that can't be put into our words
stays as it was delivered, and its record has a fault.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from zoneinfo import ZoneInfo

from cmvmon.domain.columns import Kind, RowType
from cmvmon.feeds.numerals import Marks, read_number
from cmvmon.feeds.reasons import Rejection
from cmvmon.feeds.records import Fault, Record, Records
from cmvmon.feeds.table_file import DOSES_PER_DAY, TableFile, TableForm, time_of
from cmvmon.feeds.times import ISO8601, read_time
from cmvmon.feeds.value_grammar import fold

_OUT_OF_RANGE = ("not_positive", "not_finite")  # a number all the same: the promises of its column say what is wrong


@dataclass(frozen=True)
class InOurWords:
    """Records under our headers, and by number of a record the first cell that could not be put into our words.

    The column of a fault is ours.
    """

    records: Records
    faults: Mapping[int, Fault] = field(default_factory=dict)


def in_our_words(records: Records, rows: RowType, form: TableForm, file: TableFile) -> InOurWords:
    """Those records, whose header was checked, with our columns and the words and numbers of an exchanged table."""
    places = {
        name: records.header.index(header) for name, header in _headers(rows, form).items() if header in records.header
    }
    readers = _readers(rows, form, file)
    header = tuple(
        name for name in rows.exchanged if name in places or (name == "interval_h" and DOSES_PER_DAY in places)
    )
    told: list[Record] = []
    faults: dict[int, Fault] = {}
    for record in records.records:
        if record.number in records.faults:
            told.append(record)
            continue
        delivered = {name: record.cells[place].strip() for name, place in places.items()}
        cells: list[str] = []
        for name in header:
            read = readers[name](delivered)
            if isinstance(read, Rejection):
                faults.setdefault(record.number, Fault(read.code, name))
            cells.append(_as_delivered(name, delivered) if isinstance(read, Rejection) else read)
        told.append(Record(record.number, record.line, tuple(cells)))
    return InOurWords(Records(header, tuple(told), records.faults, records.texts), faults)


def _headers(rows: RowType, form: TableForm) -> dict[str, str]:
    """Every column that can be read, with its delivered header."""
    return {name: form.header(name) for name in rows.exchanged} | dict(form.columns)


_Read = Callable[[Mapping[str, str]], str | Rejection]


def _readers(rows: RowType, form: TableForm, file: TableFile) -> dict[str, _Read]:
    """By our column, how its cell is read off the delivered ones."""
    readers: dict[str, _Read] = {}
    for column in rows.columns:
        if not column.exchanged:
            continue
        if column.kind is Kind.MOMENT:
            readers[column.name] = _moment(column.name, form, file)
        elif column.kind is Kind.NUMBER:
            is_rate = column.name == "interval_h" and DOSES_PER_DAY in form.columns
            readers[column.name] = _hours_between(file.marks) if is_rate else _number(column.name, file.marks)
        else:
            readers[column.name] = _word(column.name, form.words.get(column.name, {}))
    return readers


def _as_delivered(name: str, delivered: Mapping[str, str]) -> str:
    """The delivered cell, or cells, of one of our columns."""
    own = DOSES_PER_DAY if name == "interval_h" and DOSES_PER_DAY in delivered else name
    return " ".join(cell for cell in (delivered.get(own, ""), delivered.get(time_of(name), "")) if cell)


def _word(name: str, words: Mapping[str, str]) -> _Read:
    return lambda delivered: words.get(fold(delivered[name]), delivered[name])


def _number(name: str, marks: Marks) -> _Read:
    return lambda delivered: _plain(delivered[name], marks)


def _plain(text: str, marks: Marks) -> str | Rejection:
    if not text:
        return text
    read = read_number(text, marks)
    if not isinstance(read, Rejection):
        return repr(read.value)
    return text.replace(marks.decimal or ".", ".") if read.code in _OUT_OF_RANGE else read


def _hours_between(marks: Marks) -> _Read:
    def read(delivered: Mapping[str, str]) -> str | Rejection:
        text = delivered[DOSES_PER_DAY]
        often = read_number(text, marks) if text else None
        if isinstance(often, Rejection):
            return "0" if often.code in _OUT_OF_RANGE else often
        return "" if often is None else repr(24.0 / often.value)

    return read


def _moment(name: str, form: TableForm, file: TableFile) -> _Read:
    """ISO 8601 with its offset. Where nothing is declared of times, the cell as it is: read as in any exchanged table."""
    zone: ZoneInfo | None = file.time_zone
    is_joined = time_of(name) in form.columns
    if zone is None or (file.time_formats == (ISO8601,) and not file.hour_24_ends_day and not is_joined):
        return lambda delivered: _as_delivered(name, delivered)

    def read(delivered: Mapping[str, str]) -> str | Rejection:
        text = _as_delivered(name, delivered)
        if not text or (is_joined and not delivered[name]):
            return "" if not text else Rejection("malformed_time", name)
        moment = read_time(text, formats=file.time_formats, zone=zone, hour_24_ends_day=file.hour_24_ends_day)
        return moment.isoformat() if isinstance(moment, datetime) else Rejection(moment, name)

    return read
