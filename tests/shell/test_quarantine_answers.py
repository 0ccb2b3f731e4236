"""A person closes or ignores what waits in quarantine; a record that an export repeats is one; a page tells its own patient."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cmvmon.cli import app
from cmvmon.domain.errors import SiteError
from cmvmon.run.answers.quarantine_answers import answer_quarantine, answered, reopen
from cmvmon.run.asking.quarantine_list import listed_quarantine
from cmvmon.run.nightly.night import nightly
from cmvmon.run.nightly.page_report import report_pages
from cmvmon.shell.as_known.known import known
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.sites import course, day, drop, result, stay

RESULTS, COURSES = "viral_load_results", "antiviral_courses"
BAD = result("SYNTHETIC-1", 3, "ca. 500")


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """The export of three days repeats one bad record, beside results that grow."""
    for number in (1, 2, 3):
        good = [result("SYNTHETIC-1", d, 20_000) for d in range(number)]
        drop(tmp_path, RESULTS, [*good, BAD], name=f"{number}.csv")
        nightly(tmp_path, as_of=day(number + 3))
    return tmp_path


def another_day(site: Path, number: int) -> None:
    drop(site, RESULTS, [result("SYNTHETIC-1", number, 20_000), BAD], name=f"{number}.csv")
    nightly(site, as_of=day(number + 3))


def words_of(site: Path, patient: str) -> str:
    page = Path(report_pages(site, patient=patient, lang="en")).read_text(encoding="utf-8")
    return re.sub(
        r"\s+", " ", re.sub(r"<[^>]+>", lambda tag: "" if tag[0] in ('<span class="w">', "</span>") else " ", page)
    )


def test_a_record_that_an_export_repeats_is_one_line_with_its_number_of_deliveries(site: Path) -> None:
    (line,) = listed_quarantine(site)
    assert (line["times"], line["reason"]) == (3, "unknown_text")
    ward = (site / "pages" / "ward.en.html").read_text(encoding="utf-8")
    assert "Records set apart, not used: 1." in ward


def test_a_closed_record_waits_no_longer_and_comes_back_with_the_next_export(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cmvmon.shell.store.session.now", lambda: day(6.1))
    (line,) = listed_quarantine(site)
    assert answer_quarantine(site, line["record"], answer="closed", why="phoned the laboratory", actor="analyst") == 1
    assert listed_quarantine(site) == []
    monkeypatch.undo()  # the next night is later than that word
    nightly(site, as_of=day(6.5))
    assert listed_quarantine(site) == []
    (said,) = answered(site)
    assert (said["answer"], said["why"], said["actor"]) == ("closed", "phoned the laboratory", "analyst")
    another_day(site, 4)
    assert [row["times"] for row in listed_quarantine(site)] == [1]


def test_a_record_is_closed_while_the_clock_stands_behind_what_was_received(
    site: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cmvmon.shell.store.session.now", lambda: day(2))
    (line,) = listed_quarantine(site)
    answer_quarantine(site, line["record"], answer="closed", why="done", actor=None)
    assert listed_quarantine(site) == []


def test_an_ignored_record_is_not_listed_when_it_is_delivered_again_and_another_one_is(site: Path) -> None:
    (line,) = listed_quarantine(site)
    answer_quarantine(site, line["record"], answer="ignored", why="a comment, no result", actor=None)
    later = [line.replace("ca. 500", "ca. 700") for line in (BAD,)]
    drop(site, RESULTS, [BAD, *later, result("SYNTHETIC-1", 6, 5_000)], name="later.csv")
    sites_now = sites.rows(site, "SELECT COUNT(*) FROM quarantined_records")
    nightly(site, as_of=day(7))
    assert sites.rows(site, "SELECT COUNT(*) FROM quarantined_records") == [(sites_now[0][0] + 2,)]
    (other,) = listed_quarantine(site)
    assert other["line"] == 3


def test_a_word_taken_back_lets_the_record_wait_again(site: Path) -> None:
    (line,) = listed_quarantine(site)
    answer_quarantine(site, line["record"], answer="ignored", why="wrong", actor=None)
    (said,) = answered(site)
    reopen(site, said["record"], why="it was one after all", actor=None)
    assert [row["record"] for row in listed_quarantine(site)] == [line["record"]]
    assert answered(site) == []


def test_what_waited_at_an_earlier_moment_is_seen_as_it_was(site: Path) -> None:
    (line,) = listed_quarantine(site)
    answer_quarantine(site, line["record"], answer="closed", why="done", actor=None)
    with open_site(site) as opened, opened.reading() as connection:
        then = known(connection, opened.site, as_of=day(6))
        assert then.unread[RESULTS] == frozenset({"SYNTHETIC-1"})


def test_a_closed_course_no_longer_makes_the_treatment_unknown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cmvmon.shell.store.session.now", lambda: day(15.5))
    drop(tmp_path, RESULTS, [result("SYNTHETIC-1", d, 20_000) for d in (0, 7, 14)])
    drop(tmp_path, COURSES, [course("SYNTHETIC-1", start=3, stop=2)])
    drop(tmp_path, "icu_stays", [stay("SYNTHETIC-1")])
    nightly(tmp_path, as_of=day(15))
    assert "Not known whether the patient is treated" in words_of(tmp_path, "SYNTHETIC-1")
    (line,) = listed_quarantine(tmp_path)
    answer_quarantine(tmp_path, line["record"], answer="closed", why="never given", actor=None)
    monkeypatch.undo()
    nightly(tmp_path, as_of=day(16))
    assert "Not known whether the patient is treated" not in words_of(tmp_path, "SYNTHETIC-1")


def test_every_record_of_a_refused_delivery_is_closed_by_the_delivery_s_name(tmp_path: Path) -> None:
    drop(tmp_path, RESULTS, [result(f"SYNTHETIC-{n}", 0, "ca. 500") for n in range(30)])
    nightly(tmp_path, as_of=day(1))
    lines = listed_quarantine(tmp_path)
    assert len(lines) == 30
    delivery = lines[0]["record"].split("-")[0]
    assert answer_quarantine(tmp_path, delivery, answer="closed", why="another export came", actor=None) == 30
    assert listed_quarantine(tmp_path) == []


def test_a_file_in_which_nothing_could_be_read_is_closed_by_itself(tmp_path: Path) -> None:
    for name in ("a.csv", "b.csv"):
        path = drop(tmp_path, RESULTS, [], name=name)
        path.write_bytes(f"nothing;of;{name}\n".encode())
        sites.lain_still(path)
    nightly(tmp_path, as_of=day(1))
    first, second = listed_quarantine(tmp_path)
    assert answer_quarantine(tmp_path, first["record"], answer="ignored", why="no export", actor=None) == 1
    assert [row["record"] for row in listed_quarantine(tmp_path)] == [second["record"]]


def test_a_record_of_one_patient_is_told_on_that_page_only_and_one_of_nobody_on_every_page(tmp_path: Path) -> None:
    names = ("SYNTHETIC-1", "SYNTHETIC-2")
    nobody = result("", 1, 500)
    drop(tmp_path, RESULTS, [*(result(name, 0, 20_000) for name in names), BAD, nobody])
    drop(tmp_path, "icu_stays", [stay(name, bed=f"S-0{n}") for n, name in enumerate(names)])
    nightly(tmp_path, as_of=day(4))
    own, others = "1 delivered record of this patient is set apart", "1 delivered record is set apart; it may be about"
    assert own in words_of(tmp_path, names[0])
    assert own not in words_of(tmp_path, names[1])
    assert all(others in words_of(tmp_path, name) for name in names)


@pytest.mark.parametrize("why", ["", "  "])
def test_no_answer_without_a_reason(why: str, site: Path) -> None:
    (line,) = listed_quarantine(site)
    with pytest.raises(SiteError, match="--why is empty"):
        answer_quarantine(site, line["record"], answer="closed", why=why, actor=None)
    assert len(listed_quarantine(site)) == 1


def test_a_name_that_does_not_wait_is_refused(site: Path) -> None:
    with pytest.raises(SiteError, match="no record of that name waits"):
        answer_quarantine(site, "abc-synthetic-viral_load_results-1", answer="closed", why="x", actor=None)
    with pytest.raises(SiteError, match="no answer of that name stands"):
        reopen(site, "synthetic-abc", why="x", actor=None)


def test_the_commands_close_ignore_reopen_and_say_so(site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    at = ["--site", str(site)]

    def run(*words: str) -> str:
        app(["quarantine", *words, *at], standalone_mode=False)
        return capsys.readouterr().out

    record = json.loads(run("list", "--json"))[0]["record"]
    assert "1 record(s) ignored" in run("ignore", record, "--why", "a comment", "--by", "analyst")
    assert "nothing in quarantine" in run("list")
    shown = run("list", "--answered")
    assert "analyst" in shown
    assert "a comment" in shown
    assert "SYNTHETIC-1" not in shown
    answer = json.loads(run("list", "--answered", "--json"))[0]["record"]
    assert "waits again" in run("reopen", answer, "--why", "mistaken")
    assert record in run("list")
