"""The database: opened durable or not at all, moved to this program's schema, every fault said in words."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from threading import Lock

import sqlalchemy as sa

from cmvmon.domain.errors import StoreBusy, StoreError
from cmvmon.shell import dialects
from cmvmon.shell.dialects import Fault
from cmvmon.shell.dialects import dialect as said
from cmvmon.shell.rows.schema import METADATA

SCHEMA_VERSION = "0006"
# `cmvmon watch` looks at the store from a second thread (`metrics`), and the means that makes a schema knows of one alone.
_ONE_MOVES = Lock()


def connect(url: sa.URL, *, if_new: Callable[[], None] = lambda: None) -> sa.Engine:
    """An engine on the database, its schema made or moved to this version. `if_new` is asked before one is made.

    Durability is asked for and then read back: without it an acknowledged delivery can be lost when the power fails.
    Raises StoreError when the database is damaged, can't be reached or written, or belongs to a newer program.
    """
    dialect, engine = dialects.of(url), _engine(url)
    try:
        with in_words(url), _ONE_MOVES:
            version, has = _found(engine)
            if version is not None and version > SCHEMA_VERSION:
                raise StoreError(
                    f"{dialect.called(url)} has schema {version}, made by a newer cmvmon; this one knows {SCHEMA_VERSION}. "
                    "Start the newer one"
                )
            if version is None:
                if_new()
                _migrate(engine)
            elif version != SCHEMA_VERSION:
                _refuse_other_columns(engine)
                _migrate(engine)
            elif not set(METADATA.tables) <= has:
                _refuse_other_columns(engine)
                _complete(engine)
    except BaseException:
        engine.dispose()
        raise
    return engine


@lru_cache(maxsize=16)
def _engine(url: sa.URL) -> sa.Engine:
    """One engine per database and process: it keeps every statement that it compiled once. Its connections are not kept."""
    dialect = dialects.of(url)
    engine = dialect.engine(url)
    sa.event.listen(engine, "begin", dialect.begin)
    return engine


def exists(url: sa.URL) -> bool:
    """Whether a site's database was ever made. Raises StoreError where its server can't be asked."""
    with in_words(url):
        return dialects.of(url).exists(url)


@contextmanager
def as_it_is(url: sa.URL) -> Iterator[sa.Connection]:
    """One state of the database at that URL, which exists, whatever its schema: nothing is moved. Raises StoreError."""
    with in_words(url), _engine(url).connect() as bare:
        bare.detach()  # it is closed after this, whoever else has the engine
        connection = bare.execution_options(read_only=True)
        with connection.begin():
            yield connection


def require_current(url: sa.URL) -> None:
    """Nothing, where the database at that URL has the schema of this program, or a newer one; it is only read. Raises StoreError."""
    with in_words(url):
        version, has = _found(_engine(url))
    if version is None or version < SCHEMA_VERSION or not set(METADATA.tables) <= has:
        raise StoreError(
            f"{dialects.of(url).called(url)} has the schema of an older cmvmon; nothing was changed. Any other work moves it to "
            "this one, such as `cmvmon nightly`; try again after it"
        )


@contextmanager
def in_words(url: sa.URL) -> Iterator[None]:
    """Database faults inside become StoreError, saying what to do. No statement and no parameter is shown."""
    try:
        yield
    except sa.exc.DBAPIError as error:
        raise told(url, error.orig) from None


def told(url: sa.URL, error: object) -> StoreError:
    """The error of a driver as a StoreError, saying what to do."""
    dialect = dialects.of(url)
    fault = dialect.fault(error)
    kind = StoreBusy if fault is Fault.BUSY else StoreError
    return kind(_words(dialect.called(url), fault))


def check(engine: sa.Engine) -> None:
    """Looks for damage: SQLite reads every page of the file. Raises StoreError when it finds some."""
    with in_words(engine.url), engine.connect().execution_options(read_only=True) as connection:
        if not dialects.of(connection).is_whole(connection):
            raise StoreError(_words(dialects.of(connection).called(engine.url), Fault.DAMAGED))


def damaged(url: sa.URL, found: str) -> str:
    """What is said of a database in which that was found."""
    return f"{_words(dialects.of(url).called(url), Fault.DAMAGED)} (found: {found})"


def _words(name: str, fault: Fault) -> str:
    return {
        Fault.DAMAGED: f"{name} is damaged; nothing was changed. Keep it as it is, and put back the last backup: the next night "
        "takes in what has landed since. Without one, make the site again from what has landed (`cmvmon rebuild --into NEW`)",
        Fault.READ_ONLY: f"{name} can't be written (read-only); nothing was changed. Give this user the right to write it",
        Fault.CANNOT_OPEN: f"{name} can't be opened; check that it exists, that it is reached from here, and that this user "
        "may read and write it",
        Fault.FULL: f"{name} can't grow: the disk is full; nothing was changed. Make room and start again",
        Fault.BUSY: f"{name} was kept busy by another program for {said.BUSY_TIMEOUT_S} s; nothing was changed. Start again",
        Fault.OTHER: f"{name} refused the work (a database error of another kind); nothing was changed. "
        "Run `cmvmon doctor`",
    }[fault]


def _found(engine: sa.Engine) -> tuple[str | None, frozenset[str]]:
    """The version of the schema, None where there is none, and the names of the tables."""
    with engine.connect().execution_options(read_only=True) as connection:
        has = frozenset(sa.inspect(connection).get_table_names())
        if "alembic_version" not in has:
            return None, has
        row = connection.execute(sa.text("SELECT version_num FROM alembic_version")).first()
        return None if row is None else str(row[0]), has


def _complete(engine: sa.Engine) -> None:
    """Makes the tables that a program before the release did not have yet: all of them, or none."""
    from cmvmon.shell.migrations import frozen  # needed once in the life of a database

    with engine.begin() as connection:
        frozen.complete(connection)


def _refuse_other_columns(engine: sa.Engine) -> None:
    """Raises StoreError where a table has other columns than this program knows or can add: that can't be moved."""
    with engine.connect().execution_options(read_only=True) as connection:
        others = with_other_columns(connection)
    if others:
        raise StoreError(
            f"{dialects.of(engine.url).called(engine.url)} was made by a cmvmon before its release: its table {others[0]} has other "
            "columns. Nothing was changed. Make the site again from what has landed (`cmvmon rebuild --into NEW`)"
        )


def with_other_columns(connection: sa.Connection) -> list[str]:
    """The tables that are there with other columns than this program knows; those that later versions add may be missing."""
    from cmvmon.shell.migrations.added import added_since

    version = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
    may_lack, inspector = added_since(version), sa.inspect(connection)
    found = []
    for name in sorted(set(inspector.get_table_names()) & set(METADATA.tables)):
        has, known = (
            {column["name"] for column in inspector.get_columns(name)},
            set(METADATA.tables[name].columns.keys()),
        )
        if not has <= known or any((name, column) not in may_lack for column in known - has):
            found.append(name)
    return found


def _migrate(engine: sa.Engine) -> None:
    from alembic import command  # heavy, and needed once in the life of a database
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", "cmvmon.shell:migrations")
    config.attributes["engine"] = engine
    command.upgrade(config, SCHEMA_VERSION)
