"""Somebody acknowledges on the board, in Chromium; then a worse result comes in by `cmvmon watch`, as it does on a ward.

By this machine's own clock, so that nothing here stands in for the programs of a ward: `cmvmon watch` takes the file in, and `cmvmon
board` tells the pages that are open.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from cmvmon.text import codes, language
from tests import patients, sites
from tests.board import boards
from tests.board.boards import ON_A, alert_of
from tests.board.test_in_a_browser import Reader, on_a_port
from tests.depth import one_of
from tests.listen.test_to_the_page import watching
from tests.pages.conftest import browser  # noqa: F401 - a fixture

NOW = datetime.now(UTC).replace(microsecond=0)
TAKEN_IN_MS = 120_000  # a look of the watch imports and compiles, on a machine that others use too
WORSE = 90_000_000


@pytest.fixture
def readers(browser: Browser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[Path, object]]:  # noqa: F811
    """The site of two wards as of now (day 28), watched and with its board; and a function that signs somebody in."""
    monkeypatch.setattr(patients, "DAY_0", NOW - timedelta(days=28))
    root = on_a_port(boards.ward_of_two(tmp_path / "site", as_of=NOW))
    with ExitStack() as held:
        board = held.enter_context(boards.served(root))
        held.enter_context(watching(root))

        def signed_in(name: str, code: str) -> Page:
            context = held.enter_context(browser.new_context(viewport={"width": 1124, "height": 900}))
            return Reader(context, board.address, name, code).page

        yield root, signed_in


def shown(page: Page, name: str, code: str) -> None:
    page.goto(f"{page.url.rsplit('/', 1)[0]}/{name}.{code}.html")


def acknowledges(page: Page, reason: str, code: str) -> None:
    """Clicks as a person does: again in a moment where the watch judges just then, which the board says."""
    done, busy = language(code).say("board.done.acknowledge"), language(code).say("board.refused.busy")
    for _ in range(60):
        page.select_option("#acknowledge select", reason)
        page.click("#acknowledge button")
        expect(page.locator(".said")).to_have_text(re.compile("|".join(map(re.escape, (done, busy)))))
        if done in page.locator(".said").inner_text():
            return
        page.wait_for_timeout(2_000)
    raise AssertionError("the site was judged all the while")


@pytest.mark.parametrize("code", one_of(codes(), place=0))
def test_what_got_worse_after_somebody_acknowledged_is_open_again_and_says_whose_answer_holds_no_longer(
    code: str, readers
) -> None:
    (root, signed_in), said = readers, language(code).say
    alert = alert_of(root, ON_A)
    hers, ward, patient = (signed_in(name, code) for name in ("consultant", "consultant-2", "viewer-a"))
    shown(hers, f"alert-{alert}", code)
    acknowledges(hers, "dealt_with", code)
    expect(hers.locator("#acknowledge")).to_have_count(0)
    shown(ward, "ward", code)
    shown(patient, boards.PageNames(boards.Site(root).page_key()).of_patient(ON_A), code)
    row = ward.locator("table.list-alert tr", has_text=ON_A)
    expect(row).to_contain_text("dr. Consult")
    everybody = (hers, ward, patient)
    before = [one.locator("main").inner_html() for one in everybody]
    reported = sites.text(NOW - timedelta(hours=2))
    sites.drop(root, "viral_load_results", [sites.result(ON_A, 27.8, WORSE, reported=reported)], name="worse.csv")
    for one, as_it_was in zip(everybody, before, strict=True):
        expect(one.locator("#changed")).to_be_visible(timeout=TAKEN_IN_MS)
        assert one.locator("main").inner_html() == as_it_was, "a row moved under a finger"
        one.click("#changed a")
        expect(one.locator("#changed")).to_be_hidden()
    why = language(code).word("cause", "worse")
    load = language(code).number(WORSE, 0)
    expect(hers.locator("article.alert")).to_contain_text(load)
    expect(hers.locator("article.alert")).to_contain_text(said("board.standing.again"))
    expect(hers.locator("article.alert .overtaken")).to_contain_text("dr. Consult")
    expect(hers.locator("article.alert .overtaken")).to_contain_text(why)
    expect(hers.locator(".said")).to_have_count(0)
    expect(row).to_contain_text(said("row.reopened"))
    row.locator("summary").first.click()
    for one in (row, patient.locator("main")):
        expect(one).to_contain_text(said("answer.reopened_of", why=why, who="dr. Consult")[1:])
    acknowledges(hers, "ordered", code)
    expect(hers.locator(".overtaken")).to_have_count(0)
    kinds = sites.rows(root, f"SELECT event FROM alert_events WHERE alert_id = '{alert}' ORDER BY sequence")
    assert [kind for (kind,) in kinds] == ["opened", "acknowledged", "reopened", "acknowledged"]
