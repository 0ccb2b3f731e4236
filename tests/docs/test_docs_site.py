"""The documentation as a site: it is built without a warning, asks nothing of a network, and every link in it leads somewhere."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

import cmvmon
from cmvmon.workbench.demo import real_example
from tests.docs.conftest import ROOT, Built

# What a browser fetches by itself. `a` is not among them: that is followed by whoever wants to.
FETCHED = {"script": "src", "img": "src", "iframe": "src", "source": "src", "audio": "src", "video": "src", "embed": "src", "object": "data", "link": "href", "use": "href"}  # fmt: skip
IN_CSS = re.compile(r"url\(\s*[\"']?([^\"')]+)|@import\s+[\"']([^\"']+)")


class Page(HTMLParser):
    """What a page fetches and links to, the names of its places, and its paragraphs as they are read."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.fetched, self.links, self.places, self.styles, self.paragraphs = (list[str]() for _ in range(5))
        self._open: list[str] = []
        self.feed(path.read_text(encoding="utf-8"))

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self._open.append(tag)
        told = {name: value for name, value in attributes if value}
        if found := told.get(FETCHED.get(tag, "")):
            self.fetched.append(found)
        self.fetched += [one.split()[0] for one in told.get("srcset", "").split(",") if one.strip()]
        self.styles.append(told.get("style", ""))
        self.places += [told[name] for name in ("id", "name") if name in told]
        if tag == "a" and "href" in told:
            self.links.append(told["href"])
        if tag == "p":
            self.paragraphs.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style":
            self.styles.append(data)
        if "p" in self._open and not {"code", "pre", "svg"} & set(self._open):
            self.paragraphs[-1] += data


@pytest.fixture(scope="module")
def pages(docs_site: Built) -> dict[Path, Page]:
    return {path: Page(path) for path in docs_site.pages()}


FAULTY = """<style>a { background: url("https://elsewhere.example/a.png") }</style><img srcset="//elsewhere.example/b.png 2x">
<script src="https://elsewhere.example/c.js"></script><p>Said:
- one</p><p><code>- no list</code></p><a href="lost.html#there">x</a>"""


def test_what_is_looked_for_would_be_found(tmp_path: Path) -> None:
    (tmp_path / "faulty.html").write_text(FAULTY, encoding="utf-8")
    page = Page(tmp_path / "faulty.html")
    assert [address for address in page.fetched if remote(address)] == [
        "//elsewhere.example/b.png",
        "https://elsewhere.example/c.js",
    ]
    assert IN_CSS.findall("".join(page.styles))[0][0] == "https://elsewhere.example/a.png"
    assert page.paragraphs == ["Said:\n- one", ""]
    assert page.links == ["lost.html#there"]


def remote(address: str) -> bool:
    return bool(urlsplit(address).netloc)


def test_the_site_is_built_strictly_and_without_a_warning(docs_site: Built) -> None:
    assert docs_site.code == 0, docs_site.said
    assert re.findall(r"(?i)^.*(?:warning|error).*$", docs_site.said, re.M) == []


def test_every_page_of_the_docs_is_on_it(docs_site: Built, pages: dict[Path, Page]) -> None:
    written = [path.relative_to(ROOT / "docs") for path in (ROOT / "docs").rglob("*.md")]
    assert len(written) > 80
    missing = [path for path in written if docs_site.folder / path.with_suffix(".html") not in pages]
    assert missing == []
    for beside in ("README", "GLOSSARY", "CONTRIBUTING", "SECURITY", "CHANGELOG", "benchmarks/index"):
        assert docs_site.folder / f"{beside}.html" in pages


def test_no_page_and_no_style_fetches_anything_from_elsewhere(docs_site: Built, pages: dict[Path, Page]) -> None:
    fetched = {address for page in pages.values() for address in page.fetched}
    assert len(fetched) > 10
    assert [address for address in fetched if remote(address)] == []
    styles = ["\n".join(page.styles) for page in pages.values()]
    styles += [path.read_text(encoding="utf-8") for path in docs_site.folder.rglob("*.css")]
    named = ["".join(found) for style in styles for found in IN_CSS.findall(style)]
    assert [address for address in named if remote(address)] == []


def test_every_link_leads_to_a_page_or_file_and_to_a_place_in_it(docs_site: Built, pages: dict[Path, Page]) -> None:
    lost, followed = [], 0
    for path, page in pages.items():
        for address in {*page.links, *page.fetched}:
            told = urlsplit(address)
            if told.scheme or told.netloc or path.name == "404.html":  # that page stands at any depth
                continue
            followed += 1
            target = (path.parent / unquote(told.path)).resolve() if told.path else path
            place = unquote(told.fragment)
            if not target.is_file() or (place and target in pages and place not in pages[target].places):
                lost.append((path.relative_to(docs_site.folder).as_posix(), address))
    assert followed > 1000
    assert lost == []


def test_no_list_table_or_heading_of_a_page_was_read_as_running_text(pages: dict[Path, Page]) -> None:
    """Markdown is read differently here and there: a list that needs an empty line before it stands in a paragraph."""
    read_so = [
        (path.name, line)
        for path, page in pages.items()
        for text in page.paragraphs
        for line in text.splitlines()
        if re.match(r"\s*([-*] |\d+\. |\|.*\||#+ |```|:::)", line)
    ]
    assert read_so == []


def test_the_search_has_every_page_in_a_script_that_needs_no_server(docs_site: Built) -> None:
    script = (docs_site.folder / "search" / "search_index.js").read_text(encoding="utf-8")
    found = json.loads(script.removeprefix("var __index = "))["docs"]
    named = {entry["location"].partition("#")[0] for entry in found}
    assert {"feeds.html", "commands.html", "GLOSSARY.html", "decisions/0001-layout.html"} <= named
    assert sum("quarantine" in entry["text"] for entry in found) > 20


def test_python_s_page_says_every_public_name_with_what_the_code_says_of_it(docs_site: Built) -> None:
    shown = Page(docs_site.folder / "python.html")
    places = {place.rpartition(".")[2] for place in shown.places}
    assert set(cmvmon.__all__) - {"__version__"} <= places
    assert any("positive when the value falls" in text for text in shown.paragraphs)


def test_a_notebook_shows_what_its_cells_printed(docs_site: Built) -> None:
    """The declines of the public series are those of the demo, which reads the same file by a way of its own."""
    fits, _ = real_example()
    page = (docs_site.folder / "tutorials" / "public_series.html").read_text(encoding="utf-8")
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in re.findall(r"<tr>(.*?)</tr>", page, re.S)]
    shown = {row[0]: row[3] for row in rows if len(row) == 7}
    assert shown == {str(fit["id"]): f"{fit['decline_log10_per_week']:.2f}" for fit in fits.head(8).to_dicts()}
    ward = Page(docs_site.folder / "tutorials" / "simulated_ward.html")
    assert "../docs/site/plotly.js" in ward.fetched
