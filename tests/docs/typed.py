"""A tutorial as it is typed: its files are saved, its commands are run in order, and what they print is what stands on the page.

- A block of `console` holds commands (`$ ...`) with what they print. A line `[...]` stands for lines that are left out.
- A block under "Save this as `PATH`" is that file.
- A block of `diff` under "In `PATH`" changes that file: lines with `-` go, lines with `+` come, others say where.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

LEFT_OUT = "[...]"
_BLOCK = re.compile(r"(?P<before>[^\n]*)\n\n```(?P<kind>\w*)[^\n]*\n(?P<text>.*?)^```", re.M | re.S)
_SAVED = re.compile(r"[Ss]ave (?:this|it|them) (?:as|over) `([^`]+)`")
_CHANGED = re.compile(r"[Ii]n `([^`]+)`")


@dataclass
class Step:
    """A file to be saved (`path`, `text`) or changed (`old` in it becomes `text`), or a command with the lines that it prints."""

    command: str = ""
    shown: list[str] = field(default_factory=list)
    path: str = ""
    text: str = ""
    old: str = ""

    def do(self, folder: Path) -> None:
        """Saves or changes the file."""
        target = folder / self.path
        before = target.read_text(encoding="utf-8") if self.old else ""
        assert before.count(self.old) == 1 or not self.old, (self.path, self.old)
        target.write_text(before.replace(self.old, self.text) if self.old else self.text, encoding="utf-8")


def steps(page: str) -> list[Step]:
    """What a reader of the page does, in order."""
    found: list[Step] = []
    for block in _BLOCK.finditer(page):
        if saved := _SAVED.search(block["before"]):
            found.append(Step(path=saved[1], text=block["text"]))
        elif block["kind"] == "diff":
            lines, changed = block["text"].splitlines(keepends=True), _CHANGED.search(block["before"])
            assert changed, block["before"]
            old, new = ("".join(line[1:] for line in lines if line[0] in f" {mark}") for mark in "-+")
            found.append(Step(path=changed[1], text=new, old=old))
        elif block["kind"] == "console":
            for line in block["text"].splitlines():
                if line.startswith("$ "):
                    found.append(Step(command=line[2:]))
                elif line.strip():
                    found[-1].shown.append(line)
    return found


def follow(page: str, folder: Path, *, typed: str = "") -> None:
    """Does it in `folder`. `typed`: what is typed where a command asks for a line."""
    bin_of_tests = Path(sys.executable).parent
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "CMVMON_SITE")}
    environment["PATH"] = f"{bin_of_tests}{os.pathsep}{environment['PATH']}"
    for step in steps(page):
        if step.path:
            step.do(folder)
            continue
        done = subprocess.run(
            ["bash", "-c", step.command], cwd=folder, env=environment, input=typed, capture_output=True, text=True, check=False, timeout=300
        )  # fmt: skip
        assert done.returncode == 0, (step.command, done.stdout, done.stderr)
        printed = [line.rstrip() for line in done.stdout.splitlines() if line.strip()]
        assert as_shown(printed, step.shown), (step.command, "printed:", *printed)


def as_shown(printed: list[str], shown: list[str]) -> bool:
    """Whether these lines are those of the page, with any lines in the place of `[...]`."""
    pattern = "".join(r"(?:[^\n]*\n)*?" if line == LEFT_OUT else re.escape(line.rstrip()) + "\n" for line in shown)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in printed)) is not None
