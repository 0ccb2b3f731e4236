"""Disks of a test's own, in memory: small, full, without room for names, read-only. Skipped by name where this user may mount none."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests import allowed


@contextmanager
def mounted(at: Path, *options: str) -> Iterator[Path]:
    """A file system of its own at that folder, which is made where it is missing."""
    at.mkdir(parents=True, exist_ok=True)
    command = ["mount", "-t", "tmpfs", *options, "none", str(at)]
    done = subprocess.run(command, capture_output=True, check=False, timeout=20)
    if done.returncode != 0:
        allowed.missing("MOUNT")
    try:
        yield at
    finally:
        subprocess.run(["umount", str(at)], check=True, timeout=20)


@contextmanager
def read_only(disk: Path) -> Iterator[None]:
    """Inside, nothing can be written to that file system."""
    subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True, timeout=20)
    try:
        yield
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(disk)], check=True, timeout=20)
