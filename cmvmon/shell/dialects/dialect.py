"""What a kind of database must say of itself, so that everything else of the store is said once."""

from __future__ import annotations

from abc import ABC, abstractmethod
from contextlib import AbstractContextManager
from datetime import datetime
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

if TYPE_CHECKING:  # alerts are listed without a frame library
    import polars as pl

BUSY_TIMEOUT_S = 30


class Fault(Enum):
    """What a database error is about, so far as whoever must act needs it."""

    DAMAGED = "damaged"
    READ_ONLY = "read only"
    CANNOT_OPEN = "cannot open"
    FULL = "full"
    BUSY = "busy"
    OTHER = "other"


class Dialect(ABC):
    """How one kind of database is reached, kept durable, locked, written once and read."""

    name: str
    moment: sa.types.TypeEngine[Any]  # how a moment is stored

    @abstractmethod
    def called(self, url: sa.URL) -> str:
        """The database's name for a message: neither its host nor its user nor a password."""

    @abstractmethod
    def engine(self, url: sa.URL) -> sa.Engine:
        """An engine whose every connection was asked for durability and read back. Raises StoreError at connect."""

    @abstractmethod
    def exists(self, url: sa.URL) -> bool:
        """Whether there is something to read. Raises DBAPIError where that can't be found out."""

    @abstractmethod
    def begin(self, connection: sa.Connection) -> None:
        """Begins a transaction: a writer waits for the other writer before it reads anything; a reader sees one state."""

    @abstractmethod
    def only_run(self, url: sa.URL, lock: Path, *, wait_s: float) -> AbstractContextManager[None]:
        """Holds the site, waiting at most `wait_s`. Raises AlreadyRunning."""

    @abstractmethod
    def insert_new(self, table: sa.Table) -> sa.Insert:
        """An insert that leaves a row alone whose key is there already."""

    def append_only_once(self) -> list[str]:
        """DDL that `append_only` needs, once in a database."""
        return []

    @abstractmethod
    def append_only(self, tables: list[str]) -> list[str]:
        """DDL that makes the database refuse to change or remove a row of these tables."""

    @abstractmethod
    def fault(self, error: object) -> Fault:
        """What the driver's error is about, by its own code."""

    @abstractmethod
    def durability(self) -> str:
        """What `engine` made sure of, in words."""

    @abstractmethod
    def is_whole(self, connection: sa.Connection) -> bool:
        """False when a part of the database is damaged, so far as this kind of database can tell."""

    @abstractmethod
    def numbered_on(self, connection: sa.Connection, table: str, column: str) -> None:
        """Lets the database number new rows after those that were written with their numbers."""

    @abstractmethod
    def stored(self, moment: datetime) -> Any:
        """A moment as the driver takes it."""

    @abstractmethod
    def read(self, stored: Any) -> datetime:
        """A moment as the driver gives it."""

    @abstractmethod
    def selected_moment(self, column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
        """A column of moments in the form in which a whole frame of them is read at once."""

    @abstractmethod
    def framed_moment(self, name: str) -> pl.Expr:
        """That column as moments of a frame: microseconds, UTC."""
