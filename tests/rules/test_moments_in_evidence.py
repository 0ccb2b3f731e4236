"""The moments in an alert's evidence: put together from texts of days and minutes they are to the letter what they are one by one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.rules.evidence import WRITTEN, written

_FIRST = datetime(2019, 12, 31, 22, 58, tzinfo=UTC)
AT = {
    "midnight, and the minute before": [datetime(2024, 2, 29, tzinfo=UTC), datetime(2024, 2, 28, 23, 59, tzinfo=UTC)],
    "each minute of two days": [_FIRST + timedelta(minutes=n) for n in range(2 * 24 * 60)],
    "some are not known": [datetime(2024, 3, 1, 7, 30, tzinfo=UTC), None, datetime(2024, 3, 2, tzinfo=UTC)],
    "most are not known": [None, None, datetime(2024, 3, 2, 1, tzinfo=UTC)],
    "none is known": [None, None],
    "nobody": [],
    "seconds": [datetime(2024, 3, 1, 7, 30, 1, tzinfo=UTC), datetime(2024, 3, 1, tzinfo=UTC)],
    "parts of a second": [datetime(2024, 3, 1, 7, 30, 0, 5, tzinfo=UTC)],
    "before 1970": [datetime(1969, 12, 31, 23, 59, tzinfo=UTC), datetime(1970, 1, 1, tzinfo=UTC)],
    "5,000 days apart": [datetime(2010, 1, 1, tzinfo=UTC), datetime(2010, 1, 1, tzinfo=UTC) + timedelta(days=5_000)],
    "4,999 days apart": [datetime(2010, 1, 1, tzinfo=UTC), datetime(2010, 1, 1, tzinfo=UTC) + timedelta(days=4_999)],
}


def _as_text(moments: list[datetime | None]) -> list[str | None]:
    frame = pl.DataFrame({"at": pl.Series(moments, dtype=pl.Datetime("us", "UTC"))})
    return written(frame)[f"{WRITTEN}at"].to_list()


def _plainly(moment: datetime | None) -> str | None:
    if moment is None:
        return None
    part = f"{moment.microsecond:06d}"
    return f"{moment:%Y-%m-%dT%H:%M:%S}" + (f".{part}" if moment.microsecond else "") + "Z"


@pytest.mark.parametrize("case", AT)
def test_a_moment_is_told_to_the_minute_it_is(case: str) -> None:
    assert _as_text(AT[case]) == [_plainly(moment) for moment in AT[case]]


@given(
    st.lists(
        st.none()
        | st.integers(-10_000_000, 60_000_000).map(lambda n: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(minutes=n))
    )
)
def test_whole_minutes_of_any_years_are_told_as_they_are(moments: list[datetime | None]) -> None:
    assert _as_text(moments) == [_plainly(moment) for moment in moments]
