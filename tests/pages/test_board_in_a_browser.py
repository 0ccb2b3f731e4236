"""The pages that only the board has, in a browser, held to what `test_every_page_in_a_browser` asks of the others:
signing in, the work list, an alert with its forms, what a search found, and whatever is refused, not there or could not be done."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, BrowserContext, Page

from cmvmon.text import codes
from tests.board import boards
from tests.board.boards import PASSWORD, Served
from tests.depth import one_of
from tests.pages.conftest import Opened
from tests.pages.demo_site import Demo
from tests.pages.looking import REPORTS_POLICY, barriers, broken, cut, cut_on_a4, faint, odd_stops, picture
from tests.servers import free_port

NOBODY = ""


@dataclass(frozen=True)
class Asking:
    """Somebody at his browser, who asks for things in one language."""

    page: Page
    address: str
    code: str
    root: Path

    def go(self, name: str) -> None:
        self.page.goto(f"{self.address}/{name}")

    def sign_in(self, name: str, password: str = PASSWORD) -> None:
        self.go(f"sign-in.{self.code}.html")
        self.page.fill("input[name=name]", name)
        self.page.fill("input[name=password]", password)
        self.page.click("form.sign-in button")
        self.page.wait_for_load_state()

    def alert(self, patient: str, rule: str) -> None:
        self.go(f"alert-{boards.alert_of(self.root, patient, rule)}.{self.code}.html")

    def search(self, text: str) -> None:
        self.go(f"worklist.{self.code}.html")
        self.page.fill("#q", text)
        self.page.click("form[role=search] button")
        self.page.wait_for_load_state()

    def refused_answer(self) -> None:
        """A snooze past the next sample."""
        self.alert("SYNTHETIC-D06", "genotype_not_on_record")
        self.page.select_option("#snooze select", "awaiting")
        self.page.fill("#snooze input[name=until]", "2099-01-01T10:00")
        self.page.click("#snooze button")
        self.page.wait_for_load_state()

    def stale_form(self) -> None:
        self.alert("SYNTHETIC-D06", "genotype_not_on_record")
        self.page.locator("#acknowledge input[name=token]").evaluate("e => e.value = '0'.repeat(64)")
        self.page.select_option("#acknowledge select", "awaiting")
        self.page.click("#acknowledge button")
        self.page.wait_for_load_state()

    def while_the_file_is_broken(self) -> None:
        path = self.root / "board.toml"
        text = path.read_text("utf-8")
        path.write_text("nonsense = ", "utf-8")
        try:
            self.go(f"worklist.{self.code}.html")
        finally:
            path.write_text(text, "utf-8")


# Each page: who asks for it, how, with what status it comes, and what has to stand out on it.
FORMS, WORDS = {"button": 4.5, "input:not([type=hidden])": 3.0, "label": 4.5}, {"h1": 4.5, "main p": 4.5}
LINKS = {"table a": 4.5, "th": 4.5, "td": 4.5, "nav a": 4.5}
PAGES: dict[str, tuple[str, Callable[[Asking], None], int, dict[str, float]]] = {
    "signing in": (NOBODY, lambda who: who.go(f"sign-in.{who.code}.html"), 200, FORMS),
    "a wrong password": (NOBODY, lambda who: who.sign_in("data", "not this one"), 401, FORMS | {".said": 4.5}),
    "what waits": ("consultant", lambda who: who.go(f"worklist.{who.code}.html"), 200, FORMS | LINKS),
    "what waits for the data team": ("data", lambda who: who.go(f"worklist.{who.code}.html"), 200, WORDS),
    "an alert to be answered": ("consultant", lambda who: who.alert("SYNTHETIC-D04", "critical_result_unseen"), 200,
                                FORMS | {".alert": 3.0, ".tier": 4.5, "td": 4.5}),
    "an alert that is answered": ("consultant", lambda who: who.alert("SYNTHETIC-D11", "untreated_rise"), 200, FORMS),
    "an alert for whoever only reads": ("reader", lambda who: who.alert("SYNTHETIC-D05", "rebound"), 200, WORDS),
    "an answer that is refused": ("consultant", Asking.refused_answer, 409, FORMS | {".said": 4.5}),
    "whom a search finds": ("consultant", lambda who: who.search("SYNTHETIC-0"), 200, FORMS | LINKS),
    "a search that finds nobody": ("consultant", lambda who: who.search("nobody"), 200, WORDS),
    "what a role does not include": ("data", lambda who: who.go(f"ward.{who.code}.html"), 403, WORDS),
    "what is not there": ("consultant", lambda who: who.go(f"{'0' * 20}.{who.code}.html"), 404, WORDS),
    "a path that nothing has": (NOBODY, lambda who: who.go(f"nowhere.{who.code}.html"), 404, WORDS),
    "a form got as a page": (NOBODY, lambda who: who.go(f"sign-out.{who.code}.html"), 405, WORDS),
    "a form that is too old": ("consultant", Asking.stale_form, 403, WORDS),
    "a board that can't be used": ("consultant", Asking.while_the_file_is_broken, 503, WORDS),
}  # fmt: skip
EVERY = [
    each
    for n, what in enumerate(PAGES)
    for each in one_of([(what, code) for code in codes()], place=n, ids=lambda one: f"{one[0]}, {one[1]}")
]
READER = '\n[people.reader]\nrole = "viewer"\nwards = ["SYNTHETIC-ICU"]\n'


@pytest.fixture(scope="module")
def served(demo: Demo, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Path]]:
    root = tmp_path_factory.mktemp("board") / "site"
    shutil.copytree(demo.root, root)
    boards.board_toml(root, boards.BY_PASSWORD.replace("port = 1", f"port = {free_port()}") + READER)
    with boards.served(root) as found:
        yield found, root


@dataclass(frozen=True)
class Shown:
    """A page of the board as it was come to: what it is, in which language, its tab and its status. `again`: the same without scripts."""

    what: str
    code: str
    tab: Opened
    status: int
    again: Callable[[], Opened]

    @property
    def page(self) -> Page:
        return self.tab.page


@pytest.fixture(scope="module")
def come_to(browser: Browser, served: tuple[Served, Path]) -> Iterator[Callable[..., tuple[Opened, int]]]:
    """Comes to a page as its reader does, who has signed in once for each language, with scripts or without."""
    board, root = served
    contexts = dict[tuple[str, str, bool], BrowserContext]()

    def context_of(who: str, code: str, javascript: bool) -> BrowserContext:
        if (who, code, javascript) not in contexts:
            made = browser.new_context(viewport={"width": 1100, "height": 900}, java_script_enabled=javascript)
            made.add_init_script(REPORTS_POLICY)
            contexts[who, code, javascript] = made
            if who:
                page = made.new_page()
                Asking(page, board.address, code, root).sign_in(who)
                page.close()
        return contexts[who, code, javascript]

    def come(what: str, code: str, *, javascript: bool) -> tuple[Opened, int]:
        who, ask, *_ = PAGES[what]
        tab, statuses = Opened(context_of(who, code, javascript).new_page()), list[int]()
        tab.page.on(
            "response",
            lambda answer: statuses.append(answer.status) if answer.request.is_navigation_request() else None,
        )
        ask(Asking(tab.page, board.address, code, root))
        return tab, statuses[-1]

    yield come
    for context in contexts.values():
        context.close()


@pytest.fixture(scope="module", params=EVERY)
def shown(request: pytest.FixtureRequest, come_to: Callable[..., tuple[Opened, int]]) -> Iterator[Shown]:
    """Each page in one language or the other, in the long form in each, open as long as it is looked at: of one reader only so many are told of changes at once."""
    what, code = request.param
    tab, status = come_to(what, code, javascript=True)
    yield Shown(what, code, tab, status, lambda: come_to(what, code, javascript=False)[0])
    tab.page.close()


def test_a_page_of_the_board_is_quiet_asks_the_board_alone_and_has_no_barrier(
    shown: Shown, served: tuple[Served, Path]
) -> None:
    assert shown.status == PAGES[shown.what][2], shown.page.content()
    # The browser itself says on the console that an answer is an error's; the page says nothing.
    assert [said for said in shown.tab.said if f"status of {shown.status}" not in said] == []
    assert {urlsplit(url).netloc for url in shown.tab.requests} == {urlsplit(served[0].address).netloc}
    assert shown.page.locator("html").get_attribute("lang") == shown.code
    assert barriers(shown.page) == []


def test_a_page_of_the_board_is_reached_by_the_keyboard_and_cut_nowhere(shown: Shown) -> None:
    assert odd_stops(shown.page) == []
    assert cut(shown.page) == []
    assert broken(shown.page) == []
    assert cut_on_a4(shown.page) == []


@pytest.mark.parametrize("code", codes())
def test_the_pictures_of_the_work_list_are_made_where_a_folder_is_named(
    come_to: Callable[..., tuple[Opened, int]], code: str
) -> None:
    if "CMVMON_IMAGES" not in os.environ:
        pytest.skip("no folder is named for pictures (CMVMON_IMAGES)")
    tab, _ = come_to("what waits", code, javascript=True)
    picture(tab.page, f"worklist.{code}.1100.png")
    tab.page.close()


def test_without_colour_and_with_each_colour_vision_a_page_of_the_board_stands_out(shown: Shown) -> None:
    assert faint(shown.page, PAGES[shown.what][3]) == []


def test_without_scripts_a_page_of_the_board_says_the_same(shown: Shown) -> None:
    """And is come to in the same way: signing in, searching and answering need none."""
    if shown.what == "a form that is too old":
        pytest.skip("a script is what makes it too old here")
    without = shown.again().page
    said = [re.sub(r"\d\d:\d\d", "", page.locator("body").inner_text()) for page in (without, shown.page)]
    without.close()
    assert said[0] == said[1]  # but for the time of day until when an alert can be set aside
