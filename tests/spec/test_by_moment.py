"""Results are sorted by moment and id, whether they came so or not."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.domain.versions import by_moment

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SCHEMA = {"collected_at": pl.Datetime("us", "UTC"), "result_id": pl.String, "n": pl.Int64}
ROWS = st.lists(
    st.tuples(st.none() | st.integers(0, 3).map(lambda hours: NOON + timedelta(hours=hours)), st.sampled_from("abc"))
)


@given(ROWS, st.booleans())
def test_they_are_in_order_of_moment_and_id(rows: list[tuple[datetime | None, str]], came_so: bool) -> None:
    frame = pl.DataFrame([(*row, n) for n, row in enumerate(rows)], schema=SCHEMA, orient="row")
    keys = ("collected_at", "result_id")
    frame = frame.sort(keys) if came_so else frame
    found = by_moment(frame)
    assert found.select(keys).equals(frame.sort(keys).select(keys))
    assert sorted(found["n"]) == sorted(frame["n"])
