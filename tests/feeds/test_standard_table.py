"""Tables in exchange form: strict text, any type from Parquet, and every broken row with its reason."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars._typing import TimeUnit

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.errors import DeliveryError
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ASSAYS, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.feeds.standard_table import read_table, required_columns, typed, typed_exchange

MOMENT = datetime(2026, 5, 1, 8, tzinfo=UTC)
COURSE = {"patient_id": "SYNTH-1", "drug": "ganciclovir", "started_at": "2026-05-01T08:00Z"}


def course(**cells: str | None) -> pl.DataFrame:
    return pl.DataFrame([COURSE | cells], schema_overrides=dict.fromkeys(COURSE | cells, pl.String))


NUMBERS = [
    ("350", 350.0), ("350.5", 350.5), (" 5 ", 5.0), ("1e2", 100.0), ("", None),
    ("-5", "implausible_dose_mg"), ("0", "implausible_dose_mg"), ("1e400", "implausible_dose_mg"),
    ("nan", "malformed_number"), ("inf", "malformed_number"), ("1_000", "malformed_number"), (".5", "malformed_number"),
    ("5.", "malformed_number"), ("+5", "malformed_number"), ("3,5", "malformed_number"), ("１３７", "malformed_number"),
    ("350 mg", "malformed_number"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "want"), NUMBERS)
def test_a_number_is_digits_with_a_point_or_the_row_is_broken(text: str, want: float | str | None) -> None:
    rows, broken = typed(course(dose_mg=text), ANTIVIRAL_COURSES)
    if isinstance(want, str):
        assert broken.select("reason", "column", "dose_mg").rows() == [(want, "dose_mg", text)]
        assert rows.is_empty()
    else:
        assert rows["dose_mg"].to_list() == [want]


TIMES = [
    ("2026-05-01T08:00:00Z", MOMENT),
    ("2026-05-01 08:00", MOMENT),
    ("2026-05-01T10:00+02:00", MOMENT),
    ("2026-05-01T02:30:00.000-0530", MOMENT),
    ("2026-05-01T08:00:00.000000999", MOMENT),
    ("2026-05-01", "no_time"),
    ("20260501", "no_time"),
    ("01-05-2026 08:00", "malformed_time"),
    ("2026-02-30T08:00", "malformed_time"),
    ("2026-05-01T08:00:60", "malformed_time"),
    ("2026-05-01T08:00+24:00", "malformed_time"),
    ("0202-05-01T08:00", "implausible_date"),
    ("", "missing_started_at"),
]


@pytest.mark.parametrize(("text", "want"), TIMES)
def test_a_time_is_iso_8601_and_in_the_zone_without_an_offset_or_the_row_is_broken(
    text: str, want: datetime | str
) -> None:
    rows, broken = typed(course(started_at=text), ANTIVIRAL_COURSES, zone=ZoneInfo("UTC"))
    if isinstance(want, str):
        assert broken.select("reason", "column", "started_at").rows() == [(want, "started_at", text)]
    else:
        assert rows["started_at"].to_list() == [want]


LOCAL = [
    ("2026-05-01T08:00", datetime(2026, 5, 1, 6, tzinfo=UTC)),
    ("2026-02-01 08:00:30.5", datetime(2026, 2, 1, 7, 0, 30, 500_000, tzinfo=UTC)),
    ("2026-05-01T08:00Z", datetime(2026, 5, 1, 8, tzinfo=UTC)),
    ("2026-05-01T08:00-05:00", datetime(2026, 5, 1, 13, tzinfo=UTC)),
    ("2026-03-29 02:30", "time_does_not_exist"),
    ("2026-10-25 02:30", "time_is_ambiguous"),
    ("2026-10-25T02:30+01:00", datetime(2026, 10, 25, 1, 30, tzinfo=UTC)),
    ("2026-05-01", "no_time"),
    ("2026-02-30 08:00", "malformed_time"),
]


@pytest.mark.parametrize(("text", "want"), LOCAL)
def test_a_time_without_an_offset_is_local_to_the_zone_that_is_stated(text: str, want: datetime | str) -> None:
    rows, broken = typed(course(started_at=text), ANTIVIRAL_COURSES, zone=ZoneInfo("Europe/Amsterdam"))
    told = broken["reason"].to_list() if isinstance(want, str) else rows["started_at"].to_list()
    assert told == [want]


@pytest.mark.parametrize("text", [text for text, _ in LOCAL])
def test_a_time_without_an_offset_is_never_taken_for_utc_where_no_zone_is_stated(text: str) -> None:
    rows, broken = typed(course(started_at=text), ANTIVIRAL_COURSES)
    has_offset = text.endswith(("Z", "-05:00", "+01:00"))
    assert rows.height == has_offset
    reasons = {"2026-05-01": "no_time", "2026-02-30 08:00": "malformed_time"}
    assert broken["reason"].to_list() == ([] if has_offset else [reasons.get(text, "time_without_zone")])


FOREIGN = [
    ("patient_id", pl.Series([17], dtype=pl.Int32), "17"),
    ("patient_id", pl.Series(["17"], dtype=pl.Categorical), "17"),
    ("patient_id", pl.Series([17.0]), "wrong_type"),
    ("patient_id", pl.Series([True]), "wrong_type"),
    ("dose_mg", pl.Series([5], dtype=pl.UInt8), 5.0),
    ("dose_mg", pl.Series(["5.5"]), 5.5),
    ("dose_mg", pl.Series([None]), None),
    ("dose_mg", pl.Series([float("nan")]), "implausible_dose_mg"),
    ("dose_mg", pl.Series([float("inf")], dtype=pl.Float32), "implausible_dose_mg"),
    ("dose_mg", pl.Series([True]), "wrong_type"),
    ("started_at", pl.Series([datetime(2026, 5, 1, 8)]), "time_without_zone"),  # noqa: DTZ001 - a naive moment is the case
    ("started_at", pl.Series([MOMENT]).dt.convert_time_zone("America/New_York"), MOMENT),
    ("started_at", pl.Series([MOMENT]).dt.cast_time_unit("ms"), MOMENT),
    ("started_at", pl.Series([MOMENT]).dt.cast_time_unit("ns"), MOMENT),
    ("started_at", pl.Series([2**62]).cast(pl.Datetime("ms")), "implausible_date"),
    ("started_at", pl.Series([date(2026, 5, 1)]), "no_time"),
    ("started_at", pl.Series([1777622400]), "wrong_type"),
    ("indication", pl.Series([None]), None),
    ("indication", pl.Series([""]), None),
]


@pytest.mark.parametrize(("column", "values", "want"), FOREIGN)
def test_a_column_from_parquet_is_read_without_guessing_or_refused(
    column: str, values: pl.Series, want: object
) -> None:
    frame = course().with_columns(values.alias(column))
    if want == "wrong_type":
        with pytest.raises(DeliveryError, match=column) as caught:
            typed_exchange(frame, ANTIVIRAL_COURSES)
        assert caught.value.code == "wrong_type"
        return
    rows, broken = typed_exchange(frame, ANTIVIRAL_COURSES)
    assert rows.height + broken.height == 1
    assert (rows[column].to_list() or broken["reason"].to_list()) == [want]
    assert rows.equals(ANTIVIRAL_COURSES.conform(rows))


@pytest.mark.parametrize("unit", ["ms", "us", "ns"])
@pytest.mark.parametrize(
    ("text", "want"), [case for case in LOCAL if len(case[0]) > 10 and case[0][16:] in ("", ":30.5")]
)
def test_a_moment_of_parquet_that_knows_no_zone_is_read_as_the_same_time_in_text(
    text: str, want: datetime | str, unit: TimeUnit
) -> None:
    if want == "malformed_time":
        return
    naive = pl.Series([datetime.fromisoformat(text)]).cast(pl.Datetime(unit))
    frame = course().with_columns(started_at=naive, stopped_at=pl.Series([None]).cast(pl.Datetime(unit)))
    rows, broken = typed_exchange(frame, ANTIVIRAL_COURSES, zone=ZoneInfo("Europe/Amsterdam"))
    assert (rows["started_at"].to_list() or broken["reason"].to_list()) == [want]
    _, broken = typed_exchange(frame, ANTIVIRAL_COURSES)
    assert broken.select("reason", "column").rows() == [("time_without_zone", "started_at")]
    far = frame.with_columns(started_at=pl.Series([2**62]).cast(pl.Datetime(unit)))
    if unit == "ms":
        for zone in (None, ZoneInfo("Europe/Amsterdam")):
            assert typed_exchange(far, ANTIVIRAL_COURSES, zone=zone)[1]["reason"].to_list() == ["implausible_date"]


def test_required_columns_are_those_that_are_never_empty() -> None:
    assert required_columns(ANTIVIRAL_COURSES) == ("patient_id", "drug", "started_at")
    assert required_columns(ICU_STAYS) == ("stay_id", "patient_id", "admitted_at")
    assert required_columns(ASSAYS) == ("laboratory", "assay", "compartment", "sigma_log10")
    assert "result_status" in required_columns(VIRAL_LOAD_RESULTS)


def test_a_table_without_a_required_column_is_refused_with_all_that_it_lacks() -> None:
    with pytest.raises(DeliveryError, match="lacks drug, started_at") as caught:
        typed(course().drop("drug", "started_at"), ANTIVIRAL_COURSES)
    assert caught.value.code == "missing_column"


def test_a_kind_that_no_table_exchanges_yet_is_refused_and_not_guessed() -> None:
    truths = RowType("t", "", ("is_on",), (Column("is_on", Kind.TRUTH, ""),))
    with pytest.raises(DeliveryError, match="is_on is String"):
        typed(pl.DataFrame({"is_on": ["yes"]}), truths)


def test_only_text_is_taken_as_text() -> None:
    with pytest.raises(DeliveryError, match="dose_mg hold no text"):
        typed(course().with_columns(dose_mg=5), ANTIVIRAL_COURSES)


def test_columns_that_are_not_exchanged_are_not_read() -> None:
    frame = course().with_columns(name=pl.lit("Synthetic Person"), received_at=pl.lit(MOMENT))
    rows, _ = typed_exchange(frame, ANTIVIRAL_COURSES)
    assert rows.columns == list(ANTIVIRAL_COURSES.schema)
    assert rows["received_at"].to_list() == [None]


def test_a_csv_in_exchange_form_keeps_its_lines_and_its_broken_rows() -> None:
    text = "drug,patient_id,started_at\nganciclovir,S1,2026-05-01T08:00Z\nganciclovir,S2\n\nganciclovir,S3,2026-05-01\n"
    rows, broken = read_table(text.encode(), ANTIVIRAL_COURSES)
    assert rows.select("patient_id", "record_number", "line").rows() == [("S1", 1, 2)]
    assert broken.select("record_number", "line", "reason", "column").rows() == [
        (2, 3, "wrong_field_count", None),
        (3, 5, "no_time", "started_at"),
    ]


_CELL = st.one_of(
    st.text(max_size=12),
    st.sampled_from(["", "5", "nan", "treatment", "2026-05-01T08:00Z", "2026-05-01", "9999-12-31T23:59-23:00", "S1"]),
)


@given(rows=st.lists(st.fixed_dictionaries(dict.fromkeys(ANTIVIRAL_COURSES.exchanged, _CELL)), min_size=1, max_size=5))
@settings(max_examples=35, deadline=None)
def test_any_text_is_a_row_that_keeps_every_promise_or_a_broken_row(rows: list[dict[str, str]]) -> None:
    frame = pl.DataFrame(rows, schema=dict.fromkeys(ANTIVIRAL_COURSES.exchanged, pl.String))
    kept, broken = typed(
        frame.with_columns(record_number=pl.int_range(pl.len()), line=pl.int_range(pl.len())), ANTIVIRAL_COURSES
    )
    assert sorted(kept["record_number"].to_list() + broken["record_number"].to_list()) == list(range(len(rows)))
    for constraint in ANTIVIRAL_COURSES.constraints:
        assert kept.select(constraint.holds().all()).item()
    again, none = typed_exchange(kept, ANTIVIRAL_COURSES)
    assert none.is_empty()
    assert again.select(ANTIVIRAL_COURSES.exchanged).equals(kept.select(ANTIVIRAL_COURSES.exchanged))
