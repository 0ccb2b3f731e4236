"""A site made again from what has landed: the same deliveries, in the order and at the moments at which they were taken in.

What was delivered is rebuilt, what was said of quarantined records, which rules are switched off, which protocols were tried
and approved, and which laboratories confirmed results that had moved together. What follows from judging it at some moment is not:
alerts and the other answers to them, what was said, assessments. A new night makes them for now.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from cmvmon.domain import delivered
from cmvmon.domain.errors import SiteError, StoreError, UnreadableFile
from cmvmon.run.deliveries.faults import Fault, about, set_apart
from cmvmon.run.deliveries.inbox_taking import take_in_inbox
from cmvmon.run.deliveries.landed_delivery import declared_of, take_in_landed
from cmvmon.run.health import at_work
from cmvmon.shell.alerts import alert_store, rule_switches
from cmvmon.shell.basis.files import read_bytes, write_atomically
from cmvmon.shell.folder import approved, landing
from cmvmon.shell.folder.making_site import settings_for_another
from cmvmon.shell.folder.site import PAGE_KEY, SETTINGS, TABLE_FILES, Site
from cmvmon.shell.incoming.inbox_moves import InboxUnread, Moves
from cmvmon.shell.incoming.sender_files import LISTEN, SENDERS
from cmvmon.shell.keeping.comparing import Compared, compared
from cmvmon.shell.store import database
from cmvmon.shell.store.session import now, open_store
from cmvmon.shell.taken_in import journal, unjudged
from cmvmon.shell.taken_in.journal import Answer, Approving, DoubtAnswer, LandingAnswer, Step, Switching, Taking, Trial
from cmvmon.shell.waiting import quarantine, quarantine_answers
from cmvmon.shell.work.opening import OpenSite, held, open_site

_LISTENS = (
    "what it acknowledges from now on would be in the old site alone. Stop it first, and start it again once the new folder has "
    "taken the place of the old one. Nothing was done"
)
_FILES = ("labs", TABLE_FILES, "protocol")
Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Rebuilt:
    """What a rebuilding came to.

    Attributes:
        deliveries: how many deliveries have landed, by what they hold.
        answers: how many words of persons on quarantined records, rules and protocols were said again.
        read_otherwise: judgings that were made with other laboratory or table files than the site has now.
        unread_lines: lines of the journal that could not be read.
        without_line: deliveries that the journal does not tell of: they are taken in at the moment of their landing.
        faults: what could not be taken in.
        tables: the comparison with the old store; empty where that could not be read.
        not_compared: why not; None where it was.
    """

    deliveries: int
    answers: int
    read_otherwise: int
    unread_lines: int
    without_line: int
    faults: tuple[Fault, ...]
    tables: tuple[Compared, ...]
    not_compared: str | None


def rebuild(root: Path, into: Path, *, progress: Progress = lambda done, of: None) -> Rebuilt:
    """Makes a new site in the empty or absent folder `into` from the files and the landing of the site at `root`.

    The old site is left as it is. The new one has a SQLite file of its own, whatever database the old one names.
    Raises SiteError where nothing has landed, or `into` holds something or lies in the old site; AlreadyRunning while the old site
    is listened for.
    """
    with at_work.standing_still(root, at_work.LISTEN, why=_LISTENS):
        return _rebuilt(root, into, progress)


def _rebuilt(root: Path, into: Path, progress: Progress) -> Rebuilt:
    old, new = Site(root), Site(into)
    if into.resolve().is_relative_to(root.resolve()) or (into.exists() and (not into.is_dir() or any(into.iterdir()))):
        raise SiteError(f"--into {into} holds something, or lies in the site; name a new folder outside it")
    ids = landing.ids(old.landing)
    if not ids:
        raise SiteError(f"nothing has landed in {root}/landing; there is nothing to rebuild from")
    new.prepare()
    _copy_files(old, new)
    faults: list[Fault] = []
    with set_apart(faults, partial(Fault, "inbox", delivered.WHOLE_DELIVERY), called="the inbox"):
        _copy_inbox(old, new)
    lines = list(journal.lines(old.landing))
    told = [line for line in lines if line is not None]
    with held(new):
        _put_policies(new, told)
    with held(new), open_site(into) as opened:
        _copy_landing(old, new)
        besides = list(_without_line(new, told, faults))
        steps = list(heapq.merge(told, besides, key=lambda step: step.at))
        n_otherwise = 0
        for number, step in enumerate(steps):
            progress(number, len(steps))
            n_otherwise += _done_again(opened, step, faults)
        with opened.writing() as connection:
            quarantine.list_anew(connection)
            unjudged.list_anew(connection, new.landing)
        tables, why_not = _compared(old, opened)
        faults += take_in_inbox(opened, received_at=now()).faults  # what waits there is in neither store
    n_answers = sum(not isinstance(line, Taking) for line in told)
    n_unread = len(lines) - len(told)
    return Rebuilt(len(ids), n_answers, n_otherwise, n_unread, len(besides), tuple(faults), tables, why_not)


def _put_policies(new: Site, told: Iterable[Step]) -> None:
    """What was tried and approved, before anything is opened: the site's protocol file may be one that waits."""
    with open_store(new.database) as store, store.writing() as connection:
        for line in told:
            if isinstance(line, Trial):
                approved.record_trial(connection, line.row)
            elif isinstance(line, Approving):
                approved.record_approval(connection, line.row)


def _copy_files(old: Site, new: Site) -> None:
    """The files that say how deliveries are read and judged, the settings, and the key of the pages' names."""
    for name in _FILES:
        _copy(old.root / name, new.root / name)
    key, settings = old.root / PAGE_KEY, old.root / SETTINGS
    if key.exists():
        write_atomically(new.root / PAGE_KEY, read_bytes(key), mode=0o600)
    if settings.exists():
        write_atomically(new.root / SETTINGS, settings_for_another(read_bytes(settings)))
    new.settings()


def _copy_inbox(old: Site, new: Site) -> None:
    """What came by a socket, moved or not, and the files of its listener. Raises UnreadableFile."""
    for name in (LISTEN, SENDERS):
        path = old.root / name
        if path.is_file():
            write_atomically(new.root / name, read_bytes(path))
        _copy(path, new.root / name)
    try:
        Moves(old.root).copy_to(new.root)
    except InboxUnread as error:
        raise UnreadableFile(str(error)) from None


def _copy_landing(old: Site, new: Site) -> None:
    """What has landed. Bytes that can't be read are missed when they are judged, and told then."""
    for delivery_id in sorted(landing.ids(old.landing)):
        _copy(old.landing / delivery_id, new.landing / delivery_id)


def _copy(folder: Path, to: Path) -> None:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and not path.name.startswith("."):
            try:
                write_atomically(to / path.relative_to(folder), read_bytes(path))
            except UnreadableFile:
                continue


def _without_line(site: Site, told: Iterable[Step], faults: list[Fault]) -> Iterator[Taking]:
    """What has landed and stands in no line of the journal, in the order of landing."""
    known = {
        (line.landed.delivery_id, line.landed.feed, line.landed.kept_as) for line in told if isinstance(line, Taking)
    }
    found: list[Taking] = []
    known |= {
        tuple(line.row[name] for name in ("delivery_id", "feed", "kept_as"))
        for line in told
        if isinstance(line, LandingAnswer)
    }
    for note in landing.notes_besides(site.landing, known):
        of_note = partial(Fault, note.name.split(".")[0], delivered.WHOLE_DELIVERY)
        with set_apart(faults, of_note, called=f"landing/{note.parent.name[:12]}..."):
            way = landing.landed_by(note)
            found.append(Taking(way, way.landed_at, "", None, None))
    yield from sorted(found, key=lambda taking: taking.at)


def _done_again(opened: OpenSite, step: Step, faults: list[Fault]) -> bool:
    """Does one step, and returns whether it was done with other files of its feed."""
    if isinstance(step, Answer):
        with opened.writing() as connection:
            journal.note_answers(opened.site.landing, quarantine_answers.write(connection, [step.row]))
        return False
    if isinstance(step, Switching):
        with opened.writing() as connection:
            journal.note_switching(opened.site.landing, step.row)
            rule_switches.record(connection, step.row)
        return False
    if isinstance(step, (Trial, Approving)):  # its row is there (`_put_policies`)
        note = journal.note_trial if isinstance(step, Trial) else journal.note_approval
        note(opened.site.landing, step.row)
        return False
    if isinstance(step, LandingAnswer):
        with opened.writing() as connection:
            journal.note_landing_answer(opened.site.landing, step.row)
            unjudged.answer(connection, step.row)
        return False
    if isinstance(step, DoubtAnswer):
        with opened.writing() as connection:
            journal.note_doubt_answer(opened.site.landing, step.row)
            alert_store.put_back(connection, step.row)
        return False
    way, read_with = step.landed, ""
    with set_apart(faults, about(way, way.file_name), called=f"{way.file_name} (landing/{way.delivery_id[:12]}...)"):
        read_with = declared_of(opened, way)[1]
        take_in_landed(opened, way, received_at=step.received_at, arrival=step.arrival, arrived_at=step.arrived_at)
    return bool(step.read_with and read_with and step.read_with != read_with)


def _compared(old: Site, opened: OpenSite) -> tuple[tuple[Compared, ...], str | None]:
    def refuse() -> None:
        raise StoreError("the old database holds no store")

    try:
        url = old.database
        if not database.exists(url):
            return (), "the old database is gone"
        with open_store(url, if_new=refuse) as store:
            return compared(store, opened), None
    except StoreError as error:
        return (), str(error)
