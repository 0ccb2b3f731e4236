"""The board in Debian's Chromium: answers with and without scripts, two people at once, a page that is told of a change and does not move."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect

from cmvmon.run.answers import answering
from cmvmon.text import codes, language
from tests.board import boards
from tests.board.boards import ALSO_ON_A, ON_A, ON_B, PASSWORD, Served, alert_of
from tests.depth import one_of
from tests.pages.conftest import browser  # noqa: F401 - a fixture
from tests.servers import free_port

_PATIENCE_MS = 60_000


@pytest.fixture(scope="module")
def served(judged_site: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Served, Path]]:
    root = tmp_path_factory.mktemp("browser") / "site"
    shutil.copytree(judged_site, root)
    boards.board_toml(root, boards.BY_PASSWORD.replace("port = 1", f"port = {free_port()}"))
    with boards.served(root) as found:
        yield found, root


class Reader:
    """Somebody with a browser of his own, and what it said and asked for meanwhile."""

    def __init__(self, context: BrowserContext, address: str, name: str, lang: str) -> None:
        self.page, self.said, self.requests = context.new_page(), list[str](), list[str]()
        self.page.set_default_timeout(_PATIENCE_MS)
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.address = address
        self.page.goto(f"{address}/ward.{lang}.html")
        self.page.fill("input[name=name]", name)
        self.page.fill("input[name=password]", PASSWORD)
        self.page.click("form.sign-in button")
        self.page.wait_for_url("**/ward.*")


@pytest.fixture
def reader(browser: Browser, served: tuple[Served, Path]) -> Iterator[object]:  # noqa: F811
    contexts = []

    def opened(name: str, *, lang: str = "en", javascript: bool = True, width: int = 1124) -> Reader:
        context = browser.new_context(viewport={"width": width, "height": 900}, java_script_enabled=javascript)
        contexts.append(context)
        return Reader(context, served[0].address, name, lang)

    yield opened
    for context in contexts:
        context.close()


def reopened(root: Path, alert: str) -> None:
    answering.reopen(root, alert, why="for the next test", actor="test")


@pytest.mark.parametrize(
    ("code", "javascript"),
    [
        pytest.param(code, javascript, marks=[] if javascript == (code == codes()[0]) else [pytest.mark.long])
        for code in codes()
        for javascript in (True, False)
    ],
)
def test_an_alert_is_found_and_acknowledged(code: str, javascript: bool, reader, served: tuple[Served, Path]) -> None:
    spoken, root = language(code), served[1]
    mine = reader("consultant", lang=code, javascript=javascript)
    page: Page = mine.page
    row = page.locator("table.list-alert tr", has_text=ON_A)
    row.locator("summary").click()
    row.locator("a.answer").first.click()
    expect(page.locator("h1")).to_be_visible()
    alert = page.url.split("alert-")[1].split(".")[0]
    page.select_option("#acknowledge select", "dealt_with")
    page.click("#acknowledge button")
    expect(page.locator(".said")).to_have_text(spoken.say("board.done.acknowledge"))
    page.goto(f"{mine.address}/ward.{code}.html")
    expect(page.locator("table.list-alert tr", has_text=ON_A)).to_contain_text("dr. Consult")
    assert mine.said == []
    assert all(url.startswith((mine.address, "data:")) for url in mine.requests)
    reopened(root, alert)


def test_of_two_who_have_the_form_open_the_second_is_told_who_was_first(reader, served: tuple[Served, Path]) -> None:
    root = served[1]
    alert = alert_of(root, ALSO_ON_A)
    first, second = reader("consultant"), reader("consultant-2", lang="nl")
    for one, code in ((first, "en"), (second, "nl")):
        one.page.goto(f"{one.address}/alert-{alert}.{code}.html")
        one.page.select_option("#acknowledge select", "dealt_with")
    first.page.click("#acknowledge button")
    expect(first.page.locator(".said")).to_have_text("Your acknowledgement is recorded.")
    second.page.click("#acknowledge button")
    expect(second.page.locator(".said.not")).to_contain_text("dr. Consult heeft deze melding vóór u bevestigd")
    reopened(root, alert)


def test_a_snooze_past_the_next_sample_is_refused_in_words(reader, served: tuple[Served, Path]) -> None:
    mine = reader("consultant")
    mine.page.goto(f"{mine.address}/alert-{alert_of(served[1], ON_B)}.en.html")
    mine.page.select_option("#snooze select", "awaiting")
    mine.page.fill("#snooze input[name=until]", "2099-01-01T10:00")
    mine.page.click("#snooze button")
    expect(mine.page.locator(".said.not")).to_contain_text("the next sample comes first")


@pytest.mark.parametrize("javascript", [True, False], ids=["with scripts", "without scripts"])
@pytest.mark.parametrize("code", codes())
def test_a_form_that_is_refused_keeps_what_was_typed_and_stands_on_the_field_that_is_at_fault(
    code: str, javascript: bool, reader, served: tuple[Served, Path]
) -> None:
    mine = reader("consultant", lang=code, javascript=javascript)
    page: Page = mine.page
    page.goto(f"{mine.address}/alert-{alert_of(served[1], ON_B)}.{code}.html")
    page.select_option("#snooze select", "awaiting")
    page.fill("#snooze input[name=until]", "2099-01-01T10:00")
    page.fill("#snooze input[name=note]", 'after "dialysis" <today>')
    page.click("#snooze button")
    until = page.locator("#snooze input[name=until]")
    expect(until).to_be_focused()
    expect(until).to_be_in_viewport()
    expect(until).to_have_accessible_description(
        re.compile(language(code).say("board.refused.until_too_late", at="")[:20])
    )
    expect(page.locator("#snooze #wrong")).to_be_in_viewport()
    expect(until).to_have_value("2099-01-01T10:00")
    expect(page.locator("#snooze input[name=note]")).to_have_value('after "dialysis" <today>')
    expect(page.locator("#snooze select")).to_have_value("awaiting")
    expect(page.locator("#acknowledge select")).to_have_value("")
    page.fill("#snooze input[name=until]", "")
    page.click("#snooze button")  # what was typed is sent again as it stands
    expect(page.locator(".said")).to_have_text(language(code).say("board.done.snooze"))
    expect(page.locator("main")).to_contain_text('after "dialysis" <today>')
    reopened(served[1], alert_of(served[1], ON_B))


def test_a_page_says_that_it_has_changed_and_none_of_its_rows_moves(reader, served: tuple[Served, Path]) -> None:
    """And a reader of another ward is told nothing of it."""
    root = served[1]
    mine, of_north = reader("consultant"), reader("viewer-a")
    before = mine.page.locator("main").inner_html()
    expect(mine.page.locator("#changed")).to_be_hidden()
    alert = alert_of(root, ON_B)
    answering.acknowledge(root, alert, reason="ordered", note=None, actor="dr. Elsewhere")
    expect(mine.page.locator("#changed")).to_be_visible(timeout=_PATIENCE_MS)
    assert mine.page.locator("main").inner_html() == before
    of_north.page.wait_for_timeout(3000)
    expect(of_north.page.locator("#changed")).to_be_hidden()
    mine.page.click("#changed a")
    expect(mine.page.locator("table.list-alert tr", has_text=ON_B)).to_contain_text("dr. Elsewhere")
    expect(mine.page.locator("#changed")).to_be_hidden()
    reopened(root, alert)


def on_a_port(root: Path) -> Path:
    boards.board_toml(root, boards.BY_PASSWORD.replace("port = 1", f"port = {free_port()}"))
    return root


@pytest.mark.parametrize("code", one_of(codes(), place=0))
def test_a_page_says_that_it_hears_of_changes_no_more_when_its_session_has_ended(
    code: str,
    browser: Browser,  # noqa: F811
    site_with_board: Path,
) -> None:
    """A board that was started anew knows no session of before: the page asks again, is refused, and does not keep quiet."""
    root, context = on_a_port(site_with_board), browser.new_context()
    with boards.served(root) as board:
        page = Reader(context, board.address, "consultant", code).page
        page.wait_for_timeout(2000)
        expect(page.locator("#untold")).to_be_hidden()
    with boards.served(root):
        expect(page.locator("#untold")).to_be_visible(timeout=_PATIENCE_MS)
        expect(page.locator("#untold")).to_contain_text(language(code).say("board.untold"))
        expect(page.locator("#changed")).to_be_hidden()
    context.close()


def test_a_page_of_a_board_that_stands_still_says_so_and_one_with_too_many_open_too(
    browser: Browser,  # noqa: F811
    site_with_board: Path,
) -> None:
    root, context = on_a_port(site_with_board), browser.new_context()
    with boards.served(root) as board, ExitStack() as held:
        page = Reader(context, board.address, "consultant", "en").page
        expect(page.locator("#untold")).to_be_hidden()
        address = (page.locator("#changed").get_attribute("data-events") or "").replace("&amp;", "&")
        for _ in range(5):
            client = held.enter_context(closing(board.signed_in("consultant")))
            assert held.enter_context(client.stream("GET", f"/{address}")).status_code == 200
        seventh = context.new_page()
        seventh.goto(f"{board.address}/ward.en.html")
        expect(seventh.locator("#untold")).to_be_visible(timeout=_PATIENCE_MS)
        expect(page.locator("#untold")).to_be_hidden()
    expect(page.locator("#untold")).to_be_visible(timeout=_PATIENCE_MS)
    context.close()


@pytest.mark.parametrize("code", codes())
def test_every_page_of_the_board_fits_a_phone_and_says_nothing_on_the_console(
    code: str, reader, served: tuple[Served, Path]
) -> None:
    mine = reader("admin", lang=code, width=360)
    hers = boards.PageNames(boards.Site(served[1]).page_key()).of_patient(ON_A)
    for name in ("ward", "worklist", "data", "unit", "method", hers, f"alert-{alert_of(served[1], ON_A)}"):
        mine.page.goto(f"{mine.address}/{name}.{code}.html")
        assert mine.page.evaluate("document.documentElement.scrollWidth") <= 360, name
    mine.page.fill("#q", "SYN")
    mine.page.click("form[role=search] button")
    expect(mine.page.locator("main")).to_contain_text(ON_B)
    assert mine.said == []


@pytest.mark.parametrize("code", one_of(codes(), place=1))
def test_an_alert_s_page_says_that_somebody_else_has_answered_meanwhile(
    code: str, reader, served: tuple[Served, Path]
) -> None:
    """Also the page of an answer that was refused, whose own address is no page; whoever looks at another alert hears nothing."""
    root = served[1]
    alert, other = alert_of(root, ON_B), alert_of(root, ON_A)
    mine, elsewhere, refused = (reader("consultant", lang=code) for _ in range(3))
    mine.page.goto(f"{mine.address}/alert-{alert}.{code}.html")
    elsewhere.page.goto(f"{mine.address}/alert-{other}.{code}.html")
    refused.page.goto(f"{mine.address}/alert-{alert}.{code}.html")
    refused.page.select_option("#snooze select", "awaiting")
    refused.page.fill("#snooze input[name=until]", "2099-01-01T10:00")
    refused.page.click("#snooze button")
    expect(refused.page.locator(".said.not")).to_be_visible()
    for one in (mine, elsewhere, refused):
        expect(one.page.locator("#changed")).to_be_hidden()
    answering.acknowledge(root, alert, reason="ordered", note=None, actor="dr. Elsewhere")
    for one in (mine, refused):
        expect(one.page.locator("#changed")).to_be_visible(timeout=_PATIENCE_MS)
        one.page.click("#changed a")
        expect(one.page.locator("main")).to_contain_text("dr. Elsewhere")
        expect(one.page.locator("#changed")).to_be_hidden()
    elsewhere.page.wait_for_timeout(3000)
    expect(elsewhere.page.locator("#changed")).to_be_hidden()
    assert mine.said == []
    reopened(root, alert)


@pytest.mark.parametrize("code", one_of(codes(), place=0))
def test_on_paper_a_page_says_what_it_leaves_out_and_has_no_forms(code: str, reader) -> None:
    """Whoever is handed the sheet knows that there are more patients than stand on it; so does a reader of one ward alone."""
    spoken = language(code)
    mine, of_north = reader("consultant", lang=code), reader("viewer-a", lang=code)
    mine.page.goto(f"{mine.address}/ward.{code}.html?ward={boards.WARD_B}")
    for one, words in (
        (mine, spoken.count("board.filter.on", 2)),
        (of_north, spoken.say("board.scope", wards=boards.WARD_A)),
    ):
        one.page.emulate_media(media="print")
        expect(one.page.locator(".of-board .scope", has_text=words)).to_be_visible()
        for left_out in ("nav", "form[role=search]", "#changed", "#untold"):
            expect(one.page.locator(f".of-board {left_out}")).to_be_hidden()
