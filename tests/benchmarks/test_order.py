"""A few deliveries shuffled, by several senders at once, with nights between: what stands at the end is the same. Made up."""

from __future__ import annotations

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest

from benchmarks import order
from cmvmon.shell.store import session


@pytest.mark.parametrize("deliveries", [10, pytest.param(30, marks=pytest.mark.long)])
def test_deliveries_shuffled_and_at_once_leave_what_they_leave_in_order(deliveries: int) -> None:
    assert order.differences(6, deliveries, senders=3, nights=1 if deliveries == 10 else 2, seed=7) == []


def test_a_verdict_that_is_lost_is_told(tmp_path: Path) -> None:
    start = session.now()
    tables, results = order.ward_in_lines(6, 7, start)
    with order.set_to(order.Clock(start)):
        assert order.run(tmp_path, tables, results[:8], senders=1, nights=0, end=start + order.LAST_NIGHT) == set()
    before = order.said(tmp_path)
    with sqlite3.connect(tmp_path / "cmvmon.sqlite") as connection:
        connection.execute("DROP TRIGGER no_delete_of_verdicts")
        connection.execute("DELETE FROM verdicts WHERE row_key = (SELECT max(row_key) FROM verdicts)")
    assert not order.said(tmp_path)["verdicts"].equals(before["verdicts"])


def test_the_clock_goes_on_at_each_reading_and_the_programs_own_comes_back() -> None:
    start, real = session.now(), session.now
    with order.set_to(order.Clock(start)):
        assert (session.now(), session.now()) == (start, start + timedelta(milliseconds=1))
    assert session.now is real
