"""The formats in which a delivery may be written, one line each. Whoever must know of a format asks here.

To add one: a module that reads its bytes as `Records` by table, and its line. Judging is the same for all.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from cmvmon.feeds.csv_records import check_header, read_in_parts
from cmvmon.feeds.excel_records import read_excel
from cmvmon.feeds.fhir.result_records import read_fhir, read_fhir_lines, with_fhir_addresses
from cmvmon.feeds.hl7.result_records import read_hl7, with_addresses
from cmvmon.feeds.json_numbers import as_written
from cmvmon.feeds.ndjson_records import read_ndjson, with_columns
from cmvmon.feeds.parquet_records import read_parquet
from cmvmon.feeds.records import Expected, Records, Writing, refusal, refuse_misspelt

_LOOKS_AT = 4096  # bytes at the start of a file


@dataclass(frozen=True)
class Format:
    """What must be known of one format.

    Attributes:
        ending: of its files in the drop folder, in lower case.
        names_tables: its records say to which table they belong, so that its files lie in `drop/<feed>`; the files of the others hold
            one table each and lie in `drop/<feed>/<table>`.
        read: the bytes as records, each table's in as many parts as it takes to hold few at once, at least one (under the
            table given, where the format names none). Raises DeliveryError, also after parts were given, when no record can
            be told from another, or the delivery is not whole.
        place: what a record's place in the file is counted in: a line, a row, or an entry of a Bundle.
        is_read: whether its files can be read at all; one that can't is refused with what to do, and not left lying.
        fitted: the records of one table with every expected column. Raises DeliveryError for a header that can't be theirs.
    """

    ending: str
    names_tables: bool
    read: Callable[[bytes, str, Writing], Iterator[tuple[str, Records]]]
    fitted: Callable[[Records, Expected, Writing], Records]
    place: str = "line"
    is_read: bool = True


def _csv(data: bytes, table: str, writing: Writing) -> Iterator[tuple[str, Records]]:
    _refuse_messages(data)
    parts = read_in_parts(
        data,
        encoding=writing.encoding,
        separator=writing.separator,
        lines_above_header=writing.lines_above_header,
        cells_span_lines=writing.cells_span_lines,
    )
    return ((table, part) for part in parts)


_OTHERS = {b"<": "XML", b"{": "JSON", b"[": "JSON", b"MSH|": "HL7", b"FHS|": "HL7", b"BHS|": "HL7"}


def _refuse_messages(data: bytes) -> None:
    """Nothing, unless what was named as a table begins as a file of messages or resources does: its name has the wrong ending."""
    begins = data[:_LOOKS_AT].removeprefix(b"\xef\xbb\xbf").lstrip()
    for mark, kind in _OTHERS.items():
        if begins.startswith(mark):
            if kind == "XML":
                raise refusal("fhir_xml", "the file begins with <")
            raise refusal("no_table", f"the file begins as {kind} does")


def _csv_fitted(records: Records, expected: Expected, writing: Writing) -> Records:
    check_header(records, expected=expected.columns, required=expected.required, separator=writing.separator)
    refuse_misspelt(records, expected)
    return records


def _parquet(data: bytes, table: str, writing: Writing) -> Iterator[tuple[str, Records]]:
    return ((table, part) for part in read_parquet(data))


def _cells_fitted(records: Records, expected: Expected, writing: Writing) -> Records:
    fitted = _csv_fitted(records, expected, writing)
    written = (r._replace(cells=tuple(as_written(cell, writing.decimal) for cell in r.cells)) for r in fitted.records)
    return replace(fitted, records=tuple(written))


def _excel(data: bytes, table: str, writing: Writing) -> Iterator[tuple[str, Records]]:
    parts = read_excel(data, sheet=writing.sheet, lines_above_header=writing.lines_above_header)
    return ((table, part) for part in parts)


def _old_excel(data: bytes, table: str, writing: Writing) -> Iterator[tuple[str, Records]]:
    raise refusal("old_excel", "the name of the file ends in .xls or .xlsb")


def _with_macros(data: bytes, table: str, writing: Writing) -> Iterator[tuple[str, Records]]:
    raise refusal("excel_macros", "the name of the file ends in .xlsm")


def _ndjson(data: bytes, table: str, writing: Writing) -> Iterator[tuple[str, Records]]:
    return iter(read_ndjson(data).items())


def _ndjson_fitted(records: Records, expected: Expected, writing: Writing) -> Records:
    refuse_misspelt(records, expected, by_record=True)
    return with_columns(records, expected, decimal=writing.decimal)


def _hl7(data: bytes, table: str, writing: Writing) -> Iterator[tuple[str, Records]]:
    return read_hl7(data, writing)


def _hl7_fitted(records: Records, expected: Expected, writing: Writing) -> Records:
    return with_addresses(records, expected)


def _fhir(data: bytes, table: str, writing: Writing) -> Iterator[tuple[str, Records]]:
    return read_fhir(data, writing)


def _fhir_lines(data: bytes, table: str, writing: Writing) -> Iterator[tuple[str, Records]]:
    return read_fhir_lines(data, writing)


def _fhir_fitted(records: Records, expected: Expected, writing: Writing) -> Records:
    return with_fhir_addresses(records, expected, writing.decimal)


FORMATS: dict[str, Format] = {
    "csv": Format(".csv", False, _csv, _csv_fitted),
    "parquet": Format(".parquet", False, _parquet, _cells_fitted, "row"),
    "excel": Format(".xlsx", False, _excel, _cells_fitted, "row"),
    "excel_macros": Format(".xlsm", False, _with_macros, _cells_fitted, "row", is_read=False),
    "excel_old": Format(".xls", False, _old_excel, _cells_fitted, "row", is_read=False),
    "excel_binary": Format(".xlsb", False, _old_excel, _cells_fitted, "row", is_read=False),
    "ndjson": Format(".ndjson", True, _ndjson, _ndjson_fitted),
    "hl7": Format(".hl7", True, _hl7, _hl7_fitted),
    "fhir": Format(".fhir.json", True, _fhir, _fhir_fitted, "entry"),
    "fhir_lines": Format(".fhir.ndjson", True, _fhir_lines, _fhir_fitted),
}
DECLARED = (
    "csv",
    "excel",
    "ndjson",
    "hl7",
    "fhir",
)  # what a laboratory file may name: a file's own ending says which of them it is
STATING = ("hl7", "fhir", "fhir_lines")  # whose messages and resources say what holds at a moment of their own
ONE_TABLE = "csv"  # how a file of any other ending is read, when it is given by name


def format_of(file_name: str) -> str | None:
    """The name of the format whose ending the file has, the longest one; None where there is none.

    >>> format_of("day.ndjson"), format_of("Day.FHIR.ndjson"), format_of("day.json")
    ('ndjson', 'fhir_lines', None)
    """
    ends = file_name.lower()
    found = [name for name, form in FORMATS.items() if ends.endswith(form.ending)]
    return max(found, key=lambda name: len(FORMATS[name].ending), default=None)
