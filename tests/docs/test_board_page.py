"""The commands of docs/board.md and docs/site_pages.md do what these pages say, on a site with patients."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from cmvmon.run.nightly.night import nightly
from tests import sites
from tests.docs.page_commands import ROOT, commands

BOARD, SITE_PAGES = (ROOT / "docs" / name for name in ("board.md", "site_pages.md"))
CMVMON = Path(sys.executable).parent / "cmvmon"


def shown(page: Path) -> list[list[str]]:
    return [shlex.split(command)[1:] for command, _ in commands(page.read_text(encoding="utf-8"))]


@pytest.fixture
def site(tmp_path: Path) -> Path:
    sites.ward_of_three(tmp_path / "site")
    nightly(tmp_path / "site", as_of=sites.day(21.5))
    return tmp_path / "site"


def test_people_are_added_and_the_board_starts_for_them(site: Path) -> None:
    *adding, starting = [[word.replace("SITE", str(site)) for word in words] for words in shown(BOARD)]
    assert len(adding) == 2
    for words in adding:
        done = subprocess.run(
            [str(CMVMON), *words], input="correct horse battery\n", capture_output=True, text=True, check=False, timeout=120
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    people = (site / "board.toml").read_text(encoding="utf-8")
    assert re.findall(r'^role = "(\w+)"', people, re.M) == ["viewer", "consultant"]
    (site / "board.toml").write_text("[listen]\nport = 0\n\n" + people.replace("[listen]\n", ""), encoding="utf-8")
    process = subprocess.Popen([str(CMVMON), *starting], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        assert json.loads(process.stdout.readline())["port"] > 0
    finally:
        process.terminate()
        process.wait(timeout=60)
    assert process.returncode == 0


def test_a_patient_is_written_as_a_pdf(site: Path, tmp_path: Path) -> None:
    (words,) = shown(SITE_PAGES)
    told = {"ID": "SYNTHETIC-SLOW", "FILE.pdf": str(tmp_path / "one.pdf")}
    call = [str(CMVMON), *(told.get(word, word) for word in words), "--site", str(site)]
    done = subprocess.run(call, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "one.pdf").read_bytes().startswith(b"%PDF")
