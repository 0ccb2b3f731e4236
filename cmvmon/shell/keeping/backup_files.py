"""The files of a backup: each copied for this user alone, hashed by what was read, and held against its manifest.

manifest.json       what the backup holds: every file with size and SHA-256, every table with rows and hash
manifest.sha256     the SHA-256 of that file, as `sha256sum -c` reads it
cmvmon.sqlite       the rows of the store (cmvmon.shell.keeping.store_backup)
inbox.sqlite, inbox_moves.sqlite, site/...   what came by a socket, and the files of the site
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from cmvmon.domain.errors import SiteError, UnreadableFile
from cmvmon.shell.basis.files import sync_folder
from cmvmon.shell.keeping.copying import Copied

FORMAT = 1
MANIFEST, HASH = "manifest.json", "manifest.sha256"
STORE, SITE = "cmvmon.sqlite", "site"
PRIVATE_FILE, PRIVATE_FOLDER = 0o600, 0o700
_CHUNK = 1 << 20
_NAMED = 8  # so many faults are named, the others are counted


@dataclass(frozen=True)
class OneFile:
    """One file of a backup: its place in it, its size, the SHA-256 of its bytes, and the rights that it had in the site."""

    path: str
    n_bytes: int
    sha256: str
    mode: int


@dataclass(frozen=True)
class Manifest:
    """What a backup holds. `taken_at`: when the rows were read. `schema`: of the store. `database`: what kind the site had.

    `left_out`: places in the site that could not be read, or are not what landed.
    """

    taken_at: datetime
    cmvmon: str
    schema: str
    database: str
    tables: tuple[Copied, ...]
    files: tuple[OneFile, ...]
    left_out: tuple[str, ...] = ()

    @property
    def n_rows(self) -> int:
        return sum(table.rows for table in self.tables)

    @property
    def n_bytes(self) -> int:
        return sum(file.n_bytes for file in self.files)


def copied(source: Path, to: Path, *, mode: int = PRIVATE_FILE) -> tuple[int, str]:
    """Copies a file to a new one with that mode; its size and SHA-256, both of what was read. Nothing is synced.

    Raises UnreadableFile where the source can't be read, and then leaves nothing; OSError where the copy can't be written.
    """
    sha256, n = hashlib.sha256(), 0
    handle = os.open(to, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
    with os.fdopen(handle, "wb") as written:
        try:
            for chunk in _chunks(source):
                sha256.update(chunk)
                n += len(chunk)
                written.write(chunk)
        except UnreadableFile:
            to.unlink()
            raise
    return n, sha256.hexdigest()


def _chunks(source: Path) -> Iterator[bytes]:
    """The bytes of a plain file. Raises UnreadableFile; nothing that would be waited for, as a pipe, is opened."""
    try:
        if not stat.S_ISREG(source.stat().st_mode):
            raise UnreadableFile(f"{source.name} is no plain file")
        with source.open("rb") as read:
            while chunk := read.read(_CHUNK):
                yield chunk
    except OSError as error:
        raise UnreadableFile(f"{source.name} can't be read ({error.strerror})") from None


def described(path: Path, place: str, *, mode: int = 0o640) -> OneFile:
    """A file that stands in the backup already. Raises OSError."""
    return OneFile(place, path.stat().st_size, _sha256(path), mode)


def synced(folder: Path) -> None:
    """Every file and folder in it is on the disk. Raises OSError."""
    for at, _, names in os.walk(folder):
        for name in names:
            handle = os.open(Path(at) / name, os.O_RDONLY)
            try:
                os.fsync(handle)
            finally:
                os.close(handle)
        sync_folder(Path(at))


def write_manifest(folder: Path, manifest: Manifest) -> str:
    """Writes it beside what it describes, and gives its SHA-256. Raises OSError."""
    said: dict[str, Any] = asdict(manifest) | {"format": FORMAT, "taken_at": manifest.taken_at.isoformat()}
    data = (json.dumps(said, sort_keys=True, indent=1) + "\n").encode()
    sha256 = hashlib.sha256(data).hexdigest()
    for name, content in ((MANIFEST, data), (HASH, f"{sha256}  {MANIFEST}\n".encode())):
        handle = os.open(folder / name, os.O_CREAT | os.O_EXCL | os.O_WRONLY, PRIVATE_FILE)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
    return sha256


def read_manifest(folder: Path) -> Manifest:
    """What the backup says of itself. Raises SiteError where it is none, was changed, or was made by a newer cmvmon."""
    if not folder.is_dir():
        raise SiteError(f"{folder} is no folder; name a backup, as `cmvmon backup` printed it")
    if not (folder / MANIFEST).exists():
        raise SiteError(f"{folder} holds no {MANIFEST}, so it is no backup, or not a whole one; name another")
    try:
        data, stated = (folder / MANIFEST).read_bytes(), (folder / HASH).read_bytes()
    except OSError as error:
        raise SiteError(f"{MANIFEST} or {HASH} can't be read ({error.strerror}); name another backup") from None
    if f"{hashlib.sha256(data).hexdigest()}  {MANIFEST}\n".encode() != stated:
        raise SiteError(f"{MANIFEST} or {HASH} is not what was written; nothing was done. Name another backup")
    try:
        said = json.loads(data)
        if said.pop("format") > FORMAT:
            raise SiteError(
                "a newer cmvmon made the backup, in a form that this one does not know; start the newer one"
            )
        said["taken_at"] = datetime.fromisoformat(said["taken_at"])
        said["tables"] = tuple(Copied(**table) for table in said["tables"])
        said["files"] = tuple(OneFile(**file) for file in said["files"])
        return Manifest(**said | {"left_out": tuple(said["left_out"])})
    except (ValueError, KeyError, TypeError):
        raise SiteError(f"{MANIFEST} is not one that cmvmon wrote; nothing was done. Name another backup") from None


def require_whole(folder: Path, manifest: Manifest) -> None:
    """Nothing, where every file is as its manifest says and there is no other. Raises SiteError, naming what is not."""
    there = set(_files_of(folder)) - {MANIFEST, HASH}
    stated = {file.path for file in manifest.files}
    faults = [f"{path} (gone)" for path in sorted(stated - there)]
    faults += [f"{path} (not in the manifest)" for path in sorted(there - stated)]
    for file in manifest.files:
        if file.path in there:
            try:
                is_changed = _sha256(folder / file.path) != file.sha256
            except OSError as error:
                faults.append(f"{file.path} ({error.strerror})")
                continue
            faults += [f"{file.path} (changed)"] if is_changed else []
    if faults:
        raise SiteError(f"the backup is not what was written; nothing was done: {_first(faults)}. Name another backup")


def _first(faults: Iterable[str]) -> str:
    told = list(faults)
    more = f" and {len(told) - _NAMED} more" if len(told) > _NAMED else ""
    return ", ".join(told[:_NAMED]) + more


def _files_of(folder: Path) -> Iterator[str]:
    for at, _, names in os.walk(folder):
        for name in names:
            yield (Path(at) / name).relative_to(folder).as_posix()


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
