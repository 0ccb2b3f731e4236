"""The documentation as a site, built once for all tests that look at it, by the words of `make docs`."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Built:
    """Where the site is, with what code MkDocs ended, and what it said."""

    folder: Path
    code: int
    said: str

    def pages(self) -> list[Path]:
        return sorted(self.folder.rglob("*.html"))


@pytest.fixture(scope="session")
def docs_site(tmp_path_factory: pytest.TempPathFactory) -> Built:
    folder = tmp_path_factory.mktemp("docs") / "site"
    (told,) = re.findall(r"^DOCS := (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    *settings, _, _, module, name = shlex.split(told)  # settings, the program, -P, -m mkdocs
    environment = os.environ | dict(one.split("=", 1) for one in settings)
    done = subprocess.run(
        [sys.executable, "-P", module, name, "build", "--site-dir", str(folder)],
        cwd=ROOT, env=environment, capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    return Built(folder, done.returncode, done.stdout + done.stderr)
