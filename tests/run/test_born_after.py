"""A result whose message says that its patient was born after the sample, from the message to the pages (faults.md, row 70)."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from cmvmon.feeds.born_after import BORN_AFTER
from cmvmon.run.answers.quarantine_answers import answer_quarantine
from cmvmon.run.asking.quarantine_list import listed_quarantine, quarantined_record
from cmvmon.run.daytime.quarantine_retry import OfReason, release
from cmvmon.run.nightly.night import nightly
from cmvmon.run.pages.publish import page_of
from cmvmon.shell.folder.site import Site
from tests import sites
from tests.feeds.hl7_texts import file_of, message, order
from tests.feeds.shipped import LABS
from tests.run.test_hl7_files import put
from tests.shell.test_hl7_statuses import at_last, taken_in
from tests.sites import day, drop, text

RIGHT, AFTER = "19620530", "20620530"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site under a clock of the day after everything came."""
    (tmp_path / "labs").mkdir()
    (tmp_path / "labs" / "example_hl7.toml").write_text((LABS / "example_hl7.toml").read_text("utf-8"), "utf-8")
    for name in ("cmvmon.shell.store.session.now", "cmvmon.run.asking.quarantine_list.now"):
        monkeypatch.setattr(name, lambda: day(9))
    return tmp_path


def told(hour: int, value: str, born: str, *, number: str = "F1", status: str = "F") -> bytes:
    """One message about one result of 2 March 2026, reported at that hour, whose patient was born then."""
    segments = order(
        value, number=number, status=status, specimen="BAL", collected="202603020800", reported=f"20260302{hour}00"
    )
    header, pid, *others = message(*segments, control=f"S{hour}{number}{born}", patient="SYNTHETIC-HL7")
    return file_of([header, f"{pid}||CANARYNAME||{born}|F", *others])


def test_it_waits_with_its_value_kept_and_a_person_who_compared_the_dates_releases_it(site: Path) -> None:
    (counted,) = taken_in(site, told(10, "800", AFTER), number=1)
    assert counted.received == counted.quarantined == 1
    assert at_last(site) == ("nothing", [BORN_AFTER])
    (line,) = listed_quarantine(site)
    assert (line["reason"], line["owner"], line["column"]) == (BORN_AFTER, "sender or site", "PID-7")
    shown = json.dumps(quarantined_record(site, line["record"]))
    assert ("CANARY" in shown, AFTER in shown) == (False, False)
    found = release(site, line["record"], why="the year of birth was typed wrong", actor="dr. A")
    assert found.reasons == {BORN_AFTER: OfReason(brought_right=1)}
    assert at_last(site) == ("final 800", [])


def test_the_same_result_with_the_right_date_of_birth_is_used_and_the_other_waits_no_longer(site: Path) -> None:
    taken_in(site, told(10, "800", AFTER), number=1)
    taken_in(site, told(10, "800", RIGHT), number=2)
    assert at_last(site) == ("final 800", [])


def test_a_result_in_use_stays_in_use_when_it_comes_again_with_a_wrong_date_of_birth(site: Path) -> None:
    taken_in(site, told(10, "800", RIGHT), number=1)
    taken_in(site, told(10, "800", AFTER), number=2)
    assert at_last(site)[0] == "final 800"


def test_a_withdrawal_takes_effect_though_it_bears_the_wrong_date_too(site: Path) -> None:
    taken_in(site, told(10, "800", RIGHT), number=1)
    taken_in(site, told(12, "800", AFTER, status="D"), number=2)
    assert at_last(site) == ("withdrawn", [])


def test_what_a_person_rejects_is_not_used(site: Path) -> None:
    taken_in(site, told(10, "800", AFTER), number=1)
    answer_quarantine(site, listed_quarantine(site)[0]["record"], answer="rejected", why="of the mother", actor="dr. A")
    assert at_last(site) == ("nothing", [])


def test_a_date_of_birth_that_another_message_stated_contradicts_no_result(site: Path) -> None:
    """It may be another person's, as after a merge: numbers with different dates are not joined, and each keeps its results."""
    drop(site, "birth_dates", [f"SYNTHETIC-HL7,2026-03-08,{text(day(8))}"])
    put(site, "one.hl7", told(10, "800000", RIGHT))
    nightly(site, as_of=day(9))
    assert sites.rows(site, "SELECT viral_load_iu_per_ml FROM viral_load_results") == [(800000.0,)]


def test_the_pages_say_that_a_result_was_set_apart_and_neither_log_nor_page_has_the_date(
    site: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    put(site, "one.hl7", told(10, "800000", RIGHT))
    put(site, "two.hl7", told(11, "900000", AFTER, number="F2"))
    nightly(site, as_of=day(9))
    pages = {path.name: path.read_text("utf-8") for path in (site / "pages").rglob("*.html")}
    assert "900,000" not in "".join(pages.values())
    (patient,) = {row[0] for row in sites.rows(site, "SELECT DISTINCT patient_id FROM viral_load_results")}
    of_patient = pages[page_of(Site(site), patient, "en")]
    assert "1 delivered record of this patient is set apart and not used" in of_patient
    assert f"{BORN_AFTER}: example_hl7, line" in pages["data.en.html"]
    assert all(words not in caplog.text + "".join(pages.values()) for words in ("CANARY", AFTER, "2062-05-30"))
