"""A database that is open, and the one place where the clock is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from cmvmon.domain.errors import SiteError
from cmvmon.shell.store import database

_SIMULATED: ContextVar[Callable[[], datetime] | None] = ContextVar("simulated clock", default=None)  # a live demo's


@dataclass(frozen=True)
class Session:
    """A database that is open: to read one state of it, or to write one transaction."""

    engine: sa.Engine

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        with database.in_words(self.engine.url), self.engine.connect() as bare:
            connection = bare.execution_options(read_only=True)
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        with database.in_words(self.engine.url), self.engine.begin() as connection:
            yield connection


@contextmanager
def open_store(url: sa.URL, *, if_new: Callable[[], None] = lambda: None) -> Iterator[Session]:
    """The database at that URL, moved to this schema; closed however the work on it ends. Raises StoreError.

    `if_new` is asked before a schema is made in a database that has none.
    """
    engine = database.connect(url, if_new=if_new)
    try:
        yield Session(engine)
    finally:
        engine.dispose()


def now() -> datetime:
    """This moment, in UTC: the only reading of the clock. To the microsecond, so that two deliveries have two moments.

    Of a live demo it is the simulated moment (`by_simulated_clock`).
    """
    simulated = _SIMULATED.get()
    return datetime.now(UTC) if simulated is None else simulated()


def is_simulated() -> bool:
    """Whether this thread goes by a simulated clock."""
    return _SIMULATED.get() is not None


@contextmanager
def by_simulated_clock(read: Callable[[], datetime]) -> Iterator[None]:
    """Meanwhile this thread goes by another clock. `open_site` then opens no site but a live demo's."""
    before = _SIMULATED.set(read)
    try:
        yield
    finally:
        _SIMULATED.reset(before)


def moment(text: str, zone: ZoneInfo | None = None) -> datetime:
    """A moment from its ISO 8601 text. Raises SiteError for a date alone, and for a time without an offset that no zone
    is stated for, or that the zone's clock shows twice or never."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise SiteError(f"{text!r} is not a moment; write it as 2026-11-22T05:30:00+01:00") from error
    if len(text) <= 10:
        raise SiteError(f"{text!r} has no time; write the moment as {text}T05:30:00+01:00")
    if parsed.tzinfo is None:
        if zone is None:
            raise SiteError(f"{text!r} has no offset; write {text}+01:00, or state time_zone in settings.toml")
        parsed = _local(parsed, zone, text)
    return parsed.astimezone(UTC)


def _local(naive: datetime, zone: ZoneInfo, text: str) -> datetime:
    read = naive.replace(tzinfo=zone)
    is_shown_once = read.utcoffset() == read.replace(fold=1).utcoffset()
    if not is_shown_once:
        raise SiteError(f"{text!r} is shown twice or never by the clocks of {zone.key}; write it with its offset")
    return read
