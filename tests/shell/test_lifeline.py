"""A child ends when its parent is killed: whatever it is busy with, by whichever kind of pipe, with what it started itself."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

WITHIN_S = 20.0
# Starts a child with a child of its own, asks it for something that it never reads, says who they are, and waits.
PARENT = """
import socket, subprocess, sys, time
kind, child = sys.argv[1:]
given, kept = (socket.socketpair() if kind == "sockets" else (subprocess.PIPE, None))
process = subprocess.Popen([sys.executable, "-c", child], stdin=given, stdout=subprocess.PIPE, text=True, start_new_session=True)
if kind == "sockets":
    given.close()
    kept.sendall(b"asked, and never read")
else:
    process.stdin.write("asked, and never read")
    process.stdin.flush()
print(process.pid, process.stdout.readline().strip(), flush=True)
time.sleep(600)
"""
CHILD = """
import os, signal, subprocess, sys, time
from cmvmon.shell.basis.lifeline import end_with_parent
{before}
end_with_parent(within_s={within_s})
its_own = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], stdin=subprocess.DEVNULL)
print(its_own.pid, flush=True)
while True:
    {busy_with}
"""


def is_there(pid: int) -> bool:
    """Whether that process runs; one that has ended and waits to be asked how does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text("utf-8").rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Family:
    """A parent, its child and the child's child."""

    def __init__(self, kind: str, child: str) -> None:
        self.parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, kind, child], stdout=subprocess.PIPE, text=True, start_new_session=True
        )
        assert self.parent.stdout is not None
        self.others = [int(pid) for pid in self.parent.stdout.readline().split()]
        assert len(self.others) == 2
        assert all(map(is_there, self.others))

    def killed(self) -> None:
        self.parent.kill()
        self.parent.wait()

    def is_gone(self) -> bool:
        until = time.monotonic() + WITHIN_S
        while any(map(is_there, self.others)) and time.monotonic() < until:
            time.sleep(0.05)
        return not any(map(is_there, self.others))


@pytest.fixture
def families() -> Iterator[list[Family]]:
    found: list[Family] = []
    yield found
    for family in found:
        family.killed()
        for pid in filter(is_there, family.others):
            os.kill(pid, signal.SIGKILL)
        if family.parent.stdout is not None:
            family.parent.stdout.close()


@pytest.mark.parametrize("busy_with", ["pass", "time.sleep(600)", "signal.sigwait({signal.SIGUSR1})"])
@pytest.mark.parametrize("kind", ["pipe", "sockets"])
def test_a_child_ends_with_a_parent_that_is_killed_also_where_it_reads_nothing(
    kind: str, busy_with: str, families: list[Family]
) -> None:
    families.append(family := Family(kind, CHILD.format(before="", within_s=0, busy_with=busy_with)))
    time.sleep(0.3)
    assert all(map(is_there, family.others)), "while its parent lives it goes on, whatever it was asked"
    family.killed()
    assert family.is_gone()


def test_a_child_that_may_take_its_time_ends_as_on_sigterm(tmp_path: Path, families: list[Family]) -> None:
    said = tmp_path / "said"
    before = f"signal.signal(signal.SIGTERM, lambda *_: (open({str(said)!r}, 'w').write('ended'), os._exit(0)))"
    families.append(family := Family("pipe", CHILD.format(before=before, within_s=60, busy_with="time.sleep(0.1)")))
    family.killed()
    assert family.is_gone()
    assert said.read_text("utf-8") == "ended"


def test_a_child_that_does_not_end_in_its_time_is_killed(families: list[Family]) -> None:
    before = "signal.signal(signal.SIGTERM, signal.SIG_IGN)"
    families.append(family := Family("pipe", CHILD.format(before=before, within_s=0.5, busy_with="time.sleep(0.1)")))
    family.killed()
    assert family.is_gone()
