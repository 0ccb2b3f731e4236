"""How often a feed says that it comes: hours of the days that count, in the zone of the file."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.feeds.rhythm import Rhythm, read_rhythm
from cmvmon.feeds.toml_reading import StrictTable

AMSTERDAM, UTC_ZONE = ZoneInfo("Europe/Amsterdam"), ZoneInfo("UTC")
WORKDAYS = frozenset(range(5))
FRIDAY = datetime(2026, 3, 6, 6, tzinfo=UTC)  # 07:00 in Amsterdam
EVERY_DAY = frozenset(range(7))


def kept(rhythm: Rhythm, last: datetime, after: timedelta) -> bool:
    return rhythm.is_kept(last, as_of=last + after, site_zone=UTC_ZONE)


def test_the_hours_of_a_weekend_do_not_count_for_a_feed_of_workdays() -> None:
    workdays = Rhythm(24, WORKDAYS, AMSTERDAM)
    assert kept(workdays, FRIDAY, timedelta(days=3))
    assert not kept(workdays, FRIDAY, timedelta(days=3, microseconds=1))
    assert not kept(Rhythm(24, EVERY_DAY, AMSTERDAM), FRIDAY, timedelta(days=1, microseconds=1))


def test_a_day_begins_where_the_file_says_and_else_where_the_site_is() -> None:
    sunday_night = datetime(2026, 3, 8, 23, 30, tzinfo=UTC)  # 00:30 on Monday in Amsterdam
    assert not kept(Rhythm(1, WORKDAYS, AMSTERDAM), sunday_night, timedelta(minutes=61))
    assert kept(Rhythm(1, WORKDAYS, None), sunday_night, timedelta(minutes=61))


def test_the_hour_that_the_clock_skips_is_no_hour() -> None:
    evening = datetime(2026, 3, 28, 22, tzinfo=UTC)  # the night before summer time
    assert kept(Rhythm(24, EVERY_DAY, AMSTERDAM), evening, timedelta(hours=24))
    assert not kept(Rhythm(24, EVERY_DAY, AMSTERDAM), evening, timedelta(hours=24, seconds=1))


@given(st.floats(1, 400), st.floats(0, 400))
def test_of_every_day_the_hours_are_those_of_the_clock(agreed: float, after: float) -> None:
    given_hours = timedelta(hours=agreed)
    assert kept(Rhythm(agreed, EVERY_DAY, AMSTERDAM), FRIDAY, timedelta(hours=after)) is (
        timedelta(hours=after) <= given_hours
    )


@pytest.mark.parametrize(
    ("declared", "fault"),
    [
        ({"days": ["mon"]}, "delivered_every.hours: is missing"),
        ({"hours": 0}, "delivered_every.hours: is out of range"),
        ({"hours": 24, "days": ["monday"]}, "delivered_every.days: holds 'monday', which is none of mon, tue"),
        ({"hours": 24, "day": "mon"}, "delivered_every.day: is not a key"),
    ],
)
def test_a_rhythm_that_can_t_be_meant_is_told_with_its_key(declared: dict[str, object], fault: str) -> None:
    faults: list[str] = []
    read_rhythm(StrictTable({"delivered_every": declared}, "", faults), None)
    assert any(one.startswith(fault) for one in faults)


def test_what_is_not_declared_is_no_agreement_and_no_fault() -> None:
    faults: list[str] = []
    assert read_rhythm(StrictTable({}, "", faults), None) is None
    assert faults == []
