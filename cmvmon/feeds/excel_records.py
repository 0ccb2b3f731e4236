"""A sheet of an Excel file (.xlsx) as a header and numbered records: every cell as the text that a CSV file would hold.

    text                as it stands                     whole and broken numbers    in full, with a point (`excel_numbers`)
    dates and times     ISO 8601; a date alone as a date  true, false                 so
    formula             what Excel last computed          error (#N/A), no value      no cell: its record is set apart

One sheet holds the table: the only one that holds anything, or the one that the feed's file names (`sheet`). Its header stands in the
row below `lines_above_header`. Nothing is computed and no link is followed. Rows that hold nothing are no records; hidden rows
and columns are read as any other.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from cmvmon.feeds.excel_numbers import Unreadable, kind_of_format, written
from cmvmon.feeds.excel_package import Package
from cmvmon.feeds.records import Fault, Record, Records, refusal

MOST_COLUMNS = 500
LONGEST_TEXT = 131_072
AT_ONCE = 10_000
_WORKBOOK, _SHEETS = "xl/workbook.xml", "xl/worksheets/"
_PLACE = re.compile(r"([A-Z]{1,3})([1-9][0-9]{0,6})")
_ESCAPED = re.compile(r"_x([0-9A-Fa-f]{4})_")
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"


@dataclass
class _Row:
    """One row of a sheet: its cells by column from 0, why a column holds no cell."""

    number: int
    cells: dict[int, str] = field(default_factory=dict)
    faults: dict[int, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Book:
    """What holds for all sheets."""

    texts: Sequence[str]
    kinds: Sequence[str]
    is_1904: bool


def read_excel(data: bytes, *, sheet: str = "", lines_above_header: int = 0) -> Iterator[Records]:
    """The records of one sheet, some at a time, at least one part. Their line is the row.

    Raises DeliveryError: as `Package`, `several_sheets`, `no_such_sheet`, `merged_header`.
    """
    package = Package(data)
    sheets, is_1904 = _sheets(package)
    book = _Book(_texts(package), _kinds(package), is_1904)
    rows, merged = _chosen(package, sheets, book, sheet)
    if not rows:
        raise refusal("empty_file", "no cell of it holds anything")
    at_header = lines_above_header + 1
    header_row = next((row for row in rows if row.number == at_header), _Row(at_header))
    if header_row.faults or any(first <= at_header <= last for first, last in merged):
        raise refusal("merged_header", f"row {at_header} can't be read as a header")
    width = max(header_row.cells, default=-1) + 1
    if width > MOST_COLUMNS:
        raise refusal("too_large", f"there are more than {MOST_COLUMNS} columns")
    header = tuple(header_row.cells.get(place, "").strip() for place in range(width))
    below = [
        row for row in rows if row.number > at_header and (row.faults or any(c.strip() for c in row.cells.values()))
    ]
    for start in range(0, max(len(below), 1), AT_ONCE):
        yield _part(header, below[start : start + AT_ONCE], start, merged)


def _part(header: tuple[str, ...], rows: Sequence[_Row], n_before: int, merged: Sequence[tuple[int, int]]) -> Records:
    records: list[Record] = []
    faults: dict[int, Fault] = {}
    for number, row in enumerate(rows, n_before + 1):
        cells = tuple(row.cells.get(place, "") for place in range(len(header)))
        bad = min(row.faults, default=None)
        if any(first <= row.number <= last for first, last in merged):
            faults[number] = Fault("merged_cells", None)
        elif bad is not None:
            faults[number] = Fault(row.faults[bad], header[bad] if bad < len(header) else None)
        elif any(place >= len(header) and cell.strip() for place, cell in row.cells.items()):
            faults[number] = Fault("wrong_field_count", None)
        records.append(Record(number, row.number, cells))
    return Records(header, tuple(records), faults)


def _sheets(package: Package) -> tuple[list[tuple[str, str]], bool]:
    """Name and part of each worksheet, and whether days are counted from 1904."""
    parts = {
        one.get("Id", ""): one.get("Target", "")
        for name, one in package.xml("xl/_rels/workbook.xml.rels")
        if name == "Relationship" and one.get("TargetMode") != "External"
    }
    found: list[tuple[str, str]] = []
    is_1904 = False
    for name, one in package.xml(_WORKBOOK):
        if name == "workbookPr":
            is_1904 = one.get("date1904") in ("1", "true")
        if name == "sheet":
            target = parts.get(one.get(_RELATION) or one.get(_STRICT_RELATION) or "", "")
            part = target.lstrip("/") if target.startswith("/") else f"xl/{target}"
            if part.startswith(_SHEETS):  # a chart, or a sheet of macros, is none
                found.append((one.get("name", ""), part))
    return found, is_1904


def _chosen(
    package: Package, sheets: Sequence[tuple[str, str]], book: _Book, named: str
) -> tuple[list[_Row], list[tuple[int, int]]]:
    """The rows of the sheet that is meant, and which rows cells that were merged lie in. What sheets are called is not told: it may
    be a name."""
    if named:
        parts = [part for name, part in sheets if name.strip() == named]
        if len(parts) != 1:
            raise refusal("no_such_sheet", f"{len(sheets)} sheet(s) were found, and {len(parts)} of that name")
        return _rows(package, parts[0], book)
    held = [found for _, part in sheets if (found := _rows(package, part, book))[0]]
    if len(held) > 1:
        raise refusal("several_sheets", f"{len(held)} sheets hold something, hidden ones counted")
    return held[0] if held else ([], [])


def _rows(package: Package, part: str, book: _Book) -> tuple[list[_Row], list[tuple[int, int]]]:
    """The rows that hold anything, in order, and the first and last row of each range of merged cells."""
    rows: dict[int, _Row] = {}
    merged: list[tuple[int, int]] = []
    n_row = 0
    for name, one in package.xml(part):
        if name == "mergeCell":
            ends = [_place(end) for end in one.get("ref", "").split(":")]
            merged.append((ends[0][1], ends[-1][1]))
        if name != "row":
            continue
        n_row = _whole(one.get("r"), n_row + 1)
        row = _row(one, n_row, book)
        one.clear()
        if row.cells or row.faults:
            if n_row in rows:
                raise refusal("malformed_excel", "a row of it stands there twice")
            rows[n_row] = row
    return [rows[n] for n in sorted(rows)], merged


def _row(element: ET.Element, number: int, book: _Book) -> _Row:
    row, column = _Row(number), -1
    for cell in element:
        place = cell.get("r")
        column = column + 1 if place is None else _place(place)[0]
        try:
            text = _text(cell, book)
        except Unreadable as error:
            row.faults[column] = error.code
            continue
        if len(text) > LONGEST_TEXT or "\0" in text:
            row.faults[column] = "no_cell"
        elif text:
            row.cells[column] = text
    return row


def _text(cell: ET.Element, book: _Book) -> str:
    """The text of one cell. Raises Unreadable."""
    within = {child.tag.rpartition("}")[2]: child for child in cell}
    kind, value = cell.get("t", "n"), within.get("v")
    stored = None if value is None or value.text is None else value.text
    if kind == "inlineStr":
        return _ESCAPED.sub(_unescaped, _run(within["is"])) if "is" in within else ""
    if stored is None:
        if "f" in within and not (kind == "str" and value is not None):
            raise Unreadable("formula_without_value")
        return ""
    if kind == "s":
        return book.texts[_at(stored, len(book.texts))]
    if kind == "str":
        return _ESCAPED.sub(_unescaped, stored)
    if kind == "b":
        return "true" if stored == "1" else "false"
    if kind == "d":
        return stored
    if kind != "n":  # an error, or what is not known
        raise Unreadable("excel_error")
    style = _at(cell.get("s", "0"), max(len(book.kinds), 1))
    return written(stored.strip(), book.kinds[style] if book.kinds else "number", is_1904=book.is_1904)


def _texts(package: Package) -> list[str]:
    """The texts that cells share."""
    if not package.has("xl/sharedStrings.xml"):
        return []
    return [_ESCAPED.sub(_unescaped, _run(one)) for name, one in package.xml("xl/sharedStrings.xml") if name == "si"]


def _run(element: ET.Element) -> str:
    """A text, in one piece or in several of different looks; how it is pronounced is left."""
    found = ""
    for child in element:
        name = child.tag.rpartition("}")[2]
        if name == "t":
            found += child.text or ""
        elif name == "r":
            found += _run(child)
    return found


def _kinds(package: Package) -> list[str]:
    """By style of a cell, what its number format shows."""
    if not package.has("xl/styles.xml"):
        return []
    codes: dict[int, str] = {}
    kinds: list[str] = []
    for name, one in package.xml("xl/styles.xml"):
        if name == "numFmt":
            codes[_whole(one.get("numFmtId"), -1)] = one.get("formatCode", "")
        if name == "cellXfs":
            numbers = [_whole(style.get("numFmtId"), 0) for style in one]
            kinds = [kind_of_format(number, codes.get(number, "")) for number in numbers]
    return kinds


def _unescaped(found: re.Match[str]) -> str:
    return chr(int(found[1], 16))


def _place(text: str) -> tuple[int, int]:
    """Column from 0 and row from 1 of a place such as B12."""
    found = _PLACE.fullmatch(text)
    if found is None:
        raise refusal("malformed_excel", "a cell of it has no place")
    column = 0
    for letter in found[1]:
        column = column * 26 + ord(letter) - 64
    return column - 1, int(found[2])


def _whole(text: str | None, otherwise: int) -> int:
    if text is None:
        return otherwise
    if not re.fullmatch("[0-9]{1,9}", text):
        raise refusal("malformed_excel", "a number of it is none")
    return int(text)


def _at(text: str, n: int) -> int:
    place = _whole(text, n)
    if place >= n:
        raise refusal("malformed_excel", "a cell of it points to nothing")
    return place
