"""Moments: UTC, or a named reason; no part of a moment is filled in or moved."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.feeds.standard_table import typed
from cmvmon.feeds.times import ISO8601, fault_of_format, read_time

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
FORMATS = (ISO8601, "%d-%m-%Y %H:%M", "%Y%m%d%H%M")

TIMES = [
    ("2026-02-01T10:00:00+01:00", "2026-02-01T09:00:00+00:00"),
    ("2026-02-01 10:00", "2026-02-01T09:00:00+00:00"),
    ("2026-07-01 10:00", "2026-07-01T08:00:00+00:00"),
    ("2026-02-01T10:00Z", "2026-02-01T10:00:00+00:00"),
    ("2026-02-01T10:00:00+0100", "2026-02-01T09:00:00+00:00"),
    ("2026-02-01T10:00:00.5-05:30", "2026-02-01T15:30:00.500000+00:00"),
    ("01-02-2026 10:00", "2026-02-01T09:00:00+00:00"),
    ("202602011000", "2026-02-01T09:00:00+00:00"),
    ("20260201100", "malformed_time"),  # no part of an unseparated time may be short: which one would be a guess
    ("2026-03-29 02:30", "time_does_not_exist"),
    ("29-03-2026 02:30", "time_does_not_exist"),
    ("2026-10-25 02:30", "time_is_ambiguous"),
    ("2026-10-25T02:30+02:00", "2026-10-25T00:30:00+00:00"),
    ("2026-10-25T02:30+01:00", "2026-10-25T01:30:00+00:00"),
    ("2026-10-25 01:59", "2026-10-24T23:59:00+00:00"),
    ("2026-10-25 03:00", "2026-10-25T02:00:00+00:00"),
    ("2026-11-22", "no_time"),
    ("20261122", "no_time"),
    ("22-11-2026", "no_time"),
    ("2026-13-01 10:00", "malformed_time"),
    ("2026-02-30 10:00", "malformed_time"),
    ("2026-02-01 24:00", "malformed_time"),
    ("2026-02-01 10:00:60", "malformed_time"),
    ("2026-02-01T10:00+25:00", "malformed_time"),
    ("2026-02-01T10:00+01:75", "malformed_time"),
    ("202-11-22 10:00", "malformed_time"),
    ("0202-11-22 10:00Z", "0202-11-22T10:00:00+00:00"),  # the promise about years sets it apart
    ("0001-01-01T00:00+23:00", "implausible_date"),
    ("tomorrow", "malformed_time"),
    ("２０２６-02-01 10:00", "malformed_time"),
]


HALF_DAYS = [
    ("03/02/2026 2:15 PM", "2026-03-02T13:15:00+00:00"),
    ("03/09/2026 12:10 AM", "2026-03-08T23:10:00+00:00"),
    ("03/09/2026 12:10 pm", "2026-03-09T11:10:00+00:00"),
    ("3/9/2026 9:00 a.m.", "2026-03-09T08:00:00+00:00"),
    ("03/09/2026 0:10 AM", "malformed_time"),
    ("03/09/2026 13:10 PM", "malformed_time"),
    ("03/09/2026 9:00", "malformed_time"),
    ("03/09/2026", "no_time"),
]


@pytest.mark.parametrize(("text", "want"), HALF_DAYS)
def test_a_time_of_a_half_day_is_read_by_its_am_or_pm(text: str, want: str) -> None:
    moment = read_time(text, formats=("%m/%d/%Y %I:%M %p",), zone=AMSTERDAM)
    assert (moment if isinstance(moment, str) else moment.isoformat()) == want


ENDS_OF_A_DAY = [
    ("2026-02-28 24:00", "2026-02-28T23:00:00+00:00"),
    ("2026-12-31 24:00:00", "2026-12-31T23:00:00+00:00"),
    ("2026-02-28 24:01", "malformed_time"),
    ("2026-02-28 25:00", "malformed_time"),
    ("9999-12-31 24:00", "implausible_date"),
]


@pytest.mark.parametrize(("text", "want"), ENDS_OF_A_DAY)
def test_24_00_is_the_end_of_its_day_where_that_is_declared_and_no_time_elsewhere(text: str, want: str) -> None:
    moment = read_time(text, formats=FORMATS, zone=AMSTERDAM, hour_24_ends_day=True)
    assert (moment if isinstance(moment, str) else moment.isoformat()) == want
    assert read_time(text, formats=FORMATS, zone=AMSTERDAM) == "malformed_time"


@pytest.mark.parametrize(("text", "want"), TIMES)
def test_a_time_is_utc_or_has_a_reason(text: str, want: str) -> None:
    moment = read_time(text, formats=FORMATS, zone=AMSTERDAM)
    assert (moment if isinstance(moment, str) else moment.isoformat()) == want


@pytest.mark.parametrize(
    "pattern", ["%d-%m-%y %H:%M", "%d %b %Y %H:%M", "%d-%m-%Y", "%H:%M", "%d-%m-%Y %H:%M %H", "%Y-%m-%d %I:%M"]
)
def test_a_pattern_that_leaves_something_open_is_refused(pattern: str) -> None:
    assert fault_of_format(pattern)


def _year(year: int) -> datetime:
    return datetime(year, 1, 1)  # noqa: DTZ001 - Hypothesis draws between bounds without a zone


_MOMENTS = st.datetimes(_year(1991), _year(2150)).map(lambda t: t.replace(tzinfo=UTC))
_OFFSETS = st.integers(-14 * 60, 14 * 60).map(lambda m: timedelta(minutes=m))


@given(moment=_MOMENTS, offset=_OFFSETS)
@settings(max_examples=50, deadline=None)
def test_iso_text_with_an_offset_reads_back_the_same_in_a_feed_and_in_an_exchanged_table(
    moment: datetime, offset: timedelta
) -> None:
    text = moment.astimezone(timezone(offset)).isoformat()
    assert read_time(text, formats=(ISO8601,), zone=AMSTERDAM) == moment
    rows, broken = typed(pl.DataFrame({"patient_id": ["S"], "drug": ["d"], "started_at": [text]}), ANTIVIRAL_COURSES)
    assert broken.is_empty()
    assert rows["started_at"].to_list() == [moment]


@given(naive=st.datetimes(_year(1991), _year(2036)))
@settings(max_examples=200, deadline=None)
def test_a_local_time_that_is_accepted_is_the_only_moment_that_shows_it(naive: datetime) -> None:
    moment = read_time(naive.isoformat(), formats=(ISO8601,), zone=AMSTERDAM)
    if isinstance(moment, str):
        assert moment in ("time_does_not_exist", "time_is_ambiguous")
        return
    assert moment.astimezone(AMSTERDAM).replace(tzinfo=None) == naive
    for hours in (-1, 1):
        assert (moment + timedelta(hours=hours)).astimezone(AMSTERDAM).replace(tzinfo=None) != naive


@given(text=st.text(max_size=30))
@settings(max_examples=200, deadline=None)
def test_any_text_is_a_moment_or_a_reason(text: str) -> None:
    outcome = read_time(text, formats=FORMATS, zone=AMSTERDAM)
    assert isinstance(outcome, datetime) or outcome in (
        "no_time", "malformed_time", "time_does_not_exist", "time_is_ambiguous", "implausible_date",
    )  # fmt: skip
