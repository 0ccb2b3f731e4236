"""The records of one table in a delivery, whatever they were written in: a header, numbered cells, and what could not be read.

No message holds a cell of a record: a refusal names lines, offsets, encodings and expected headers only.
"""

from __future__ import annotations

import codecs
import io
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from functools import cached_property
from typing import Generic, NamedTuple, TextIO, TypeVar

from cmvmon.domain.errors import DeliveryError
from cmvmon.feeds.reasons import remedy

_BYTE_ORDER_MARKS = (
    (b"\xef\xbb\xbf", "utf-8"),
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)

_JSON = json.JSONEncoder(sort_keys=True, ensure_ascii=False)
T = TypeVar("T")
_PIECE = 1 << 20  # bytes


class Fault(NamedTuple):
    """Why a record can't be read as cells: a reason code, and the delivered column that is to blame or None."""

    code: str
    column: str | None


@dataclass(frozen=True)
class Messages:
    """What is declared of a sender's messages, where it sends messages.

    Attributes:
        ignored: their types that are counted and not read, `ADT` for all of them or `ADT^A01`.
        processing: what they may be sent for (in HL7 `P` production, `T` training, `D` debugging).
        end_may_lack: whether the last one of a file may lack the end of its last line.
        file_encoding_holds: whether the declared encoding holds, whatever a message says of its own.
        tables: the tables beside results that are read out of them, each with the places of its columns that are declared.
        words: of those tables, by our column, folded delivered word -> ours.
        patient_id: where the patient's number stands in them; "" = not declared.
        holds_results: whether results are read out of them: the feed has a laboratory file.
    """

    ignored: tuple[str, ...] = ()
    processing: tuple[str, ...] = ("P",)
    end_may_lack: bool = False
    file_encoding_holds: bool = False
    tables: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    words: Mapping[str, Mapping[str, Mapping[str, str]]] = field(default_factory=dict)
    patient_id: str = ""
    holds_results: bool = True


@dataclass(frozen=True)
class Writing:
    """How a sender writes: the encoding and the separator of the formats that have one, the decimal mark of numbers in
    text (None = none is declared), how many lines stand above the header, whether quoted cells may span lines, what
    is declared of messages, and which sheet of an Excel file is meant ("" = the only one that holds anything)."""

    encoding: str
    separator: str
    decimal: str | None = "."
    lines_above_header: int = 0
    cells_span_lines: bool = False
    messages: Messages = Messages()
    sheet: str = ""


EXCHANGE = Writing("utf-8", ",")  # how tables in exchange form are written


@dataclass(frozen=True)
class Expected:
    """The columns that a table is read from, those of them that it can't do without, and those that hold moments which a
    format may write in a way of its own."""

    columns: tuple[str, ...]
    required: tuple[str, ...]
    moments: frozenset[str] = frozenset()


class Unclear(str):
    """An empty cell: what is delivered for it are several texts, and it can't be told which is meant. `code` says why."""

    code: str

    def __new__(cls, code: str) -> Unclear:
        cell = super().__new__(cls, "")
        cell.code = code
        return cell


class Qualified(str):
    """A cell beside which something else says what it is not: `cannot_be` holds the detections that contradict it."""

    cannot_be: frozenset[str]

    def __new__(cls, text: str, cannot_be: Iterable[str]) -> Qualified:
        cell = super().__new__(cls, text)
        cell.cannot_be = frozenset(cannot_be)
        return cell


class Record(NamedTuple):
    """One record: its number in the delivery (from 1, without the header), its first line in the file, its cells."""

    number: int
    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Records:
    """The records of one table. Lines that hold nothing but separators are no records.

    Attributes:
        faults: by number of the record, why it can't be read as cells; every other record has a cell for each header.
        texts: by number of the record, its text as delivered, where the format keeps one of its own.
        ignored: numbers of the records that are counted and not read, as it is declared of their sender.
        names_of_tests: by number of the record, what it calls its test and the order of it, where the format keeps that apart.
        notes: by number of the record, the notes beside it, where the format has a place of its own for them.
        births: by number of the record, its patient's date of birth as it stands, where the format has a place of its own for it,
            which is `births_at`.
    """

    header: tuple[str, ...]
    records: tuple[Record, ...]
    faults: Mapping[int, Fault] = field(default_factory=dict)
    texts: Mapping[int, str] = field(default_factory=dict)
    ignored: frozenset[int] = frozenset()
    names_of_tests: Mapping[int, str] = field(default_factory=dict)
    notes: Mapping[int, str] = field(default_factory=dict)
    births: Mapping[int, str] = field(default_factory=dict)
    births_at: str = ""

    @property
    def readable(self) -> tuple[Record, ...]:
        """The records without a fault, but for those that are not read."""
        return tuple(r for r in self.records if r.number not in self.faults and r.number not in self.ignored)

    def unreadable(self) -> list[tuple[int, int, str, str | None]]:
        """Number, line, reason and column of each record with a fault."""
        return [(r.number, r.line, *self.faults[r.number]) for r in self.records if r.number in self.faults]

    def cell(self, record: Record, header: str) -> str:
        """The stripped cell under that header; empty where there is none."""
        place = self.header.index(header) if header in self.header else len(record.cells)
        return record.cells[place].strip() if place < len(record.cells) else ""

    def with_cells(self, columns: tuple[str, ...], cells: Mapping[int, tuple[str, ...]]) -> Records:
        """The same records under these columns: their cells by number of the record, empty ones where it is not among them."""
        nothing = ("",) * len(columns)
        return Records(
            columns,
            tuple(record._replace(cells=cells.get(record.number, nothing)) for record in self.records),
            self.faults,
            self.texts,
            self.ignored,
            self.names_of_tests,
            self.notes,
            self.births,
            self.births_at,
        )

    def delivered_text(self, record: Record) -> str:
        """The record as JSON text, header -> cell, keys sorted; a repeated or missing header is named by its place."""
        if record.number in self.texts:
            return self.texts[record.number]
        more = (f"#{place}" for place in range(len(self.header) + 1, len(record.cells) + 1))
        return _JSON.encode(dict(zip((*self._names, *more), record.cells, strict=False)))

    @cached_property
    def _names(self) -> tuple[str, ...]:
        """Of each header, the name of its cells in the text as delivered."""
        names: list[str] = []
        for place, header in enumerate(self.header, 1):
            names.append(header if header and header not in names else f"{header}#{place}")
        return tuple(names)


class TextsWhenAsked(Mapping[int, str], Generic[T]):
    """By number of a record its text as it is kept, written when it is asked for: most records are of other tests."""

    def __init__(self, told: Mapping[int, str], sources: Mapping[int, T], write: Callable[[T], str]) -> None:
        self._told, self._sources, self._write = told, sources, write
        self._numbers = dict.fromkeys((*told, *sources))

    def __getitem__(self, number: int) -> str:
        return self._told[number] if number in self._told else self._write(self._sources[number])

    def __contains__(self, number: object) -> bool:
        return number in self._numbers

    def __iter__(self) -> Iterator[int]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)


def refusal(code: str, found: str) -> DeliveryError:
    """The refusal of a delivery: what was found, and what to do about that code."""
    return DeliveryError(code, f"{found}: {remedy(code)}")


def refuse_misspelt(records: Records, expected: Expected, *, by_record: bool = False) -> None:
    """Nothing, unless a column that nobody expects has nearly the name of an expected one that is not there.

    Args:
        by_record: each record names its columns, so that one may be misspelt in a single record.

    Raises DeliveryError (`misspelt_column`): a stop date under `stop_at` would be left unread, and the course go on.
    """
    ours = {_plain(name): name for name in expected.columns}
    for name in sorted({name for name in records.header if name} - set(expected.columns)):
        near = get_close_matches(_plain(name), ours, n=1, cutoff=0.8)
        meant = ours[near[0]] if near else None
        if meant is not None and (meant not in records.header or (by_record and _only_under(name, meant, records))):
            raise refusal("misspelt_column", f"column {name} is not known, and {meant} is not there")


def _only_under(name: str, meant: str, records: Records) -> bool:
    """Whether a record holds something under that name and nothing under the one that is meant."""
    return any(records.cell(r, name) and not records.cell(r, meant) for r in records.readable)


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum())


def decoded(data: bytes, encoding: str) -> str:
    """The text of `data`. Raises DeliveryError as `check_text`."""
    check_text(data, encoding)
    return text_of(data, encoding).read()


def text_of(data: bytes, encoding: str) -> TextIO:
    """The text of bytes that were checked, to be read line by line with its ends of lines kept, and never held whole."""
    mark = next((mark for mark, _ in _BYTE_ORDER_MARKS if data.startswith(mark)), b"")
    return io.TextIOWrapper(io.BytesIO(data[len(mark) :] if mark else data), encoding, newline="")


def check_text(data: bytes, encoding: str) -> None:
    """Nothing, when the bytes are text in that encoding. Raises DeliveryError `empty_file`, `wrong_encoding` or `nul_bytes`."""
    start = 0
    for mark, marked in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            if marked != encoding:
                raise refusal("wrong_encoding", f"the file starts with the byte order mark of {marked}, not {encoding}")
            start = len(mark)
            break
    n = len(data) - start
    if not n or _is_blank(data, start):
        raise refusal("empty_file", f"{n} bytes were found, all of them blank" if n else "0 bytes were found")
    nul = data.find(b"\0")
    if nul >= 0:
        raise refusal("nul_bytes", f"a NUL byte was found on line {_line_of(data, nul)}, byte offset {nul - start}")
    if not _can_be_decoded(data, encoding):
        try:
            data[start:].decode(encoding)
        except UnicodeDecodeError as error:
            place = f"line {_line_of(data, start + error.start)}, byte offset {error.start}"
            # `from None`: the original error carries the bytes of the file.
            raise refusal("wrong_encoding", f"{place} is no {encoding}") from None


def _is_blank(data: bytes, start: int) -> bool:
    return all(not data[at : at + _PIECE].strip() for at in range(start, len(data), _PIECE))


def _can_be_decoded(data: bytes, encoding: str) -> bool:
    """Whether all of it is text in that encoding, looked at piece by piece."""
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        for start in range(0, len(data), _PIECE):
            decoder.decode(data[start : start + _PIECE])
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _line_of(data: bytes, offset: int) -> int:
    return data[:offset].count(b"\n") + 1
