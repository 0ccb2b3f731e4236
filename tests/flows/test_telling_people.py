"""`cmvmon serve` tells people what waits for its hour, by a child that ends by itself."""

from __future__ import annotations

import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from cmvmon.flows import serving
from tests.telling.telling_site import a_ward, notify, says

_WITHIN_S = 120


def test_serve_tells_what_is_due_and_a_site_without_notify_toml_starts_no_child(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_ward(tmp_path)
    says(tmp_path, "SYNTHETIC-A", "alert", datetime.now(UTC))
    monkeypatch.setattr(serving, "_LOOKS_EVERY_S", 0.05)
    monkeypatch.setattr(serving, "_TELLS_EVERY_S", 0.1)
    stop = Event()
    with serving._children() as started:
        thread = threading.Thread(target=lambda: [*serving._until(stop, started, {}, tmp_path)])
        thread.start()
        time.sleep(0.5)
        assert started == {}
        notify(tmp_path, routes='[[routes]]\ntier = 1\nto = ["data"]')
        deadline = time.monotonic() + _WITHIN_S
        while not (tmp_path / "told.ndjson").exists() and time.monotonic() < deadline:
            time.sleep(0.1)
        stop.set()
        thread.join()
    assert (tmp_path / "told.ndjson").read_text(encoding="utf-8").count("\n") == 1
    assert started["telling"].returncode is not None
