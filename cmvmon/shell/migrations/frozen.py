"""The tables as SQL, made from METADATA and frozen in a file for each kind of database: what a version creates.

A version that sites run is never written again: whoever changes METADATA then adds a version with what has changed, and
the test that compares a migrated database with METADATA fails until it is there.
"""

from __future__ import annotations

from collections.abc import Collection
from importlib import resources

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable

from cmvmon.shell import dialects
from cmvmon.shell.migrations.added import ADDED
from cmvmon.shell.rows.schema import METADATA

_COMPILED_AS: dict[str, type[sa.Dialect]] = {"sqlite": sqlite.dialect, "postgresql": postgresql.dialect}


def ddl(name: str) -> str:
    """Every table and index of METADATA, and what makes them append-only, for that dialect; statements apart by an empty line."""
    once = dialects.BY_NAME[name].append_only_once()
    return "\n\n".join(_one_block(statement) for statement in _made(name, set(METADATA.tables), once)) + "\n"


def statements_for(name: str, tables: Collection[str]) -> list[str]:
    """The same for some of the tables only, of a database that has others of them already."""
    return _made(name, tables, [])


def complete(connection: sa.Connection) -> None:
    """Makes the tables that are not there, in the transaction of the caller."""
    has = set(sa.inspect(connection).get_table_names())  # another program may have been first
    for statement in statements_for(connection.dialect.name, set(METADATA.tables) - has):
        connection.exec_driver_sql(statement)


def add(connection: sa.Connection, version: str) -> None:
    """Adds the columns that came with that version where they are not there, and makes the tables that are not."""
    inspector = sa.inspect(connection)
    for (table, column), types in ADDED[version].items():
        if column not in {each["name"] for each in inspector.get_columns(table)}:
            connection.exec_driver_sql(f"ALTER TABLE {table} ADD COLUMN {column} {types[connection.dialect.name]}")
    complete(connection)


def _made(name: str, tables: Collection[str], once: list[str]) -> list[str]:
    compiled_as = _COMPILED_AS[name]()
    statements: list[str] = []
    for table in sorted((METADATA.tables[name] for name in tables), key=lambda table: table.name):
        statements.append(str(CreateTable(table).compile(dialect=compiled_as)))
        indexes = sorted(table.indexes, key=lambda index: str(index.name))
        statements += [str(CreateIndex(index).compile(dialect=compiled_as)) for index in indexes]
    kept = [table for table in append_only_tables() if table in tables]
    return [*statements, *once, *dialects.BY_NAME[name].append_only(kept)]


def append_only_tables() -> list[str]:
    """The tables whose rows stay as they are: all but those that follow from others."""
    return sorted(table.name for table in METADATA.tables.values() if not table.info.get("is_derived"))


def statements(version: str, name: str) -> list[str]:
    """The frozen statements of a version for that dialect."""
    path = resources.files("cmvmon.shell.migrations").joinpath("versions", f"v{version}.{name}.sql")
    return path.read_text(encoding="utf-8").strip().split("\n\n")


def _one_block(statement: str) -> str:
    return "\n".join(line.replace("\t", "    ").rstrip() for line in statement.splitlines() if line.strip())
