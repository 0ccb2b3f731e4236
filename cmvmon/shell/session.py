"""A site that is open for work: its paths, its database, its protocol; and the one place where the clock is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.domain.errors import SiteError
from cmvmon.protocol import Protocol
from cmvmon.shell import database, dialects
from cmvmon.shell.files import sweep
from cmvmon.shell.making_site import refuse_lost_database, refuse_new_database
from cmvmon.shell.site import Site
from cmvmon.shell.stamp import Stamp

ASSESSMENT_FEED = "assessment"  # the subject of an operations alert about the work itself, not about one feed
_SIMULATED: ContextVar[Callable[[], datetime] | None] = ContextVar("simulated clock", default=None)  # a live demo's
# How long work waits for the step of another run: a night's longest step on a large ward, many times over.
WAIT_S = 1800.0


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


@dataclass(frozen=True)
class OpenSite(Session):
    """What every step of a run needs. Nothing in it holds patient data."""

    site: Site
    protocol: Protocol
    method: str

    def stamp(self, as_of: datetime) -> Stamp:
        """Under what work at that moment is done."""
        return Stamp(as_of, self.method, self.protocol.version, self.protocol.sha256)


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


@contextmanager
def open_site(root: Path, *, method: str | None = None, looks_for_damage: bool = False) -> Iterator[OpenSite]:
    """The site at `root`, its folders made, its protocol read, its database moved to this schema.

    `method` = how the decline is estimated; without it, as the site's settings say. `looks_for_damage` reads the whole
    database, compares the rows whose turn it is with their hashes, and sweeps away what killed runs left, as a night does.
    Raises SiteError for another method, StoreError for a database that can't be used, or was lost.
    """
    site = Site(root).prepare()
    settings = site.settings()
    if _SIMULATED.get() is not None and (settings.takes_history or not settings.is_demo):
        raise SiteError(
            "a simulated clock writes in no site but a live demo's; nothing was done. Name another with --site"
        )
    if method is not None and method not in words.METHOD:
        raise SiteError(f"the method is {method!r}; choose one of {', '.join(words.METHOD)}")
    protocol = site.protocol()
    refuse_lost_database(site)
    with open_store(settings.database, if_new=lambda: refuse_new_database(site)) as store:
        if looks_for_damage:
            from cmvmon.shell import content_hashes  # which reads through a session

            sweep(site.root, site.pages, site.landing, *site.landing.glob("*/"))
            database.check(store.engine)
            content_hashes.check(store, night=now())
        _list_what_landed_before(store, site)
        yield OpenSite(store.engine, site, protocol, method or settings.method)


def _list_what_landed_before(store: Session, site: Site) -> None:
    """Goes through the landing once for a store that has not been told of it: of a program from before there was a table of it."""
    from cmvmon.shell import unjudged  # which reads through a session

    with store.reading() as connection:
        is_listed = unjudged.is_listed(connection)
    if not is_listed:
        with store.writing() as connection:
            unjudged.list_anew(connection, site.landing)


@contextmanager
def held(site: Site, *, wait_s: float | None = None) -> Iterator[None]:
    """Holds the site for one step of work, waiting at most `wait_s` (WAIT_S) for whoever holds it. Raises AlreadyRunning.

    Whoever works reads the clock inside: a moment that was read before the wait would lie before what was recorded in it.
    """
    url = site.prepare().database
    with database.in_words(url), dialects.of(url).only_run(url, site.lock, wait_s=WAIT_S if wait_s is None else wait_s):
        yield


def now() -> datetime:
    """This moment, in UTC: the only reading of the clock. To the microsecond, so that two deliveries have two moments.

    Of a live demo it is the simulated moment (`by_simulated_clock`).
    """
    simulated = _SIMULATED.get()
    return datetime.now(UTC) if simulated is None else simulated()


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
