"""How a sample of a laboratory's CSV or Excel is written: encoding, separator, header, numbers, times; what can't be told is None."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from io import StringIO
from itertools import islice
from zoneinfo import ZoneInfo

from cmvmon.domain.errors import DeliveryError
from cmvmon.feeds.csv_records import read_in_parts
from cmvmon.feeds.declared_writing import SEPARATORS
from cmvmon.feeds.drafting.vocabulary import Vocabulary, fold_header
from cmvmon.feeds.excel_records import read_excel
from cmvmon.feeds.masking import shape
from cmvmon.feeds.records import Records, check_text, refusal
from cmvmon.feeds.times import ISO8601, read_time

MOST_BYTES = 50_000_000
_HEADER_WITHIN = 10  # lines
_NEEDED = (
    "patient_id",
    "value",
)  # without their headers it is not known where a patient stands, and nothing may be shown
_UTC = ZoneInfo("UTC")
_ORDERS = ("%d{0}%m{0}%Y", "%m{0}%d{0}%Y")
_TIMES = (" %H:%M", " %H:%M:%S", " %I:%M %p")
_PLAIN = (ISO8601, *(f"%Y{mark}%m{mark}%d{time}" for mark in "/." for time in _TIMES))
_NUMBER = re.compile(r"[0-9]+(?:[.,' ][0-9]+)*")


@dataclass(frozen=True)
class Sample:
    """A file that could be read as a table.

    Attributes:
        columns: our field -> header, of the headers that are known; `others`: the headers that are not.
        cells: our field -> its cells, one for each record that could be read.
        form: as a laboratory file names it; of messages the columns are places.
        beside: types of messages or resources that hold no results, the commonest first.
        n_with_notes: how many records have a note beside them.
    """

    encoding: str
    separator: str
    lines_above_header: int
    columns: dict[str, str]
    others: tuple[str, ...]
    cells: dict[str, tuple[str, ...]]
    form: str = "csv"
    beside: tuple[str, ...] = ()
    n_with_notes: int = 0

    @property
    def is_of_messages(self) -> bool:
        return self.form not in ("csv", "excel")

    @property
    def records(self) -> int:
        return len(self.cells["patient_id"])


def read_sample(data: bytes, known: Vocabulary) -> Sample:
    """The sample as a table. Raises DeliveryError where it is no CSV with a header that names patients and values."""
    if len(data) > MOST_BYTES:
        raise refusal("too_large", f"{len(data)} bytes; a part of the file is enough for a draft")
    encoding = encoding_of(data)
    check_text(
        data, "utf-8" if encoding == "utf-8" else "iso-8859-1"
    )  # empty, or no text: said before any header is looked for
    text = data.decode("utf-8-sig" if encoding == "utf-8" else encoding, errors="replace")
    separator, above = _header_place(text, known)
    parts = list(
        read_in_parts(data, encoding=encoding, separator=separator, lines_above_header=above, cells_span_lines=False)
    )
    return _sample(parts, known, encoding=encoding, separator=separator, lines_above_header=above)


def read_excel_sample(data: bytes, known: Vocabulary) -> Sample:
    """The sample as a table. Raises DeliveryError where it is no sheet with a header that names patients and values."""
    if len(data) > MOST_BYTES:
        raise refusal("too_large", f"{len(data)} bytes; a part of the file is enough for a draft")
    best: tuple[dict[str, str], int] = ({}, 0)
    for above in range(_HEADER_WITHIN):
        try:
            header = next(read_excel(data, lines_above_header=above)).header
        except DeliveryError as error:
            if error.code != "merged_header":  # a title over several columns stands above the header
                raise
            continue
        columns = _columns(header, known)
        if len(columns) > len(best[0]):
            best = (columns, above)
    _check_needed(best[0], known)
    parts = list(read_excel(data, lines_above_header=best[1]))
    return _sample(parts, known, lines_above_header=best[1], form="excel")


def _sample(
    parts: Sequence[Records],
    known: Vocabulary,
    *,
    lines_above_header: int,
    encoding: str = "utf-8",
    separator: str = "",
    form: str = "csv",
) -> Sample:
    header = parts[0].header
    columns = _columns(header, known)
    _check_needed(columns, known)
    places = {field: header.index(name) for field, name in columns.items()}
    readable = [record.cells for part in parts for record in part.readable]
    cells = {field: tuple(row[place] for row in readable) for field, place in places.items()}
    others = tuple(name for name in header if name and name not in columns.values())
    n_with_notes = sum(bool(cell.strip()) for cell in cells.get("comment", ()))
    return Sample(encoding, separator, lines_above_header, columns, others, cells, form, n_with_notes=n_with_notes)


def marks_of(values: Iterable[str]) -> tuple[str | None, str | None]:
    """The decimal and the thousands mark; None for one that the numbers do not tell, or tell in two ways.

    >>> marks_of(["1.200", "3,52"]), marks_of(["1.200", "7.000"]), marks_of(["12 500", "3,5"])
    ((',', '.'), (None, None), (',', ' '))
    """
    decimals, thousands, unclear = set[str](), set[str](), set[str]()
    for number in (found for value in values for found in _NUMBER.findall(value)):
        marks = [mark for mark in number if not mark.isdigit()]
        groups = re.split(r"[.,' ]", number)
        is_grouped = len(groups[0]) <= 3 and all(len(group) == 3 for group in groups[1:])
        if len(set(marks)) == 2 and len(groups[-1]) and marks.count(marks[-1]) == 1:
            decimals.add(marks[-1])
            thousands |= set(marks[:-1])
        elif len(set(marks)) == 1 and marks[0] in "' ":
            thousands |= set(marks) if is_grouped else set()
        elif len(marks) > 1 and len(set(marks)) == 1 and is_grouped:
            thousands |= set(marks)
        elif len(marks) == 1:
            (unclear if is_grouped and groups[0] != "0" else decimals).add(marks[0])
    decimals = {mark for mark in decimals if mark in ".,"}
    if len(decimals) != 1 or len(thousands) > 1 or decimals & thousands:
        return None, None
    (decimal,) = decimals
    grouped = thousands | (unclear - {decimal})
    return decimal, grouped.pop() if len(grouped) == 1 else None


@dataclass(frozen=True)
class TimesRead:
    """What reads the times of a sample.

    Attributes:
        formats: patterns that read some of them, each in one way.
        alike: cells in which day and month can't be told apart; `odd`: cells that no pattern reads.
        impossible: cells of the shape of those that are read, that name a day or an hour that does not exist.
        n_cells: how many cells hold anything.
    """

    formats: tuple[str, ...]
    alike: tuple[str, ...]
    odd: tuple[str, ...]
    n_cells: int
    impossible: tuple[str, ...] = ()


def time_formats_of(texts: Iterable[str]) -> tuple[str, ...] | None:
    """The patterns that read all of these times; None where some are read by none, or day and month can't be told apart.

    >>> time_formats_of(["03-02-2026 08:15", "23-02-2026 08:15"]), time_formats_of(["03-02-2026 08:15"])
    (('%d-%m-%Y %H:%M',), None)
    """
    found = times_read(texts)
    return None if found.alike or found.odd or found.impossible or not found.formats else found.formats


def times_read(texts: Iterable[str]) -> TimesRead:
    """The patterns that read these times, and the cells that they do not read."""
    cells = [cell for text in texts if (cell := text.strip())]
    left, alike, found = set(cells), set[str](), list[str]()
    for pattern in _PLAIN:
        read = _read(left, pattern)
        if read:
            found.append(pattern)
            left -= read
    for mark in "-/.":
        for time in _TIMES:
            day_first, month_first = (_read(left, order.format(mark) + time) for order in _ORDERS)
            if not day_first | month_first:
                continue
            left -= day_first | month_first
            if day_first == month_first or (day_first - month_first and month_first - day_first):
                alike |= day_first | month_first
                continue
            is_day_first = len(day_first) > len(month_first)
            found.append(_ORDERS[not is_day_first].format(mark) + time)
    shapes = {shape(cell) for cell in set(cells) - left - alike}
    amiss = {cell for cell in left if shape(cell) in shapes}
    unclear, odd, impossible = (tuple(cell for cell in cells if cell in some) for some in (alike, left - amiss, amiss))
    return TimesRead(tuple(found), unclear, odd, len(cells), impossible)


def _read(texts: set[str], pattern: str) -> set[str]:
    return {text for text in texts if isinstance(read_time(text, formats=(pattern,), zone=_UTC), datetime)}


def encoding_of(data: bytes) -> str:
    """UTF-8 where it can be, else Windows-1252: a guess, to be confirmed like all of a draft."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _header_place(text: str, known: Vocabulary) -> tuple[str, int]:
    """Separator and lines above the header: those under which most headers are known. Lines end where the CSV reader ends them."""
    lines = list(islice(StringIO(text, newline=None), _HEADER_WITHIN))
    best: tuple[dict[str, str], str, int] = ({}, "", 0)
    for separator in SEPARATORS:
        for above, line in enumerate(lines):
            columns = _columns(next(csv.reader([line], delimiter=separator), []), known)
            if len(columns) > len(best[0]):
                best = (columns, separator, above)
    _check_needed(best[0], known)
    return best[1:]


def _check_needed(columns: Mapping[str, str], known: Vocabulary) -> None:
    """Raises DeliveryError where the header names no patient or no value."""
    missing = [field for field in _NEEDED if field not in columns]
    if missing:
        raise _no_header(missing, known)


def _columns(header: Sequence[str], known: Vocabulary) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in (cell.strip() for cell in header):
        field = known.headers.get(fold_header(name))
        if field is not None:
            found.setdefault(field, name)
    return found


def _no_header(missing: Sequence[str], known: Vocabulary) -> DeliveryError:
    """What is found can't be shown, since it may be a patient; what is known can."""
    names = (f"{field} ({', '.join(sorted(h for h, of in known.headers.items() if of == field))})" for field in missing)
    return refusal(
        "missing_column",
        f"none is known here for {' and for '.join(names)}; it can't be told where a patient stands, so nothing of the file is shown",
    )
