"""One browser for all page tests, the pages on disk, and a loopback server; a missing browser is said in one line."""

from __future__ import annotations

import os
import shutil
import threading
from collections.abc import Callable, Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, Request, sync_playwright

from cmvmon.dashboards.patient import patient_page
from cmvmon.dashboards.script import shared_script
from cmvmon.dashboards.ward import ward_page
from cmvmon.text import codes, language
from tests.demo_run import DemoRun
from tests.pages import demo_site, hostile, made_up, made_up_fitted, made_up_ward

_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every made-up page in every language, beside the shared script."""
    root = tmp_path_factory.mktemp("pages")
    name, script = shared_script()
    (root / name).write_text(script, encoding="utf-8")
    for code in codes():
        spoken = language(code)
        patients = {
            "slow": made_up.slow_patient(),
            "falling": made_up.falling_patient(),
            "fitted": made_up_fitted.two_compartments(),
            "empty": made_up.empty_patient(),
            "hostile": hostile.patient(),
        }
        for which, view in patients.items():
            (root / f"{which}.{code}.html").write_text(
                patient_page(view, language=spoken, script=name), encoding="utf-8"
            )
        for which, ward in {"ward": made_up_ward.ward(), "hostile-ward": hostile.ward()}.items():
            (root / f"{which}.{code}.html").write_text(
                ward_page(ward, language=spoken, script=name if which == "ward" else None), encoding="utf-8"
            )
    return root


@pytest.fixture(scope="session")
def demo(demo_run: DemoRun, tmp_path_factory: pytest.TempPathFactory) -> demo_site.Demo:
    """The demo after its night and its answers: a copy for each process."""
    return demo_site.of(demo_run, tmp_path_factory.mktemp("demo") / "site")


# Of one file: while it runs, Playwright keeps an event loop in this process, in which nothing else may start one.
@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Debian's Chromium. Absent: skipped in one line, or failed where CMVMON_REQUIRE_BROWSER=1 says it must be there."""
    path = next((found for name in ("chromium", "chromium-browser") if (found := shutil.which(name))), None)
    if path is None:
        why = "no chromium on this machine, so the pages were not opened in a browser (apt-get install chromium)"
        if os.environ.get("CMVMON_REQUIRE_BROWSER") == "1":
            pytest.fail(why)
        pytest.skip(why)
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=path, args=list(_ARGUMENTS))
        yield started
        started.close()


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        """Says nothing: the tests record the requests in the browser."""


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[str]:
    """The same folder over http on loopback."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    server.server_close()
    thread.join(timeout=5)


class Opened:
    """One page that was opened: the page, and what it asked for, said and popped up meanwhile."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.requests: list[str] = []
        self.said: list[str] = []
        page.on("request", self._note)
        page.on("console", lambda message: self.said.append(message.text))
        page.on("pageerror", lambda error: self.said.append(str(error)))
        page.on("dialog", lambda dialog: (self.said.append("dialog"), dialog.dismiss()))

    def _note(self, request: Request) -> None:
        self.requests.append(request.url)

    def go(self, address: str) -> Opened:
        self.page.goto(address)
        if self.page.locator("[data-figure]").count():
            drawn = "document.querySelectorAll('[data-figure]:not([data-drawn])').length === 0"
            self.page.wait_for_function(drawn, timeout=10_000)
        return self


Opener = Callable[..., Opened]


@pytest.fixture(scope="module")
def open_page(browser: Browser) -> Iterator[Opener]:
    """Opens an address in a context of its own; `javascript` says whether scripts run."""
    contexts = []

    def opened(address: str, *, javascript: bool = True) -> Opened:
        context = browser.new_context(viewport={"width": 794, "height": 1000}, java_script_enabled=javascript)
        contexts.append(context)
        tab = Opened(context.new_page())
        if javascript:
            return tab.go(address)
        tab.page.goto(address)
        return tab

    yield opened
    for context in contexts:
        context.close()


@pytest.fixture(scope="module")
def shown(open_page: Opener, folder: Path) -> Callable[[str], Opened]:
    """A page of the folder, opened as a file once for all tests that only look at it: Plotly is slow to read in."""
    tabs: dict[str, Opened] = {}

    def tab(name: str) -> Opened:
        if name not in tabs:
            tabs[name] = open_page((folder / name).as_uri())
        return tabs[name]

    return tab
