"""Whether the nights run is told by the store and the clock: when one is due, when one is missing, and that somebody is told."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cmvmon.domain.errors import AlreadyRunning, ClockInDoubt, StoreError
from cmvmon.run.checks.checkup import checkup
from cmvmon.run.checks.nights_checkup import of_nights
from cmvmon.run.checks.status import status
from cmvmon.run.health import at_work, nights
from cmvmon.run.health.nights import due_after, due_by
from cmvmon.run.nightly import night, night_alerts
from cmvmon.run.nightly.night import nightly
from cmvmon.run.nightly.night_alerts import note_missed, noting_a_stop
from cmvmon.shell.basis.lock import only_run
from cmvmon.shell.store import session
from tests import sites
from tests.sites import rows

AMSTERDAM = ZoneInfo("Europe/Amsterdam")
NOW = datetime(2026, 3, 10, 12, 0, tzinfo=UTC)
WORK = "SELECT state, evidence FROM alert_events WHERE rule = 'operations' ORDER BY sequence"


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[datetime]:
    """The moment that the program believes it is: the last of these."""
    moments = [NOW]
    for module in (session, nights):
        monkeypatch.setattr(module, "now", lambda: moments[-1])
    return moments


@pytest.fixture
def site(tmp_path: Path, clock: list[datetime]) -> Path:
    """A site with one night, at noon of 10 March 2026."""
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=NOW - timedelta(minutes=1))
    return tmp_path


def page(root: Path, code: str) -> str:
    return (root / "pages" / f"ward.{code}.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("at", "last_due", "next_due"),
    [
        ("2026-03-10T05:29:59+01:00", "2026-03-09T05:30:00+01:00", "2026-03-10T05:30:00+01:00"),
        ("2026-03-10T05:30:00+01:00", "2026-03-10T05:30:00+01:00", "2026-03-11T05:30:00+01:00"),
        ("2026-03-29T05:00:00+02:00", "2026-03-28T05:30:00+01:00", "2026-03-29T05:30:00+02:00"),  # clocks went forward
        ("2026-10-25T06:00:00+01:00", "2026-10-25T05:30:00+01:00", "2026-10-26T05:30:00+01:00"),  # and back
    ],
)
def test_a_night_is_due_at_half_past_five_by_the_wards_clock(at: str, last_due: str, next_due: str) -> None:
    moment = datetime.fromisoformat(at).astimezone(UTC)
    assert due_by(moment, AMSTERDAM).isoformat() == last_due
    assert due_after(moment, AMSTERDAM).isoformat() == next_due


@pytest.mark.parametrize(
    ("later", "is_to_be_made_up", "without_serve", "with_serve"),
    [
        (timedelta(hours=1), False, False, False),
        (timedelta(hours=17), True, False, False),  # 06:00 the next day: due, and it may be at work
        (timedelta(hours=19), True, False, True),  # 08:00: serve should have ended it; cron has an hour of its own
        (timedelta(hours=27), True, True, True),
    ],
)
def test_a_night_is_missing_when_it_was_due_and_nobody_ran_it(
    site: Path, clock: list[datetime], later: timedelta, is_to_be_made_up: bool, without_serve: bool, with_serve: bool
) -> None:
    clock.append(NOW + later)
    found = nights.nights(site)
    assert found.is_to_be_made_up is is_to_be_made_up
    assert (found.is_overdue(is_served=False), found.is_overdue(is_served=True)) == (without_serve, with_serve)


def test_a_missing_night_is_an_alert_about_the_work_and_stands_on_the_page_until_there_is_one(
    site: Path, clock: list[datetime]
) -> None:
    assert note_missed(site) is False
    assert rows(site, WORK) == []
    listed = page(site, "en").count("SYNTHETIC-SLOW")
    clock.append(NOW + timedelta(hours=27))
    assert note_missed(site) is True
    assert note_missed(site) is True  # the same one: it is told once
    assert rows(site, WORK) == [
        ("open", '{"code": "night_missed", "feed": "assessment", "table_name": "delivery"}'),
    ]
    assert "This list is not of last night: the nightly work did not run." in page(site, "en")
    assert "Deze lijst is niet van afgelopen nacht: het nachtelijke werk is niet gedaan." in page(site, "nl")
    assert page(site, "en").count("SYNTHETIC-SLOW") == listed > 0  # the list of the last night stands
    nightly(site)
    assert [state for state, _ in rows(site, WORK)] == ["open", "resolved"]
    assert "not of last night" not in page(site, "en")


def test_a_night_that_stops_is_an_alert_about_the_work_and_the_error_goes_on(
    site: Path, clock: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    def stops(*_: object, **__: object) -> None:
        raise OSError("a message that may hold what it stumbled over")

    clock.append(NOW + timedelta(hours=17))
    with monkeypatch.context() as broken:
        broken.setattr(night, "assess_site", stops)
        with pytest.raises(OSError), noting_a_stop(site):
            nightly(site)
    ((state, evidence),) = rows(site, WORK)
    assert (state, "night_stopped" in evidence, "stumbled" in evidence) == ("open", True, False)
    assert "the nightly work stopped before its end" in page(site, "en")
    assert next((state, "stopped before its end" in words) for state, words in of_nights(site)) == ("broken", True)
    nightly(site)
    assert [state for state, _ in rows(site, WORK)] == ["open", "resolved"]
    assert "broken" not in {state for state, _ in of_nights(site)}


@pytest.mark.parametrize("error", [AlreadyRunning("another run"), ClockInDoubt("which is it")])
def test_a_night_that_never_began_leaves_no_alert(site: Path, error: Exception) -> None:
    with pytest.raises(type(error)), noting_a_stop(site):
        raise error
    assert rows(site, WORK) == []


def test_each_long_program_runs_once_on_a_site_and_lets_go_however_it_ends(tmp_path: Path) -> None:
    assert at_work.is_running(tmp_path, at_work.WATCH) is False
    assert list(tmp_path.iterdir()) == []  # to ask makes no file
    with at_work.only_one(tmp_path, at_work.WATCH):
        assert at_work.is_running(tmp_path, at_work.WATCH) is True
        assert at_work.is_running(tmp_path, at_work.SERVE) is False
        with (
            pytest.raises(AlreadyRunning, match="`cmvmon watch` runs on this site already"),
            at_work.only_one(tmp_path, at_work.WATCH),
        ):
            pass
    assert at_work.is_running(tmp_path, at_work.WATCH) is False
    with pytest.raises(ZeroDivisionError), at_work.only_one(tmp_path, at_work.WATCH):
        raise ZeroDivisionError
    assert at_work.is_running(tmp_path, at_work.WATCH) is False


def test_an_alert_about_the_work_does_not_wait_long_for_the_site(
    site: Path, clock: list[datetime], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(night_alerts, "_NOTED_WITHIN_S", 0.1)
    clock.append(NOW + timedelta(hours=27))
    with only_run(site / ".nightly.lock"), pytest.raises(AlreadyRunning):
        note_missed(site)


def test_whether_another_user_s_program_runs_can_not_be_told(tmp_path: Path) -> None:
    (tmp_path / ".watch.lock").mkdir()  # as a file that this user may not open
    assert at_work.is_running(tmp_path, at_work.WATCH) is None


@pytest.mark.parametrize("harm", ["gone", "empty", "cut in half", "a cell"])
def test_a_store_that_was_lost_or_damaged_is_told_by_the_page_without_a_list_and_left_as_it_is(
    site: Path, harm: str
) -> None:
    file = site / "cmvmon.sqlite"
    assert "SYNTHETIC-SLOW" in page(site, "nl")
    whole = file.read_bytes()
    if harm == "gone":
        file.unlink()
    elif harm == "a cell":
        with sqlite3.connect(file) as connection:
            connection.execute("DROP TRIGGER no_update_of_icu_stays")
            connection.execute("UPDATE icu_stays SET bed = 'another'")
        connection.close()
    else:
        file.write_bytes(b"" if harm == "empty" else whole[: len(whole) // 2])
    before = file.read_bytes() if file.exists() else None
    with pytest.raises(StoreError), noting_a_stop(site):
        nightly(site, as_of=NOW)
    assert "is voortijdig gestopt" in page(site, "nl")
    assert "stopped before its end" in page(site, "en")
    assert "SYNTHETIC-SLOW" not in page(site, "nl") + page(site, "en")
    assert (file.read_bytes() if file.exists() else None) == before


def test_a_site_whose_store_is_gone_is_told_so_by_whoever_is_asked(site: Path) -> None:
    (site / "cmvmon.sqlite").unlink()
    (found,) = (one for one in checkup(site, example=lambda: ()) if one.what == "database")
    assert (found.state, "is gone" in found.words) == ("broken", True)
    with pytest.raises(StoreError, match="is gone"):
        status(site)
