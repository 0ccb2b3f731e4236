"""What MkDocs is told beyond mkdocs.yml: a page has on the site the path that it has in the repository, so that links hold in both.

MkDocs takes the pages of one folder. Ours link out of docs/, to the glossary, benchmarks and samples. So every Markdown page of the
docs and of the top, and every file that one of them links to, is put on the site, by its path from the repository's root.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page
from plotly.offline import get_plotlyjs

ROOT = Path(__file__).parents[2]
DECISIONS = "docs/decisions/index.md"
PLOTLY = "docs/site/plotly.js"
BEHIND = ("docs/decisions/", "benchmarks/", "CHANGELOG")
_LINK = re.compile(r"\]\(([^)#\s]+)[^)]*\)")
_FOLDER = re.compile(r"\]\(((?:docs/)?decisions)/?\)")
_FENCED = re.compile(r"^ *```.*?^ *```", re.M | re.S)
_ITEM = re.compile(r" *(?:[-*]|\d+\.) ")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages, what they link to, and what no file holds: the list of decisions, and the script that draws figures."""
    found = [_file(path, config) for path in sorted(_linked(_pages()))]
    found += [_file(path, config) for path in sorted((ROOT / "docs" / "site").glob("*.[cj]s*"))]
    decisions = File.generated(config, DECISIONS, content=_decisions())
    decisions.dest_uri = "decisions/index.html"
    plotly = File.generated(config, PLOTLY, content=get_plotlyjs())
    of_theme = [file for file in files if file.src_dir != config.docs_dir]
    return Files([*of_theme, *found, decisions, plotly])


def on_page_markdown(markdown: str, page: Page, **_: object) -> str:
    """As GitHub reads it: a list needs no empty line before it, and a link to a folder leads to its page.

    In the search, why something is so stands behind how it is done.
    """
    if page.file.src_uri.startswith(BEHIND):
        page.meta["search"] = {"boost": 0.3}
    text = _FOLDER.sub(r"](\1/index.md)", markdown)
    lines: list[str] = []
    is_fenced = False
    for line in text.splitlines():
        is_fenced ^= line.lstrip().startswith("```")
        before = lines[-1] if lines else ""
        if not is_fenced and _ITEM.match(line) and before.strip() and not _in_list(lines):
            lines.append("")
        lines.append(line)
    return "\n".join(lines)


def _in_list(lines: list[str]) -> bool:
    """Whether the paragraph that ends here began as an item."""
    for line in reversed(lines):
        if _ITEM.match(line):
            return True
        if not line.strip():
            return False
    return False


def _pages() -> Iterator[Path]:
    yield from (ROOT / "docs").rglob("*.md")
    for folder in (".", "benchmarks", "examples"):
        yield from (ROOT / folder).glob("*.md")


def _linked(pages: Iterator[Path]) -> set[Path]:
    """These, and each file of the repository that one of them links to, however far away."""
    found, ahead = set[Path](), list(pages)
    while ahead:
        path = ahead.pop()
        if path in found:
            continue
        found.add(path)
        if path.suffix == ".md":
            text = _FENCED.sub("", path.read_text(encoding="utf-8"))
            targets = {(path.parent / link).resolve() for link in _LINK.findall(text) if "://" not in link}
            ahead += [target for target in targets if target.is_file() and target.is_relative_to(ROOT)]
    return found


def _file(path: Path, config: MkDocsConfig) -> File:
    name = path.relative_to(ROOT).as_posix()
    made = File(name, str(ROOT), config.site_dir, use_directory_urls=False)
    if path.suffix == ".md":
        place = path.relative_to(ROOT).with_suffix(".html")
        place = place.with_name("index.html") if name.endswith("/README.md") else place
        made.dest_uri = place.as_posix().removeprefix("docs/")
    return made


def _decisions() -> str:
    """Each decision by its own title, the newest first."""
    pages = sorted((ROOT / "docs" / "decisions").glob("0*.md"), reverse=True)
    titles = [(page.name, page.read_text(encoding="utf-8").splitlines()[0].removeprefix("# ")) for page in pages]
    return "# Decisions\n\n" + "\n".join(f"- [{title}]({name})" for name, title in titles) + "\n"
