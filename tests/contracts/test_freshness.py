"""A delivery is as recent as promised up to and with the last moment of the promise, and late after it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from cmvmon.data_contracts import freshness
from cmvmon.data_contracts.freshness import fresh_within, is_fresh

AS_OF = datetime(2026, 3, 31, 4, tzinfo=UTC)
TABLE = "viral_load_results"


@pytest.fixture(autouse=True)
def promised(monkeypatch: pytest.MonkeyPatch) -> timedelta:
    """The contract's own promise, or 36 hours where it makes none."""
    limit = fresh_within(TABLE) or timedelta(hours=36)
    monkeypatch.setattr(freshness, "fresh_within", lambda _: limit)
    return limit


def test_the_last_moment_of_the_promise_is_still_fresh(promised: timedelta) -> None:
    assert is_fresh(TABLE, AS_OF - promised, as_of=AS_OF) is True
    assert is_fresh(TABLE, AS_OF - promised - timedelta(microseconds=1), as_of=AS_OF) is False
    assert is_fresh(TABLE, AS_OF - promised + timedelta(microseconds=1), as_of=AS_OF) is True


def test_without_a_promise_or_a_delivery_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    assert is_fresh(TABLE, None, as_of=AS_OF) is None
    monkeypatch.setattr(freshness, "fresh_within", lambda _: None)
    assert is_fresh(TABLE, AS_OF, as_of=AS_OF) is None
