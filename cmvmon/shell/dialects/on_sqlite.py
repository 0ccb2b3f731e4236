"""SQLite: one file beside the site.

Its write-ahead log could lose what was committed, until 3.51.3: when two connections write or checkpoint at one instant, frames
of a log that was begun anew are taken for copied. A library older than that keeps a rollback journal here.
"""

from __future__ import annotations

import os
import sqlite3
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from cmvmon.domain.errors import StoreError
from cmvmon.shell.basis.files import aside_of
from cmvmon.shell.basis.lock import only_run
from cmvmon.shell.dialects import dialect
from cmvmon.shell.dialects.dialect import Dialect, Fault

if TYPE_CHECKING:
    import polars as pl


_WAL_MENDED = (3, 51, 3)  # sqlite.org/wal.html, "the WAL-reset bug"
_EXTRA = 3  # PRAGMA synchronous: as FULL, and the folder too is synced once the journal is gone
_APPLICATION_ID = 0x636D766D  # "cmvm": a new file has a header at once, so that one of 0 bytes has lost what it held


class SQLite(Dialect):
    """One file beside the site. Moments are ISO 8601 text in UTC with six decimals: they sort as text."""

    name = "sqlite"
    moment = sa.String(27)
    _faults: ClassVar[dict[int, Fault]] = {
        sqlite3.SQLITE_CORRUPT: Fault.DAMAGED,
        sqlite3.SQLITE_NOTADB: Fault.DAMAGED,
        sqlite3.SQLITE_READONLY: Fault.READ_ONLY,
        sqlite3.SQLITE_CANTOPEN: Fault.CANNOT_OPEN,
        sqlite3.SQLITE_PERM: Fault.CANNOT_OPEN,
        sqlite3.SQLITE_FULL: Fault.FULL,
        sqlite3.SQLITE_BUSY: Fault.BUSY,
        sqlite3.SQLITE_LOCKED: Fault.BUSY,
    }

    def called(self, url: sa.URL) -> str:
        return self._path(url).name

    def engine(self, url: sa.URL) -> sa.Engine:
        engine = sa.create_engine(url, connect_args={"timeout": dialect.BUSY_TIMEOUT_S})
        sa.event.listen(engine, "do_connect", lambda *_: self._make_private(self._path(url)))
        sa.event.listen(engine, "connect", self._make_durable)
        return engine

    def exists(self, url: sa.URL) -> bool:
        return self._path(url).exists()

    def begin(self, connection: sa.Connection) -> None:
        # A deferred transaction that wrote later could find that another one wrote meanwhile.
        is_reader = connection.get_execution_options().get("read_only")
        connection.exec_driver_sql("BEGIN" if is_reader else "BEGIN IMMEDIATE")

    def only_run(self, url: sa.URL, lock: Path, *, wait_s: float) -> AbstractContextManager[None]:
        return only_run(lock, wait_s=wait_s)

    def insert_new(self, table: sa.Table) -> sa.Insert:
        return sqlite.insert(table).on_conflict_do_nothing()

    def append_only(self, tables: list[str]) -> list[str]:
        return [
            f"CREATE TRIGGER no_{verb.lower()}_of_{table} BEFORE {verb} ON {table} "
            f"BEGIN SELECT RAISE(ABORT, 'cmvmon keeps every row of {table}: {verb} is refused'); END"
            for table in tables
            for verb in ("UPDATE", "DELETE")
        ]

    def fault(self, error: object) -> Fault:
        if str(error).startswith("Could not decode to UTF-8"):  # of the driver: it has no code
            return Fault.DAMAGED
        code = getattr(error, "sqlite_errorcode", None)
        return Fault.OTHER if code is None else self._faults.get(code & 0xFF, Fault.OTHER)

    def durability(self) -> str:
        kept = f"SQLite {sqlite3.sqlite_version}, journal {journal()}, synchronous EXTRA"
        mended = ".".join(map(str, _WAL_MENDED))
        return kept if journal() == "wal" else f"{kept} (the write-ahead log of SQLite before {mended} may lose data)"

    def is_whole(self, connection: sa.Connection) -> bool:
        return bool(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one() == "ok")

    def numbered_on(self, connection: sa.Connection, table: str, column: str) -> None:
        """Nothing to do: SQLite numbers after the highest number there is."""

    def stored(self, moment: datetime) -> str:
        return f"{moment.astimezone(UTC).isoformat(timespec='microseconds')[: -len('+00:00')]}Z"

    def read(self, stored: Any) -> datetime:
        return datetime.fromisoformat(stored)

    def selected_moment(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return sa.type_coerce(column, sa.String)

    def framed_moment(self, name: str) -> pl.Expr:
        import polars as pl

        text = pl.col(name).cast(pl.String)
        return text.str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us", time_zone="UTC")

    @staticmethod
    def _path(url: sa.URL) -> Path:
        return Path(url.database or "")

    @classmethod
    def _make_private(cls, path: Path) -> None:
        """A new file for this user and its group, in place with its header or not at all. Raises StoreError, also where the
        file lost what it held."""
        try:
            if path.exists():
                if path.stat().st_size == 0:
                    raise StoreError(
                        f"{path.name} holds 0 bytes, and nothing was made in its place: put a backup of it back, or make the "
                        "site again from what has landed (`cmvmon rebuild --into NEW`)"
                    )
            elif path.parent.is_dir():
                cls._make(path)
        except OSError as error:
            raise StoreError(
                f"{path.name} can't be made ({error.strerror}); check that this user may write its folder"
            ) from None

    @staticmethod
    def _make(path: Path) -> None:
        aside = aside_of(path)
        os.close(os.open(aside, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o640))
        try:
            bare = sqlite3.connect(aside)
            bare.execute(f"PRAGMA application_id = {_APPLICATION_ID}")
            bare.close()
            with suppress(FileExistsError):  # another program was quicker: its file stays
                os.link(aside, path)
        finally:
            aside.unlink()

    @staticmethod
    def _make_durable(connection: Any, _: object) -> None:
        # sqlite3's own transaction handling is off: `begin` takes the write lock before anything is read.
        connection.isolation_level = None
        cursor = connection.cursor()
        mode = cursor.execute(f"PRAGMA journal_mode={journal()}").fetchone()[0]
        cursor.execute("PRAGMA synchronous=EXTRA")
        synchronous = cursor.execute("PRAGMA synchronous").fetchone()[0]
        cursor.close()
        if mode != journal() or synchronous != _EXTRA:
            raise StoreError(
                f"the database runs with journal {mode}, synchronous {synchronous}; cmvmon needs {journal()} and EXTRA, so "
                "that no delivery that it took in is lost. Put the site on a local disk"
            )


def journal() -> str:
    """How a transaction is kept until it is whole: the write-ahead log only where this library's is safe."""
    return "wal" if sqlite3.sqlite_version_info >= _WAL_MENDED else "truncate"
