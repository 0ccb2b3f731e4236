"""Both pages in headless Chromium: quiet, within their folder, whole at every width, readable without JavaScript."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from cmvmon.dashboards.script import shared_script
from cmvmon.dashboards.ward import ward_page
from cmvmon.text import codes, language
from tests.pages import hostile, made_up, made_up_ward
from tests.pages.conftest import Opened, Opener
from tests.pages.looking import CUT_OFF

Shown = Callable[[str], Opened]
PAGES = {"nl": ("slow", "falling", "ward"), "en": ("slow", "empty", "ward")}
WIDTHS = {"phone": 390, "A4": 794, "wide": 1400}


@pytest.mark.parametrize("code", codes())
def test_opened_as_a_file_a_page_says_nothing_and_asks_only_for_its_own_folder(
    shown: Shown, folder: Path, code: str
) -> None:
    for which in PAGES[code]:
        tab = shown(f"{which}.{code}.html")
        assert tab.said == []
        assert {Path(url).name for url in tab.requests} == {f"{which}.{code}.html", shared_script()[0]}
        assert all(url.startswith(folder.as_uri()) for url in tab.requests)


@pytest.mark.parametrize("page", ["slow.nl.html", "ward.en.html"])
def test_opened_over_http_a_page_says_nothing_and_asks_only_for_its_own_folder(
    open_page: Opener, served: str, page: str
) -> None:
    tab = open_page(f"{served}/{page}")
    assert tab.said == []
    assert set(tab.requests) == {f"{served}/{page}", f"{served}/{shared_script()[0]}"}


@pytest.mark.parametrize("which", ["hostile", "hostile-ward"])
def test_a_script_in_a_name_is_text_and_opens_no_dialog(shown: Shown, which: str) -> None:
    tab = shown(f"{which}.nl.html")
    seen = tab.page.locator("body").inner_text()
    texts = [hostile.SCRIPT, hostile.IMAGE] if which == "hostile" else [hostile.SCRIPT, hostile.IMAGE, hostile.QUOTES]
    assert [text for text in texts if text not in seen] == []
    assert tab.said == []
    assert tab.page.locator("img").count() == 0
    assert tab.page.locator("script:not([src]):not([type='application/json'])").count() == 0
    if which == "hostile":
        assert tab.page.locator("#patient").inner_text() == hostile.SCRIPT
        assert tab.page.locator("#ward").inner_text() == hostile.LONG.strip()
        assert tab.page.locator("#bed").inner_text() == hostile.IMAGE
        labels = tab.page.locator(".figure .annotation-text").all_text_contents()
        assert any(label.startswith(hostile.IMAGE[:20]) for label in labels)  # the drug, to the letter


def test_an_inline_script_would_not_run_at_all(open_page: Opener, folder: Path) -> None:
    page = (folder / "ward.nl.html").read_text(encoding="utf-8")
    planted = folder / "planted.html"
    planted.write_text(page.replace("</main>", "<script>document.title = 'ran'</script></main>"), encoding="utf-8")
    tab = open_page(planted.as_uri())
    planted.unlink()
    assert tab.page.title() != "ran"
    assert any("Content Security Policy" in said for said in tab.said)


@pytest.mark.parametrize("which", ["slow", "fitted", "ward", "hostile", "hostile-ward"])
def test_nothing_sticks_out_at_any_width_on_screen_or_paper(shown: Shown, which: str) -> None:
    tab = shown(f"{which}.nl.html")
    for width in WIDTHS.values():
        tab.page.set_viewport_size({"width": width, "height": 1000})
        for media in ("screen", "print"):
            tab.page.emulate_media(media=media)
            tab.page.wait_for_function(_FIGURE_FITS)
            assert tab.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth") <= 0
            assert tab.page.evaluate(CUT_OFF) == []


def test_back_from_paper_the_figure_is_as_wide_as_its_place_on_the_screen(shown: Shown) -> None:
    """Drawn for paper while nobody resized the window: on paper the page is wider than the screen lets it be."""
    tab = shown("slow.nl.html")
    tab.page.set_viewport_size({"width": 1400, "height": 1000})
    for media in ("print", "screen"):
        tab.page.emulate_media(media=media)
        tab.page.wait_for_function(_FIGURE_FILLS)


def test_a_figure_that_was_hidden_when_its_turn_to_be_drawn_came_is_drawn_when_it_is_shown(shown: Shown) -> None:
    tab = shown("slow.nl.html")
    tab.page.evaluate(_NARROWED_THEN_HIDDEN)
    tab.page.wait_for_function(_FIGURE_FILLS)


# The holder of the drawing: another width, hidden before Plotly draws (it waits a tenth of a second), and shown after.
_NARROWED_THEN_HIDDEN = """async () => {
  const holder = document.querySelector('[data-drawn]'), later = ms => new Promise(done => setTimeout(done, ms));
  holder.style.width = '400px';
  await later(30);
  holder.style.display = 'none';
  await later(300);
  holder.style.display = '';
}"""
_FIGURE_FILLS = """() => {
  const figure = document.querySelector('.figure');
  return Math.abs(figure.querySelector('svg').getBoundingClientRect().width - figure.clientWidth) <= 1;
}"""

# Plotly follows a new width a moment later.
_FIGURE_FITS = """() => {
  const figure = document.querySelector('.figure');
  return !figure || figure.querySelector('svg').getBoundingClientRect().width <= figure.clientWidth + 1;
}"""

# Cells and blocks whose content is wider than themselves, and labels of the figure that leave it.


def test_on_paper_the_patient_is_named_on_every_sheet_and_what_is_folded_is_left_out(shown: Shown) -> None:
    """The strip is a table header, which Chromium repeats. What the reader opened is printed behind the first sheet."""
    tab = shown("slow.nl.html")
    tab.page.emulate_media(media="print")
    assert tab.page.evaluate("getComputedStyle(document.querySelector('.strip')).display") == "table-header-group"
    assert tab.page.locator("details:not([open])").count() > 0
    tab.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    assert tab.page.locator("details[open]").count() == 0
    assert not tab.page.locator("#annex").is_visible()
    tab.page.evaluate("document.querySelector('.first-sheet details').open = true")
    tab.page.evaluate("window.dispatchEvent(new Event('beforeprint'))")
    moved = tab.page.locator("#annex .moved")
    assert moved.count() == 1
    assert moved.is_visible()
    assert moved.locator("summary").text_content() == language("nl").say("decline.older")
    assert not tab.page.locator(".first-sheet details").first.is_visible()
    tab.page.evaluate("window.dispatchEvent(new Event('afterprint'))")
    assert tab.page.locator(".moved").count() == 0
    tab.page.evaluate("document.querySelector('.first-sheet details').open = false")
    tab.page.emulate_media(media="screen")


@pytest.mark.parametrize("code", codes())
def test_without_javascript_every_table_is_there_and_the_static_figure_beside_them(
    open_page: Opener, folder: Path, code: str
) -> None:
    tab = open_page((folder / f"slow.{code}.html").as_uri(), javascript=False)
    assert tab.page.locator("#results table").first.is_visible()
    assert tab.page.locator("#latest table").is_visible()
    assert tab.page.locator("#decline > table").count() == 2
    assert tab.page.locator(".paper svg").is_visible()
    assert not tab.page.locator("[data-figure]").is_visible()
    ward = open_page((folder / f"ward.{code}.html").as_uri(), javascript=False)
    assert ward.page.locator("#today table").is_visible()
    assert ward.page.locator("#not-assessable table").is_visible()


@pytest.mark.parametrize("code", codes())
def test_the_figure_draws_the_numbers_that_stand_in_the_view_and_in_the_table(shown: Shown, code: str) -> None:
    tab = shown(f"slow.{code}.html")
    drawn = {
        trace["meta"]: sorted(trace["y"])
        for trace in tab.page.evaluate(
            "document.querySelector('.figure').data.map(t => ({meta: t.meta, y: Array.from(t.y)}))"
        )
        if trace["meta"].endswith("quantified")
    }
    results = made_up.slow_patient().results
    stated = {
        f"{compartment}:quantified": sorted(
            results.filter((results["compartment"] == compartment) & (results["result_status"] != "preliminary"))[
                "viral_load_iu_per_ml"
            ].drop_nulls()
        )
        for compartment in ("bal", "plasma")
    }
    assert drawn == stated
    table = tab.page.locator("#results").evaluate("e => e.textContent")
    spoken = language(code)
    for load in (load for loads in stated.values() for load in loads):
        assert spoken.say("value.load", load=spoken.load(load)) in table


def test_the_reader_s_clock_marks_a_page_that_has_grown_old(open_page: Opener, folder: Path) -> None:
    view = made_up_ward.ward(is_synthetic=False, stale_after_hours=36, as_of=made_up.AS_OF.replace(year=2020))
    old = folder / "old.html"
    old.write_text(ward_page(view, language=language("nl"), script=shared_script()[0]), encoding="utf-8")
    assert open_page(old.as_uri()).page.locator(".stale").is_visible()
    old.unlink()
