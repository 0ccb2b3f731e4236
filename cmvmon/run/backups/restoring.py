"""A site made again from a backup of it, every byte and row held against the manifest before and after; or nothing at all."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import sqlalchemy as sa

from cmvmon.domain.errors import SiteError, StoreError
from cmvmon.shell import dialects
from cmvmon.shell.basis.files import FOLDER_MODE, aside_of, sync_folder
from cmvmon.shell.folder.making_site import settings_for_another
from cmvmon.shell.folder.site import FOLDERS, SETTINGS
from cmvmon.shell.keeping.backup_files import SITE, STORE, Manifest, copied, read_manifest, require_whole, synced
from cmvmon.shell.keeping.copying import copy_store
from cmvmon.shell.keeping.store_backup import contents, file_url, journal_of, reading_file
from cmvmon.shell.store import database
from cmvmon.shell.store.session import Session, open_store

_FILE_MODE = 0o640


def verify(backup: Path) -> Manifest:
    """Reads the whole backup and holds it against its manifest: each file by its hash, each table by its rows and hash.

    Nothing is written. Raises SiteError where anything differs, StoreError where a newer cmvmon made it.
    """
    manifest = read_manifest(backup)
    if manifest.schema > database.SCHEMA_VERSION:
        raise StoreError(
            f"the backup has schema {manifest.schema}, made by a newer cmvmon; this one knows {database.SCHEMA_VERSION}. "
            "Start the newer one"
        )
    require_whole(backup, manifest)
    with reading_file(backup / STORE) as store:
        database.check(store.engine)
        _require_same(manifest, store)
    return manifest


def restore(backup: Path, into: Path, *, to_database: str | None = None) -> Manifest:
    """Makes the new site `into` of a backup. Its rows go into its own SQLite file, or into the empty database that is named.

    It never names the database of the site that was backed up: two sites must not write into one. Raises what `verify` raises;
    SiteError where `into` exists or can't be written, or the database holds a row; StoreError where that can't be used.
    """
    if into.exists() or into.is_symlink():
        raise SiteError(
            f"{into} exists; nothing was done. Name a new folder, and let it take the old one's place afterwards"
        )
    url = None if to_database is None else dialects.url(to_database, called="--database")
    manifest = verify(backup)
    aside = aside_of(into)
    left = "nothing is left of it"
    try:
        aside.mkdir(mode=FOLDER_MODE)
        _fill(backup, manifest, aside, to_database)
        with open_store(file_url(aside / STORE)) as placed:
            _require_same(manifest, placed)
        synced(aside)
        if url is not None:
            _move_rows(aside / STORE, url)
            left = "the rows are in the database that --database names, and nothing else is left of it. Empty that, or name another"
        os.rename(aside, into)
        left = f"{into} stands, and may be lost if the power fails now. Move it away"
        if url is not None:
            left += ", and empty the database that --database names, or name another"
        sync_folder(into.parent)
    except OSError as error:
        raise SiteError(
            f"{into} can't be written ({error.strerror}); {left}. Look at the disk and the folder's rights, and "
            "start again"
        ) from None
    finally:
        shutil.rmtree(aside, ignore_errors=True)
    return manifest


def _fill(backup: Path, manifest: Manifest, aside: Path, to_database: str | None) -> None:
    """The files of the site in their places; each is hashed again as it is read."""
    for name in FOLDERS:
        (aside / name).mkdir(mode=FOLDER_MODE)
    for file in manifest.files:
        target = aside / file.path.removeprefix(f"{SITE}/")
        target.parent.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        if copied(backup / file.path, target, mode=file.mode)[1] != file.sha256:
            raise SiteError(f"{file.path} changed while it was read; nothing was done. Name another backup")
    settings = aside / SETTINGS
    if settings.exists() or to_database is not None:
        before = settings.read_bytes() if settings.exists() else b""
        after = settings_for_another(before, database=to_database)
        if after != before:
            settings.unlink(missing_ok=True)
            handle = os.open(settings, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _FILE_MODE)
            with os.fdopen(handle, "wb") as written:
                written.write(after)


def _move_rows(placed: Path, url: sa.URL) -> None:
    """The rows of the site's file in the empty database of that URL, compared there, and the file gone."""
    with open_store(file_url(placed)) as here, open_store(url) as there:
        copy_store(here, there)
    for path in (placed, journal_of(placed)):
        path.unlink(missing_ok=True)


def _require_same(manifest: Manifest, store: Session) -> None:
    """Nothing, where the rows are those of the manifest. Of an older schema the files' hashes alone tell: its columns are others."""
    if manifest.schema != database.SCHEMA_VERSION:
        return
    stated = {table.table: table for table in manifest.tables}
    with store.reading() as connection:
        if others := database.with_other_columns(connection):
            raise StoreError(
                f"the backup was made by a cmvmon before its release: its table {others[0]} has other columns; nothing was done. "
                "Restore it with that cmvmon, and make the site again with this one from what has landed (`cmvmon rebuild --into NEW`)"
            )
    found = contents(store, set(stated))
    if other := sorted(table.table for table in found if stated[table.table] != table):
        raise SiteError(
            f"rows are not as the manifest states: {', '.join(other)}; nothing was done. Name another backup"
        )
