"""The database: opened durable or not at all, moved to this program's schema, every fault said in words."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa

from cmvmon.domain.errors import StoreBusy, StoreError

SCHEMA_VERSION = "0001"
_BUSY_TIMEOUT_S = 30


def connect(path: Path) -> sa.Engine:
    """An engine on the SQLite file, its schema made or moved to this version.

    WAL and synchronous=FULL are asked for and then read back: without them an acknowledged delivery can be lost when the
    power fails. Raises StoreError when the file is corrupt, can't be written, or belongs to a newer program.
    """
    _make_private(path)
    engine = sa.create_engine(f"sqlite:///{path}", connect_args={"timeout": _BUSY_TIMEOUT_S})
    sa.event.listen(engine, "connect", _make_durable)
    sa.event.listen(engine, "begin", _begin_immediate)
    with in_words(path):
        version = _schema_version(engine)
        if version is None:
            _migrate(path)
            version = _schema_version(engine)
        if version is not None and version > SCHEMA_VERSION:
            raise StoreError(
                f"{path.name} has schema {version}, made by a newer cmvmon; this one knows {SCHEMA_VERSION}. Start the newer one"
            )
        if version != SCHEMA_VERSION:
            _migrate(path)
    return engine


@contextmanager
def in_words(path: Path) -> Iterator[None]:
    """Database faults inside become StoreError, saying what to do. No statement and no parameter is shown."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        cause = str(error.orig)
        kind = StoreBusy if "locked" in cause.lower() or "busy" in cause.lower() else StoreError
        raise kind(_words(path.name, cause)) from None


def check(engine: sa.Engine, path: Path) -> None:
    """Reads every page of the file. Raises StoreError when one is damaged."""
    with in_words(path), engine.connect() as connection:
        found = connection.execute(sa.text("PRAGMA quick_check(1)")).scalar_one()
    if found != "ok":
        raise StoreError(_words(path.name, "malformed"))


def _make_private(path: Path) -> None:
    """The file, if it is new: it holds patient data, so nobody beside this user and group reads it."""
    try:
        if path.parent.is_dir() and not path.exists():
            path.touch(mode=0o640)
    except OSError:
        raise StoreError(_words(path.name, "unable to open")) from None


def _words(name: str, cause: str) -> str:
    lowered = cause.lower()
    if "malformed" in lowered or "not a database" in lowered:
        return f"{name} is damaged; nothing was changed. Keep this file, put back the last backup, and take the deliveries in again"
    if "readonly" in lowered or "read-only" in lowered:
        return f"{name} can't be written (read-only); nothing was changed. Give this user the right to write the file and its folder"
    if "unable to open" in lowered:
        return f"{name} can't be opened; check that its folder exists and that this user may read and write it"
    if "full" in lowered:
        return f"{name} can't grow: the disk is full; nothing was changed. Make room and start again"
    if "locked" in lowered or "busy" in lowered:
        return f"{name} was kept busy by another program for {_BUSY_TIMEOUT_S} s; nothing was changed. Start again"
    return f"{name} refused the work (a database error of another kind); nothing was changed. Run `cmvmon doctor`"


def _make_durable(connection: object, _: object) -> None:
    cursor = connection.cursor()  # type: ignore[attr-defined]
    # sqlite3's own transaction handling is off: BEGIN IMMEDIATE below takes the write lock before anything is read.
    connection.isolation_level = None  # type: ignore[attr-defined]
    mode = cursor.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    cursor.execute("PRAGMA synchronous=FULL")
    synchronous = cursor.execute("PRAGMA synchronous").fetchone()[0]
    cursor.close()
    if mode != "wal" or synchronous != 2:
        raise StoreError(
            f"the database runs with journal {mode}, synchronous {synchronous}; cmvmon needs WAL and FULL, so that no "
            "delivery that it took in is lost. Put the site on a local disk"
        )


def _begin_immediate(connection: sa.Connection) -> None:
    if connection.get_execution_options().get("read_only"):
        connection.exec_driver_sql("BEGIN")
    else:
        connection.exec_driver_sql("BEGIN IMMEDIATE")


def _schema_version(engine: sa.Engine) -> str | None:
    with engine.connect().execution_options(read_only=True) as connection:
        known = connection.execute(
            sa.text("SELECT name FROM sqlite_master WHERE type = 'table' AND name = 'alembic_version'")
        ).first()
        if known is None:
            return None
        row = connection.execute(sa.text("SELECT version_num FROM alembic_version")).first()
        return None if row is None else str(row[0])


def _migrate(path: Path) -> None:
    from alembic import command  # heavy, and needed once in the life of a file
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "cmvmon.shell:migrations")
    config.set_main_option("sqlalchemy.url", f"sqlite:///{path}".replace("%", "%%"))
    command.upgrade(config, SCHEMA_VERSION)
