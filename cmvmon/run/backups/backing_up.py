"""A backup of a site, taken while nights, `watch` and `listen` are at work: whole under its name, or not there.

The order makes it one state. First the rows; then what was moved out of the inbox, then the inbox, then the files: what came
meanwhile is in the later ones and not in the earlier, so that the first night of a restored site takes it in.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cmvmon import __version__
from cmvmon.domain.errors import SiteError, UnreadableFile
from cmvmon.run.health import at_work
from cmvmon.shell.basis.files import aside_of, make_private, sync_folder, unfinished
from cmvmon.shell.folder.making_site import refuse_lost_database
from cmvmon.shell.folder.site import TABLE_FILES, Site
from cmvmon.shell.incoming import inbox, inbox_moves
from cmvmon.shell.incoming.inbox_moves import Moves
from cmvmon.shell.keeping import last_backup
from cmvmon.shell.keeping.backup_files import (
    PRIVATE_FOLDER,
    SITE,
    STORE,
    Manifest,
    OneFile,
    copied,
    described,
    synced,
    write_manifest,
)
from cmvmon.shell.keeping.last_backup import LastBackup
from cmvmon.shell.keeping.store_backup import copy_to_file
from cmvmon.shell.store import database
from cmvmon.shell.store.session import now, open_store

BACKUP = "backup"
# What a restored site makes again, or a sender still has: pages, and files that nobody has taken in.
_NOT_KEPT = ("pages", "drop", last_backup.NAME)
# Without these a restored site would judge otherwise, or hold less, than the one that was kept.
_NEEDED = ("landing", "labs", TABLE_FILES, "protocol")
_LANDS_WITHIN_S = 600.0  # between the bytes of a delivery and its note, also on a slow disk
_DATABASES = (STORE, inbox.NAME, inbox_moves.NAME)
_ENDINGS = ("", "-wal", "-shm", "-journal")


@dataclass(frozen=True)
class BackedUp:
    """A backup that was made: its folder, its manifest and that one's SHA-256. `n_unfinished`: folders that stopped ones left."""

    folder: Path
    manifest: Manifest
    sha256: str
    n_unfinished: int


def back_up(root: Path, to: Path) -> BackedUp:
    """Makes a backup of the site at `root`, a new folder in the folder `to`, which only this user may read.

    Raises SiteError where there is nothing to keep, landing, labs, tables or protocol can't be read, `to` lies in the site or can't be
    written; StoreError where the store is damaged; AlreadyRunning beside another backup of the site. Nothing is left of what did
    not become whole.
    """
    refuse_lost_database(Site(root))
    site = Site(root).require()
    if to.resolve().is_relative_to(root.resolve()):
        raise SiteError(f"--to {to} lies in the site; name a folder outside it, best on another disk")
    with at_work.only_one(root, BACKUP):
        at = now()
        folder = to / f"cmvmon-{at:%Y%m%dT%H%M%SZ}"
        aside = aside_of(folder)
        try:
            if not to.exists():
                to.mkdir(mode=PRIVATE_FOLDER)
            aside.mkdir(mode=PRIVATE_FOLDER)
            manifest = _filled(site, aside)
            sha256 = write_manifest(aside, manifest)
            synced(aside)
            os.rename(aside, folder)
            sync_folder(to)
        except OSError as error:
            raise SiteError(
                f"the backup can't be written to {to} ({error.strerror}); nothing is left of it. Look at the disk and the "
                "folder's rights, and start again"
            ) from None
        finally:
            shutil.rmtree(aside, ignore_errors=True)
        kept = LastBackup(manifest.taken_at, sha256, manifest.n_rows, len(manifest.files), manifest.n_bytes)
        last_backup.note(root, kept)
        return BackedUp(folder, manifest, sha256, len(unfinished(to)))


def _filled(site: Site, aside: Path) -> Manifest:
    url, taken_at = site.database, now()
    with open_store(url) as store:
        tables = copy_to_file(store, aside / STORE)
    Moves(site.root).copy_to(aside, mode=0o600)
    files = [described(aside / name, name) for name in _DATABASES if (aside / name).exists()]
    left_out: list[str] = []
    files += _files_of_site(site, aside, left_out)
    return Manifest(
        taken_at, __version__, database.SCHEMA_VERSION, url.get_backend_name(), tables, tuple(files), tuple(left_out)
    )


def _files_of_site(site: Site, aside: Path, left_out: list[str]) -> Iterator[OneFile]:
    """Copies what the site holds beside its rows, links followed. What can't be read is told, and the others go on."""
    for source in _sources(site, left_out):
        place = f"{SITE}/{source.relative_to(site.root).as_posix()}"
        target = aside / place
        make_private(target.parent)
        try:
            n_bytes, sha256 = copied(source, target)
        except UnreadableFile as error:
            if source.parent == site.root and source.name in _NEEDED:  # a link to a disk that is not there
                raise _unreadable_folder(source.name, "it is no folder") from None
            left_out.append(f"{place}: {error}")
            continue
        if source.parent.parent == site.landing and source.name == "raw" and source.parent.name != sha256:
            left_out.append(f"{place}: is not what landed, and is kept as it is")
        yield OneFile(place, n_bytes, sha256, source.stat().st_mode & 0o777)


def _sources(site: Site, left_out: list[str]) -> Iterator[Path]:
    """The files of the site that a restored one needs, by name; hidden ones are locks, halves, and Prefect's own.

    A folder of which nothing can be kept is told in `left_out`. Raises SiteError where no site can be made without it.
    """
    own = site.database.database if site.database.get_backend_name() == "sqlite" else None
    databases = {site.root / name for name in _DATABASES} | ({Path(own)} if own else set())
    kept_apart = {path.with_name(path.name + ending).absolute() for path in databases for ending in _ENDINGS}
    seen: set[tuple[int, int]] = set()

    def unread(error: OSError) -> None:
        place, why = Path(error.filename).relative_to(site.root), error.strerror or type(error).__name__
        if not place.parts or place.parts[0] in _NEEDED:
            raise _unreadable_folder("/".join(part[:12] for part in place.parts) or "the site's folder", why)
        left_out.append(f"{SITE}/{place.as_posix()}: the folder can't be read ({why})")

    for at, folders, names in os.walk(site.root, followlinks=True, onerror=unread):
        here = Path(at)
        entered = here.stat()
        if (entered.st_dev, entered.st_ino) in seen:  # a link that leads back
            folders.clear()
            continue
        seen.add((entered.st_dev, entered.st_ino))
        folders[:] = sorted(name for name in folders if not _is_left_out(site, here / name))
        if here.parent == site.landing and not any(name.endswith(".json") for name in names):
            if now().timestamp() - entered.st_mtime > _LANDS_WITHIN_S:
                left_out.append(f"{SITE}/{here.relative_to(site.root).as_posix()}: has no note of how it came")
            continue  # or it is landing just now: its note comes last
        for name in sorted(names):
            path = here / name
            if not _is_left_out(site, path) and path.absolute() not in kept_apart:
                yield path


def _unreadable_folder(name: str, why: str) -> SiteError:
    return SiteError(
        f"{name} can't be read ({why}), and from a backup without it the site can't be made again; none was made. Give this user the "
        "right to read it, or put its disk in place, and start again"
    )


def _is_left_out(site: Site, path: Path) -> bool:
    return path.name.startswith(".") or (path.parent == site.root and path.name in _NOT_KEPT)
