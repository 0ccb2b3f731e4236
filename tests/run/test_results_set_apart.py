"""A result that was set apart, from its delivery to the ward: told, kept from reading as quiet, and over when somebody dealt with it.

All made up.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from cmvmon.run.answers.quarantine_answers import answer_quarantine
from cmvmon.run.asking.quarantine_list import listed_quarantine
from cmvmon.run.health import freshness
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.alerts import alert_store, stored_results
from cmvmon.shell.work.opening import open_site
from tests.sites import day, drop, page_of, result, rows, stay

RESULTS, PATIENT = "viral_load_results", "SYNTHETIC-1"
CLOCKS = ("cmvmon.shell.store.session.now", "cmvmon.run.asking.quarantine_list.now")
QUIET = [result(PATIENT, at, "<35", specimen="plasma") for at in (0, 3)]
HIGH = result(PATIENT, 5, 500_000, specimen="plasma", unit="kIU/mL")
QUIETLY = ("clear", None)
OPEN = ("not_assessable", "result_unread")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[[datetime], None]:
    """Sets the clock that is read when somebody answers."""

    def stand(at: datetime) -> None:
        for place in CLOCKS:
            monkeypatch.setattr(place, lambda: at)

    return stand


@pytest.fixture
def waiting(tmp_path: Path) -> Path:
    """A patient with two results below the limit, and one of the fifth day in a unit that nobody knows; the night after it."""
    drop(tmp_path, "icu_stays", [stay(PATIENT, affected="none")])
    drop(tmp_path, RESULTS, QUIET)
    nightly(tmp_path, as_of=day(4))
    assert said(tmp_path, "suppressed") == said(tmp_path, "data_unfit") == QUIETLY
    drop(tmp_path, RESULTS, [HIGH], name="two.csv")
    nightly(tmp_path, as_of=day(6))
    return tmp_path


def said(root: Path, rule: str) -> tuple[Any, Any]:
    """Verdict and reason of the patient, as the last night recorded them."""
    with open_site(root) as opened, opened.reading() as connection:
        ((found),) = (
            stored_results.last_verdicts(connection, (PATIENT,)).filter(rule=rule).select("verdict", "reason").rows()
        )
    return found[0], found[1]


def alert_of(root: Path) -> tuple[str, Any]:
    with open_site(root) as opened, opened.reading() as connection:
        (found,) = [alert for alert in alert_store.alerts(connection) if alert["rule"] == "data_unfit"]
    return found["state"], found["tier"]


def test_a_high_load_that_could_not_be_read_is_told_and_nothing_is_quiet(waiting: Path) -> None:
    assert alert_of(waiting) == ("open", 2)
    assert {said(waiting, rule) for rule in ("suppressed", "possible_lab_issue")} == {OPEN}
    page = page_of(waiting, PATIENT)
    assert "could not be used" in page
    assert "kIU" not in page
    assert "500,000" not in page


@pytest.mark.parametrize("answer", ["closed", "ignored", "rejected"])
def test_it_is_over_when_a_person_dealt_with_the_record(
    waiting: Path, answer: str, clock: Callable[[datetime], None]
) -> None:
    clock(day(7))
    (line,) = listed_quarantine(waiting)
    assert answer_quarantine(waiting, line["record"], answer=answer, why="another patient's tube", actor="dr. A") == 1
    clock(day(9))
    nightly(waiting, as_of=day(8))
    assert alert_of(waiting)[0] == "resolved"
    assert said(waiting, "suppressed") == QUIETLY


def test_it_is_over_when_the_laboratory_sends_it_right_and_the_load_alerts(waiting: Path) -> None:
    right = result(PATIENT, 5, 500_000, specimen="plasma", reported=day(6.5).isoformat())
    drop(waiting, RESULTS, [right], name="three.csv")
    nightly(waiting, as_of=day(7))
    assert alert_of(waiting)[0] == "resolved"
    assert said(waiting, "untreated_rise")[0] != "clear"
    assert said(waiting, "suppressed") == QUIETLY  # not suppressed: a load


@pytest.mark.parametrize("again", [[], [HIGH]])
def test_a_later_sample_of_its_kind_ends_it_and_the_record_waits_on(waiting: Path, again: list[str]) -> None:
    """Also where the record is sent again each day, as an export of the last weeks does: it came when it came first."""
    drop(waiting, RESULTS, [*again, result(PATIENT, 7, "<35", specimen="plasma")], name="three.csv")
    nightly(waiting, as_of=day(8))
    assert alert_of(waiting)[0] == "resolved"
    assert said(waiting, "suppressed") == QUIETLY
    assert len(listed_quarantine(waiting)) == 1


def test_a_later_sample_of_another_kind_ends_nothing(waiting: Path) -> None:
    drop(waiting, RESULTS, [HIGH, result(PATIENT, 7, "<200", specimen="bal")], name="three.csv")
    nightly(waiting, as_of=day(8))
    assert alert_of(waiting)[0] == "open"
    nightly(waiting, as_of=day(13.5))
    assert alert_of(waiting)[0] == "closed"


def test_after_the_days_it_is_told_no_more_and_the_load_stays_open(waiting: Path) -> None:
    nightly(waiting, as_of=day(13.5))
    assert alert_of(waiting)[0] == "closed"
    assert said(waiting, "suppressed") == OPEN


def test_silent_results_are_one_alert_of_the_feed_and_no_alert_of_a_patient(tmp_path: Path) -> None:
    packaged = resources.files("cmvmon.feeds").joinpath("labs", "synthetic.toml").read_text(encoding="utf-8")
    (tmp_path / "labs").mkdir()
    (tmp_path / "labs" / "synthetic.toml").write_text(f"{packaged}\n[delivered_every]\nhours = 26\n", "utf-8")
    drop(tmp_path, "icu_stays", [stay(f"SYNTHETIC-{n}", affected="none") for n in range(1, 4)])
    path = drop(tmp_path, RESULTS, [line.replace(PATIENT, f"SYNTHETIC-{n}") for n in range(1, 4) for line in QUIET])
    os.utime(path, (day(3.5).timestamp(),) * 2)
    nightly(tmp_path, as_of=day(4))
    with open_site(tmp_path) as opened, opened.reading() as connection:
        feeds = freshness.feed_tables(connection, opened.site, as_of=day(40))
    assert [feed.is_fresh for feed in feeds if feed.table == RESULTS] == [False]
    nightly(tmp_path, as_of=day(40))
    assert said(tmp_path, "suppressed") == ("not_assessable", "results_silent")
    assert rows(tmp_path, "select count(*) from alert_events where rule = 'data_unfit'") == [(0,)]
    for page in ("ward.en.html", "ward.nl.html"):
        text = (tmp_path / "pages" / page).read_text("utf-8")
        assert text.count("silent since") + text.count("stil sinds") == 1
