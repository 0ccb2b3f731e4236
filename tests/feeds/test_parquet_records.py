"""A Parquet file says what the same table as CSV says, to the letter; what would unpack to too much is refused before it does."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.domain.errors import DeliveryError
from cmvmon.feeds import parquet_records
from cmvmon.feeds.parquet_records import read_parquet
from cmvmon.feeds.part import Part
from tests.feeds.shipped import csv_bytes, deliver, laboratory


def packed(columns: dict[str, Any], **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(pa.table(columns), out, **options)
    return out.getvalue()


def cells(values: Any, kind: pa.DataType | None = None) -> list[str]:
    """What the cells of a column say; `?` where one is none."""
    (part,) = read_parquet(packed({"a": pa.array(values, kind)}))
    return ["?" if r.number in part.faults else r.cells[0] for r in part.records]


MOMENT = datetime(2026, 3, 2, 8, 15, 30, 250000, tzinfo=UTC)


@pytest.mark.parametrize(
    ("values", "kind", "said"),
    [
        ([1, None, -9223372036854775808], pa.int64(), ["1", "", "-9223372036854775808"]),
        ([18446744073709551615], pa.uint64(), ["18446744073709551615"]),
        ([Decimal("1.50"), Decimal("-0.07"), None], pa.decimal128(20, 2), ["1.50", "-0.07", ""]),
        ([0.1, 12000.0, 1e22, 123456789.125, None], pa.float64(), ["0.1", "12000", "1e+22", "123456789.125", ""]),
        ([0.1, None], pa.float32(), ["0.1", ""]),
        ([float("nan"), float("inf")], pa.float64(), ["nan", "inf"]),
        (["<35", "", None, " é "], pa.string(), ["<35", "", "", " é "]),
        (["<35", None], pa.large_string(), ["<35", ""]),
        (["a", "a", None], pa.dictionary(pa.int8(), pa.string()), ["a", "a", ""]),
        ([True, False, None], pa.bool_(), ["true", "false", ""]),
        ([MOMENT, None], pa.timestamp("us", "UTC"), ["2026-03-02T08:15:30.250000+00:00", ""]),
        ([MOMENT], pa.timestamp("ms", "Europe/Amsterdam"), ["2026-03-02T09:15:30.250000+01:00"]),
        ([1772439330250000001], pa.timestamp("ns", "UTC"), ["2026-03-02T08:15:30.250000+00:00"]),
        ([MOMENT.replace(tzinfo=None)], pa.timestamp("us"), ["2026-03-02T08:15:30.250000"]),
        ([date(2026, 3, 2)], pa.date32(), ["2026-03-02"]),
        ([time(8, 15)], pa.time64("us"), ["08:15:00"]),
        ([None], pa.null(), [""]),
        ([[1], None], pa.list_(pa.int64()), ["?", ""]),
        ([{"b": 1}], pa.struct({"b": pa.int64()}), ["?"]),
        ([b"x"], pa.binary(), ["?"]),
        (["a\0b", "x" * 131_073, "x" * 131_072], pa.string(), ["?", "?", "x" * 131_072]),
    ],
)  # fmt: skip
def test_a_cell_is_the_text_that_a_csv_file_would_hold(values: Any, kind: pa.DataType, said: list[str]) -> None:
    assert cells(values, kind) == said


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
def test_a_floating_number_is_written_so_that_it_reads_back_the_same(numbers: list[float]) -> None:
    assert [float(text) for text in cells(numbers, pa.float64())] == numbers


ROWS = [{"patient_id": "SYNTH-1", "accession_number": f"F{n}", "specimen": "Plasma EDTA", "value": v, "collected_at": c}
        for n, (v, c) in enumerate((("1200.50", "2026-03-02T08:00:00+01:00"), ("<35", "2026-03-09T08:00:00+01:00"), ("?", "2026-03-10")))]  # fmt: skip


def same(one: Part, other: Part) -> bool:
    told = ("delivered_text", "line", "remedy")
    return one.accepted.drop("delivered_text", "line").equals(other.accepted.drop("delivered_text", "line")) and one.quarantined.drop(*told).equals(other.quarantined.drop(*told))  # fmt: skip


def test_a_laboratory_that_sends_parquet_is_read_as_one_that_sends_csv() -> None:
    lab = laboratory("synthetic")
    as_csv = csv_bytes("synthetic", ROWS)
    frame = pl.read_csv(as_csv, separator=lab.separator, infer_schema=False)
    out = io.BytesIO()
    frame.write_parquet(out)
    one, other = deliver(as_csv), deliver(out.getvalue(), form="parquet")
    assert same(one, other)
    assert one.received == 3
    assert "row 3" in other.quarantined["remedy"][-1]


def test_a_table_in_exchange_form_keeps_its_types() -> None:
    stays = pa.table(
        {
            "stay_id": ["S1", "S2"],
            "patient_id": pa.array([1001, 1002], pa.int64()),
            "admitted_at": pa.array(
                [MOMENT, MOMENT.astimezone(ZoneInfo("Europe/Amsterdam"))], pa.timestamp("us", "UTC")
            ),
            "ward": ["ICU", None],
        }
    )
    out = io.BytesIO()
    pq.write_table(stays, out)
    part = deliver(out.getvalue(), to="", table="icu_stays", form="parquet")
    assert part.accepted["patient_id"].to_list() == ["1001", "1002"]
    assert part.accepted["admitted_at"].to_list() == [MOMENT, MOMENT]
    missing = deliver(packed({"stay_id": ["S1"], "patient_id": ["P"]}), to="", table="icu_stays", form="parquet")
    assert missing.refused is not None
    assert missing.refused.code in ("missing_column", "wrong_feed")


def test_many_rows_come_in_parts_and_are_numbered_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_records, "AT_ONCE", 4)
    parts = list(read_parquet(packed({"a": [f"x{n}" for n in range(10)]}, row_group_size=3)))
    assert [r.number for part in parts for r in part.records] == list(range(1, 11))
    assert [r.cells for part in parts for r in part.records] == [(f"x{n}",) for n in range(10)]
    (empty,) = read_parquet(packed({"a": pa.array([], pa.string())}))
    assert (empty.header, empty.records) == (("a",), ())


@pytest.mark.parametrize(
    ("limit", "most"), [("MOST_BYTES", 10), ("MOST_ROWS", 9), ("MOST_COLUMNS", 0), ("MOST_UNPACKED_BYTES", 10)]
)
def test_a_file_over_a_limit_is_refused_before_it_is_unpacked(
    limit: str, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_records, limit, most)
    with pytest.raises(DeliveryError) as caught:
        list(read_parquet(packed({"a": ["x"] * 10})))
    assert caught.value.code == "too_large"


def test_one_long_text_for_many_rows_is_held_once() -> None:
    """A file of some kilobytes that would be 20 GB as text: each of its rows is set apart."""
    data = packed(
        {"a": pa.DictionaryArray.from_arrays(pa.array([0] * 20_000, pa.int32()), pa.array(["x" * 1_000_000]))},
        compression="zstd",
    )
    assert len(data) < 100_000
    assert sum(len(part.faults) for part in read_parquet(data)) == 20_000


@given(st.integers(0, 700), st.binary(min_size=1, max_size=8))
def test_no_damage_makes_it_raise_anything_but_a_refusal(at: int, junk: bytes) -> None:
    whole = packed({"a": ["SECRET", None], "b": [1.5, 2.5]})
    for data in (whole[:at], whole[:at] + junk + whole[at + len(junk) :]):
        said = refusal_of(data)
        assert said.code in ("", "malformed_parquet", "empty_file", "too_large")
        assert "SECRET" not in str(said)


def refusal_of(data: bytes) -> DeliveryError:
    """The refusal of a file; one without a code where it is read."""
    try:
        list(read_parquet(data))
    except DeliveryError as error:
        return error
    return DeliveryError("", "")
