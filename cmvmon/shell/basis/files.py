"""Files that are whole or not there: written aside, synced, renamed. This user and its group read them, nobody else.

A stricter umask is kept: rights are asked for when a file or folder is made, and never widened.
"""

from __future__ import annotations

import os
import secrets
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cmvmon.domain.errors import CmvmonError, NotWritten, SiteError, UnreadableFile

FOLDER_MODE = 0o750
_MODE = 0o640
_ASIDE = ".writing-"  # how the name begins under which a file is written aside
_LEFT_AFTER_S = 3600.0  # nobody writes one file for so long: whoever began it was stopped
_AT_ONCE = 4  # files whose bytes the disk is asked to keep at the same time


def name_of(path: Path) -> str:
    """The name of a file or folder as text: what of it is no UTF-8 (another system wrote it) stands as its escape, such as \\xff."""
    return os.fsencode(path.name).decode("utf-8", "backslashreplace")


def write_atomically(path: Path, data: bytes, *, mode: int = _MODE) -> bool:
    """Writes `data` so that a reader sees the old file or the new one, never a part. False when nothing changed.

    Raises NotWritten when the folder can't be written.
    """
    is_changed = _replaced(path, data, mode)
    if is_changed:
        _synced(path)
    return is_changed


def write_texts(folder: Path, texts: Mapping[str, str]) -> int:
    """Writes these texts, by file name in one folder, each whole or not at all, and returns how many have changed.

    A reader may see some of them new and others old for a moment. The disk is waited for once for several of them, and
    when this returns all of them are there for good. Raises NotWritten when the folder can't be written.
    """

    def written(name: str) -> bool:
        return _replaced(folder / name, texts[name].encode(), _MODE)

    with ThreadPoolExecutor(max_workers=_AT_ONCE) as pool:
        changed = {name for name, is_changed in zip(texts, pool.map(written, texts), strict=True) if is_changed}
    if changed:
        _synced(folder / min(changed))
    return len(changed)


def _replaced(path: Path, data: bytes, mode: int) -> bool:
    """The file written aside, synced, renamed; its folder is not synced. False when nothing changed."""
    try:
        if path.exists() and path.read_bytes() == data:
            return False
        _make_folder(path.parent)
        aside = aside_of(path)
        handle = os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, mode)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(aside, path)
        except BaseException:
            aside.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise _not_written(path, error) from error
    return True


def aside_of(path: Path) -> Path:
    """A new name beside that of a file, under which it is written until it is whole; `sweep` knows it."""
    return path.with_name(f"{_ASIDE}{secrets.token_hex(8)}")


def _synced(path: Path) -> None:
    """The new name of a file is in its folder for good."""
    try:
        sync_folder(path.parent)
    except OSError as error:
        raise _not_written(path, error) from error


def _not_written(path: Path, error: OSError) -> NotWritten:
    return NotWritten(f"{path.name} can't be written ({error.strerror}); check the disk and the folder's rights")


def read_bytes(path: Path, *, called: str | None = None) -> bytes:
    """The file's bytes. Raises UnreadableFile with the cause in words, naming the file as `called` (its own name may be private)."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise UnreadableFile(f"{called or path.name} can't be read ({error.strerror})") from None


def read_text(path: Path, *, called: str | None = None, fault: type[CmvmonError] = SiteError) -> str:
    """The file's text, lines ended alike. Raises UnreadableFile, `fault` where it is not UTF-8; the file is named as `called`."""
    try:
        text = read_bytes(path, called=called).decode("utf-8")
    except UnicodeDecodeError as error:
        raise fault(f"{called or path.name}: not UTF-8 at byte {error.start}; save it as UTF-8") from error
    return text.replace("\r\n", "\n").replace("\r", "\n")


def append_line(path: Path, line: str) -> None:
    """Adds one line to the file, and returns when it is on the disk. Raises NotWritten when it can't be.

    A line that was cut off, as when the power failed, stays a line of its own.
    """
    try:
        is_new = not path.exists()
        _make_folder(path.parent)
        handle = os.open(path, os.O_CREAT | os.O_APPEND | os.O_RDWR, _MODE)
        with os.fdopen(handle, "r+b", buffering=0) as file:
            size = os.fstat(handle).st_size
            is_cut_off = size > 0 and os.pread(handle, 1, size - 1) != b"\n"
            file.write(b"\n" * is_cut_off + line.encode() + b"\n")
            os.fsync(handle)
        if is_new:
            sync_folder(path.parent)
    except OSError as error:
        raise _not_written(path, error) from error


def sweep(*folders: Path) -> int:
    """Removes what runs that were killed left half written in these folders, an hour ago or longer; returns how many.

    What can't be removed stays: whether a folder can be written is told by whoever has something to write there.
    """
    left = [path for folder in folders for path in folder.glob(f"{_ASIDE}*")]
    return sum(_is_removed(path) for path in left if _is_left(path))


def _is_removed(path: Path) -> bool:
    try:
        path.unlink(missing_ok=True)
    except OSError:
        return False
    return True


def unfinished(folder: Path) -> list[Path]:
    """What is being written in that folder, or was left half written by a run that was killed."""
    return sorted(folder.glob(f"{_ASIDE}*"))


def make_private(folder: Path) -> None:
    """Makes the folder and those above it that are missing, for this user alone. Raises OSError."""
    if not folder.exists():
        make_private(folder.parent)
        folder.mkdir(mode=0o700, exist_ok=True)


def _is_left(path: Path) -> bool:
    try:
        return time.time() - path.stat().st_mtime > _LEFT_AFTER_S
    except OSError:  # its writer was at work, and has renamed it
        return False


def _make_folder(folder: Path) -> None:
    """Makes the folder and those above it; each new name is synced into the folder that holds it."""
    if not folder.exists():
        _make_folder(folder.parent)
        folder.mkdir(mode=FOLDER_MODE, exist_ok=True)
        sync_folder(folder.parent)


def sync_folder(folder: Path) -> None:
    """What was made or renamed in that folder is on the disk under its name. Raises OSError."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
