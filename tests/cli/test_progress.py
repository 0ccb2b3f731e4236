"""What a long command shows while it works: a line a minute beside a terminal's bar, nothing when quick."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from cmvmon.cli.progress import progress

IN_STEPS = """
from cmvmon.cli.progress import progress
moments = iter({moments})
with progress("ranges", clock=lambda: next(moments)) as told:
    told(1, 4)
    told(2, 4)
"""


def test_without_a_terminal_a_line_a_minute_says_how_far_it_is(capsys: pytest.CaptureFixture[str]) -> None:
    moments = iter([0.0, 30.0, 61.0, 61.0, 90.0, 122.0, 122.0])
    with progress("ranges of patients", clock=lambda: next(moments)) as told:
        for done in range(4):
            told(done, 9)
    said = capsys.readouterr()
    assert said.err == "ranges of patients: 1 of 9\nranges of patients: 3 of 9\n"
    assert said.out == ""


def on_a_terminal(moments: list[float]) -> bytes:
    """What stderr shows where it is a terminal."""
    ours, theirs = pty.openpty()
    subprocess.run([sys.executable, "-c", IN_STEPS.format(moments=moments)], stderr=theirs, check=True)
    os.close(theirs)
    said = b""
    while True:
        try:
            part = os.read(ours, 4096)
        except OSError:  # the other end is closed
            break
        if not part:
            break
        said += part
    os.close(ours)
    return said


def test_on_a_terminal_long_work_shows_a_bar_and_quick_work_nothing() -> None:
    assert on_a_terminal([0.0, 1.0, 2.0]) == b""
    assert b"ranges" in on_a_terminal([0.0, 1.0, 9.0])


KERNEL = """
import sys
from cmvmon.cli.progress import tell_of_compiling
from cmvmon.domain.first_compile import when_first_compiling
from cmvmon.kinetics.numerics.compiling import compiled

@compiled
def one(x):
    return x + 1.0

@compiled
def two(x):
    return one(x) + 1.0

when_first_compiling(tell_of_compiling)
assert two(1.0) == 3.0
"""


def test_only_a_run_that_compiles_says_so_once(tmp_path: Path) -> None:
    script = tmp_path / "kernels.py"
    script.write_text(KERNEL, encoding="utf-8")
    said = [
        subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=True, timeout=120).stderr
        for _ in range(2)
    ]
    assert said == ["first run here: compiling the kernels, about a minute; later runs start at once\n", ""]
