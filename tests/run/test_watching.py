"""The drop folder is watched: files are taken in as they settle, whom they touch is refreshed, and nothing ends the watch."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Event, Timer
from typing import Any

import pytest

from cmvmon.domain.errors import StoreBusy
from cmvmon.run.answers.dismissing import dismiss
from cmvmon.run.asking.quarantine_list import listed_quarantine
from cmvmon.run.daytime import watching
from cmvmon.run.daytime.watching import Look, Trouble, Watch, keep_watch
from cmvmon.run.deliveries.intake import take_in_drop
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.basis.lock import only_run
from cmvmon.shell.store import session
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.feeds.shipped import LABS
from tests.sites import drop, falling, lain_still, result, rows

WORK = "SELECT subject, state FROM alert_events WHERE rule = 'operations' ORDER BY changed_at, sequence"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A site with one night behind it."""
    sites.ward_of_three(tmp_path)
    nightly(tmp_path)
    return tmp_path


@pytest.fixture
def watched(site: Path) -> Watch:
    """A watch that has seen what lay there."""
    watch = Watch(site)
    assert watch.look() == Look(watching.TakenIn(()))
    return watch


def scopes(site: Path) -> list[str]:
    return [scope for (scope,) in rows(site, "SELECT scope FROM assessments ORDER BY as_of")]


@pytest.mark.usefixtures("judged_as_every_night")
def test_a_delivery_is_taken_in_and_only_whom_it_touches_is_refreshed(watched: Watch) -> None:
    assert watched.look() is None
    before = sites.page_bytes(watched.root)
    drop(watched.root, "viral_load_results", falling("SYNTHETIC-NEW", 0.3), name="new.csv")
    look = watched.look()
    assert look is not None
    (counted,) = look.taken_in.counted
    assert (counted.accepted, counted.was_known) == (4, False)
    assert look.assessed is not None
    assert look.assessed.patients == 1
    assert scopes(watched.root) == ["all", counted.delivery_id]
    changed = {name for name, data in sites.page_bytes(watched.root).items() if before.get(name) != data}
    assert {"ward.nl.html", "ward.en.html", "index.html"} <= changed
    assert len(changed) == 5  # and the one patient's page in both languages
    assert watched.look() is None


def test_a_file_is_left_alone_until_it_lies_still(watched: Watch) -> None:
    path = drop(watched.root, "viral_load_results", falling("SYNTHETIC-NEW", 0.3), name="new.csv")
    os.utime(path)  # somebody writes to it now
    assert watched.look() is None
    lain_still(path)
    look = watched.look()
    assert look is not None
    assert len(look.taken_in.counted) == 1


def test_a_stamp_in_the_future_is_waited_for_by_our_own_clock(watched: Watch) -> None:
    path = drop(watched.root, "viral_load_results", falling("SYNTHETIC-NEW", 0.3), name="new.csv")
    (watched.root / "settings.toml").write_text("file_settles_s = 1\n", encoding="utf-8")
    os.utime(path, (time.time() + 86400, time.time() + 86400))
    assert watched.look() is None
    time.sleep(1.1)
    assert watched.look() is not None


def test_what_was_taken_in_and_not_assessed_is_made_up_at_the_next_start(site: Path) -> None:
    drop(site, "viral_load_results", falling("SYNTHETIC-NEW", 0.3), name="new.csv")
    with open_site(site) as opened:  # as a watch that is killed between taking in and assessing
        take_in_drop(opened, received_at=datetime.now(UTC))
    for path in (site / "drop").rglob("*.csv"):
        path.unlink()  # what was taken in may be removed
    assert scopes(site) == ["all"]
    look = Watch(site).look()
    assert look is not None
    assert look.taken_in.counted == ()  # nothing new came
    assert look.assessed is not None
    assert look.assessed.patients == 1
    newest = rows(site, "SELECT delivery_id FROM deliveries ORDER BY received_at DESC LIMIT 1")[0][0]
    assert scopes(site) == ["all", newest]
    assert rows(site, "SELECT count(*) FROM assessed_patients WHERE patient_id = 'SYNTHETIC-NEW'") == [(1,)]


def test_pages_that_a_killed_watch_did_not_write_are_written_at_the_next_start(site: Path) -> None:
    drop(site, "viral_load_results", [result("SYNTHETIC-SLOW", 22, 987_654)], name="new.csv")
    stale = sites.page_bytes(site)
    with pytest.MonkeyPatch.context() as broken:  # as a watch that is killed between assessing and publishing
        broken.setattr("cmvmon.run.daytime.refresh.publish", _raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            Watch(site).look()
    assert sites.page_bytes(site) == stale
    assert Watch(site).look() is not None
    pages = [page.decode() for name, page in sites.page_bytes(site).items() if name.endswith("nl.html")]
    assert any("987.654" in page for page in pages)


def test_what_failed_after_it_was_taken_in_is_assessed_by_the_next_look(
    watched: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(watched.root, "viral_load_results", falling("SYNTHETIC-NEW", 0.3), name="new.csv")
    with monkeypatch.context() as broken:
        broken.setattr(watching, "refresh_unassessed", _raising(StoreBusy("busy")))
        with pytest.raises(StoreBusy):
            watched.look()
    look = watched.look()
    assert look is not None
    assert look.assessed is not None
    assert look.assessed.patients == 1


def test_a_refused_and_an_unjudged_delivery_are_told_once_and_the_others_go_on(
    watched: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(watched.root, "viral_load_results", [], name="strange.csv", feed="nowhere")
    bad = drop(watched.root, "viral_load_results", [], name="bad.csv")
    bad.write_text("no;such;table\n", encoding="utf-8")
    lain_still(bad)
    drop(watched.root, "viral_load_results", falling("SYNTHETIC-NEW", 0.3), name="new.csv")
    look = watched.look()
    assert look is not None
    assert [fault.code for fault in look.taken_in.faults] == ["laboratory_file"]
    assert sorted(one.refused is None for one in look.taken_in.counted) == [False, True]
    assert watched.look() is None
    drop(watched.root, "viral_load_results", falling("SYNTHETIC-NEWER", 0.3), name="newer.csv")
    look = watched.look()
    assert look is not None
    assert look.taken_in.faults == ()  # told before
    # The alert about the feed that nobody mended stands, though its file is an old one.
    assert ('{"feed":"nowhere"}', "open") in rows(watched.root, WORK)
    assert ('{"feed":"nowhere"}', "resolved") not in rows(watched.root, WORK)
    monkeypatch.setattr(watching, "TRIES_AGAIN_AFTER_S", 0.0)
    template = LABS / "synthetic.toml"
    mended = template.read_text(encoding="utf-8").replace('"synthetic"', '"nowhere"', 1)
    (watched.root / "labs" / "nowhere.toml").write_text(mended, encoding="utf-8")
    look = watched.look()
    assert look is not None
    assert ('{"feed":"nowhere"}', "resolved") in rows(watched.root, WORK)


def test_a_file_that_was_removed_leaves_what_landed_of_it_and_its_alert(watched: Watch) -> None:
    path = drop(watched.root, "viral_load_results", [], name="strange.csv", feed="nowhere")
    assert watched.look() is not None
    path.unlink()
    assert watched.look() is not None
    assert rows(watched.root, WORK)[-1] == ('{"feed":"nowhere"}', "open")
    (landed,) = (row["record"] for row in listed_quarantine(watched.root) if row["reason"] == "never_judged")
    dismiss(watched.root, landed, why="not for us", actor="A")
    nightly(watched.root)
    assert rows(watched.root, WORK)[-1] == ('{"feed":"nowhere"}', "resolved")


def test_what_lies_there_unread_is_told_when_it_is_put_there(watched: Watch) -> None:
    (watched.root / "drop" / "synthetic" / "notes.txt").write_text("?", encoding="utf-8")
    look = watched.look()
    assert look is not None
    assert [fault.code for fault in look.taken_in.faults] == ["not_in_a_table"]
    assert watched.look() is None


def _raising(error: Exception) -> Callable[..., Any]:
    def raises(*_: object, **__: object) -> None:
        raise error

    return raises


def _words(found: Look | Trouble) -> str:
    assert isinstance(found, Trouble)
    return found.words


@pytest.fixture
def stop() -> Iterator[Event]:
    """Ends a watch; of itself after a minute, so that one that says nothing fails."""
    event = Event()
    timer = Timer(60, event.set)
    timer.start()
    yield event
    timer.cancel()


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("LOOKS_EVERY_S", "TRIES_AGAIN_AFTER_S", "_WAITS_FOR_SITE_S"):
        monkeypatch.setattr(watching, name, 0.05)


def test_a_busy_site_is_said_once_and_waited_for(site: Path, quick: None, stop: Event) -> None:
    drop(site, "viral_load_results", falling("SYNTHETIC-NEW", 0.3), name="new.csv")
    found = keep_watch(site, stop=stop)
    with ExitStack() as another:
        another.enter_context(only_run(site / ".nightly.lock"))
        assert "another run is at work" in _words(next(found))
        Timer(1.0, another.close).start()
        look = next(found)  # not the same words again, though it looked again and again
    assert isinstance(look, Look)
    assert look.assessed is not None
    stop.set()
    assert list(found) == []


def test_a_clock_in_doubt_is_said_once_and_waited_for(
    site: Path, quick: None, stop: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(site, "viral_load_results", falling("SYNTHETIC-NEW", 0.3), name="new.csv")
    found = keep_watch(site, stop=stop)
    with monkeypatch.context() as wrong:
        wrong.setattr(session, "now", lambda: datetime.now(UTC) + timedelta(days=100))
        assert "days after the last moment recorded here" in _words(next(found))
        assert "contradict each other" in (site / "pages" / "ward.en.html").read_text(encoding="utf-8")
    assert isinstance(next(found), Look)
    stop.set()


def test_an_error_of_ours_is_told_by_its_kind_and_the_watch_goes_on(
    site: Path, quick: None, stop: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    drop(site, "viral_load_results", [result("SYNTHETIC-NEW", 0, 5000)], name="new.csv")
    found = keep_watch(site, stop=stop)
    with monkeypatch.context() as broken:
        broken.setattr(watching, "refresh_unassessed", _raising(KeyError("SYNTHETIC-NEW")))
        said = _words(next(found))
    assert said.startswith("unexpected KeyError in ")
    assert "SYNTHETIC-NEW" not in said
    assert isinstance(next(found), Look)
    stop.set()


def test_a_night_that_is_missing_is_told_while_one_watches(
    site: Path, quick: None, stop: Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    later = datetime.now(UTC) + timedelta(hours=27)
    from cmvmon.run.health import nights

    for module in (session, nights):
        monkeypatch.setattr(module, "now", lambda: later)
    found = keep_watch(site, stop=stop)
    assert "no night ran since the last one was due" in _words(next(found))
    assert rows(site, WORK) == [('{"feed":"assessment"}', "open")]
    stop.set()


def test_neither_prefect_nor_great_expectations_is_loaded_before_something_came(site: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from cmvmon.run.daytime.watching import Watch\n"
        "assert Watch(Path(sys.argv[1])).look() is not None\n"
        "print(*sorted({name.partition('.')[0] for name in sys.modules} & {'prefect', 'great_expectations', 'pandas'}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(site)], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == ""
