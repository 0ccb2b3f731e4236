"""Taking a delivery in: nothing lost, nothing doubled, nothing that depends on order, and no content that raises."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmvmon.domain.errors import DeliveryError, ProtocolError, SiteError
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.feeds.laboratory import read_laboratory
from cmvmon.feeds.part import Part
from tests.feeds.shipped import LABS, LANDED, NAMES, csv_bytes, deliver, laboratory

GOOD = {
    "patient_id": "SYNTH-1", "accession_number": "A1", "test": "CMVQ", "specimen": "plasma", "assay": "synthetic-pcr",
    "value": "1200", "unit": "IU/mL", "collected_at": "2026-05-01T08:00:00+02:00", "result_status": "F",
}  # fmt: skip
LENIENT = replace(laboratory("synthetic"), max_quarantined_share=1.0)


def balanced(intake: Part) -> bool:
    return intake.received == intake.accepted.height + intake.quarantined.height + intake.ignored


_CHANGES = st.sampled_from(
    [{}, {"value": "<35"}, {"value": "Not detected"}, {"specimen": "bal"}, {"result_status": "C"}, {"value": "?"},
     {"patient_id": ""}, {"test": "EBVQ"}, {"unit": "IU/L"}, {"collected_at": "2026-05-01"}, {"value": "3"},
     {"result_status": "W", "value": ""}, {"specimen": "?"}, {"value": "1e15"}]
)  # fmt: skip
_DELIVERIES = st.lists(_CHANGES, max_size=30).map(
    lambda changes: [GOOD | {"accession_number": f"A{n}"} | change for n, change in enumerate(changes)]
)


def results(*intakes: Part) -> list[tuple[object, ...]]:
    rows = pl.concat([intake.accepted for intake in intakes]).select(VIRAL_LOAD_RESULTS.schema.keys())
    return sorted(rows.rows(), key=str)


@given(rows=_DELIVERIES, seed=st.integers(0, 1000))
@settings(max_examples=25, deadline=None)
def test_row_order_and_splitting_change_no_accepted_row_and_counts_add_up(
    rows: list[dict[str, str]], seed: int
) -> None:
    whole = deliver(csv_bytes("synthetic", rows), laboratory=LENIENT)
    shuffled = random.Random(seed).sample(rows, len(rows))
    cut = seed % (len(rows) + 1)
    parts = [deliver(csv_bytes("synthetic", part), laboratory=LENIENT) for part in (shuffled[:cut], shuffled[cut:])]
    assert results(whole) == results(*parts)
    assert whole.received == len(rows) == sum(part.received for part in parts)
    assert all(balanced(intake) for intake in (whole, *parts))
    assert sorted(whole.quarantined["reason"]) == sorted(
        reason for part in parts for reason in part.quarantined["reason"]
    )


@given(rows=_DELIVERIES, only=st.sets(st.integers(1, 30)))
@settings(max_examples=25, deadline=None)
def test_judging_some_records_again_gives_what_the_whole_gave_for_them(
    rows: list[dict[str, str]], only: set[int]
) -> None:
    data = csv_bytes("synthetic", rows)
    whole, some = deliver(data), deliver(data, only_records=only)
    number = pl.col("record_number").is_in(sorted(only))
    assert some.accepted.equals(whole.accepted.filter(number))
    assert some.quarantined.equals(whole.quarantined.filter(number))
    assert some.received == len(only & set(range(1, len(rows) + 1)))
    assert balanced(some)


@given(data=st.binary(max_size=300))
@settings(max_examples=100, deadline=None)
def test_random_bytes_are_refused_or_counted_and_never_raise(data: bytes) -> None:
    for to, table in (("synthetic", "viral_load_results"), ("example_nl", "viral_load_results"), ("", "icu_stays")):
        intake = deliver(data, to, table)
        assert balanced(intake)
        assert intake.accepted.is_empty()


@given(noise=st.lists(st.tuples(st.integers(0, 400), st.binary(min_size=1, max_size=1)), max_size=4))
@settings(max_examples=100, deadline=None)
def test_a_damaged_delivery_is_counted_and_never_raises(noise: list[tuple[int, bytes]]) -> None:
    data = csv_bytes("synthetic", [GOOD | {"accession_number": f"A{n}"} for n in range(4)])
    for at, byte in noise:
        data = data[:at] + byte + data[at + 1 :]
    intake = deliver(data)
    assert balanced(intake)
    assert intake.received >= 1


def test_a_mended_laboratory_file_accepts_what_was_quarantined_before() -> None:
    data = csv_bytes("synthetic", [GOOD, GOOD | {"accession_number": "A2", "unit": "kIU/mL", "value": "5"}])
    before = deliver(data)
    assert before.quarantined["reason"].to_list() == ["unknown_unit"]
    text = (LABS / "synthetic.toml").read_text("utf-8")
    kilo = '"IU/mL" = "iu_per_ml"\n"kIU/mL" = { unit = "iu_per_ml", times = 1000 }'
    mended = read_laboratory(text.replace('"IU/mL" = "iu_per_ml"', kilo), name="synthetic")
    after = deliver(data, laboratory=mended, only_records=before.quarantined["record_number"].to_list())
    assert after.accepted["viral_load_iu_per_ml"].to_list() == [5000.0]
    assert (after.received, after.refused) == (1, None)
    assert mended.fingerprint != laboratory("synthetic").fingerprint


ANOTHER = '\n[[assays]]\nname = "another-pcr"\ncompartments = ["plasma"]\nvalid_from = 2026-02-15\n'


def test_two_assays_of_one_day_without_a_column_that_names_them_are_refused_at_the_start() -> None:
    text = (LABS / "example_us.toml").read_text("utf-8")
    with pytest.raises(ProtocolError, match=r"example-iu-pcr holds for plasma on the same days.* valid_until"):
        read_laboratory(text + ANOTHER, name="example_us")


def test_an_assay_that_is_not_delivered_is_the_one_of_the_day_of_collection() -> None:
    text = (LABS / "example_us.toml").read_text("utf-8") + ANOTHER
    ended = text.replace('compartments = ["plasma"]\n', 'compartments = ["plasma"]\nvalid_until = 2026-02-14\n', 1)
    row = {"patient_id": "SYNTH-1", "specimen": "Plasma", "value": "500", "unit": "IU/mL"}
    days = [row | {"accession_number": f"C{day}", "collected_at": f"02/{day}/2026 08:15"} for day in (14, 15)]
    part = deliver(csv_bytes("example_us", days), "example_us", laboratory=read_laboratory(ended, name="example_us"))
    assert part.accepted["assay"].to_list() == ["example-iu-pcr", "another-pcr"]


def test_a_sample_of_a_day_on_which_no_assay_holds_is_set_apart() -> None:
    text = (LABS / "example_us.toml").read_text("utf-8")
    ended = text.replace('compartments = ["plasma"]\n', 'compartments = ["plasma"]\nvalid_until = 2026-02-14\n', 1)
    row = {"patient_id": "SYNTH-1", "specimen": "Plasma", "value": "500", "unit": "IU/mL"}
    late = [row | {"accession_number": "C15", "collected_at": "02/15/2026 08:15"}]
    part = deliver(csv_bytes("example_us", late), "example_us", laboratory=read_laboratory(ended, name="example_us"))
    assert part.quarantined.select("reason", "column").rows() == [("assay_without_limits", "Specimen")]


def bad_share(n_bad: int, n: int) -> Part:
    rows = [GOOD | {"accession_number": f"A{i}"} | ({"value": "?"} if i < n_bad else {}) for i in range(n)]
    return deliver(csv_bytes("synthetic", rows))


@pytest.mark.parametrize(("n_bad", "n", "refused"), [(19, 19, False), (10, 20, False), (11, 20, True), (50, 99, True)])
def test_a_delivery_is_refused_whole_from_20_records_on_above_the_share(n_bad: int, n: int, refused: bool) -> None:
    intake = bad_share(n_bad, n)
    assert (intake.refused is not None) == refused
    assert intake.accepted.height == (0 if refused else n - n_bad)
    assert intake.received == n


def test_a_refusal_for_its_share_names_the_reasons_with_counts_and_each_record_keeps_its_own() -> None:
    intake = bad_share(11, 20)
    assert intake.refused is not None
    assert intake.refused.code == "too_many_quarantined"
    assert "11 of 20 records can't be used, more than 50% (unknown_text 11)" in str(intake.refused)
    assert set(intake.quarantined["reason"]) == {"delivery_refused"}
    own = intake.quarantined["remedy"].str.contains(
        "This record by itself: unknown_text (column `value`)", literal=True
    )
    assert own.to_list() == [True] * 11 + [False] * 9


def test_a_refusal_is_returned_with_feed_table_code_and_remedy() -> None:
    intake = deliver(b"")
    assert isinstance(intake.refused, DeliveryError)
    assert str(intake.refused).startswith("synthetic, viral_load_results: 0 bytes were found: the file is empty. Ask")
    assert intake.quarantined.select("record_number", "line", "delivered_text").rows() == [(1, 1, "{}")]


def test_a_record_that_is_set_apart_still_names_its_patient_where_that_can_be_read() -> None:
    rows = [GOOD | {"value": "?"}, GOOD | {"accession_number": "A2", "patient_id": " "}]
    assert deliver(csv_bytes("synthetic", rows)).quarantined["patient_id"].to_list() == ["SYNTH-1", None]
    assert deliver(csv_bytes("synthetic", [GOOD]) + b"SYNTH-2,short\n").quarantined["patient_id"].to_list() == [
        "SYNTH-2"
    ]


def test_history_is_judged_by_the_moment_of_landing_and_live_results_by_their_receipt() -> None:
    data = csv_bytes("synthetic", [GOOD])
    long_ago = LANDED - timedelta(days=400)
    assert deliver(data, received_at=long_ago).quarantined["reason"].to_list() == ["collected_in_future"]
    assert deliver(data, received_at=long_ago, history=True).quarantined.is_empty()


@pytest.mark.parametrize(
    ("to", "table", "words"),
    [("synthetic", "verdicts", "no table"), ("", "viral_load_results", "needs a laboratory file")],
)
def test_a_call_that_can_not_be_carried_out_says_so(to: str, table: str, words: str) -> None:
    with pytest.raises(SiteError, match=words):
        deliver(b"", to, table)


MARKED = "QZX-MARKED"


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "field", ["patient_id", "accession_number", "value", "unit", "specimen", "collected_at", "header"]
)
def test_no_refusal_and_no_remedy_holds_what_was_delivered(name: str, field: str) -> None:
    rows = [{field: MARKED, "patient_id": MARKED} for _ in range(25)]
    data = csv_bytes(name, rows)
    if field == "header":
        data = data.split(b"\n", 1)[1]
    intake = deliver(data, name)
    assert intake.refused is not None
    assert MARKED not in str(intake.refused)
    told = intake.quarantined.drop("delivered_text", "patient_id")  # these two are kept to be read on the site
    assert not any(MARKED in str(cell) for row in told.rows() for cell in row)
    assert any(MARKED in text for text in intake.quarantined["delivered_text"])


@pytest.mark.parametrize(
    "mark", ["\x1b[2J", "\x07", "\u00ad", "\u200b", "\u202e", "\ufeff", "\x85", "\u061c", "\u2028"]
)
def test_a_patient_number_with_a_character_that_can_not_be_seen_is_nobodys(mark: str) -> None:
    """It looks like another patient's number on every page, and would be a patient of its own."""
    rows = [GOOD | {"patient_id": f"SYNTH{mark}-1"}, GOOD | {"accession_number": "A2"}]
    part = deliver(csv_bytes("synthetic", rows))
    assert part.quarantined["reason"].to_list() == ["invisible_in_patient_id"]
    assert part.accepted["patient_id"].to_list() == ["SYNTH-1"]
    stays = f"stay_id,patient_id,admitted_at\nS1,SYNTH{mark}-1,2026-05-01T08:00:00Z\n".encode()
    assert deliver(stays, "", "icu_stays").quarantined["reason"].to_list() == ["invisible_in_patient_id"]
    links = f"patient_id,merged_into,merged_at\nSYNTH-2,SYNTH{mark}-1,2026-05-01T08:00:00Z\n".encode()
    assert deliver(links, "", "patient_links").quarantined["reason"].to_list() == ["invisible_in_merged_into"]
