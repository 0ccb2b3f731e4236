"""A death on a site that delivers no stays: every page says it in place of a bed, and no sample is due of who died."""

from __future__ import annotations

from pathlib import Path

import pytest

from cmvmon.domain.deaths import DEATHS
from cmvmon.run.asking.next_sample_query import asked
from cmvmon.run.asking.worklist import worklist
from cmvmon.run.daytime.refresh import refresh
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.sites import course, day, drop, result, text

WHO, OTHER = "SYNTH-1", "SYNTH-2"
TOLD = {  # what is stated -> the words of her page and of her row, in each language
    "the moment": (f"{text(day(7.5))},,died,{text(day(7.6))}", "died on 8 Mar 2026", "overleden op 08-03-2026", "died 8 Mar"),
    "the day alone": (f"{text(day(7.6))},2026-03-08,died,{text(day(7.6))}", "died on 8 Mar 2026", "overleden op 08-03-2026", "died 8 Mar"),
    "neither": (f"{text(day(7.6))},,died,{text(day(7.6))}", "had died by 8 Mar 2026", "overleden, uiterlijk op 08-03-2026", "died by 8 Mar"),
}  # fmt: skip


@pytest.fixture
def site(tmp_path: Path) -> Path:
    lines = [result(who, d, load, specimen="plasma") for who in (WHO, OTHER) for d, load in ((0, 100_000), (7, 12_000))]
    drop(tmp_path, "viral_load_results", lines)
    drop(tmp_path, "antiviral_courses", [course(WHO), course(OTHER)])
    return tmp_path


def says(root: Path, at: float, *lines: str) -> None:
    if lines:
        drop(root, DEATHS.name, [f"{WHO},{line}" for line in lines], name=f"{at}.csv")
    nightly(root, as_of=day(at))


def due(root: Path, at: float) -> list[str]:
    return sorted({row["patient_id"] for row in worklist(root, as_of=day(at)).samples})


@pytest.mark.slow
@pytest.mark.parametrize("stated", TOLD)
def test_her_page_and_the_ward_page_say_it_and_no_sample_is_due(site: Path, stated: str) -> None:
    line, english, dutch, short = TOLD[stated]
    says(site, 7.2)
    assert due(site, 7.3) == [WHO, OTHER]
    assert asked(site, patient=WHO, as_of=day(7.3), lang="en").rows
    says(site, 15, line)
    assert due(site, 15.1) == [OTHER]
    page = sites.page_of(site, WHO)
    assert english in page
    assert "no sample expected: has died" in page
    assert dutch in sites.page_of(site, WHO, "nl")
    by_night = sites.unmarked((site / "pages" / "ward.en.html").read_text("utf-8"))
    assert short in by_night
    with open_site(site) as opened:  # the same list, out of what is stored
        refresh(opened, [OTHER], as_of=day(15.01), scope="test")
    assert short in sites.unmarked((site / "pages" / "ward.en.html").read_text("utf-8"))
    assert "died" not in sites.page_of(site, OTHER)
    for code, said in (("en", "This patient has died"), ("nl", "Deze patiënt is overleden")):
        answer = asked(site, patient=WHO, as_of=day(15.1), lang=code)
        assert (answer.rows, said in answer.in_words) == ([], True)
    assert asked(site, patient=OTHER, as_of=day(7.3), lang="en").rows


@pytest.mark.slow
def test_a_death_that_is_taken_back_is_said_no_more_and_a_sample_is_due_again(site: Path) -> None:
    says(site, 15, TOLD["the moment"][0])
    assert due(site, 15.1) == [OTHER]
    says(site, 16, f",,alive,{text(day(15.9))}")
    assert due(site, 16.1) == [WHO, OTHER]
    assert "died" not in sites.page_of(site, WHO)


@pytest.mark.slow
def test_of_whom_a_later_sample_shows_life_it_is_not_said_and_the_page_says_why(site: Path) -> None:
    drop(site, "viral_load_results", [result(WHO, 9, 5_000, specimen="plasma")], name="later.csv")
    says(site, 15, TOLD["the moment"][0])
    assert due(site, 16.1) == [WHO, OTHER]
    page = sites.page_of(site, WHO)
    assert "died on" not in page
    assert "something later shows life" in page
