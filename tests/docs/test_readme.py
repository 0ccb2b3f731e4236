"""The README's commands give the README's output, and its links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

from tests.demo_run import DemoRun

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def printed(command: str) -> list[str]:
    """What the README prints under a command; `[...]` stands for lines that it leaves out."""
    block = next(part for part in README.split("```")[1::2] if part.strip().startswith(f"$ {command}"))
    return [line for line in block.strip().splitlines()[1:] if line.strip() and line != "[...]"]


def test_make_demo_prints_what_the_readme_shows_and_its_second_run_changes_nothing(
    demo_run: DemoRun, tmp_path: Path
) -> None:
    demo, first = [str(Path(sys.executable).parent / "cmvmon"), "demo", "--plain"], demo_run.said.splitlines()
    demo_run.copied(tmp_path / "site")
    shown = [line for line in printed("make demo") if not line.startswith("setting up .venv")]
    assert [line for line in first if line in set(shown)] == shown
    pages = {path.name: path.read_bytes() for path in (tmp_path / "site" / "pages").iterdir()}
    store = _dump(tmp_path)
    again = subprocess.run(demo, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=300).stdout
    assert "0 files written" in again
    assert {path.name: path.read_bytes() for path in (tmp_path / "site" / "pages").iterdir()} == pages
    assert _dump(tmp_path) == store


def _dump(folder: Path) -> object:
    from tests.sites import everything

    return everything(folder / "site")


def test_make_test_prints_what_the_readme_shows() -> None:
    """The contracts that it counts are those that lint-imports keeps; the others are pytest's: the spread tests, the flows."""
    contracts, spread, flows = printed("make test")
    kept = subprocess.run(
        [str(Path(sys.executable).parent / "lint-imports")], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert contracts in kept.stdout.splitlines()
    for passed in (spread, flows):
        assert re.fullmatch(r"\d+ passed(, \d+ (deselected|xfailed|warnings))* in [\d.]+s( \(\d:\d\d:\d\d\))?", passed)


def test_every_path_that_the_readme_names_exists() -> None:
    linked = re.findall(r"\]\((?!http)([^)#]+)\)", README)
    named = re.findall(r"`((?:cmvmon|data_contracts|tests|docs|benchmarks)/[\w./]+)`", README)
    missing = [path for path in (*linked, *named) if not (ROOT / path).exists()]
    assert missing == []


def test_the_readme_stays_short() -> None:
    assert len(README.splitlines()) < 120


def test_terms_of_the_glossary_are_the_identifiers_of_the_code() -> None:
    glossary = (ROOT / "GLOSSARY.md").read_text(encoding="utf-8")
    terms = [term for row in re.findall(r"^\| (.+?) \|", glossary, re.M) for term in re.findall(r"`([a-z_0-9]+)`", row)]
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "cmvmon").rglob("*.py"))
    assert len(terms) > 15
    assert [term for term in terms if term not in code] == []
