"""What the ward page says first, and how long a patient's page tells of an alert that ended. All patients are made up."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import pytest

from tests import sites
from tests.nights import nightly
from tests.sites import course, day, drop, result, stay
from tests.sites import text as iso

ONE, TWO = "SYNTHETIC-1", "SYNTHETIC-2"
LATEST = {"accession": "A3", "specimen": "plasma"}
LATER = LATEST | {"reported": iso(day(15.5))}
BEFORE = day(14)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Plasma falls to 60 IU/mL under treatment; on day 14.2 it stands at 900,000, which the night of day 15 alerts."""
    drop(tmp_path, "viral_load_results", [result(ONE, d, v, specimen="plasma") for d, v in ((0, 50000), (7, 60))])
    drop(tmp_path, "antiviral_courses", [course(ONE, start=0.1), course(TWO, start=0.1)])
    drop(tmp_path, "icu_stays", [stay(ONE, affected="plasma"), stay(TWO, affected="plasma", bed="S-02")])
    nightly(tmp_path, as_of=BEFORE)
    drop(tmp_path, "viral_load_results", [result(ONE, 14.2, 900000, **LATEST)], name="two.csv")
    nightly(tmp_path, as_of=day(15))
    return tmp_path


def said(page: str) -> str:
    return " ".join(
        unescape(
            re.sub(
                r"<style>.*?</style>|<[^>]+>",
                lambda tag: "" if tag[0] in ('<span class="w">', "</span>") else " ",
                page,
                flags=re.S,
            )
        ).split()
    )


def lately(root: Path, code: str = "en") -> str:
    """The block on the ward page."""
    page = (root / "pages" / f"ward.{code}.html").read_text(encoding="utf-8")
    (block,) = re.findall(r'<section class="lately".*?</section>', page, flags=re.S)
    return said(block)


def ended(root: Path, patient: str, code: str = "en") -> str:
    """What her page says of alerts that ended."""
    found = re.search(r'<details id="ended">.*?</details>', sites.page_of(root, patient, code), flags=re.S)
    return said(found[0]) if found else ""


def test_on_the_first_night_there_is_nothing_to_compare_with(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(21.5))
    assert lately(tmp_path) == "Since yesterday: first assessment, no earlier day to compare with."


def test_a_new_alert_is_told_first_and_the_next_day_no_more(site: Path) -> None:
    assert f"New: {ONE} Load rises above the lowest value (plasma)" in lately(site)
    assert f"Nieuw: {ONE} Load stijgt boven de laagste waarde (plasma)" in lately(site, "nl")
    page = (site / "pages" / "ward.en.html").read_text(encoding="utf-8")
    assert page.index('id="today"') > page.index('id="lately"')
    nightly(site, as_of=day(16))
    assert lately(site) == "Since yesterday: nothing new, more urgent, resolved, corrected or withdrawn."


def test_an_alert_that_a_correction_resolved_says_when_and_why_for_seven_days(site: Path) -> None:
    drop(site, "viral_load_results", [result(ONE, 14.2, 90, status="C", **LATER)], name="three.csv")
    nightly(site, as_of=day(16))
    why = "the load no longer stands above the alert line; a result that it rested on was corrected"
    assert f"Resolved: {ONE} Load rises above the lowest value (plasma): {why}; {ONE} Load higher" in lately(site)
    assert f"Corrected: {ONE} plasma of 15 Mar 2026, now 90 IU/mL." in lately(site)
    assert "Load rises above the lowest value (plasma) . Resolved on 17 Mar 2026" in ended(site, ONE)
    assert why in ended(site, ONE)
    assert "een uitslag waarop ze rustte is gecorrigeerd" in ended(site, ONE, "nl")
    assert ended(site, TWO) == ""
    nightly(site, as_of=day(17))
    assert "Resolved" not in lately(site)
    assert "Corrected" not in lately(site)
    nightly(site, as_of=day(22.9))
    assert "Resolved on 17 Mar 2026" in ended(site, ONE)
    nightly(site, as_of=day(23))
    assert "Resolved on 17 Mar 2026" not in ended(site, ONE)


def test_an_alert_whose_result_was_withdrawn_is_closed_with_that_and_its_load_stands_nowhere(site: Path) -> None:
    drop(site, "viral_load_results", [result(ONE, 14.2, "", status="W", **LATER)], name="three.csv")
    nightly(site, as_of=day(16))
    assert f"Closed: {ONE} Load rises above the lowest value (plasma): a result that it rested on was withdrawn." in (
        lately(site)
    )
    assert f"Withdrawn: {ONE} plasma of 15 Mar 2026." in lately(site)
    assert "Closed on 17 Mar 2026" in ended(site, ONE)
    assert "900,000" not in (site / "pages" / "ward.en.html").read_text(encoding="utf-8")


def test_a_result_that_was_given_to_another_patient_is_told_of_the_one_who_had_it(site: Path) -> None:
    drop(site, "viral_load_results", [result(TWO, 14.2, 900000, status="C", **LATER)], name="three.csv")
    nightly(site, as_of=day(16))
    assert f"Moved to another patient: {ONE} plasma of 15 Mar 2026." in lately(site)


def test_an_alert_that_comes_onto_the_days_list_is_more_urgent(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    for night in (12, 13):
        nightly(tmp_path, as_of=day(night))
    assert "More urgent" not in lately(tmp_path)
    nightly(tmp_path, as_of=day(14.2))
    assert "More urgent: SYNTHETIC-SLOW Load falls less than ward's line (BAL)" in lately(tmp_path)


def test_where_nights_were_missed_the_block_says_since_when(site: Path) -> None:
    nightly(site, as_of=day(19))
    assert lately(site).startswith("Since 16 Mar 2026: ")
