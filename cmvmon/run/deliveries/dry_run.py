"""What a file would do if it were taken in now: the whole intake, on a copy of the rows and beside a scratch landing.

The copy is of one moment and made as a backup's is: no other work waits for the trying, however long it takes to be read.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import sqlalchemy as sa

from cmvmon.domain.errors import SiteError
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.shell.basis.files import read_bytes
from cmvmon.shell.folder.landing import id_of
from cmvmon.shell.folder.making_site import refuse_lost_database
from cmvmon.shell.folder.site import Site
from cmvmon.shell.keeping.store_backup import copy_rows, file_url
from cmvmon.shell.rows.schema import VERSIONS
from cmvmon.shell.store import database
from cmvmon.shell.store.session import open_store
from cmvmon.shell.taken_in.intake_store import Counted
from cmvmon.shell.waiting import feed_state
from cmvmon.shell.work.clock import moment_to_record
from cmvmon.shell.work.opening import OpenSite


@dataclass(frozen=True)
class _TriedSite(Site):
    """The site with its files and settings, and a landing of its own."""

    scratch: Path

    @property
    def landing(self) -> Path:
        return self.scratch


@dataclass(frozen=True)
class WouldBe:
    """What taking in one table of a file would come to. `changed`: how many records that are known already get another version:
    corrected or withdrawn, or contradicted by one that is set apart, so that neither is used."""

    counted: Counted
    changed: int


def try_by_hand(
    root: Path, files: Sequence[Path], *, feed: str, table: str | None = None, is_history: bool = False
) -> Iterator[tuple[Path, list[WouldBe] | SiteError]]:
    """Each file with what taking it in would come to after those before it, by table, or with what would keep it out.

    Nothing of the site is changed, neither its database nor its folders; the copy of its rows lies in a folder of this user's
    own until it ends. Raises ClockInDoubt as an intake does, StoreError where the database can't be read or has an older schema.
    """
    with tempfile.TemporaryDirectory(prefix="cmvmon-dry-run-") as folder, _tried(root, Path(folder)) as opened:
        for file in files:
            try:
                at = moment_to_record(opened)
                _copy_what_waits(opened, Site(root), file)
                counted = take_in_file(opened, file, feed=feed, table=table, received_at=at, is_history=is_history)
                found: list[WouldBe] | SiteError = [WouldBe(one, _changed(opened, one)) for one in counted]
            except SiteError as error:
                found = error
            yield file, found


@contextmanager
def _tried(root: Path, folder: Path) -> Iterator[OpenSite]:
    """The site to try on, over a copy of its rows; where it has no database yet, over an empty one."""
    refuse_lost_database(Site(root))
    settings, protocol = Site(root).settings(), Site(root).protocol()
    copy = folder / "cmvmon.sqlite"
    if database.exists(settings.database):
        database.require_current(settings.database)
        with open_store(settings.database) as store:
            copy_rows(store, copy)
    with open_store(file_url(copy)) as store:
        yield OpenSite(store.engine, _TriedSite(root, folder / "landing"), protocol, settings.method)


def _changed(opened: OpenSite, one: Counted) -> int:
    if one.table not in VERSIONS or one.was_known:
        return 0
    new, old = VERSIONS[one.table].alias("new").c, VERSIONS[one.table].alias("old").c
    is_of_it = sa.and_(new.delivery_id == one.delivery_id, new.feed == one.feed, new.attempt == one.attempt)
    came_before = sa.or_(old.delivery_id != new.delivery_id, old.feed != new.feed, old.attempt != new.attempt)
    is_known = sa.exists().where(old.record_key == new.record_key, came_before)
    with opened.reading() as connection:
        count = sa.select(sa.func.count(new.record_key.distinct())).where(is_of_it, is_known)
        return int(connection.execute(count).scalar() or 0)


def _copy_what_waits(opened: OpenSite, site: Site, file: Path) -> None:
    """Copies what the intake looks up in the landing: the bytes of this file, if they are known, and of what may be judged with
    it."""
    with opened.reading() as connection:
        wanted = {delivery_id for delivery_id, _, _ in feed_state.with_open_quarantine(connection)}
    for delivery_id in sorted(wanted | {id_of(read_bytes(file))}):
        come, to = site.landing / delivery_id, opened.site.landing / delivery_id
        if come.is_dir() and not to.exists():
            shutil.copytree(come, to)
