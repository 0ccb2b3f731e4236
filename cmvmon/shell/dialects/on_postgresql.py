"""PostgreSQL 15 or later, through psycopg 3."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from cmvmon.domain.errors import AlreadyRunning, StoreError
from cmvmon.shell.basis.lock import HELD_BY_ANOTHER
from cmvmon.shell.dialects import dialect
from cmvmon.shell.dialects.dialect import Dialect, Fault

if TYPE_CHECKING:
    import polars as pl

_OLDEST = 150000
_NEEDED = ("synchronous_commit", "fsync", "full_page_writes")
# Advisory locks of one database: one for a step of work on the site, one for a transaction that writes.
_RUN_LOCK, _WRITE_LOCK = 0x636D766D01, 0x636D766D02


class PostgreSQL(Dialect):
    """A server, 15 or later, through psycopg 3. Moments are `timestamptz`, sessions speak UTC."""

    name = "postgresql"
    moment = postgresql.TIMESTAMP(timezone=True)
    _faults: ClassVar[dict[str, Fault]] = {
        "XX001": Fault.DAMAGED,
        "XX002": Fault.DAMAGED,
        "25006": Fault.READ_ONLY,
        "42501": Fault.READ_ONLY,
        "3D000": Fault.CANNOT_OPEN,
        "53100": Fault.FULL,
        "53300": Fault.BUSY,
        "55P03": Fault.BUSY,
        "57014": Fault.BUSY,
        "40001": Fault.BUSY,
        "40P01": Fault.BUSY,
    }
    _classes: ClassVar[dict[str, Fault]] = {"08": Fault.CANNOT_OPEN, "28": Fault.CANNOT_OPEN, "57": Fault.CANNOT_OPEN}

    def called(self, url: sa.URL) -> str:
        return f"PostgreSQL database {url.database}"

    def engine(self, url: sa.URL) -> sa.Engine:
        engine = sa.create_engine(
            url, connect_args={"connect_timeout": dialect.BUSY_TIMEOUT_S, "application_name": "cmvmon"}
        )
        sa.event.listen(engine, "connect", self._make_durable)
        return engine

    def exists(self, url: sa.URL) -> bool:
        engine = self.engine(url)
        try:
            with engine.connect() as connection:
                return bool(sa.inspect(connection).has_table("alembic_version"))
        finally:
            engine.dispose()

    def begin(self, connection: sa.Connection) -> None:
        if connection.get_execution_options().get("read_only"):
            connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            return
        # Read committed, so that what is read after the wait is what the other writer left.
        connection.exec_driver_sql("SET TRANSACTION ISOLATION LEVEL READ COMMITTED, READ WRITE")
        connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{dialect.BUSY_TIMEOUT_S}s'")
        connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_WRITE_LOCK})")

    @contextmanager
    def only_run(self, url: sa.URL, lock: Path, *, wait_s: float) -> Iterator[None]:
        """The lock belongs to a connection, so that several hosts may share the database; waiters come in order."""
        engine = self.engine(url)
        try:
            with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                self._take(connection, wait_s)
                yield
        finally:
            engine.dispose()  # closes the connection, and with it the lock goes

    def insert_new(self, table: sa.Table) -> sa.Insert:
        return postgresql.insert(table).on_conflict_do_nothing()

    def append_only_once(self) -> list[str]:
        return [
            (
                "CREATE FUNCTION cmvmon_keeps_every_row() RETURNS trigger LANGUAGE plpgsql AS $$\n"
                "BEGIN RAISE EXCEPTION USING ERRCODE = 'integrity_constraint_violation', MESSAGE =\n"
                "'cmvmon keeps every row of ' || TG_TABLE_NAME || ': ' || TG_OP || ' is refused'; END $$"
            )
        ]

    def append_only(self, tables: list[str]) -> list[str]:
        return [
            f"CREATE TRIGGER no_{verb.lower()}_of_{table} BEFORE {verb} ON {table} "
            f"FOR EACH {'STATEMENT' if verb == 'TRUNCATE' else 'ROW'} EXECUTE FUNCTION cmvmon_keeps_every_row()"
            for table in tables
            for verb in ("UPDATE", "DELETE", "TRUNCATE")
        ]

    def fault(self, error: object) -> Fault:
        state = getattr(error, "sqlstate", None)
        if state is None:  # libpq could not reach the server
            return Fault.CANNOT_OPEN if type(error).__name__ == "OperationalError" else Fault.OTHER
        return self._faults.get(state) or self._classes.get(state[:2], Fault.OTHER)

    def durability(self) -> str:
        return "synchronous_commit, fsync and full_page_writes on"

    def is_whole(self, connection: sa.Connection) -> bool:
        """True once it answers: the server checks its pages as it reads them, where it was made with checksums."""
        return bool(connection.exec_driver_sql("SELECT 1").scalar_one() == 1)

    def numbered_on(self, connection: sa.Connection, table: str, column: str) -> None:
        highest = sa.select(sa.func.coalesce(sa.func.max(sa.column(column, sa.Integer)), 0)).select_from(
            sa.table(table)
        )
        following = highest.scalar_subquery() + 1
        connection.execute(sa.select(sa.func.setval(sa.func.pg_get_serial_sequence(table, column), following, False)))

    def stored(self, moment: datetime) -> datetime:
        return moment.astimezone(UTC)

    def read(self, stored: Any) -> datetime:
        moment: datetime = stored.astimezone(UTC)
        return moment

    def selected_moment(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        return sa.cast(sa.extract("epoch", sa.type_coerce(column, self.moment)) * 1_000_000, sa.BigInteger)

    def framed_moment(self, name: str) -> pl.Expr:
        import polars as pl

        return pl.col(name).cast(pl.Int64).cast(pl.Datetime("us", "UTC"))

    def _take(self, connection: sa.Connection, wait_s: float) -> None:
        if wait_s <= 0:
            if not connection.exec_driver_sql(f"SELECT pg_try_advisory_lock({_RUN_LOCK})").scalar_one():
                raise AlreadyRunning(HELD_BY_ANOTHER)
            return
        connection.exec_driver_sql(f"SET lock_timeout = '{max(1, round(wait_s * 1000))}ms'")
        try:
            connection.exec_driver_sql(f"SELECT pg_advisory_lock({_RUN_LOCK})")
        except sa.exc.DBAPIError as error:
            if self.fault(error.orig) is Fault.BUSY:
                raise AlreadyRunning(HELD_BY_ANOTHER) from None
            raise

    @staticmethod
    def _make_durable(connection: Any, _: object) -> None:
        cursor = connection.cursor()
        cursor.execute("SET synchronous_commit = on")
        cursor.execute("SET TIME ZONE 'UTC'")
        found = {name: cursor.execute(f"SHOW {name}").fetchone()[0] for name in _NEEDED}
        version = connection.info.server_version
        cursor.close()
        connection.commit()
        if version < _OLDEST:
            raise StoreError(f"the server is PostgreSQL {version // 10000}; cmvmon needs 15 or later")
        off = sorted(name for name, value in found.items() if value != "on")
        if off:
            raise StoreError(
                f"the server runs with {', '.join(off)} off; cmvmon needs it on, so that no delivery that it took in is "
                "lost. Ask whoever keeps the server"
            )
