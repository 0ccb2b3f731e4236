"""A site opened for work: its paths, its database, its protocol; held for one step at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cmvmon.domain import words
from cmvmon.domain.errors import SiteError
from cmvmon.domain.waiting_policy import WaitingPolicy
from cmvmon.protocol import Protocol
from cmvmon.shell import dialects
from cmvmon.shell.basis.files import sweep
from cmvmon.shell.folder.in_force import in_force
from cmvmon.shell.folder.making_site import refuse_lost_database, refuse_new_database
from cmvmon.shell.folder.site import Site
from cmvmon.shell.rows.stamp import Stamp
from cmvmon.shell.store import database
from cmvmon.shell.store.session import Session, is_simulated, now, open_store
from cmvmon.shell.taken_in import unjudged

ASSESSMENT_FEED = "assessment"  # the subject of an operations alert about the work itself, not about one feed
PROTOCOL_FEED = "protocol"  # the subject of one about a protocol file that waits for a second person
# How long work waits for the step of another run: a night's longest step on a large ward, many times over.
WAIT_S = 1800.0


@dataclass(frozen=True)
class OpenSite(Session):
    """What every step of a run needs. Nothing in it holds patient data. `waits`: as in cmvmon.shell.folder.in_force."""

    site: Site
    protocol: Protocol
    method: str
    waits: WaitingPolicy | None = None

    def stamp(self, as_of: datetime) -> Stamp:
        """Under what work at that moment is done."""
        return Stamp(as_of, self.method, self.protocol.version, self.protocol.sha256)


@contextmanager
def open_site(root: Path, *, method: str | None = None, looks_for_damage: bool = False) -> Iterator[OpenSite]:
    """The site at `root`, its folders made, its protocol read, its database moved to this schema.

    `method` = how the decline is estimated; without it, as the site's settings say. `looks_for_damage` reads the whole
    database, compares the rows whose turn it is with their hashes, and sweeps away what killed runs left, as a night does.
    Raises SiteError for another method, StoreError for a database that can't be used, or was lost.
    """
    site = Site(root).prepare()
    settings = site.settings()
    if is_simulated() and (settings.takes_history or not settings.is_demo):
        raise SiteError(
            "a simulated clock writes in no site but a live demo's; nothing was done. Name another with --site"
        )
    if method is not None and method not in words.METHOD:
        raise SiteError(f"the method is {method!r}; choose one of {', '.join(words.METHOD)}")
    refuse_lost_database(site)
    with open_store(settings.database, if_new=lambda: _refuse_new(site)) as store:
        with store.reading() as connection:
            policy = in_force(site, connection)
        if looks_for_damage:
            from cmvmon.shell.work import content_hashes  # with a frame library, which few commands need

            sweep(site.root, site.pages, site.landing, *site.landing.glob("*/"))
            database.check(store.engine)
            content_hashes.check(store, night=now())
        _list_what_landed_before(store, site)
        yield OpenSite(store.engine, site, policy.protocol, method or settings.method, policy.waits)


def _refuse_new(site: Site) -> None:
    """Raises where no database should be made: another one was lost, or the protocol can't be used."""
    refuse_new_database(site)
    site.protocol_file()


def _list_what_landed_before(store: Session, site: Site) -> None:
    """Goes through the landing once for a store that has not been told of it: of a program from before there was a table of it."""
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
