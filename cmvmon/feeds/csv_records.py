"""CSV bytes as a header and numbered records, some at once, or a refusal of the whole file; what the cells mean is not known here.

No message holds a cell of a record: a refusal names lines, offsets, encodings and expected headers only.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import TextIO

from cmvmon.domain.errors import DeliveryError
from cmvmon.feeds.records import Fault, Record, Records, check_text, refusal, text_of

AT_ONCE = 10_000  # records that are held as Python objects at one time
_SEP_LINE = re.compile(r'"?sep=(?P<mark>.)"?', re.IGNORECASE)
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}


def read_records(
    data: bytes, *, encoding: str, separator: str, lines_above_header: int = 0, cells_span_lines: bool = False
) -> Records:
    """The header and the records of a CSV file, all at once. Raises DeliveryError as `read_in_parts`."""
    (whole,) = read_in_parts(
        data,
        encoding=encoding,
        separator=separator,
        lines_above_header=lines_above_header,
        cells_span_lines=cells_span_lines,
        at_once=len(data) + 1,
    )
    return whole


def read_in_parts(
    data: bytes,
    *,
    encoding: str,
    separator: str,
    lines_above_header: int = 0,
    cells_span_lines: bool = False,
    at_once: int = AT_ONCE,
) -> Iterator[Records]:
    """The records of a CSV file under its header, at most so many at once; at least one part, which may hold none.

    A first line `sep=;`, which Excel writes and reads, is no record, and must name the separator that is declared. Below it
    as many lines as `lines_above_header` says hold a title, and are not read. A quoted cell that spans lines is read where
    `cells_span_lines` declares such cells, and none of the lines in it could be a record: a stray quotation mark swallows
    records, and the one before them takes over the last one's cells.

    Line numbers are those of the file, from 1, with quoted line breaks counted; so are the numbers of records. Cells are kept
    to the letter. A record with more or fewer cells than the header has the fault `wrong_field_count`.

    Raises:
        DeliveryError: `empty_file`, `wrong_encoding`, `nul_bytes`, `malformed_csv` or `wrong_separator`: no record can
            be told from another. It may come after parts were given: nothing of these may then be used.
    """
    check_text(data, encoding)
    lines = text_of(data, encoding)
    above = _skipped(lines, separator, lines_above_header)
    reader = csv.reader(lines, delimiter=separator, strict=True)
    header: tuple[str, ...] | None = None
    records: list[Record] = []
    faults: dict[int, Fault] = {}
    number, line = 0, above + 1
    try:
        for cells in reader:
            first_line, line = line, above + reader.line_num + 1
            if not "".join(cells).strip():
                continue
            if header is None:
                header = tuple(cell.strip() for cell in cells)
                continue
            if len(records) == at_once:
                yield Records(header, tuple(records), faults)
                records, faults = [], {}
            number += 1
            records.append(Record(number, first_line, tuple(cells)))
            if line - first_line > 1:
                _check_span(cells, first_line, len(header), separator, is_declared=cells_span_lines)
            if len(cells) != len(header):
                faults[number] = Fault("wrong_field_count", None)
    except csv.Error as error:
        other = next(
            (mark for mark in _SEPARATORS if mark != separator and _is_table(data, encoding, mark, above)), None
        )
        if other is not None:  # quotes end at another mark than the declared one
            raise _other_mark(separator, other) from error
        # The message of the csv module describes the fault and never quotes the text.
        raise refusal("malformed_csv", f"line {above + reader.line_num}: {error}") from error
    if header is None:
        raise refusal("empty_file", "no line with text was found")
    yield Records(header, tuple(records), faults)


def _check_span(cells: list[str], line: int, n_columns: int, separator: str, *, is_declared: bool) -> None:
    """Nothing, when the quoted cells of a record that spans lines can be meant so. Raises DeliveryError."""
    inner = [part for cell in cells for part in StringIO(cell, newline=None).readlines()[1:]]
    swallowed = any(part.count(separator) >= max(n_columns - 1, 1) for part in inner)
    if inner and (swallowed or not is_declared):
        what = "lines that look like records" if swallowed else "a line break"
        raise refusal("malformed_csv", f"line {line}: a quoted cell that begins there holds {what}")


def _skipped(lines: TextIO, separator: str, lines_above_header: int) -> int:
    """How many lines stand above the header, which is the next to be read. Raises DeliveryError for another `sep=`."""
    above = 0
    told = _SEP_LINE.fullmatch(lines.readline().rstrip("\r\n"))
    if told is None:
        lines.seek(0)
    elif told["mark"] != separator:
        found = _SEPARATORS.get(told["mark"], "another mark")
        raise refusal(
            "wrong_separator", f"line 1 says that fields are separated by {found}, not by {_SEPARATORS[separator]}"
        )
    else:
        above = 1
    for _ in range(lines_above_header):
        lines.readline()
    return above + lines_above_header


def _is_table(data: bytes, encoding: str, separator: str, above: int) -> bool:
    """Whether everything below those lines can be read with that separator, with at least two columns."""
    lines = text_of(data, encoding)
    for _ in range(above):
        lines.readline()
    narrowest = 0
    try:
        for cells in csv.reader(lines, delimiter=separator, strict=True):
            narrowest = min(narrowest or len(cells), len(cells) or narrowest)
    except csv.Error:
        return False
    return narrowest >= 2


def _other_mark(declared: str, seeming: str) -> DeliveryError:
    found = (
        f"the fields are not separated by {_SEPARATORS[declared]} as declared, but seem to be by {_SEPARATORS[seeming]}"
    )
    return refusal("wrong_separator", found)


def check_header(
    found: Records, *, expected: Iterable[str], required: Iterable[str] | None = None, separator: str
) -> None:
    """Nothing, when the header holds every required column once.

    Headers that nobody expects are allowed and not read. The found ones are only named in a message when half of the
    expected ones are there: else the first line may be a record, and its cells are patient values.

    Raises:
        DeliveryError: `wrong_separator`, `wrong_feed` or `missing_column`.
    """
    wanted = tuple(expected)
    needed = wanted if required is None else tuple(required)
    missing = [name for name in needed if name not in found.header]
    repeated = sorted({name for name in wanted if found.header.count(name) > 1})
    if repeated:
        raise refusal("wrong_feed", f"the header names {', '.join(repeated)} more than once")
    if not missing:
        return
    n_found = sum(name in found.header for name in wanted)
    other = _other_separator(found.header, wanted, separator, n_found)
    if other is not None:
        raise _other_mark(separator, other)
    if 2 * n_found < len(wanted):
        below = _header_below(found, wanted)
        if below is not None:
            raise refusal("lines_above_header", f"the header seems to stand on line {below}")
        raise refusal(
            "wrong_feed", f"{n_found} of {len(wanted)} expected columns were found ({', '.join(wanted)} expected)"
        )
    unknown = [name for name in found.header if name and name not in wanted]
    tail = f"; in the header and not known here: {', '.join(unknown)}" if unknown else ""
    raise refusal("missing_column", f"the header lacks {', '.join(missing)}{tail}")


def _header_below(found: Records, wanted: tuple[str, ...]) -> int | None:
    """The line of the first record that holds at least half of the wanted headers; None where there is none near the top."""
    near = found.records[:20]
    holds = (r.line for r in near if 2 * len({cell.strip() for cell in r.cells} & set(wanted)) >= len(wanted))
    return next(holds, None)


def _other_separator(header: tuple[str, ...], wanted: tuple[str, ...], separator: str, n_found: int) -> str | None:
    """The separator by which the header holds more of the wanted columns, and at least half of them."""
    line = separator.join(header)
    counts = {
        other: sum(name in {cell.strip().strip('"') for cell in line.split(other)} for name in wanted)
        for other in _SEPARATORS
        if other != separator
    }
    best = max(counts, key=lambda other: counts[other])
    return best if counts[best] > n_found and 2 * counts[best] >= len(wanted) else None
