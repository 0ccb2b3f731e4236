"""Excel files: what a cell holds is read to the letter or its record is set apart, and a file that could be anything is refused."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmvmon.domain.errors import DeliveryError
from cmvmon.feeds.excel_records import read_excel
from cmvmon.feeds.laboratory import read_laboratory
from cmvmon.feeds.reasons import explain
from cmvmon.feeds.times import read_time
from cmvmon.ingest import Intake
from tests.feeds.excel_files import Cell, Xml, excel, formula, package, styled
from tests.feeds.shipped import intake, laboratory

HEADER = ["MRN", "Accession", "Specimen", "Result", "Units", "Collected", "Resulted"]
DAY = 46145.34375  # 2026-05-03 08:15


def line(
    result: Cell = 12000, *, mrn: Cell = "SYNTH-1", collected: Cell = "2026-05-03T08:15:00-04:00", accession: str = "A1"
) -> list[Cell]:
    return [mrn, accession, "Plasma", result, "IU/mL", collected, "2026-05-03T10:00:00-04:00"]


def read(*rows: list[Cell], **changes: object) -> Intake:
    """What `ingest` makes of a sheet of results of `example_us`, beside its header."""
    return take(excel(("Results", [HEADER, *rows]), **changes))  # type: ignore[arg-type]


def take(data: bytes, **changes: object) -> Intake:
    found = replace(laboratory("example_us"), **changes)  # type: ignore[arg-type]
    return intake(data, "example_us", form="excel", table="viral_load_results", laboratory=found)


def loads(found: Intake) -> list[float | None]:
    (part,) = found.parts
    return part.accepted.sort("record_number")["viral_load_iu_per_ml"].to_list()


def reasons(found: Intake) -> list[str]:
    (part,) = found.parts
    return part.quarantined.sort("record_number")["reason"].to_list()


def refused(found: Intake) -> str:
    (part,) = found.parts
    assert part.refused is not None
    assert str(part.refused).endswith(".")
    return str(part.refused.code)


def cells(*row: Cell) -> list[str] | str:
    """The cells of one row as they are read, or why they are not."""
    (records,) = read_excel(excel(("S", [["a"] * len(row), list(row)])))
    fault = records.faults.get(1)
    return list(records.records[0].cells) if fault is None else fault.code


def test_a_sheet_is_read_by_the_laboratory_file_that_reads_its_csv() -> None:
    found = read(line(), line("<35", accession="A2"), line("murky", accession="A3"))
    assert (loads(found), reasons(found)) == ([12000.0, None], ["unknown_text"])
    (part,) = found.parts
    assert part.quarantined["line"].to_list() == [4]
    assert "row 4" in part.quarantined["remedy"][0] or part.quarantined["line"][0] == 4


NUMBERS = [
    ("120000", "120000"), ("1.2E+05", "120000"), ("1.2E5", "120000"), ("137", "137"), ("0.1", "0.1"), ("137.5", "137.5"),
    ("0.30000000000000004", "0.3"), ("1.1000000000000001", "1.1"), ("-5", "-5"), ("1E-3", "0.001"), ("12000.0", "12000"),
    ("999999999999999", "999999999999999"), ("1234567890123456", "too_many_digits"), ("1E+20", "too_many_digits"),
    ("NaN", "no_cell"), ("INF", "no_cell"), ("1E+400", "no_cell"), ("1,5", "no_cell"), ("0x1F", "no_cell"), ("１２", "no_cell"),
]  # fmt: skip


@pytest.mark.parametrize(("stored", "text"), NUMBERS)
def test_a_number_is_what_is_stored_in_full(stored: str, text: str) -> None:
    found = cells("x", Xml(f'<c r="{{place}}"><v>{stored}</v></c>'))
    assert found == (["x", text] if text[0].isdigit() or text[0] == "-" else text)


@given(st.integers(-(10**14), 10**14), st.integers(0, 6))
@settings(max_examples=60, deadline=None)
def test_a_number_of_fifteen_digits_is_never_another_one(digits: int, places: int) -> None:
    stored = repr(digits / 10**places)
    found = cells("x", Xml(f'<c r="{{place}}"><v>{stored}</v></c>'))
    assert float(found[1]) == float(stored)


@pytest.mark.parametrize(
    ("cell", "text"),
    [
        (styled(DAY, 1), "2026-05-03T08:15:00"),
        (styled("46145.34374999999", 1), "2026-05-03T08:15:00"),  # as a float of days is stored
        (styled(46145, 2), "2026-05-03"),  # a date alone, which no result may have
        (styled(46145, 1), "2026-05-03"),  # nobody typed a time
        (styled(DAY, 2), "2026-05-03T08:15:00"),
        (styled(0.34375, 6), "08:15:00"),
        (styled(60, 2), "no_cell"),  # the 29th of February 1900
        (styled(-1, 2), "no_cell"),
        (styled(9_999_999, 2), "no_cell"),
        (styled(1234567, 3), "01234567"),  # an id that is shown with its zero
        (styled("12.5", 3), "format_says_more"),
        (styled(137, 4), "format_says_more"),  # shown as <137
        (styled(137, 8), "format_says_more"),  # shown as 137 IU/mL
        (styled("0.5", 7), "format_says_more"),  # shown as 50%
        (styled(50, 10), "format_says_more"),
        (styled(120000, 5), "120000"),
        (styled(12000, 9), "12000"),
        ("2026-05-03 08:15", "2026-05-03 08:15"),
        ("0012345", "0012345"),
        ("1.2E+05", "1.2E+05"),
        ("=1+1", "=1+1"),
        (True, "true"),
        (formula("A1*2", 12000), "12000"),
        (formula("A1&B1", "<137"), "<137"),
        (formula("A1&B1", ""), ""),
        (formula("A1*2"), "formula_without_value"),
        (formula("HYPERLINK(1)"), "formula_without_value"),
        (Xml('<c r="{place}" t="e"><v>#N/A</v></c>'), "excel_error"),
        (Xml('<c r="{place}" t="zz"><v>1</v></c>'), "excel_error"),
        (Xml('<c r="{place}" t="inlineStr"><is><r><t>1</t></r><r><t>37</t></r></is></c>'), "137"),
        (Xml('<c r="{place}" t="inlineStr"><is><t>a_x000D_b</t></is></c>'), "a\rb"),
        (Xml('<c r="{place}" t="inlineStr"><is><t>a_x0000_b</t></is></c>'), "no_cell"),
        (Xml('<c r="{place}" t="d"><v>2026-05-03T08:15:00</v></c>'), "2026-05-03T08:15:00"),
    ],
)
def test_a_cell_is_the_text_that_a_csv_would_hold_or_is_none(cell: Cell, text: str) -> None:
    found = cells("x", cell)
    assert found == (text if "_" in text and text.islower() else ["x", text])


def test_days_are_counted_from_1904_where_the_file_says_so() -> None:
    (records,) = read_excel(excel(("S", [["a"], [styled(46145 - 1462, 2)]]), is_1904=True))
    assert records.records[0].cells == ("2026-05-03",)


def test_a_real_date_is_a_moment_of_the_laboratorys_zone_and_one_without_a_time_is_set_apart() -> None:
    found = read(line(collected=styled(DAY, 1)), line(collected=styled(46145, 2), accession="A2"))
    (part,) = found.parts
    assert [f"{one:%d %H:%M}" for one in part.accepted["collected_at"]] == ["03 12:15"]
    assert reasons(found) == ["no_time"]


def test_numbers_mean_the_same_whatever_marks_the_laboratory_writes_in_text() -> None:
    """25.5 of a cell is no 255 where a point marks thousands."""
    dutch = replace(laboratory("example_nl"), time_formats=("%d-%m-%Y %H:%M", "iso8601"))
    data = excel(("S", [list(dutch.columns.values()), _dutch(12000.5), _dutch("12.000,5")]))
    found = intake(data, "example_nl", form="excel", table="viral_load_results", laboratory=dutch)
    (part,) = found.parts
    assert part.accepted["viral_load_iu_per_ml"].to_list() == [12000.5, 12000.5]


def _dutch(value: Cell) -> list[Cell]:
    said = {"patient_id": "SYNTH-1", "accession_number": f"M{value}", "test": "CMVK", "specimen": "plasma", "assay": "PCR-A", "value": value,
            "unit": "IE/ml", "collected_at": styled(DAY, 1), "reported_at": "03-05-2026 10:00", "result_status": "definitief"}  # fmt: skip
    return [said.get(name, "") for name in laboratory("example_nl").columns]


def test_what_stands_in_merged_cells_outside_the_header_or_in_no_row_is_told() -> None:
    assert reasons(read(line(), line(accession="A2"), merged="A3:B3")) == ["merged_cells"]
    assert refused(read(line(), merged="A1:B1")) == "merged_header"
    found = read([*line(), None, "stray"], [None] * 7, line(accession="A2"), [""] * 7)
    (part,) = found.parts
    assert (part.received, reasons(found), loads(found)) == (2, ["wrong_field_count"], [12000.0])


def test_a_header_below_a_title_is_found_where_the_file_says_so() -> None:
    data = excel(("S", [["Results of the week"], [], HEADER, line()]), merged="A1:G1")
    assert loads(take(data, lines_above_header=2)) == [12000.0]
    assert refused(take(data)) == "merged_header"
    assert refused(take(data, lines_above_header=1)) == "wrong_feed"


def test_a_date_that_excel_made_of_a_result_and_a_moment_without_its_format_are_told_as_that() -> None:
    found = read(line("2026-03-05"), line("2026-03-05T00:00:00", accession="A2"), line("5-mrt", accession="A3"))
    assert reasons(found) == ["date_as_value"] * 3
    assert "Excel" in found.parts[0].quarantined["remedy"][0]
    for days in ("46320.5", "46320"):
        assert read_time(days, formats=("%d-%m-%Y %H:%M",), zone=ZoneInfo("UTC")) == "number_as_time"
    for other in ("4632", "463205", "murky"):
        assert read_time(other, formats=("%d-%m-%Y %H:%M",), zone=ZoneInfo("UTC")) == "malformed_time"


def test_of_several_sheets_the_one_that_is_meant_must_be_named() -> None:
    one, other, nothing = ("Results", [HEADER, line()]), ("CANARY", [["a"], ["b"]]), ("Empty", [[]])
    assert loads(take(excel(one, nothing))) == [12000.0]
    for hidden in ((), ("CANARY",)):
        found = take(excel(one, other, hidden=hidden))
        assert refused(found) == "several_sheets"
        assert "CANARY" not in str(found.parts[0].refused)
        assert loads(take(excel(one, other, hidden=hidden), sheet="Results")) == [12000.0]
    assert refused(take(excel(one), sheet="Uitslagen")) == "no_such_sheet"
    assert refused(take(excel(nothing))) == "empty_file"


def _bomb() -> bytes:
    return excel(("S", [HEADER]), more={"xl/media/big.bin": b"0" * 30_000_000})


def _twice() -> bytes:
    return excel(("S", [HEADER]), more={"XL/workbook.xml": b"<workbook/>"})


BAD = {
    "nothing": (b"", "empty_file"),
    "an old file, or a protected one": (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\0" * 600, "old_excel"),
    "macros": (excel(("S", [HEADER]), more={"xl/vbaProject.bin": b"x"}), "excel_macros"),
    "no zip": (b"PK\x03\x04 and no more", "malformed_excel"),
    "text": (b"MRN,Accession\n1,2\n", "malformed_excel"),
    "cut": (excel(("S", [HEADER, line()]))[:-300], "malformed_excel"),
    "another zip": (package({"a.txt": b"x"}), "malformed_excel"),
    "a zip bomb": (_bomb(), "too_large"),
    "a zip within it": (excel(("S", [HEADER]), more={"xl/media/x.bin": package({"a.txt": b"x"})}), "malformed_excel"),
    "a zip in the place of a part": (excel(("S", [HEADER]), more={"xl/styles.xml": package({"a.txt": b"x"})}), "malformed_excel"),
    "a part above it": (excel(("S", [HEADER]), more={"../../evil.txt": b"x"}), "malformed_excel"),
    "a part above it by another stroke": (excel(("S", [HEADER]), more={"xl\\..\\..\\evil.txt": b"x"}), "malformed_excel"),
    "a part of the whole disk": (excel(("S", [HEADER]), more={"/tmp/evil.txt": b"x"}), "malformed_excel"),
    "a part of a drive": (excel(("S", [HEADER]), more={"c:/evil.txt": b"x"}), "malformed_excel"),
    "two parts of one name": (_twice(), "malformed_excel"),
    "entities": (excel(("S", [HEADER]), more={"xl/styles.xml": b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}), "malformed_excel"),
    "entities behind much white space": (excel(("S", [HEADER]), more={
        "xl/styles.xml": b'<?xml version="1.0"?>' + b" " * 5000 + b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'}), "malformed_excel"),
    "a document type behind a long comment": (excel(("S", [HEADER]), more={
        "xl/styles.xml": b"<!--" + b"x" * 9000 + b"--><!DOCTYPE a><a/>"}), "malformed_excel"),
    "a document type elsewhere": (excel(("S", [HEADER]), more={
        "xl/styles.xml": b'<!DOCTYPE a SYSTEM "file:///etc/hostname"><a/>'}), "malformed_excel"),
    "UTF-16": (excel(("S", [HEADER]), more={"xl/styles.xml": "<a/>".encode("utf-16")}), "malformed_excel"),
    "a text that is not there": (excel(("S", [HEADER, [Xml('<c r="A2" t="s"><v>99</v></c>')]])), "malformed_excel"),
    "a place that is none": (excel(("S", [HEADER, [Xml('<c r="2A"><v>9</v></c>')]])), "malformed_excel"),
    "broken XML": (excel(("S", [HEADER]), more={"xl/styles.xml": b"<a><b></a>"}), "malformed_excel"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("case", BAD)
def test_a_file_that_cannot_be_read_is_refused_by_name_with_what_to_do(case: str) -> None:
    data, code = BAD[case]
    assert refused(take(data)) == code
    assert explain(code, feed="x", line=1)


def test_a_document_that_somebody_embedded_is_never_opened_and_refuses_no_sheet() -> None:
    inner = package({"a.txt": b"x"})
    assert loads(take(excel(("S", [HEADER, line()]), more={"xl/embeddings/one.xlsx": inner}))) == [12000.0]


@pytest.mark.parametrize(
    ("form", "code"), [("excel_macros", "excel_macros"), ("excel_old", "old_excel"), ("excel_binary", "old_excel")]
)
def test_a_file_of_another_kind_of_excel_is_refused_and_not_left_lying(form: str, code: str) -> None:
    found = intake(excel(("S", [HEADER, line()])), "example_us", form=form, table="viral_load_results")
    assert refused(found) == code


@given(st.data())
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_is_refused_or_read_and_never_a_crash(data: st.DataObject) -> None:
    whole = bytearray(excel(("S", [HEADER, line(), line("<35", accession="A2")])))
    for _ in range(data.draw(st.integers(1, 6))):
        whole[data.draw(st.integers(0, len(whole) - 1))] = data.draw(st.integers(0, 255))
    with suppress(DeliveryError):
        list(read_excel(bytes(whole)))


def test_a_table_of_stays_comes_as_a_sheet_too(tmp_path: Path) -> None:
    rows = [["stay_id", "patient_id", "admitted_at"], ["S1", "SYNTH-1", "2026-05-03T08:15:00Z"]]
    (part,) = intake(excel(("S", rows)), "", form="excel", table="icu_stays").parts
    assert part.accepted["stay_id"].to_list() == ["S1"]


def test_a_laboratory_file_may_say_excel_and_needs_no_separator_then() -> None:
    text = (Path(__file__).parents[2] / "cmvmon/feeds/labs/example_us.toml").read_text("utf-8")
    changed = text.replace('format = "csv"', 'format = "excel"\nsheet = "Results"').replace('separator = ","\n', "")
    found = read_laboratory(changed, name="example_us")
    assert (found.format, found.sheet) == ("excel", "Results")
