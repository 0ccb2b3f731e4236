"""The demo as its reader types it, once for all the processes of a test run: a program of its own, in an empty folder.

It takes some twenty seconds of processor. What it said, and the site that it left, are what several files of tests look at.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.examples.environments import BIN, run


@dataclass(frozen=True)
class DemoRun:
    """`said`: what `cmvmon demo --plain` printed. `site`: what it left, for reading; whoever works on it takes a copy."""

    said: str
    site: Path

    def copied(self, to: Path) -> Path:
        """Its site, at `to`."""
        shutil.copytree(self.site, to)
        return to


def of(base: Path) -> DemoRun:
    """The demo of the run whose processes share the folder `base`."""
    folder = once(base, "demo-of-all", _run)
    return DemoRun((folder / "said").read_text("utf-8"), folder / "site")


def _run(folder: Path) -> None:
    (folder / "said").write_text(run([str(BIN / "cmvmon"), "demo", "--plain"], folder).stdout, "utf-8")


def shared_folder(basetemp: Path) -> Path:
    """The folder that the processes of one run have in common, by the base folder of one of them."""
    return basetemp.parent if "PYTEST_XDIST_WORKER" in os.environ else basetemp


def once(base: Path, name: str, make: Callable[[Path], None]) -> Path:
    """The folder of that name, made by whichever process asks first; the others wait. What could not be made is tried again."""
    folder, is_made = base / name, base / f"{name}.made"
    with (base / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not is_made.exists():
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            make(folder)
            is_made.touch()
    return folder
