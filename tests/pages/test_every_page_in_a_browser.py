"""Every page of the demo in a browser, in each language: quiet, without a barrier, reached by the keyboard, whole on a phone, a wide
screen and paper, and told apart without colour. The patients' pages are looked at alternately in one language and the other."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import cycle
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from cmvmon.dashboards.script import shared_script
from cmvmon.run.pages.publish import page_of
from cmvmon.shell.folder.site import Site
from cmvmon.telling import routing
from cmvmon.telling.letter import Speaking
from cmvmon.telling.wording import said
from cmvmon.text import codes, language
from tests.pages.conftest import Opened, Opener
from tests.pages.demo_site import Demo
from tests.pages.looking import (
    CUT_OFF,
    REPORTS_POLICY,
    SCROLLS_BY,
    WIDTHS,
    barriers,
    broken,
    contrast,
    cut,
    cut_on_a4,
    faint,
    odd_stops,
    picture,
)
from tests.telling.test_wording import BUSY, QUIET

OF_THE_SITE = ("ward", "data", "unit", "method")
DRAWN_PATIENT = "SYNTHETIC-D05"  # whose page is looked at with its figure drawn
PAGES = [f"{name}.{code}.html" for name in OF_THE_SITE for code in codes()] + ["index.html"]


@pytest.fixture(scope="module")
def shown_page(browser: Browser, demo: Demo) -> Iterator[Callable[[str], Opened]]:
    """A page of the demo, opened once for all that look at it; what breaks its policy is said on its console."""
    contexts, tabs = [], dict[str, Opened]()

    def shown(name: str) -> Opened:
        if name not in tabs:
            contexts.append(context := browser.new_context(viewport={"width": 1100, "height": 900}))
            context.add_init_script(REPORTS_POLICY)
            tabs[name] = Opened(context.new_page()).go(demo.page(name))
        return tabs[name]

    yield shown
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def patients(demo: Demo) -> list[tuple[str, str]]:
    """Each patient of the ward, with the language in which her page is looked at."""
    return list(zip(demo.ward.patients, cycle(codes()), strict=False))


@pytest.fixture(scope="module")
def still(open_page: Opener, demo: Demo) -> Page:
    """A tab in which a patient's page is as it is without its figure being drawn: quickly opened, one after the other."""
    tab = open_page(demo.page("ward.nl.html")).page
    tab.route(f"**/{shared_script()[0]}", lambda route: route.abort())
    return tab


def patient_page(demo: Demo, patient: str, code: str) -> str:
    return demo.page(page_of(Site(demo.root), patient, code))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_says_nothing_asks_only_for_its_script_and_has_no_barrier(
    shown_page: Callable[[str], Opened], name: str
) -> None:
    tab = shown_page(name)
    assert tab.said == []
    assert {Path(url).name for url in tab.requests} == {name, shared_script()[0]}
    assert barriers(tab.page) == []


@pytest.mark.parametrize("name", PAGES[:-1])
def test_the_tab_key_follows_the_page_shows_where_it_is_and_gets_out_again(
    shown_page: Callable[[str], Opened], name: str
) -> None:
    page = shown_page(name).page
    page.set_viewport_size({"width": 1100, "height": 900})
    assert odd_stops(page) == []


@pytest.mark.parametrize("name", PAGES[:-1])
def test_nothing_is_cut_on_a_phone_a_wide_screen_or_paper(shown_page: Callable[[str], Opened], name: str) -> None:
    assert cut(shown_page(name).page) == []


TWO_DRUGS = '<span class="line">ganciclovir day 14</span><span class="line">letermovir day 41, prophylaxis</span>'


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("ward")])
@pytest.mark.parametrize(
    "drugs", [TWO_DRUGS, TWO_DRUGS.replace("ganciclovir day 14", "valganciclovir day 14, profylaxe")]
)
def test_what_a_drug_is_given_for_is_never_cut_also_where_two_run(
    shown_page: Callable[[str], Opened], name: str, drugs: str
) -> None:
    page = shown_page(name).page
    cell = page.locator(".ward td.drug").first
    kept = cell.inner_html()
    cell.evaluate("(e, html) => { e.innerHTML = html; }", drugs)
    for width in (360, 800, 1100, 1300, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        sizes = cell.locator(".line").evaluate_all(
            "all => all.map(e => [e.innerText, e.scrollHeight - e.clientHeight])"
        )
        assert len(sizes) == 2
        assert [size for size in sizes if size[1] > 1] == [], width
    cell.evaluate("(e, html) => { e.innerHTML = html; }", kept)
    page.set_viewport_size({"width": 1100, "height": 900})


@pytest.mark.parametrize("name", [name for name in PAGES if name.startswith("ward")])
@pytest.mark.parametrize("bed", ["", "Noord 2, kamer 14, bed B bij het raam", "A" * 40])
def test_where_a_patient_lies_is_never_cut_however_long_the_name_of_her_bed(
    shown_page: Callable[[str], Opened], name: str, bed: str
) -> None:
    page = shown_page(name).page
    beds = page.locator(".ward .bed b")
    kept = beds.first.inner_text()
    if bed:
        beds.first.evaluate("(e, bed) => { e.textContent = bed; }", bed)
    for width in (360, 800, 1100, 1300, 1920):
        page.set_viewport_size({"width": width, "height": 900})
        sizes = beds.evaluate_all(
            "all => all.map(e => [e.innerText, e.scrollHeight - e.clientHeight, e.scrollWidth - e.clientWidth])"
        )
        assert len(sizes) >= 10
        assert [size for size in sizes if size[1] > 1 or size[2] > 1] == [], width
    beds.first.evaluate("(e, bed) => { e.textContent = bed; }", kept)
    page.set_viewport_size({"width": 1100, "height": 900})


@pytest.mark.parametrize("name", PAGES[:-1])
def test_no_date_time_number_with_its_unit_or_patient_s_number_is_broken_over_two_lines(
    shown_page: Callable[[str], Opened], demo: Demo, name: str
) -> None:
    assert broken(shown_page(name).page, least=4, names=demo.ward.patients) == []


@pytest.mark.parametrize("name", PAGES[:2])
def test_a_date_that_is_broken_over_two_lines_is_noticed(shown_page: Callable[[str], Opened], name: str) -> None:
    page = shown_page(name).page
    kept = page.add_style_tag(content=".w { white-space: normal !important; }")
    assert broken(page, least=4) != []
    kept.evaluate("e => e.remove()")


@pytest.mark.parametrize("name", PAGES[:2])
def test_a_patient_s_number_that_is_broken_at_its_hyphen_is_noticed(
    shown_page: Callable[[str], Opened], demo: Demo, name: str
) -> None:
    page = shown_page(name).page
    kept = page.add_style_tag(content=".id { display: block !important; width: 6em !important; }")
    assert {text for _, text in broken(page, names=demo.ward.patients)} <= set(demo.ward.patients)
    assert broken(page, names=demo.ward.patients) != []
    kept.evaluate("e => e.remove()")


@pytest.mark.parametrize("name", PAGES[:-1])
def test_on_a4_what_is_folded_is_printed_and_nothing_is_higher_than_its_sheet(
    shown_page: Callable[[str], Opened], name: str
) -> None:
    assert cut_on_a4(shown_page(name).page) == []


def test_every_patient_s_page_is_whole_on_a_phone_and_a_wide_screen_and_some_are_searched_for_barriers(
    still: Page, demo: Demo, patients: list[tuple[str, str]]
) -> None:
    found = []
    for n, (patient, code) in enumerate(patients):
        still.goto(patient_page(demo, patient, code))
        found += [(patient, code, told) for told in broken(still, least=10, names=[patient])]
        if n % 7 == 0:  # of both languages; the search takes most of the time
            found += [(patient, code, told) for told in set(barriers(still))]
        for width in WIDTHS:
            still.set_viewport_size({"width": width, "height": 900})
            if still.evaluate(SCROLLS_BY) > 0 or still.evaluate(CUT_OFF):
                found.append((patient, code, f"cut at {width}"))
    assert found == []
    assert len(patients) > 20


@pytest.mark.parametrize("code", codes())
def test_a_patient_s_page_with_its_figure_is_quiet_and_reached_by_the_keyboard(
    shown_page: Callable[[str], Opened], demo: Demo, code: str
) -> None:
    name = page_of(Site(demo.root), DRAWN_PATIENT, code)
    tab = shown_page(name)
    assert tab.said == []
    assert {Path(url).name for url in tab.requests} == {name, shared_script()[0]}
    assert set(barriers(tab.page)) == set()
    assert odd_stops(tab.page) == []


@pytest.mark.parametrize("code", codes())
def test_a_patient_s_page_is_whole_with_its_figure_drawn(
    shown_page: Callable[[str], Opened], demo: Demo, code: str
) -> None:
    page = shown_page(page_of(Site(demo.root), DRAWN_PATIENT, code)).page
    assert page.locator("#course .figure .main-svg").first.is_visible()
    assert cut(page) == []


@pytest.mark.parametrize("code", codes())
def test_a_text_that_leaves_the_figure_of_a_patient_is_noticed(
    shown_page: Callable[[str], Opened], demo: Demo, code: str
) -> None:
    page = shown_page(page_of(Site(demo.root), DRAWN_PATIENT, code)).page
    kept = page.add_style_tag(content="#course .figure text { font-size: 90px !important; }")
    assert cut(page) != []
    kept.evaluate("e => e.remove()")


# What tells something by being drawn, and the contrast that it needs: 3 of a mark, 4.5 of a text (WCAG 2.2, 1.4.11 and 1.4.3).
DRAWN = {
    "ward.nl.html": {"td.course svg": 3.0, ".ward .bed a": 4.5, ".ward summary strong": 4.5, ".synthetic": 4.5, ".ward .note:visible": 4.5},
    "unit.nl.html": {"#everyone .figure .scatterlayer": 3.0, ".headline": 4.5, "td": 4.5},
    "data.nl.html": {".headline": 4.5, "th": 4.5, ".pages a": 4.5},
    "method.nl.html": {".headline": 4.5, ".note": 4.5},
    DRAWN_PATIENT: {
        "#course .figure .scatterlayer": 3.0, "#course .figure .points:visible": 3.0, "#course .figure .xtick": 4.5,
        "#course .figure .annotation": 4.5, "#headline p": 4.5, "#latest td": 4.5, "#decline td": 4.5, ".tier": 4.5, ".note": 4.5,
        ".synthetic": 4.5,
    },
}  # fmt: skip


@pytest.mark.parametrize("name", DRAWN)
def test_without_colour_and_with_each_colour_vision_marks_and_texts_stand_out(
    shown_page: Callable[[str], Opened], demo: Demo, name: str
) -> None:
    shown = page_of(Site(demo.root), name, "nl") if name == DRAWN_PATIENT else name
    assert faint(shown_page(shown).page, DRAWN[name]) == []


def test_a_figure_that_is_too_faint_is_noticed(shown_page: Callable[[str], Opened]) -> None:
    page = shown_page("ward.nl.html").page
    page.evaluate("document.querySelector('.synthetic').style.color = '#999'")
    assert contrast(page.locator(".synthetic")) > 4.5  # its border is black
    page.evaluate("document.querySelector('.synthetic').style.border = 'none'")
    assert contrast(page.locator(".synthetic")) < 4.5
    page.evaluate("document.querySelector('.synthetic').removeAttribute('style')")


def test_two_curves_of_one_figure_differ_by_more_than_their_colour(shown_page: Callable[[str], Opened]) -> None:
    dashes = shown_page("unit.nl.html").page.evaluate(
        "document.querySelector('#everyone .figure').data.filter(t => t.line && t.line.width > 0).map(t => t.line.dash || 'solid')"
    )
    assert len(dashes) > 1
    assert len(set(dashes)) == len(dashes)


@pytest.mark.parametrize("code", codes())
@pytest.mark.parametrize("facts", [QUIET, BUSY], ids=["quiet", "busy"])
def test_the_digest_reads_in_a_mail_program_without_barrier_request_or_scrolling(
    open_page: Opener, tmp_path: Path, facts: dict[str, object], code: str
) -> None:
    speaking = Speaking(language(code), "Europe/Amsterdam", f"https://cmv.example/ward.{code}.html", "intern 1234")
    path = tmp_path / "letter.html"
    path.write_text(said(routing.DIGEST, "f00d", facts, speaking).html, encoding="utf-8")
    tab = open_page(path.as_uri())
    assert tab.said == []
    assert [Path(url).name for url in tab.requests] == ["letter.html"]
    assert barriers(tab.page) == []
    for width in (320, *WIDTHS):
        tab.page.set_viewport_size({"width": width, "height": 700})
        assert tab.page.evaluate(SCROLLS_BY) <= 0
        assert tab.page.evaluate(CUT_OFF) == []
    if facts is BUSY:
        tab.page.set_viewport_size({"width": 800, "height": 500})
        picture(tab.page, f"digest.{code}.800.png", whole=True)
