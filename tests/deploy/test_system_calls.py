"""What the program asks of the kernel is what the services of deploy/systemd let it ask, by systemd's own lists."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests import allowed, sites
from tests.deploy.test_units import SERVICES, keys

# SQLite hands a file that root makes to the owner of the database; a service is not root, and does not ask.
ASKED_BY_ROOT_ALONE = {"fchown"}


def members(name: str) -> set[str]:
    """The system calls of one of systemd's groups, and of the groups in it."""
    command = ["systemd-analyze", "syscall-filter", "--no-pager", name]
    lines = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()[1:]
    words = [line.strip() for line in lines if line.strip() and not line.strip().startswith("#")]
    return {call for word in words for call in (members(word) if word.startswith("@") else {word})}


@pytest.mark.long
@pytest.mark.parametrize(
    "unit", [unit for unit in SERVICES if unit.stem == "cmvmon-nightly"], ids=lambda unit: unit.name
)
def test_a_night_asks_for_no_system_call_that_its_service_would_refuse(unit: Path, tmp_path: Path) -> None:
    if not allowed.may_trace():
        allowed.missing("STRACE")
    if shutil.which("systemd-analyze") is None:
        pytest.skip(
            "no systemd-analyze on this machine, so the system calls of a night were not held against the filter"
        )
    granted: set[str] = set()
    for group in keys(unit)["SystemCallFilter"]:
        granted = granted - members(group[1:]) if group.startswith("~") else granted | members(group)
    site = tmp_path / "site"
    sites.laboratories(site, "synthetic")
    sites.ward_of_three(site)
    night = [str(Path(sys.executable).with_name("cmvmon")), "nightly", "--site", str(site)]
    done = subprocess.run(
        ["strace", "-f", "-qq", "-c", "-o", str(tmp_path / "calls"), *night],
        capture_output=True, text=True, check=False, timeout=600,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    calls = set(re.findall(r"^\s*\d[\d.]* .* (\w+)$", (tmp_path / "calls").read_text(), re.M)) - {"total"}
    assert {"openat", "read", "write"} <= calls & granted
    assert calls - granted <= ASKED_BY_ROOT_ALONE
    assert sites.page_bytes(site)
