"""The listener's lines: an event is told once a minute and counted, and the minute is told with its counts."""

from __future__ import annotations

import pytest

from cmvmon.run.listener import listening_counts
from cmvmon.run.listener.listening_counts import Ledger


def test_an_event_is_told_once_a_minute_for_each_source_and_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[dict[str, object]] = []
    now = 0.0
    monkeypatch.setattr(listening_counts, "monotonic", lambda: now)
    ledger = Ledger(said.append)
    for source in ("a", "a", "b"):
        ledger.event("no_frames", source=source)
    ledger.count("stored", 7)
    ledger.stored_in(0.0123)
    ledger.tell_minute()
    assert [line["event"] for line in said] == ["no_frames", "no_frames"]
    now = 60.0
    ledger.tell_minute()
    assert said[-1] == {"event": "minute", "slowest_ms": 12.3, "no_frames": 3, "stored": 7, "transactions": 1}
    ledger.event("no_frames", source="a")
    assert said[-1] == {"event": "no_frames", "source": "a"}
    ledger.tell_minute(at_end=True)
    assert said[-1] == {"event": "end", "slowest_ms": 0.0, "no_frames": 1}
