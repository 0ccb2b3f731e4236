"""What a long command shows while it works: a line a minute beside a terminal's bar, nothing when quick."""

from __future__ import annotations

import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from cmvmon.cli.progress import progress, tell_of_compiling

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


def test_only_a_run_that_compiles_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from cmvmon.kinetics.weeks import kernel

    monkeypatch.setattr(kernel.all_weeks._cache._cache_file, "_index_path", str(tmp_path / "none.nbi"))
    tell_of_compiling()
    assert capsys.readouterr().err.startswith("first run here: compiling")
    monkeypatch.setattr("cmvmon.kinetics.numerics.compiling.is_on_disk", lambda _: True)
    tell_of_compiling()
    assert capsys.readouterr().err == ""
