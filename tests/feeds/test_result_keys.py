"""What a laboratory's number stands for: which columns join the key, and what is refused."""

from __future__ import annotations

import pytest

from cmvmon.domain.errors import ProtocolError
from cmvmon.feeds.delivery_text import write_delivery
from cmvmon.feeds.laboratory import Laboratory, read_laboratory
from cmvmon.feeds.part import Part
from tests.feeds.shipped import LABS, deliver

TEXT = (LABS / "synthetic.toml").read_text("utf-8")
HEAD = "patient_id,accession_number,specimen,value,collected_at,test,assay,unit,reported_at,status,tube"


def declared(lines: str, *, columns: str = "") -> Laboratory:
    text = TEXT.replace("\n[columns]", f"\n{lines}\n[columns]", 1)
    return read_laboratory(text.replace("\n[numbers]", f"{columns}\n[numbers]", 1), name="synthetic")


def line(
    specimen: str, at: str = "2026-03-02T08:00:00+01:00", *, test: str = "CMVQ", status: str = "F", tube: str = ""
) -> str:
    return f"S-1,A1,{specimen},1000,{at},{test},synthetic-pcr,IU/mL,2026-03-20T08:00:00+01:00,{status},{tube}"


def judged(laboratory: Laboratory, *lines: str) -> Part:
    return deliver("\n".join([HEAD, *lines, ""]).encode(), laboratory=laboratory)


ORDER = 'accession_stands_for = "order"\n'
TUBE_COLUMN = 'tube_number = "tube"\n'
BY = {
    "specimen": (declared(f'{ORDER}key_columns = ["specimen"]'), line("plasma"), line("bal")),
    "collection time": (
        declared(f'{ORDER}key_columns = ["collected_at"]'),
        line("plasma"),
        line("plasma", "2026-03-03T08:00:00+01:00"),
    ),
    "tube": (
        declared(f'{ORDER}key_columns = ["tube_number"]', columns=TUBE_COLUMN),
        line("bal", tube="T1"),
        line("bal", tube="T2"),
    ),
}


@pytest.mark.parametrize("name", BY)
def test_what_joins_the_number_makes_two_results_of_one_order(name: str) -> None:
    laboratory, first, second = BY[name]
    ids = judged(laboratory, first, second).accepted["result_id"].to_list()
    assert len(set(ids)) == 2
    assert all(text.startswith("synthetic:A1:") and text.endswith(":cmv_dna") for text in ids)


def test_the_same_moment_in_another_zone_and_a_word_in_other_case_are_one_key() -> None:
    by_both = declared(f'{ORDER}key_columns = ["specimen", "collected_at"]')
    lines = line("plasma"), line("Plasma ", "2026-03-02T07:00:00Z")
    assert judged(by_both, *lines).accepted["result_id"].n_unique() == 1


def test_a_number_of_a_tube_is_joined_by_its_test() -> None:
    text = TEXT.replace('["CMVQ"]', '["CMVQ", "CMVB"]')
    text = text.replace("\n[columns]", '\naccession_stands_for = "tube"\nkey_columns = ["test"]\n[columns]', 1)
    lines = line("plasma"), line("plasma", test="CMVB")
    assert judged(read_laboratory(text, name="synthetic"), *lines).accepted["result_id"].n_unique() == 2


def test_without_a_declaration_the_number_alone_is_the_key() -> None:
    laboratory = read_laboratory(TEXT, name="synthetic")
    assert set(judged(laboratory, line("plasma"), line("bal")).accepted["result_id"]) == {"synthetic:A1:cmv_dna"}


def test_a_colon_in_a_part_parts_nothing() -> None:
    laboratory, *_ = BY["tube"]
    (found,) = judged(laboratory, line("bal", tube="a:b%")).accepted["result_id"]
    assert found == "synthetic:A1:a%3Ab%25:cmv_dna"


def test_a_record_without_its_tube_number_is_set_apart_and_one_that_a_spreadsheet_cut_too() -> None:
    laboratory, *_ = BY["tube"]
    part = judged(laboratory, line("bal"), line("bal", tube="1.2E+07"))
    assert part.quarantined["reason"].to_list() == ["missing_tube_number", "shortened_number"]


def test_a_withdrawal_that_names_no_specimen_withdraws_nothing_where_the_specimen_is_part_of_the_key() -> None:
    laboratory, *_ = BY["specimen"]
    part = judged(laboratory, line("", status="W"))
    assert part.withdrawals is None or part.withdrawals.is_empty()
    assert part.quarantined["reason"].to_list() == ["missing_specimen"]
    plain = judged(read_laboratory(TEXT, name="synthetic"), line("", status="W"))
    assert plain.withdrawals is not None
    assert plain.withdrawals["result_id"].to_list() == ["synthetic:A1:cmv_dna"]


@pytest.mark.parametrize(
    ("lines", "columns", "said"),
    [
        ('key_columns = ["specimen"]', "", "stands without `accession_stands_for`"),
        ('accession_stands_for = "order"', "", "names nothing that tells the samples of an order apart"),
        (f'{ORDER}key_columns = ["test"]', "", "names nothing that tells the samples of an order apart"),
        (
            'accession_stands_for = "tube"\nkey_columns = ["specimen"]',
            "",
            "under the number of one tube; use test, assay",
        ),
        ('accession_stands_for = "result"\nkey_columns = ["test"]', "", "one result; leave the key out"),
        (f'{ORDER}key_columns = ["tube_number"]', "", r"stands in no \[columns\]"),
        (f'{ORDER}key_columns = ["specimen", "specimen"]', "", "names a column twice"),
        (f'{ORDER}key_columns = ["specimen"]', TUBE_COLUMN, "is declared and not part of `key_columns`"),
        ('accession_stands_for = "sample"', "", "is none of 'result', 'tube', 'order'"),
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused_in_words(lines: str, columns: str, said: str) -> None:
    with pytest.raises(ProtocolError, match=said):
        declared(lines, columns=columns)


def test_results_are_written_only_where_they_would_be_read_under_their_own_id() -> None:
    laboratory, first, second = BY["specimen"]
    rows = judged(laboratory, first, second).accepted
    written = write_delivery(rows, laboratory)
    assert deliver(written.encode(), laboratory=laboratory).accepted["result_id"].equals(rows["result_id"])
    with pytest.raises(ProtocolError, match="id is not that of its key_columns"):
        write_delivery(judged(read_laboratory(TEXT, name="synthetic"), first).accepted, laboratory)
    by_tube, tube, _ = BY["tube"]
    with pytest.raises(ProtocolError, match="holds no tube_number"):
        write_delivery(judged(by_tube, tube).accepted, by_tube)
