"""The clock of a live demo: it holds for the thread that asked for it, and writes in no site but a live demo's."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from cmvmon.domain.errors import SiteError
from cmvmon.shell.folder.site import Site
from cmvmon.shell.store import session
from cmvmon.shell.work import opening

THEN = datetime(2024, 1, 3, 5, 30, tzinfo=UTC)


def test_a_simulated_clock_holds_within_its_block_and_for_no_other_thread() -> None:
    elsewhere: list[datetime] = []
    with session.by_simulated_clock(lambda: THEN):
        assert session.now() == THEN
        with session.by_simulated_clock(lambda: THEN + timedelta(days=1)):
            assert session.now() == THEN + timedelta(days=1)
        assert session.now() == THEN
        thread = threading.Thread(target=lambda: elsewhere.append(session.now()))
        thread.start()
        thread.join(10)
    assert elsewhere[0] > THEN + timedelta(days=365)
    assert session.now() > THEN + timedelta(days=365)


@pytest.mark.parametrize("settings", ["", "demo = false\n", "demo = true\n"])
def test_a_simulated_clock_opens_no_site_but_a_live_demos(tmp_path: Path, settings: str) -> None:
    (tmp_path / "settings.toml").write_text(settings, "utf-8")
    with (
        session.by_simulated_clock(lambda: THEN),
        pytest.raises(SiteError, match="writes in no site but a live demo's"),
        opening.open_site(tmp_path),
    ):
        raise AssertionError
    assert not (tmp_path / "cmvmon.sqlite").exists()
    (tmp_path / "settings.toml").write_text('demo = "live"\n', "utf-8")
    with session.by_simulated_clock(lambda: THEN), opening.open_site(tmp_path) as opened:
        assert opened.site == Site(tmp_path)


@pytest.mark.parametrize(
    ("said", "is_demo", "takes_history"),
    [("", False, False), ("demo = false", False, False), ("demo = true", True, True), ('demo = "live"', True, False)],
)
def test_what_comes_is_history_in_a_demo_and_in_no_other_site(
    tmp_path: Path, said: str, is_demo: bool, takes_history: bool
) -> None:
    (tmp_path / "settings.toml").write_text(said, "utf-8")
    found = Site(tmp_path).settings()
    assert (found.is_demo, found.takes_history) == (is_demo, takes_history)


@pytest.mark.parametrize("said", ["1", '"true"', '"Live"', "[]"])
def test_any_other_word_for_a_demo_is_refused(tmp_path: Path, said: str) -> None:
    (tmp_path / "settings.toml").write_text(f"demo = {said}\n", "utf-8")
    with pytest.raises(SiteError, match="demo must be true or false"):
        Site(tmp_path).settings()
