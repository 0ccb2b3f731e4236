"""The files of one publishing: each is rendered when its turn comes, written with some others, and not held after that.

A page that shows what it showed, in a file that is as it was written, is neither rendered nor written. Both are asked: the fingerprint
of what it is made from, and the hash of the file that lies there, so that a file that was changed, cut off or deleted is made again.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from cmvmon.run.pages.fingerprints import Fingerprints
from cmvmon.shell.basis.files import write_atomically, write_texts

RECORD = ".rendered.json"  # by file name: the fingerprint of what it was made from, and the hash of its bytes
_AT_ONCE = 64  # pages that are written together: one waits for the disk once for all of them


class PageFiles:
    """The pages of a folder.

    Attributes:
        n_written, n_unchanged: files that were written, and those that were as they should be.
        n_rendered: pages that were rendered, whether or not they had to be written.
    """

    def __init__(self, folder: Path, *, remembers: bool = False) -> None:
        """`remembers`: what was rendered before is kept, and what is rendered now recorded; else every page is rendered."""
        self.folder, self.remembers = folder, remembers
        self.n_written = self.n_unchanged = self.n_rendered = 0
        self._waiting: dict[str, str] = {}
        self._before = _read(folder / RECORD) if remembers else {}
        self._fingerprints = Fingerprints()
        self._now: dict[str, tuple[str, str]] = {}

    def shows(self, view: object, *beside: str) -> str | None:
        """The fingerprint of what a page shows (`Fingerprints.of`); None where nothing is remembered."""
        return self._fingerprints.of(view, *beside) if self.remembers else None

    def put(self, name: str, text: str) -> None:
        """A file with that text."""
        self._waiting[name] = text
        if len(self._waiting) >= _AT_ONCE:
            self.flush()

    def page(self, name: str, shows: str | None, render: Callable[[], str]) -> None:
        """A page. `shows`: the fingerprint of what it is made from (`shows`); None = it can't be told."""
        if shows is not None and self._stands(name, shows):
            self.n_unchanged += 1
            self._now[name] = self._before[name]
            return
        text = render()
        self.n_rendered += 1
        if shows is not None and self.remembers:
            self._now[name] = (shows, hashlib.sha256(text.encode()).hexdigest())
        self.put(name, text)

    def flush(self) -> None:
        """What waits is on the disk. Raises SiteError when the folder can't be written."""
        if self._waiting:
            written = write_texts(self.folder, self._waiting)
            self.n_written += written
            self.n_unchanged += len(self._waiting) - written
            self._waiting = {}

    def finish(self) -> None:
        """All is on the disk, and then the record of it: a run that was stopped before has none of what it wrote."""
        self.flush()
        if self.remembers:
            record = json.dumps(self._now, sort_keys=True, indent=0)
            write_atomically(self.folder / RECORD, record.encode())

    def _stands(self, name: str, shows: str) -> bool:
        if self._before.get(name, ("", ""))[0] != shows:
            return False
        try:
            found = (self.folder / name).read_bytes()
        except OSError:
            return False
        return hashlib.sha256(found).hexdigest() == self._before[name][1]


def _read(path: Path) -> dict[str, tuple[str, str]]:
    """The record; empty where there is none or it can't be read: every page is then rendered."""
    try:
        found: Any = json.loads(path.read_text(encoding="utf-8"))
        return {str(name): (str(shows), str(sha)) for name, (shows, sha) in found.items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}
