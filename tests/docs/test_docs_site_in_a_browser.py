"""The documentation in Debian's Chromium, opened as files: nothing is asked of a network, the search finds, and no page complains."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.docs.conftest import Built
from tests.pages.conftest import Opened, browser  # noqa: F401 - a fixture

NOTEBOOKS = ("tutorials/simulated_ward.html", "tutorials/public_series.html")
SHOWN = ("index.html", "python.html", "commands.html", "tutorials/ward.html", *NOTEBOOKS)


@pytest.fixture
def tab(browser: Browser, docs_site: Built) -> Opened:  # noqa: F811
    assert docs_site.code == 0, docs_site.said
    return Opened(browser.new_page(viewport={"width": 1280, "height": 900}))


@pytest.mark.parametrize("name", SHOWN)
def test_a_page_that_was_opened_as_a_file_asks_for_files_alone_and_says_nothing(
    tab: Opened, docs_site: Built, name: str
) -> None:
    tab.page.goto((docs_site.folder / name).as_uri())
    tab.page.wait_for_timeout(500)
    assert len(tab.requests) > 3
    assert [url for url in tab.requests if not url.startswith((docs_site.folder.as_uri(), "data:", "blob:"))] == []
    assert tab.said == []
    wide = tab.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide <= 0
    folder = os.environ.get("CMVMON_IMAGES")
    if folder is not None:  # to be looked at
        tab.page.screenshot(path=Path(folder) / f"docs.{name.replace('/', '.').removesuffix('.html')}.png")


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_figure_of_a_notebook_is_drawn_by_the_site_s_own_script(tab: Opened, docs_site: Built, name: str) -> None:
    tab.page.goto((docs_site.folder / name).as_uri())
    expect(tab.page.locator(".plotly-graph-div .scatterlayer .point").first).to_be_visible(timeout=30_000)


def test_the_search_finds_a_page_without_a_server(tab: Opened, docs_site: Built) -> None:
    """How something is done comes before why it was decided so."""
    tab.page.goto((docs_site.folder / "index.html").as_uri())
    tab.page.fill("input[name=query]", "quarantine")
    first = tab.page.locator(".md-search-result__item a").first
    expect(first).to_be_visible(timeout=30_000)
    assert "decisions/" not in (first.get_attribute("href") or "")
    first.click()
    expect(tab.page.locator("h1")).to_contain_text("uarantine")
    assert [url for url in tab.requests if not url.startswith((docs_site.folder.as_uri(), "data:", "blob:"))] == []
