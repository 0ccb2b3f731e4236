"""The command line as tests call it: as a program of its own, or in this process, with the same words and the same answer.

A program of its own pays its imports again, seconds for a night. It is started where that is what is tested: that a command
stands alone, what it imports, signals, and one night, one list, one `doctor` of each file of tests. What is said and the exit
codes are the same in this process: `here` calls the same `main`.
"""

from __future__ import annotations

import contextlib
import gc
import io
import os
import subprocess
import sys
from pathlib import Path
from unittest import mock

from cmvmon.cli import main

CMVMON = Path(sys.executable).parent / "cmvmon"


def run(
    *arguments: str | Path, site: Path | None = None, columns: int | None = None, within: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """The command as a program of its own."""
    return subprocess.run(
        _words(arguments, site), capture_output=True, text=True, check=False, timeout=300, cwd=within,
        env=_environment(columns),
    )  # fmt: skip


def here(
    *arguments: str | Path, site: Path | None = None, columns: int | None = None, within: Path | None = None
) -> subprocess.CompletedProcess[str]:
    """The command in this process: no stream is a terminal, and what it changes of the process is put back."""
    words, out, errors = _words(arguments, site), io.StringIO(), io.StringIO()
    with contextlib.ExitStack() as around:
        around.enter_context(mock.patch.dict(os.environ, _environment(columns), clear=True))
        around.enter_context(mock.patch.object(sys, "argv", words))
        around.callback(gc.set_threshold, *gc.get_threshold())
        if within is not None:
            around.enter_context(contextlib.chdir(within))
        around.enter_context(contextlib.redirect_stdout(out))
        around.enter_context(contextlib.redirect_stderr(errors))
        try:
            main()
        except SystemExit as stop:
            code = stop.code
        else:
            code = 0
    assert code is None or isinstance(code, int), "a sentence instead of a code is printed by the interpreter, not here"
    return subprocess.CompletedProcess(words, code or 0, out.getvalue(), errors.getvalue())


def _words(arguments: tuple[str | Path, ...], site: Path | None) -> list[str]:
    return [str(CMVMON), *map(str, arguments), *([] if site is None else ["--site", str(site)])]


def _environment(columns: int | None) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    return kept | ({} if columns is None else {"COLUMNS": str(columns)})
