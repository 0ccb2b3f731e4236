"""Results that are written as a delivery read back as the same results."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmvmon.domain import compartments, words
from cmvmon.domain.errors import ProtocolError
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.feeds.assay_rows import AssayTable
from cmvmon.feeds.delivery_text import write_delivery
from cmvmon.feeds.numerals import Marks
from tests.feeds.shipped import deliver, laboratory

START = datetime(2025, 3, 1, tzinfo=UTC)
KEPT = [
    name
    for name in VIRAL_LOAD_RESULTS.schema
    if name not in ("received_at", "delivery_id", "delivered_value", "delivered_unit")
]


@st.composite
def _result(draw: st.DrawFn, number: int) -> dict[str, object]:
    compartment = draw(st.sampled_from(compartments.NAMES))
    row = laboratory("synthetic").assay_table.row("synthetic-pcr", compartment, date(2025, 1, 1))
    assert row is not None
    assert row.lloq_iu_per_ml is not None
    assert row.uloq_iu_per_ml is not None
    detection = draw(st.sampled_from(words.DETECTION))
    limit = st.floats(1e-3, row.uloq_iu_per_ml, exclude_max=True)
    load = draw(st.floats(row.lloq_iu_per_ml, row.uloq_iu_per_ml)) if detection == words.QUANTIFIED else None
    censored = detection in (words.BELOW_LLOQ, words.NOT_DETECTED)
    collected_at = START + draw(st.timedeltas(timedelta(0), timedelta(days=400)))
    return {
        "result_id": f"synthetic:A{number}:cmv_dna",
        "patient_id": draw(st.sampled_from(["SYNTH-1", "007", 'SYNTH "2", b', "SYNTH-é"])),
        "compartment": compartment,
        "laboratory": "synthetic",
        "assay": "synthetic-pcr",
        "collected_at": collected_at,
        "result_status": draw(st.sampled_from(words.RESULT_STATUS)),
        "detection": detection,
        "viral_load_iu_per_ml": load,
        "lod_iu_per_ml": row.lod_iu_per_ml,
        "lloq_iu_per_ml": draw(st.one_of(st.just(row.lloq_iu_per_ml), limit)) if censored else row.lloq_iu_per_ml,
        "uloq_iu_per_ml": draw(st.floats(1e4, 1e12)) if detection == words.ABOVE_ULOQ else row.uloq_iu_per_ml,
        "accession_number": f"A{number}",
        "reported_at": draw(st.one_of(st.none(), st.just(collected_at + timedelta(hours=6)))),
    }


_RESULTS = st.integers(1, 6).flatmap(lambda n: st.tuples(*(_result(number=i) for i in range(n))))


@given(rows=_RESULTS)
@settings(max_examples=40, deadline=None)
def test_what_is_written_for_the_synthetic_laboratory_reads_back_the_same(rows: tuple[dict[str, object], ...]) -> None:
    results = VIRAL_LOAD_RESULTS.conform(pl.DataFrame(rows, schema_overrides=VIRAL_LOAD_RESULTS.schema))
    text = write_delivery(results, laboratory("synthetic"))
    intake = deliver(text.encode(), history=True)
    assert intake.quarantined.is_empty()
    assert intake.accepted.select(KEPT).equals(results.select(KEPT))


DUTCH = {
    "result_id": "example_nl:M1:cmv_dna", "patient_id": "SYNTH-1", "compartment": "plasma", "laboratory": "example_nl",
    "assay": "example-iu-pcr", "collected_at": START, "result_status": "final", "detection": "quantified",
    "viral_load_iu_per_ml": 1234.5, "lod_iu_per_ml": 17.2, "lloq_iu_per_ml": 34.5, "uloq_iu_per_ml": 1e7,
}  # fmt: skip


def dutch(**changes: object) -> pl.DataFrame:
    return VIRAL_LOAD_RESULTS.conform(pl.DataFrame([DUTCH | changes]))


def test_another_laboratory_is_written_in_its_own_marks_words_and_times() -> None:
    results = pl.concat(
        [dutch(), dutch(result_id="example_nl:M2:cmv_dna", detection="not_detected", viral_load_iu_per_ml=None)]
    )
    text = write_delivery(results, laboratory("example_nl"))
    assert (
        "SYNTH-1;M1;EDTA-plasma;1234,5;01-03-2025 01:00;CMV-DNA kwantitatief;PCR-A;IE/ml;;definitief;"
        in text.replace("SYNTH-1;M1;plasma", "SYNTH-1;M1;EDTA-plasma")
    )
    assert ";niet aantoonbaar;" in text
    intake = deliver(text.encode("cp1252"), "example_nl", history=True)
    same = [name for name in KEPT if name != "accession_number"]
    assert intake.accepted.select(same).equals(results.select(same))


UNWRITABLE = [
    ({"compartment": "vitreous"}, {}, "no .*assays.* row"),
    ({"lod_iu_per_ml": 1.0}, {}, "another lod_iu_per_ml"),
    ({"collected_at": datetime(2025, 10, 26, 0, 30, tzinfo=UTC)}, {}, "can't hold a moment"),
    ({"collected_at": START + timedelta(microseconds=1)}, {}, "can't hold a moment"),
    ({}, {"specimens": {}}, "no delivered text means plasma"),
    ({}, {"statuses": {}}, "no delivered text means final"),
    ({}, {"assay_table": AssayTable((), {})}, "no .*assays.* row"),
    ({}, {"columns": {"patient_id": "P"}, "default_status": "corrected"}, "no column for result_status"),
]


@pytest.mark.parametrize(("row", "changes", "message"), UNWRITABLE)
def test_what_would_not_read_back_the_same_is_not_written(
    row: dict[str, object], changes: dict[str, object], message: str
) -> None:
    with pytest.raises(ProtocolError, match=message):
        write_delivery(dutch(**row), replace(laboratory("example_nl"), **changes))  # type: ignore[arg-type]


def test_a_laboratory_without_a_status_column_writes_its_default_status_and_no_other() -> None:
    lab = laboratory("example_us")
    limits = {"lod_iu_per_ml": None, "lloq_iu_per_ml": 35.0}
    results = dutch(result_id="example_us:C1:cmv_dna", laboratory="example_us", **limits)
    intake = deliver(write_delivery(results, lab).encode(), "example_us", history=True)
    assert intake.accepted["result_status"].to_list() == ["final"]
    assert intake.accepted["viral_load_iu_per_ml"].to_list() == [1234.5]
    with pytest.raises(ProtocolError, match="no column for result_status corrected"):
        write_delivery(results.with_columns(result_status=pl.lit("corrected")), lab)


def test_a_fraction_is_not_written_without_a_decimal_mark_nor_a_state_without_a_phrase() -> None:
    lab = laboratory("example_nl")
    bare = replace(lab.grammar, marks=Marks(), phrases={})
    with pytest.raises(ProtocolError, match="no decimal mark"):
        write_delivery(dutch(), replace(lab, grammar=bare))
    with pytest.raises(ProtocolError, match="no phrase for not_detected"):
        write_delivery(dutch(detection="not_detected", viral_load_iu_per_ml=None), replace(lab, grammar=bare))
    with pytest.raises(ProtocolError, match="no text for the unit"):
        write_delivery(dutch(), replace(lab, grammar=replace(lab.grammar, units={})))
