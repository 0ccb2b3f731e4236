"""What the processes of a run share is made by one of them, once."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from tests.demo_run import once


def test_what_is_shared_is_made_once_however_many_ask_at_a_time(tmp_path: Path) -> None:
    made: list[Path] = []

    def make(folder: Path) -> None:
        made.append(folder)
        time.sleep(0.2)
        (folder / "said").write_text("all", "utf-8")

    found: list[str] = []
    asking = [
        threading.Thread(target=lambda: found.append((once(tmp_path, "one", make) / "said").read_text("utf-8")))
        for _ in range(3)
    ]
    for each in asking:
        each.start()
    for each in asking:
        each.join()
    assert (len(made), found) == (1, ["all"] * 3)


def test_what_could_not_be_made_is_told_and_made_by_the_next_that_asks(tmp_path: Path) -> None:
    def fails(folder: Path) -> None:
        (folder / "half").write_text("x", "utf-8")
        raise RuntimeError("no room")

    with pytest.raises(RuntimeError, match="no room"):
        once(tmp_path, "one", fails)
    folder = once(tmp_path, "one", lambda folder: (folder / "said").write_text("all", "utf-8") and None)
    assert [path.name for path in folder.iterdir()] == ["said"]
