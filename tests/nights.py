"""Nights that were played before: copied, not played again.

Most tests of a site want a night or two behind them before they begin, and most of these are the same: the same files, judged at the
same moment. The first such night of a process is played by the program, and what it leaves is kept aside; the next one is given a copy
of all of it, database, pages and landing. Whatever a fault does to a night, it does to the copies too.

A night is the same where every byte below the site is the same before it, its database's too, and where moment, method, clock and
judge of promises are. Everything else is played: a site on a server, a night without a moment of its own, a folder with a link.
Tests that ask how a night does its work, or whether two nights come to the same, call the program's own.
"""

from __future__ import annotations

import atexit
import hashlib
import shutil
import tempfile
from collections import OrderedDict
from datetime import datetime
from functools import cache
from pathlib import Path

from cmvmon.data_contracts import gate
from cmvmon.run.nightly import night
from cmvmon.run.nightly.night import Night
from cmvmon.shell.store import session

_KEPT_AT_MOST = 24  # each takes some megabytes of memory
_KEPT: OrderedDict[str, Night] = OrderedDict()
_CLOCK = session.now


def nightly(
    root: Path, *, as_of: datetime | None = None, method: str | None = None, clock_is_right: bool = False
) -> Night:
    """`cmvmon.run.nightly.night.nightly`, or a copy of what that left on the same site at the same moment."""
    is_by_clock = as_of is None or clock_is_right or session.now is not _CLOCK
    key = None if as_of is None or is_by_clock else _key(root, as_of, method)
    if key is None:
        return night.nightly(root, as_of=as_of, method=method, clock_is_right=clock_is_right)
    if key in _KEPT:
        _KEPT.move_to_end(key)
        for path in root.iterdir():  # what the night took in lies elsewhere after it
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        shutil.copytree(_aside() / key, root, dirs_exist_ok=True)
        return _KEPT[key]
    done = night.nightly(root, as_of=as_of, method=method)
    shutil.copytree(root, _aside() / key)
    _KEPT[key] = done
    if len(_KEPT) > _KEPT_AT_MOST:
        shutil.rmtree(_aside() / _KEPT.popitem(last=False)[0])
    return done


def _key(root: Path, as_of: datetime, method: str | None) -> str | None:
    """What tells this night from others: every file below the site with its mode, the moment, and who judges. None = play it."""
    said = hashlib.sha256(repr((as_of, method, gate.gate.__module__, gate.gate.__qualname__)).encode())
    for path in sorted(root.rglob("*")):
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            return None
        said.update(f"\n{path.relative_to(root).as_posix()} {path.stat().st_mode} ".encode())
        if path.is_file():
            read = path.read_bytes()
            if path.name == "settings.toml" and b"database" in read:
                return None
            said.update(hashlib.sha256(read).digest())
    return said.hexdigest()


@cache
def _aside() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="cmvmon-nights-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return folder
