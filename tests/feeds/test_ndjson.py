"""A file of many tables: whole or refused, wherever it is cut; read as its CSVs would be; and no content makes it raise."""

from __future__ import annotations

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cmvmon.domain.errors import SiteError
from cmvmon.feeds.ndjson_records import read_ndjson, with_columns
from cmvmon.feeds.records import Expected
from cmvmon.ingest import Intake
from tests.feeds.shipped import csv_bytes, deliver, intake, laboratory
from tests.feeds.test_ingest import GOOD, MARKED

HEADERS = {"result_status": "status"}  # what the synthetic laboratory calls our fields, where it calls them otherwise
STAY = {"stay_id": "S-1", "patient_id": "SYNTH-1", "admitted_at": "2026-04-28T09:00:00Z", "ward": "SYNTHÉTIC"}


def line(table: str, record: dict[str, object]) -> str:
    return json.dumps(
        {"table": table} | {HEADERS.get(name, name): cell for name, cell in record.items()}, ensure_ascii=False
    )


LINES = (
    line("viral_load_results", GOOD),
    line("icu_stays", STAY),
    line("viral_load_results", GOOD | {"accession_number": "A2"}),
)
WHOLE = ("\n".join((*LINES, '{"records": 3}')) + "\n").encode()


def read(data: bytes) -> Intake:
    return intake(data, form="ndjson")


def refused(data: bytes) -> str | None:
    parts = read(data).parts
    return None if parts[0].refused is None else parts[0].refused.code


def test_a_whole_file_fills_two_tables_and_numbers_its_records_through() -> None:
    results, stays = read(WHOLE).parts
    assert (results.table, results.received, results.accepted["record_number"].to_list()) == (
        "viral_load_results",
        2,
        [1, 3],
    )
    assert (stays.table, stays.received, stays.accepted["record_number"].to_list()) == ("icu_stays", 1, [2])


@pytest.mark.parametrize("cut", range(len(WHOLE.rstrip())))
def test_a_file_that_was_cut_anywhere_is_refused_whole(cut: int) -> None:
    (part,) = read(WHOLE[:cut]).parts
    assert part.refused is not None
    assert part.refused.code in {"empty_file", "cut_off", "wrong_encoding"}
    assert (part.table, part.received, part.accepted.height) == ("delivery", 1, 0)


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (WHOLE.rstrip(), None),  # the last line feed alone says nothing
        (WHOLE + b"\n \n", None),
        (b"\xef\xbb\xbf" + WHOLE.replace(b"\n", b"\r\n"), None),
        (WHOLE + LINES[0].encode(), "trailing_data"),
        (WHOLE + WHOLE, "trailing_data"),
        (WHOLE + b"}", "trailing_data"),
        (WHOLE.replace(b'"records": 3', b'"records": 4'), "wrong_count"),
        (WHOLE.replace(b'"records": 3', b'"records": null'), "cut_off"),
        (WHOLE.replace(b'"value"', b"value"), "malformed_ndjson"),
        (WHOLE.replace(b'"1200"', b"NaN"), "malformed_ndjson"),
        (WHOLE.replace(b"1200", b"\\ud800"), "malformed_ndjson"),
        (b"[1]\n" + WHOLE, "malformed_ndjson"),
        (WHOLE.decode().encode("utf-16"), "wrong_encoding"),
        (b"", "empty_file"),
    ],
)  # fmt: skip
def test_what_follows_the_count_or_is_no_record_refuses_the_file(data: bytes, code: str | None) -> None:
    assert refused(data) == code


def test_results_and_stays_are_judged_as_those_of_their_csvs() -> None:
    cells = [GOOD, GOOD | {"accession_number": "A2", "value": "<35"}, GOOD | {"accession_number": "A3", "value": "?"}]
    of_csv = deliver(csv_bytes("synthetic", cells))
    lines = [line("viral_load_results", dict(record)) for record in cells]
    (of_ndjson,) = read("\n".join((*lines, '{"records": 3}')).encode()).parts
    apart = ["line", "delivered_text"]
    assert_frame_equal(of_ndjson.accepted.drop(apart), of_csv.accepted.drop(apart))
    said = ["record_number", "reason", "column", "patient_id"]
    assert_frame_equal(of_ndjson.quarantined.select(said), of_csv.quarantined.select(said))


def test_one_wrong_table_does_not_refuse_the_other() -> None:
    bad = [line("viral_load_results", GOOD | {"accession_number": f"A{n}", "value": "?"}) for n in range(20)]
    results, stays = read("\n".join((*bad, LINES[1], '{"records": 21}')).encode()).parts
    assert results.refused is not None
    assert (results.refused.code, stays.refused, stays.accepted.height) == ("too_many_quarantined", None, 1)


def test_a_table_beside_a_format_that_names_its_tables_is_a_wrong_call() -> None:
    with pytest.raises(SiteError, match="leave the table out"):
        intake(WHOLE, table="icu_stays", form="ndjson")


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)
_RECORDS = st.dictionaries(
    st.sampled_from(["table", "patient_id", "value", "admitted_at", "stay_id", "records"]) | st.text(max_size=3), _VALUES, max_size=6
) | st.fixed_dictionaries({"table": st.sampled_from(["icu_stays", "viral_load_results"]), "patient_id": _VALUES, "stay_id": _VALUES})  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(records=st.lists(_RECORDS, max_size=4), noise=st.binary(max_size=3), at=st.integers(0, 200))
def test_no_content_makes_it_raise_and_every_record_is_counted(records: list[object], noise: bytes, at: int) -> None:
    data = "\n".join([*(json.dumps(record) for record in records), json.dumps({"records": len(records)})]).encode()
    for delivery in (data, data[:at] + noise + data[at:]):
        for part in read(delivery).parts:
            assert part.received == part.accepted.height + part.quarantined.height + part.ignored
    whole = read(data)
    if all(part.refused is None for part in whole.parts):
        assert whole.received == len(records)


def test_a_record_nested_beyond_all_reason_is_set_apart_or_refused() -> None:
    for depth in (400, 100_000):
        deep = '{"table": "icu_stays", "stay_id": ' + "[" * depth + "]" * depth + "}"
        (part,) = read(f'{deep}\n{LINES[1]}\n{{"records": 2}}'.encode()).parts
        assert part.quarantined.height == 1
        assert part.accepted.height in {0, 1}


def test_no_refusal_and_no_remedy_holds_what_was_delivered() -> None:
    record = line("viral_load_results", GOOD | {"patient_id": MARKED, "value": MARKED})
    for data in (record, record[:-3], f'{record}\n{record}x\n{{"records": 2}}', f'{record}\n{{"records": 1}}'):
        for part in read(data.encode()).parts:
            assert MARKED not in str(part.refused)
            told = part.quarantined.drop("delivered_text", "patient_id")
            assert not any(MARKED in str(cell) for row in told.rows() for cell in row)


@pytest.mark.parametrize(
    ("member", "decimal", "cell"),
    [
        ("25.000", ",", "25"),
        ("25.000", None, "25"),
        ("25.5", ",", "25,5"),
        ("25.5", ".", "25.5"),
        ("25.125", None, "25 and a fraction of 125"),
        ("25000", ",", "25000"),
        ('"25.000"', ",", "25.000"),
        ("1.5e3", ",", "1,5e3"),
    ],
)
def test_a_number_means_what_json_says_and_a_text_what_the_laboratory_says(
    member: str, decimal: str | None, cell: str
) -> None:
    data = f'{{"table": "viral_load_results", "value": {member}}}\n{{"records": 1}}\n'.encode()
    (records,) = read_ndjson(data).values()
    (record,) = with_columns(records, Expected(("value",), ()), decimal=decimal).records
    assert record.cells == (cell,)


def test_the_shipped_laboratory_with_a_point_for_thousands_reads_a_number_as_it_is() -> None:
    of_nl = laboratory("example_nl")
    assert (of_nl.grammar.marks.thousands, of_nl.writing.decimal) == (".", ",")
