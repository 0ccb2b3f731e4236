"""Excel files for tests, written part by part, so that a test says what stands in the file and not what a library makes of it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from xml.sax.saxutils import escape

_NS = 'xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"'
_R = 'xmlns:r="http://schemas.openxmlformats.org/officeDocument/2006/relationships"'
FORMATS = (
    "General",
    "dd\\-mm\\-yyyy hh:mm",
    "dd\\-mm\\-yyyy",
    "00000000",
    '"<"0',
    "0.00E+00",
    "hh:mm",
    "0%",
    '0" IU/mL"',
    "#,##0",
    "[<100]0;0.0",
)
"""The number formats of `styled`, by place."""
Cell = object
Sheet = tuple[str, Sequence[Sequence[Cell]]]


class Xml(str):
    """A cell as it stands in the file, with `{place}` for its place."""


def styled(number: object, style: int) -> Xml:
    """A number under a format of FORMATS."""
    return Xml(f'<c r="{{place}}" s="{style}"><v>{number}</v></c>')


def formula(text: str, value: object = None) -> Xml:
    """A formula with the value that was computed last; None = it never was."""
    stored = "" if value is None else f"<v>{escape(str(value))}</v>"
    kind = ' t="str"' if isinstance(value, str) else ""
    return Xml(f'<c r="{{place}}"{kind}><f>{escape(text)}</f>{stored}</c>')


def excel(
    *sheets: Sheet,
    hidden: Sequence[str] = (),
    merged: str = "",
    is_1904: bool = False,
    more: dict[str, bytes] | None = None,
) -> bytes:
    """The bytes of a file of those sheets; a text is shared, a number is stored as its text, None is no cell."""
    shared: list[str] = []
    parts = {f"xl/worksheets/sheet{n}.xml": _sheet(rows, shared, merged) for n, (_, rows) in enumerate(sheets, 1)}
    names = "".join(
        f'<sheet name="{escape(name)}" sheetId="{n}" r:id="rId{n}"{" state=" + chr(34) + "hidden" + chr(34) if name in hidden else ""}/>'
        for n, (name, _) in enumerate(sheets, 1)
    )
    parts["xl/workbook.xml"] = (
        f'<workbook {_NS} {_R}><workbookPr date1904="{int(is_1904)}"/><sheets>{names}</sheets></workbook>'
    )
    parts["xl/_rels/workbook.xml.rels"] = "<Relationships>" + "".join(
        f'<Relationship Id="rId{n}" Type="worksheet" Target="worksheets/sheet{n}.xml"/>' for n in range(1, len(sheets) + 1)
    ) + "</Relationships>"  # fmt: skip
    parts["xl/sharedStrings.xml"] = (
        f"<sst {_NS}>" + "".join(f"<si><t>{escape(one)}</t></si>" for one in shared) + "</sst>"
    )
    codes = "".join(
        f'<numFmt numFmtId="{163 + n}" formatCode="{escape(code, {chr(34): "&quot;"})}"/>'
        for n, code in enumerate(FORMATS)
        if n
    )
    styles = "".join(f'<xf numFmtId="{163 + n if n else 0}"/>' for n in range(len(FORMATS)))
    parts["xl/styles.xml"] = f"<styleSheet {_NS}><numFmts>{codes}</numFmts><cellXfs>{styles}</cellXfs></styleSheet>"
    return package({name: text.encode() for name, text in parts.items()} | (more or {}))


def package(parts: dict[str, bytes]) -> bytes:
    """A zip of those parts."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as file:
        for name, data in parts.items():
            file.writestr(name, data)
    return made.getvalue()


def _sheet(rows: Sequence[Sequence[Cell]], shared: list[str], merged: str) -> str:
    written = "".join(f'<row r="{n}">{_row(row, n, shared)}</row>' for n, row in enumerate(rows, 1))
    ranges = f'<mergeCells><mergeCell ref="{merged}"/></mergeCells>' if merged else ""
    return f'<?xml version="1.0"?><worksheet {_NS}><sheetData>{written}</sheetData>{ranges}</worksheet>'


def _row(row: Sequence[Cell], n: int, shared: list[str]) -> str:
    return "".join(_cell(cell, f"{chr(65 + at)}{n}", shared) for at, cell in enumerate(row) if cell is not None)


def _cell(cell: Cell, place: str, shared: list[str]) -> str:
    if isinstance(cell, Xml):
        return cell.replace("{place}", place)
    if isinstance(cell, bool):
        return f'<c r="{place}" t="b"><v>{int(cell)}</v></c>'
    if isinstance(cell, str):
        shared.append(cell)
        return f'<c r="{place}" t="s"><v>{len(shared) - 1}</v></c>'
    return f'<c r="{place}"><v>{cell}</v></c>'
