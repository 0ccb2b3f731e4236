"""The ward's tutorial, step by step in a browser: every word that it shows in bold stands on the screen that it speaks of.

`CMVMON_IMAGES` names a folder: the pictures of the tutorial are then made again, to be looked at.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.board import boards
from tests.docs.page_commands import ROOT
from tests.docs.typed import follow, steps
from tests.pages.conftest import browser  # noqa: F401 - a fixture
from tests.pages.looking import picture
from tests.servers import free_port

TUTORIAL = (ROOT / "docs" / "tutorials" / "ward.md").read_text(encoding="utf-8")
_PATIENCE_MS = 120_000


def in_bold(section: str) -> list[str]:
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", TUTORIAL, re.M | re.S)
    return [" ".join(words.split()) for words in re.findall(r"\*\*(.+?)\*\*", text, re.S)]


@pytest.fixture(scope="module")
def page(browser: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:  # noqa: F811
    """The consultant's browser after section 1: its commands were typed, the last one is running."""
    folder = tmp_path_factory.mktemp("ward")
    preparing, starting = TUTORIAL.rsplit("$ ", 1)[0] + "```\n", steps(TUTORIAL)[-1].command
    assert starting == "cmvmon board --site site"
    follow(preparing, folder, typed=f"{boards.PASSWORD}\n")
    told = folder / "site" / "board.toml"
    told.write_text(f"[listen]\nport = {free_port()}\n\n" + told.read_text("utf-8").replace("[listen]\n", ""), "utf-8")
    with boards.served(folder / "site") as board:
        tab = browser.new_page(viewport={"width": 1100, "height": 900})
        tab.set_default_timeout(_PATIENCE_MS)
        tab.goto(f"{board.address}/ward.en.html")
        tab.fill("input[name=name]", "bos")
        tab.fill("input[name=password]", boards.PASSWORD)
        tab.click("form.sign-in button")
        tab.wait_for_url("**/ward.*")
        yield tab


def missing(page: Page, words: list[str]) -> list[str]:
    text = " ".join((page.locator("body").text_content() or "").split())
    return [one for one in words if one.rstrip(".:") not in text]


def test_the_ward_page_has_what_the_tutorial_names(page: Page) -> None:
    told = set(in_bold("2. The ward page: who needs a look today"))
    assert len(told) > 6
    assert missing(page, sorted(told)) == []
    assert re.search(r"\d d old", page.locator(".ward td.value").first.inner_text())


def test_a_patient_s_page_has_what_the_tutorial_names(page: Page) -> None:
    page.locator("a", has_text="SYNTHETIC-D05").first.click()
    page.wait_for_load_state()
    told = in_bold("3. One patient")
    assert len(told) > 5
    assert missing(page, [words for words in told if words != "not detected"]) == []


def test_an_alert_is_answered_as_the_tutorial_says(page: Page) -> None:
    told = in_bold("4. Answer an alert")
    finding, answer, acknowledge, reason, recorded, aside, reopen = told
    page.goto(re.sub(r"[^/]+$", "ward.en.html", page.url))
    row = page.locator(".ward tr", has_text="SYNTHETIC-D06")
    row.locator("summary", has_text=finding).click()
    row.get_by_role("link", name=answer).first.click()
    expect(page.locator("h1")).to_contain_text(finding)
    assert missing(page, [acknowledge, aside, reason]) == []
    picture(page, "answer.en.1100.png")
    page.select_option("#acknowledge select", label=reason)
    page.get_by_role("button", name=acknowledge).click()
    expect(page.locator(".said")).to_have_text(recorded)
    expect(page.get_by_role("button", name=reopen)).to_be_visible()
    page.goto(re.sub(r"[^/]+$", "ward.en.html", page.url))
    expect(page.locator(".ward tr", has_text="SYNTHETIC-D06")).to_contain_text("dr. A. Bos")
