"""A note that takes a value back, from the message to the pages: it waits for a person, is released or rejected, and a correction
ends the waiting (faults.md, row 92)."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from cmvmon.feeds.doubting_notes import DOUBTED
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
from tests.sites import day

NOTE = "NTE|1|L|CANARYNAME: gestold, niet betrouwbaar"


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A site whose laboratory declares such words, under a clock of the day after everything came."""
    text = (LABS / "example_hl7.toml").read_text("utf-8")
    (tmp_path / "labs").mkdir()
    declared = text.replace("[[assays]]", '[notes]\ndoubt = ["gestold"]\n\n[[assays]]', 1)
    (tmp_path / "labs" / "example_hl7.toml").write_text(declared, "utf-8")
    for name in ("cmvmon.shell.store.session.now", "cmvmon.run.asking.quarantine_list.now"):
        monkeypatch.setattr(name, lambda: day(9))
    return tmp_path


def told(hour: int, value: str, *notes: str, status: str = "F", note_of_order: bool = False) -> bytes:
    """One message about the one result, reported at that hour; its notes behind the result, or behind the order."""
    obr, obx, spm = order(
        value, status=status, specimen="BAL", collected="202603020800", reported=f"20260302{hour}00", of_order="F"
    )
    behind = [obr, *notes, obx] if note_of_order else [obr, obx, *notes]
    return file_of(message(*behind, spm, control=f"S{hour}", patient="SYNTHETIC-HL7"))


def test_the_value_is_not_used_a_person_sees_it_masked_and_releases_it(site: Path) -> None:
    counted = taken_in(site, told(10, "800", NOTE), number=1)
    assert all(c.received == c.accepted + c.quarantined + c.duplicates + c.ignored for c in counted)
    assert at_last(site) == ("nothing", [DOUBTED])
    (line,) = listed_quarantine(site)
    assert (line["reason"], line["owner"], line["column"]) == (DOUBTED, "sender or site", "NTE-3")
    shown = json.dumps(quarantined_record(site, line["record"]))
    assert ("aaaaaaaaaa: aaaaaaa, aaaa" in shown, "CANARY" in shown) == (True, False)
    found = release(site, line["record"], why="measured again from another tube", actor="dr. A")
    assert found.reasons == {DOUBTED: OfReason(brought_right=1)}
    assert at_last(site) == ("final 800", [])
    (again,) = taken_in(site, told(10, "800", NOTE).replace(b"|S10|", b"|S11|"), number=2)
    assert (again.duplicates, at_last(site)) == (1, ("final 800", []))


def test_what_a_person_rejects_is_not_used_whenever_it_comes_again(site: Path) -> None:
    taken_in(site, told(10, "800", NOTE), number=1)
    answer_quarantine(site, listed_quarantine(site)[0]["record"], answer="rejected", why="clotted", actor="dr. A")
    taken_in(site, told(10, "800", NOTE).replace(b"|S10|", b"|S11|"), number=2)
    assert at_last(site) == ("nothing", [])


@pytest.mark.parametrize("status", ["F", "C"])
def test_a_later_word_without_the_note_is_used_and_the_doubted_one_waits_no_longer(site: Path, status: str) -> None:
    taken_in(site, told(10, "800", NOTE, note_of_order=True), number=1)
    assert at_last(site) == ("nothing", [DOUBTED])
    taken_in(site, told(12, "650", status=status), number=2)
    assert at_last(site) == ("corrected 650" if status == "C" else "final 650", [])


def test_a_withdrawal_ends_the_waiting_too(site: Path) -> None:
    taken_in(site, told(10, "800", NOTE), number=1)
    taken_in(site, told(12, "800", NOTE, status="D"), number=2)
    assert at_last(site) == ("withdrawn", [])


def test_a_doubt_about_a_value_that_is_in_use_waits_and_a_correction_without_it_ends_that(site: Path) -> None:
    taken_in(site, told(10, "800"), number=1)
    taken_in(site, told(10, "800", NOTE).replace(b"|S10|", b"|S11|"), number=2)
    assert at_last(site) == ("final 800", [DOUBTED])
    taken_in(site, told(12, "650", status="C"), number=3)
    assert at_last(site) == ("corrected 650", [])


def test_the_pages_say_that_a_result_was_set_apart_and_no_log_or_page_has_the_note(
    site: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    put(site, "one.hl7", told(10, "800000"))
    later = told(10, "900000", NOTE).replace(b"|F1|", b"|F2|").replace(b"20260302", b"20260303")
    put(site, "two.hl7", later)
    nightly(site, as_of=day(9))
    pages = {path.name: path.read_text("utf-8") for path in (site / "pages").rglob("*.html")}
    ward = pages["ward.en.html"]
    assert ("800,000 IU/mL" in ward, "900,000" in "".join(pages.values())) == (True, False)
    assert "Records set apart, not used: 1" in ward
    (patient,) = {row[0] for row in sites.rows(site, "SELECT DISTINCT patient_id FROM viral_load_results")}
    of_patient = pages[page_of(Site(site), patient, "en")]
    assert "1 delivered record of this patient is set apart and not used" in of_patient
    assert f"{DOUBTED}: example_hl7, line" in pages["data.en.html"]
    assert "CANARY" not in caplog.text + "".join(pages.values())
