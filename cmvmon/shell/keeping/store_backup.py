"""The rows of a store in one SQLite file, of whichever database they come, as they stood at one moment; taken while others work.

Of SQLite the pages are copied by its own means (the online backup), in one step: a writer waits for it, and nobody is refused.
Of a server the rows are read in one repeatable-read transaction, for which no writer waits (docs/decisions/0048-backup.md).
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import sqlalchemy as sa

from cmvmon.domain.errors import StoreError
from cmvmon.shell.keeping.copying import Copied, content, copy_store
from cmvmon.shell.rows.schema import METADATA
from cmvmon.shell.store import database
from cmvmon.shell.store.session import Session, open_store
from cmvmon.shell.work import content_hashes

_PRIVATE = 0o600


def copy_to_file(store: Session, to: Path) -> tuple[Copied, ...]:
    """Writes the store into the new file `to`, for this user alone, and gives each table with its rows and its hash.

    The copy is read through: a row that is not as it was stored is told, for such a copy would take the place of a good one.
    Raises StoreError where the store is damaged or the copy can't be written.
    """
    database.check(store.engine)
    copy_rows(store, to)
    with open_store(file_url(to)) as copy:
        content_hashes.check(copy)
        found = contents(copy, set(METADATA.tables))
    _make_plain(to)
    return found


def copy_rows(store: Session, to: Path) -> None:
    """Writes the store into the new file `to`, and does not look whether each row is as it was stored. Raises StoreError."""
    if store.engine.url.get_backend_name() == "sqlite":
        _copy_pages(store, to)
    else:
        with open_store(file_url(to)) as copy:
            copy_store(store, copy)


def contents(store: Session, tables: Collection[str]) -> tuple[Copied, ...]:
    """These tables by name, each with its rows and one hash over them."""
    with store.reading() as connection:
        return tuple(content(connection, METADATA.tables[name]) for name in sorted(tables))


@contextmanager
def reading_file(path: Path) -> Iterator[Session]:
    """A copied store, without a byte of it or a file beside it being written: it may lie on a disk that is read-only.

    Raises StoreError where it is damaged.
    """
    place = f"file:{path.absolute().as_uri().removeprefix('file://')}"
    url = sa.URL.create("sqlite", database=place, query={"mode": "ro", "immutable": "1", "uri": "true"})
    engine = sa.create_engine(url)
    try:
        yield Session(engine)
    finally:
        engine.dispose()


def file_url(path: Path) -> sa.URL:
    """The URL of a store in that file."""
    return sa.URL.create("sqlite", database=str(path))


def _copy_pages(store: Session, to: Path) -> None:
    os.close(os.open(to, os.O_CREAT | os.O_EXCL | os.O_WRONLY, _PRIVATE))
    with store.reading() as connection, closing(sqlite3.connect(to)) as target:
        connection.exec_driver_sql(
            "SELECT count(*) FROM sqlite_master"
        ).scalar_one()  # the lock is had, or waited for in words
        source = connection.connection.driver_connection
        if not isinstance(source, sqlite3.Connection):
            raise StoreError("the driver of SQLite is not the one that this program knows; nothing was changed")
        try:
            source.backup(target)
        except sqlite3.Error as error:
            raise database.told(file_url(to), error) from None


def _make_plain(path: Path) -> None:
    """One file with all that it holds, whichever journal this library keeps."""
    try:
        with closing(sqlite3.connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=delete")
    except sqlite3.Error as error:
        raise database.told(file_url(path), error) from None
    journal_of(path).unlink(missing_ok=True)  # an empty one stays of the other journal
    path.chmod(_PRIVATE)


def journal_of(path: Path) -> Path:
    """The journal beside a file, which may stay, empty, when the file is closed."""
    return path.with_name(f"{path.name}-journal")
