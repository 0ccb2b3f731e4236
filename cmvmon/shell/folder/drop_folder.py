"""The drop folder: which files in it are deliveries, which are still being written, and what lies there unread.

A file is a delivery once its name has a format's ending and nobody has written to it for a while. Names that say "not
finished" are left alone until they are renamed. No symbolic link is followed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cmvmon.domain import delivered
from cmvmon.shell.basis.files import name_of

_UNFINISHED = (".part", ".tmp", ".filepart", ".partial", ".crdownload", "~")
_UNFINISHED_FOR_S = 3600.0  # a name that says so for longer is told: its sender has stopped half way


@dataclass(frozen=True)
class Dropped:
    """One file in the drop folder: `drop/<feed>/<table>/<name>`, or `drop/<feed>/<name>` where the format names its
    tables; `table` is then None. `form` is the format that its ending says, `state` its size and times when it was found."""

    path: Path
    feed: str
    table: str | None
    form: str
    state: tuple[int, float, int] = (0, 0.0, 0)

    @property
    def name(self) -> str:
        """Its name as text, whatever bytes it is of."""
        return name_of(self.path)

    @property
    def place(self) -> str:
        """Where it lies, with its name."""
        return "/".join(part for part in ("drop", self.feed, self.table, self.name) if part)


@dataclass(frozen=True)
class Stray:
    """What lies in the drop folder and is not read, by place and cause.

    `code`: unknown_ending, unknown_table, not_in_a_table, symbolic_link, unreadable_folder, or unfinished (its name has
    said so for an hour).
    """

    feed: str
    table: str
    code: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class Found:
    """What one look through the drop folder found: deliveries, files that are still being written, and the rest."""

    files: tuple[Dropped, ...]
    growing: tuple[Dropped, ...]
    strays: tuple[Stray, ...]


def look_through(drop: Path, *, settles_s: float = 0.0) -> Found:
    """What lies there. A file that somebody wrote to within `settles_s` seconds is looked at again when they are over,
    and is growing where it has changed since.

    Waits once, for all of them together, and not at all when every file has lain still for so long.
    """
    found = list(_entries_of_feeds(drop))
    files = tuple(item for item in found if isinstance(item, Dropped))
    names: dict[tuple[str, str, str], list[str]] = {}
    for item in found:
        if isinstance(item, Stray):
            names.setdefault((item.feed, item.table, item.code), []).extend(item.names)
    strays = tuple(Stray(*place, tuple(sorted(those))) for place, those in sorted(names.items()))
    growing = _growing(files, settles_s)
    return Found(tuple(item for item in files if item not in growing), growing, strays)


def _growing(files: Sequence[Dropped], settles_s: float) -> tuple[Dropped, ...]:
    young = [item for item in files if item.state[1] > time.time() - settles_s]
    if not young:
        return ()
    youngest = max(item.state[1] for item in young)
    time.sleep(max(0.0, min(settles_s, youngest + settles_s - time.time())))
    return tuple(item for item in young if has_changed(item))


def has_changed(item: Dropped) -> bool:
    """Whether somebody wrote to the file since it was found."""
    return _state(item.path) != item.state


def _state(path: Path) -> tuple[int, float, int]:
    try:
        found = path.stat()
    except OSError:  # gone, or not readable: whoever reads it says so
        return 0, 0.0, 0
    return found.st_size, found.st_mtime, found.st_ino


def _entries_of_feeds(drop: Path) -> Iterator[Dropped | Stray]:
    for feed in _entries(drop):
        if feed.is_symlink():
            yield Stray("", "", "symbolic_link", (name_of(feed),))
        elif not feed.is_dir():
            yield from _unread("", "", "not_in_a_table", feed)
        elif not _is_readable(feed):
            yield Stray(name_of(feed), "", "unreadable_folder", (name_of(feed),))
        else:
            for item in _entries(feed):
                yield from _of_feed(name_of(feed), item)


def _of_feed(feed: str, item: Path) -> Iterator[Dropped | Stray]:
    if item.is_symlink():
        yield Stray(feed, "", "symbolic_link", (name_of(item),))
    elif not item.is_dir():
        form = _form_of(item, names_tables=True)
        yield from (
            [Dropped(item, feed, None, form, _state(item))] if form else _unread(feed, "", "not_in_a_table", item)
        )
    elif item.name not in delivered.NAMES:
        yield Stray(feed, name_of(item), "unknown_table", (name_of(item),))
    elif not _is_readable(item):
        yield Stray(feed, item.name, "unreadable_folder", (item.name,))
    else:
        for path in _entries(item):
            form = _form_of(path, names_tables=False)
            if path.is_symlink():
                yield Stray(feed, item.name, "symbolic_link", (name_of(path),))
            elif form is not None:
                yield Dropped(path, feed, item.name, form, _state(path))
            else:
                yield from _unread(feed, item.name, "unknown_ending", path)


def _unread(feed: str, table: str, code: str, path: Path) -> Iterator[Stray]:
    """Why a file that has no format here is not read; nothing while it is being written under another name."""
    if not _says_unfinished(path):
        yield Stray(feed, table, code, (name_of(path),))
    elif path.is_file() and time.time() - path.stat().st_mtime > _UNFINISHED_FOR_S:
        yield Stray(feed, table, "unfinished", (name_of(path),))


def _form_of(path: Path, *, names_tables: bool) -> str | None:
    """The format of a file that lies in its place; None for what is not read there."""
    from cmvmon.feeds.formats import FORMATS, format_of

    form = format_of(path.name)
    if form is None or FORMATS[form].names_tables != names_tables or _says_unfinished(path):
        return None
    return form if path.is_file() else None


def _says_unfinished(path: Path) -> bool:
    return path.name.startswith(".") or path.name.lower().endswith(_UNFINISHED)


def _entries(folder: Path) -> list[Path]:
    return sorted(folder.iterdir()) if folder.is_dir() else []


def _is_readable(folder: Path) -> bool:
    return os.access(folder, os.R_OK | os.X_OK)
