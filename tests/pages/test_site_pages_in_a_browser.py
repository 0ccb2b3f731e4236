"""The pages about the site in headless Chromium: quiet, within their folder, whole at every width and on A4, readable without scripts."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from cmvmon.dashboards.script import shared_script
from cmvmon.text import codes, language
from tests.pages import made_up_site
from tests.pages.conftest import Opener
from tests.pages.looking import CUT_OFF, FIGURES_FIT

PAGES = ("data", "unit", "method")
WIDTHS = (360, 794, 1100, 1920)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made_up_site.make(tmp_path_factory.mktemp("site")) / "pages"


@pytest.mark.parametrize("code", codes())
@pytest.mark.parametrize("name", PAGES)
def test_a_page_is_quiet_and_whole_at_every_width_on_screen_and_on_paper(
    open_page: Opener, pages: Path, name: str, code: str
) -> None:
    tab = open_page((pages / f"{name}.{code}.html").as_uri())
    assert tab.said == []
    assert {Path(url).name for url in tab.requests} == {f"{name}.{code}.html", shared_script()[0]}
    for width in WIDTHS:
        tab.page.set_viewport_size({"width": width, "height": 900})
        for media in ("screen", "print"):
            tab.page.emulate_media(media=media)
            tab.page.wait_for_function(FIGURES_FIT)
            assert tab.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
            assert tab.page.evaluate(CUT_OFF) == [], (width, media)


def test_the_curve_that_is_drawn_ends_at_the_share_of_the_table(open_page: Opener, pages: Path) -> None:
    tab = open_page((pages / "unit.en.html").as_uri())
    drawn = tab.page.evaluate(
        "document.querySelector('#everyone .figure').data.map(t => [t.meta, Math.max(...Array.from(t.y))])"
    )
    assert dict(drawn)["reactivated"] == pytest.approx(6 / 7 / 6, abs=1e-4)
    assert dict(drawn)["left"] == pytest.approx(1 / 7, abs=1e-4)


@pytest.mark.parametrize("code", codes())
def test_without_scripts_the_same_curve_stands_there_as_a_drawing_with_its_name(
    open_page: Opener, pages: Path, code: str
) -> None:
    tab = open_page((pages / f"unit.{code}.html").as_uri(), javascript=False)
    drawing = tab.page.locator("#everyone .figure svg")
    assert drawing.is_visible()
    assert drawing.get_attribute("role") == "img"
    spoken = language(code)
    assert drawing.locator("title").text_content() == spoken.say("unit.figure.alt")
    assert spoken.say("unit.figure.reactivated") in drawing.locator("text").all_text_contents()
    assert tab.page.locator("#everyone table").first.is_visible()


def test_the_links_lead_to_each_other_by_the_keyboard(open_page: Opener, pages: Path) -> None:
    tab = open_page((pages / "data.nl.html").as_uri())
    seen = []
    for _ in range(5):
        tab.page.keyboard.press("Tab")
        seen.append(tab.page.evaluate("document.activeElement.getAttribute('href')"))
    assert seen == ["data.en.html", "ward.nl.html", "data.nl.html", "unit.nl.html", "method.nl.html"]


@pytest.mark.parametrize("name", PAGES)
def test_every_table_has_headers_and_headings_leave_no_level_out(open_page: Opener, pages: Path, name: str) -> None:
    tab = open_page((pages / f"{name}.en.html").as_uri())
    assert tab.page.locator("table:not(:has(th[scope=col]))").count() == 0
    levels = tab.page.evaluate("[...document.querySelectorAll('h1, h2, h3')].map(e => Number(e.tagName[1]))")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
