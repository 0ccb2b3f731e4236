"""CSV bytes as a header and numbered records, or a refusal of the whole file; what the cells mean is not known here.

No message holds a cell of a record: a refusal names lines, offsets, encodings and expected headers only.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterable

from cmvmon.domain.errors import DeliveryError
from cmvmon.feeds.records import Fault, Record, Records, decoded, refusal

_SEP_LINE = re.compile(r'"?sep=(?P<mark>.)"?', re.IGNORECASE)
_SEPARATORS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "vertical bar"}


def read_records(
    data: bytes, *, encoding: str, separator: str, lines_above_header: int = 0, cells_span_lines: bool = False
) -> Records:
    """The header and the records of a CSV file.

    A first line `sep=;`, which Excel writes and reads, is no record, and must name the separator that is declared. Below it
    as many lines as `lines_above_header` says hold a title, and are not read. A quoted cell that spans lines is read where
    `cells_span_lines` declares such cells, and none of the lines in it could be a record: a stray quotation mark swallows
    records, and the one before them takes over the last one's cells.

    Line numbers are those of the file, from 1, with quoted line breaks counted. Cells are kept to the letter. A record
    with more or fewer cells than the header has the fault `wrong_field_count`.

    Raises:
        DeliveryError: `empty_file`, `wrong_encoding`, `nul_bytes`, `malformed_csv` or `wrong_separator`: no record can
            be told from another.
    """
    text, above = _below(decoded(data, encoding), separator, lines_above_header)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    header: tuple[str, ...] | None = None
    records: list[Record] = []
    faults: dict[int, Fault] = {}
    line = above + 1
    try:
        for cells in reader:
            first_line, line = line, above + reader.line_num + 1
            if not "".join(cells).strip():
                continue
            if header is None:
                header = tuple(cell.strip() for cell in cells)
            else:
                records.append(Record(len(records) + 1, first_line, tuple(cells)))
                if line - first_line > 1:
                    _check_span(cells, first_line, len(header), separator, is_declared=cells_span_lines)
                if len(cells) != len(header):
                    faults[len(records)] = Fault("wrong_field_count", None)
    except csv.Error as error:
        other = next((mark for mark in _SEPARATORS if mark != separator and _is_table(text, mark)), None)
        if other is not None:  # quotes end at another mark than the declared one
            raise _other_mark(separator, other) from error
        # The message of the csv module describes the fault and never quotes the text.
        raise refusal("malformed_csv", f"line {above + reader.line_num}: {error}") from error
    if header is None:
        raise refusal("empty_file", "no line with text was found")
    return Records(header, tuple(records), faults)


def _check_span(cells: list[str], line: int, n_columns: int, separator: str, *, is_declared: bool) -> None:
    """Nothing, when the quoted cells of a record that spans lines can be meant so. Raises DeliveryError."""
    inner = [part for cell in cells for part in cell.splitlines()[1:]]
    swallowed = any(part.count(separator) >= max(n_columns - 1, 1) for part in inner)
    if inner and (swallowed or not is_declared):
        what = "lines that look like records" if swallowed else "a line break"
        raise refusal("malformed_csv", f"line {line}: a quoted cell that begins there holds {what}")


def _below(text: str, separator: str, lines_above_header: int) -> tuple[str, int]:
    """The text from its header on, and how many lines stand above it. Raises DeliveryError for another `sep=`."""
    lines = io.StringIO(text, newline="")  # ends of lines are kept: they are part of a quoted cell
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
    return lines.read(), above + lines_above_header


def _is_table(text: str, separator: str) -> bool:
    """Whether the whole text can be read with that separator, with at least two columns."""
    try:
        widths = [len(cells) for cells in csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)]
    except csv.Error:
        return False
    return min((width for width in widths if width), default=0) >= 2


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
