"""The commands of a page of the docs: what stands under each, and that it prints just that."""

from __future__ import annotations

import shlex
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
NOT_SHOWN = ["[...]"]


def commands(page: str) -> list[tuple[str, list[str]]]:
    """Each command of the page with the lines under it; blocks of TOML are files, blocks of text are shown, and hold none."""
    found: list[tuple[str, list[str]]] = []
    blocks = [block for block in page.split("```")[1::2] if not block.startswith(("toml", "text"))]
    for line in "\n".join(blocks).strip().splitlines():
        if line.startswith("$ "):
            found.append((line[2:], []))
        elif line.strip():
            found[-1][1].append(line)
    return found


def run_commands(page: str, folder: Path, *, expected: int) -> str:
    """Runs them in `folder`, beside the examples of the package, and gives the English ward page of the site that they make."""
    shutil.copytree(ROOT / "cmvmon" / "examples", folder / "cmvmon" / "examples")
    assert len(commands(page)) == expected
    for command, shown in commands(page):
        program, *arguments = shlex.split(command)
        done = subprocess.run(
            [str(Path(sys.executable).parent / program), *arguments],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=300,
        )
        assert done.returncode == 0, done.stderr
        if shown != NOT_SHOWN:
            assert done.stdout.splitlines() == shown, command
    return (folder / "site" / "pages" / "ward.en.html").read_text(encoding="utf-8")
