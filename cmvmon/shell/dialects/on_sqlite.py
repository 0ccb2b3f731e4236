"""SQLite: one file beside the site."""

from __future__ import annotations

import sqlite3
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects import sqlite

from cmvmon.domain.errors import StoreError
from cmvmon.shell.dialects import dialect
from cmvmon.shell.dialects.dialect import Dialect, Fault
from cmvmon.shell.lock import only_run

if TYPE_CHECKING:
    import polars as pl


class SQLite(Dialect):
    """One file beside the site. Moments are ISO 8601 text in UTC with six decimals: they sort as text."""

    name = "sqlite"
    moment = sa.String(27)
    _format = "%Y-%m-%dT%H:%M:%S.%fZ"
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
        code = getattr(error, "sqlite_errorcode", None)
        return Fault.OTHER if code is None else self._faults.get(code & 0xFF, Fault.OTHER)

    def durability(self) -> str:
        return "journal WAL, synchronous FULL"

    def is_whole(self, connection: sa.Connection) -> bool:
        return bool(connection.exec_driver_sql("PRAGMA quick_check(1)").scalar_one() == "ok")

    def numbered_on(self, connection: sa.Connection, table: str, column: str) -> None:
        """Nothing to do: SQLite numbers after the highest number there is."""

    def stored(self, moment: datetime) -> str:
        return moment.astimezone(UTC).strftime(self._format)

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

    @staticmethod
    def _make_private(path: Path) -> None:
        try:  # it holds patient data: nobody beside this user and group reads it
            if path.parent.is_dir() and not path.exists():
                path.touch(mode=0o640)
        except OSError as error:
            raise StoreError(
                f"{path.name} can't be made ({error.strerror}); check that this user may write its folder"
            ) from None

    @staticmethod
    def _make_durable(connection: Any, _: object) -> None:
        # sqlite3's own transaction handling is off: `begin` takes the write lock before anything is read.
        connection.isolation_level = None
        cursor = connection.cursor()
        mode = cursor.execute("PRAGMA journal_mode=WAL").fetchone()[0]
        cursor.execute("PRAGMA synchronous=FULL")
        synchronous = cursor.execute("PRAGMA synchronous").fetchone()[0]
        cursor.close()
        if mode != "wal" or synchronous != 2:
            raise StoreError(
                f"the database runs with journal {mode}, synchronous {synchronous}; cmvmon needs WAL and FULL, so that no "
                "delivery that it took in is lost. Put the site on a local disk"
            )
