"""Numbers of patients and samples that a spreadsheet cut are set apart, and true numbers are left alone."""

from __future__ import annotations

import polars as pl
import pytest

from cmvmon.feeds.part import Part
from cmvmon.feeds.shortened_numbers import is_shortened, shortened
from cmvmon.ingest import ingest
from tests import sites
from tests.feeds.shipped import laboratory
from tests.patients import HEADERS
from tests.sites import day

CUT = (
    "2.40012E+10",
    "2,02603E+11",
    " 1E+05 ",
    "2.4e10",
    "1e-05",
    '="000123"',
    "'000123",
    "########",
    "#N/A",
    "#DIV/0!",
)
TRUE = (
    "24001201",
    "000123",
    "1E5",
    "26E0123",
    "2026-0001",
    "A1",
    "M26.1234",
    "24001201.1",
    "E+12",
    "#12",
    "O'Neill-1",
    "",
)


@pytest.mark.parametrize("text", CUT)
def test_a_number_that_was_not_written_out_is_recognised(text: str) -> None:
    assert is_shortened(text)


@pytest.mark.parametrize("text", TRUE)
def test_a_number_that_only_looks_odd_is_left_alone(text: str) -> None:
    assert not is_shortened(text)


def test_a_column_is_judged_as_its_texts_are() -> None:
    frame = pl.DataFrame({"number": [*CUT, *TRUE, None]})
    assert frame.select(shortened("number")).to_series().to_list() == [True] * len(CUT) + [False] * (len(TRUE) + 1)


def judged(table: str, lines: list[str]) -> Part:
    given = {"feed": "synthetic", "delivery_id": "d", "received_at": day(30), "landed_at": day(30)}
    of = laboratory("synthetic") if table == "viral_load_results" else None
    (part,) = ingest("\n".join([HEADERS[table], *lines, ""]).encode(), table=table, laboratory=of, **given).parts
    return part


def test_a_result_of_a_cut_patient_or_accession_number_is_set_apart_and_its_column_is_named() -> None:
    lines = [
        sites.result("SYNTHETIC-1", 0, 1000, accession="2.40012E+10"),
        sites.result("1.2E+05", 0, 1000, accession="A2"),
        sites.result("SYNTHETIC-1", 0, 1000, accession="A3"),
    ]
    part = judged("viral_load_results", lines)
    assert part.accepted.height == 1
    named = ["accession_number", "patient_id"]
    assert part.quarantined["reason"].to_list() == ["shortened_number"] * 2
    assert [f"column `{name}`" in text for name, text in zip(named, part.quarantined["remedy"], strict=True)] == [
        True
    ] * 2


def test_a_course_of_a_cut_patient_number_is_set_apart() -> None:
    part = judged("antiviral_courses", [sites.course("1.2E+05"), sites.course("12E5")])
    assert part.accepted["patient_id"].to_list() == ["12E5"]
    assert part.quarantined.select("reason", "patient_id").rows() == [("shortened_number", "1.2E+05")]
