"""Files that are whole or not there: written aside, synced, renamed."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from cmvmon.domain.errors import SiteError, UnreadableFile


def write_atomically(path: Path, data: bytes, *, mode: int = 0o640) -> bool:
    """Writes `data` so that a reader sees the old file or the new one, never a part. False when nothing changed.

    Raises SiteError when the folder can't be written.
    """
    try:
        if path.exists() and path.read_bytes() == data:
            return False
        _make_folder(path.parent)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".writing-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.chmod(name, mode)
            os.replace(name, path)
        except BaseException:
            Path(name).unlink(missing_ok=True)
            raise
        _sync_folder(path.parent)
    except OSError as error:
        raise SiteError(
            f"{path.name} can't be written ({error.strerror}); check the disk and the folder's rights"
        ) from error
    return True


def read_bytes(path: Path, *, called: str | None = None) -> bytes:
    """The file's bytes. Raises UnreadableFile with the cause in words, naming the file as `called` (its own name may be private)."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{called or path.name} can't be read ({error.strerror})") from None


def _make_folder(folder: Path) -> None:
    """Makes the folder and those above it; each new name is synced into the folder that holds it."""
    if not folder.exists():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
