"""A site that is open for work: its paths, its database, its protocol; and the one place where the clock is read."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.domain.errors import SiteError
from cmvmon.protocol import Protocol
from cmvmon.shell import database
from cmvmon.shell.site import Site

ASSESSMENT_FEED = "assessment"  # the subject of an operations alert about the work itself, not about one feed
_FARTHEST_AHEAD = timedelta(days=31)


@dataclass(frozen=True)
class OpenSite:
    """What every step of a run needs. Nothing in it holds patient data."""

    site: Site
    engine: sa.Engine
    protocol: Protocol
    method: str

    @contextmanager
    def reading(self) -> Iterator[sa.Connection]:
        with database.in_words(self.site.database), self.engine.connect() as bare:
            connection = bare.execution_options(read_only=True)
            with connection.begin():
                yield connection

    @contextmanager
    def writing(self) -> Iterator[sa.Connection]:
        with database.in_words(self.site.database), self.engine.begin() as connection:
            yield connection


@contextmanager
def open_site(root: Path, *, method: str | None = None) -> Iterator[OpenSite]:
    """The site at `root`, its folders made, its protocol read, its database checked and moved to this schema.

    `method` = how the decline is estimated; without it, as the site's settings say. Raises SiteError for another.
    """
    site = Site(root).prepare()
    settings = site.settings()
    if method is not None and method not in words.METHOD:
        raise SiteError(f"the method is {method!r}; choose one of {', '.join(words.METHOD)}")
    protocol = site.protocol()
    engine = database.connect(site.database)
    try:
        database.check(engine, site.database)
        yield OpenSite(site, engine, protocol, method or settings.method)
    finally:
        engine.dispose()


def now() -> datetime:
    """This moment, in UTC, to the second: the only reading of the clock."""
    return datetime.now(UTC).replace(microsecond=0)


def recordable(as_of: datetime) -> datetime:
    """`as_of`, unless it lies so far ahead that it must be a slip. Raises SiteError.

    Alerts move forward only: one night recorded in a mistyped year would silence every night until then.
    """
    if as_of > now() + _FARTHEST_AHEAD:
        raise SiteError(
            f"--as-of {as_of.isoformat()} lies more than {_FARTHEST_AHEAD.days} days ahead; nothing was done. Check the year"
        )
    return as_of


def moment(text: str) -> datetime:
    """A moment from its ISO 8601 text. Without an offset it is UTC; a date alone is refused. Raises SiteError."""
    try:
        parsed = datetime.fromisoformat(text)
    except ValueError as error:
        raise SiteError(f"{text!r} is not a moment; write it as 2026-11-22T05:30:00+01:00") from error
    if len(text) <= 10:
        raise SiteError(f"{text!r} has no time; write the moment as {text}T05:30:00+01:00")
    return (parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).astimezone(UTC)
