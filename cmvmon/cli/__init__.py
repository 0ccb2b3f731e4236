"""The command line: a thin face. Heavy libraries are imported only inside the command that needs them.

Exit codes: 0 done; 1 an unexpected error; 2 the call or the site; 3 a delivery was refused (the laboratory must act);
4 a protocol or laboratory file; 5 a table broke its contract; 6 another run is at work; 7 the database.
"""

from __future__ import annotations

import errno
import gc
import os
import sys
from pathlib import Path
from typing import NoReturn

from cmvmon.cli import (
    analysts,
    answering,
    approving,
    backing_up,
    board,
    drafting,
    installing,
    keeping,
    learning,
    listing,
    merging,
    notifying,
    printing,
    quarantine,
    questions,
    rebuilding,
    receiving,
    replaying,
    rule_switching,
    store,
    waiting,
    ward,
    why,
)
from cmvmon.cli.face import app
from cmvmon.domain import extras
from cmvmon.domain.errors import CmvmonError, MissingExtra, SiteError

__all__ = [
    "analysts",
    "answering",
    "app",
    "approving",
    "backing_up",
    "board",
    "drafting",
    "installing",
    "keeping",
    "learning",
    "listing",
    "main",
    "merging",
    "notifying",
    "quarantine",
    "questions",
    "rebuilding",
    "receiving",
    "replaying",
    "rule_switching",
    "store",
    "waiting",
    "ward",
    "why",
]

# Most of what a command makes lives until it is stored: to look through it for rings after every 700 objects finds none.
_OBJECTS_BETWEEN_COLLECTIONS = 100_000
_OF_A_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EROFS)


def _end_without_room(error: OSError) -> NoReturn:
    """Ends where a file, or what the command prints, can't be written: each step that was done before it stands."""
    named = (
        printing.visible(Path(str(error.filename)).name) if error.filename else "a file, or what this command prints,"
    )
    sys.stderr.write(
        f"cmvmon: {named} can't be written ({error.strerror}); check the disk. What was done before that stands: run it again\n"
    )
    if sys.stdout is sys.__stdout__:  # what is left to print goes nowhere, instead of failing once more at the end
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    sys.exit(SiteError.exit_code)


def main() -> None:
    """Runs the command line; errors in words, each with the exit code of whoever must act."""
    gc.set_threshold(_OBJECTS_BETWEEN_COLLECTIONS)
    try:
        app()
    except CmvmonError as error:
        sys.stderr.write(f"cmvmon: {printing.visible(str(error))}\n")
        sys.exit(error.exit_code)
    except ModuleNotFoundError as error:
        extra = extras.extra_of(error.name or "")
        if extra is None or os.environ.get("CMVMON_TRACE") == "1":
            raise
        sys.stderr.write(f"cmvmon: {extras.needs('this', extra)}\n")
        sys.exit(MissingExtra.exit_code)
    except PermissionError as error:
        name = printing.visible(Path(str(error.filename)).name)
        sys.stderr.write(
            f"cmvmon: {name} can't be read or written ({error.strerror}); run this as the site's own user\n"
        )
        sys.exit(2)
    except Exception as error:
        if os.environ.get("CMVMON_TRACE") == "1":
            raise
        if isinstance(error, OSError) and error.errno in _OF_A_DISK:
            _end_without_room(error)
        sys.stderr.write(
            f"cmvmon: unexpected {type(error).__name__}; nothing more was done. CMVMON_TRACE=1 shows where\n"
        )
        sys.exit(1)
