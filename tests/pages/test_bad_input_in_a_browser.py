"""What a hospital may send that no page expects, through a real night, as a reader sees it: odd names, and patients with no result,
one, hundreds, only censored ones, two units, a merged number and a withdrawn result. All patients are made up."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Page

from cmvmon.run.asking.quarantine_list import listed_quarantine
from cmvmon.run.nightly.night import nightly
from cmvmon.run.pages.publish import page_of
from cmvmon.shell.folder.site import Site
from cmvmon.text import codes, language
from tests import sites
from tests.pages.conftest import Opener
from tests.pages.looking import CUT_OFF, FIGURES_FIT, SCROLLS_BY, barriers
from tests.sites import course, day, drop, link, result, stay

MARKUP, BIDI, EMOJI = "SYNTHETIC<b>x</b><img src=x>", "SYNTHETIC-\u05d0\u05d1\u05d2", "SYNTHETIC-😀é"
INVISIBLE = "SYNTHETIC-\u202eDLO"  # turns what follows it around; intake takes no such number
LONG = "SYNTHETIC-" + "X" * 290
NAMES = {"markup": MARKUP, "bidi": BIDI, "emoji": EMOJI, "300 characters": LONG}
NONE, ONE, MANY, CENSORED = "SYNTHETIC-NONE", "SYNTHETIC-ONE", "SYNTHETIC-MANY", "SYNTHETIC-CENSORED"
UNITS, WITHDRAWN, OLD, NEW = "SYNTHETIC-UNITS", "SYNTHETIC-GONE", "SYNTHETIC-OLD", "SYNTHETIC-NEW"
PATIENTS = {
    "no result": NONE,
    "one result": ONE,
    "400 results": MANY,
    "only censored ones": CENSORED,
    "two units": UNITS,
    "a withdrawn result": WITHDRAWN,
    "a merged number": OLD,
    "who it was merged into": NEW,
}
AS_OF = day(21)
WIDTHS = (360, 794, 1920)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("odd")
    everybody = [*NAMES.values(), NONE, ONE, MANY, CENSORED, UNITS, WITHDRAWN, OLD, NEW]
    told = [result(patient, d, load) for patient in NAMES.values() for d, load in ((0, 900_000), (7, 500_000))]
    told += [result(INVISIBLE, 0, 5_678), result(ONE, 14, 12_345), *(result(CENSORED, d, "<200") for d in (0, 7, 14))]
    told += [result(MANY, n / 20, 1000 + n, accession=f"SYNTHETIC-MANY-{n}") for n in range(400)]
    told += [result(UNITS, 0, 50_000), result(UNITS, 7, 40_000, unit="copies/mL")]
    told += [result(OLD, 0, 70_000), result(NEW, 7, 60_000)]
    told += [result(WITHDRAWN, 0, 80_000), result(WITHDRAWN, 7, 7_777, accession="SYNTHETIC-W")]
    drop(root, "viral_load_results", told)
    drop(
        root,
        "icu_stays",
        [stay(patient, ward="", bed="") if patient == EMOJI else stay(patient) for patient in everybody],
    )
    drop(root, "antiviral_courses", [course(patient) for patient in everybody])
    nightly(root, as_of=day(20))
    gone = result(WITHDRAWN, 7, 7_777, status="W", accession="SYNTHETIC-W", reported=sites.text(day(20.5)))
    nobody = result("", 3, 4_321, accession="SYNTHETIC-NOBODY")
    drop(root, "viral_load_results", [gone, nobody], name="two.csv")
    drop(root, "patient_links", [link(OLD, NEW, at=20.5)])
    nightly(root, as_of=AS_OF)
    return root


@pytest.fixture(scope="module")
def tab(open_page: Opener, site: Path) -> Page:
    return open_page(address(site, "ward.nl.html")).page


def address(site: Path, name: str) -> str:
    return (site / "pages" / name).as_uri()


def whole(page: Page) -> list[object]:
    """At which width something sticks out or is cut, on the screen and on paper."""
    found: list[object] = []
    for width in WIDTHS:
        page.set_viewport_size({"width": width, "height": 900})
        for media in ("screen", "print"):
            page.emulate_media(media=media)
            page.wait_for_function(FIGURES_FIT)
            if page.evaluate(SCROLLS_BY) > 0 or (cut := page.evaluate(CUT_OFF)):
                found.append((width, media, cut))
    page.emulate_media(media="screen")
    return found


@pytest.mark.parametrize("code", codes())
def test_the_ward_page_of_such_a_ward_is_whole_and_names_everybody_to_the_letter(
    open_page: Opener, site: Path, code: str
) -> None:
    tab = open_page(address(site, f"ward.{code}.html"))
    assert tab.said == []
    assert tab.page.locator("img").count() == 0
    listed = tab.page.locator(".ward .bed a").evaluate_all("all => all.map(e => e.textContent)")
    assert set(listed) >= {*NAMES.values(), ONE, MANY, CENSORED, UNITS, WITHDRAWN, NEW} - {OLD}
    assert OLD not in listed
    assert whole(tab.page) == []
    assert barriers(tab.page) == []


@pytest.mark.parametrize("kind", NAMES)
def test_a_name_that_is_odd_stands_whole_in_its_strip_and_turns_nothing_around(
    open_page: Opener, site: Path, kind: str
) -> None:
    tab = open_page(address(site, page_of(Site(site), NAMES[kind], "nl")))
    assert tab.said == []
    assert tab.page.locator("#patient").text_content() == NAMES[kind]
    assert whole(tab.page) == []
    assert tab.page.locator("#patient").evaluate("e => e.scrollHeight <= e.clientHeight + 1")  # never cut off


@pytest.mark.parametrize("code", codes())
def test_what_follows_a_name_that_is_written_from_right_to_left_is_not_turned_around(
    open_page: Opener, site: Path, code: str
) -> None:
    """Where a name stands in a line of text, the text after it begins to its right."""
    page = open_page(address(site, f"ward.{code}.html")).page
    page.evaluate("document.querySelectorAll('details').forEach(e => { e.open = true; })")
    turned = page.evaluate(
        """name => [...document.querySelectorAll('p a')].filter(a => a.textContent === name).filter(a => {
      const after = document.createRange();
      const text = a.nextSibling;
      if (!text || text.textContent.trim().length < 3) return false;
      const start = text.textContent.search(/\\S/);
      after.setStart(text, start); after.setEnd(text, start + 1);
      const next = after.getBoundingClientRect(), name = a.getClientRects()[a.getClientRects().length - 1];
      return next.top < name.bottom - 2 && next.bottom > name.top + 2 && next.left < name.right - 1;
    }).length""",
        BIDI,
    )
    assert page.locator("p a", has_text=BIDI).count() > 0
    assert turned == 0


@pytest.mark.parametrize("kind", PATIENTS)
def test_a_patient_of_every_kind_has_a_page_that_is_quiet_and_whole(open_page: Opener, site: Path, kind: str) -> None:
    path = address(site, page_of(Site(site), PATIENTS[kind], "en"))
    if kind == "no result":
        assert NONE in Path(address(site, "ward.en.html").removeprefix("file://")).read_text(encoding="utf-8")
    tab = open_page(path)
    assert tab.said == []
    assert whole(tab.page) == []


def test_each_page_says_what_is_odd_about_its_patient(tab: Page, site: Path) -> None:
    spoken = language("nl")

    def text(patient: str) -> str:
        tab.goto(address(site, page_of(Site(site), patient, "nl")))
        return " ".join((tab.locator("main").text_content() or "").split())

    assert "12.345" in text(ONE)
    assert "aantoonbaar, onder kwantificatiegrens" in text(CENSORED)
    assert "1.399" in text(MANY)
    assert spoken.say("data.fate.withdrawn") in text(WITHDRAWN)
    assert NEW in text(OLD)
    assert "70.000" in text(NEW)
    assert "60.000" in text(NEW)


def test_a_record_without_a_name_or_with_one_that_can_t_be_seen_is_set_apart_and_on_nobody_s_page(site: Path) -> None:
    texts = [path.read_text(encoding="utf-8") for path in (site / "pages").glob("*.nl.html")]
    assert [text[:80] for text in texts if "4.321" in text or "5.678" in text or "\u202e" in text] == []
    reasons = {row["reason"] for row in listed_quarantine(site)}
    assert reasons >= {"missing_patient_id", "invisible_in_patient_id", "unknown_unit"}


PAGES_THAT_GROW_OLD = ("ward", "data", "unit", "method", "patient")


@pytest.mark.parametrize("code", codes())
@pytest.mark.parametrize("which", PAGES_THAT_GROW_OLD)
def test_opened_the_next_day_a_page_has_a_bar_by_the_reader_s_own_clock(
    open_page: Opener, site: Path, which: str, code: str
) -> None:
    name = page_of(Site(site), ONE, code) if which == "patient" else f"{which}.{code}.html"
    page = open_page("about:blank").page
    seen = []
    for hours in (35, 37):
        page.clock.set_fixed_time(AS_OF + timedelta(hours=hours))
        page.goto(address(site, name))
        seen.append(page.locator(".stale").is_visible())
    assert seen == [False, True]
    bar = page.locator(".stale")
    assert bar.text_content() == language(code).say("age.stale", hours="36")
    assert bar.evaluate("e => parseFloat(getComputedStyle(e).borderTopWidth)") >= 2
    top = bar.bounding_box()
    assert top is not None
    assert top["y"] < 500  # on the first screen


def test_a_page_that_is_left_open_overnight_says_so_without_being_loaded_again(open_page: Opener, site: Path) -> None:
    page = open_page("about:blank").page
    page.clock.install(time=AS_OF)
    page.goto(address(site, "ward.nl.html"))
    assert not page.locator(".stale").is_visible()
    page.clock.fast_forward("37:00:00")
    assert page.locator(".stale").is_visible()
