"""Landed deliveries, one or several: take them in, bring the patients whom they touch up to date, once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cmvmon.domain.errors import CmvmonError, ProtocolError, SiteError
from cmvmon.domain.one_thread import in_one_thread
from cmvmon.run.daytime.refresh import refresh, refresh_unassessed, scope_of
from cmvmon.run.deliveries.faults import fault_of, note_stopped
from cmvmon.run.deliveries.landed_delivery import take_in_landed
from cmvmon.run.judging.assessing import Counts, check_stored
from cmvmon.run.messages.telling import told_after
from cmvmon.run.pages.publish import Published, halting
from cmvmon.shell.as_known import unassessed
from cmvmon.shell.folder.landing import Landed, landed
from cmvmon.shell.folder.site import Site
from cmvmon.shell.taken_in.intake_store import Counted
from cmvmon.shell.taken_in.touched import patients_of_delivery
from cmvmon.shell.work.clock import moment_to_record, note_clock
from cmvmon.shell.work.opening import OpenSite, held, open_site


@dataclass(frozen=True)
class Fed:
    """What the deliveries came to; `assessed` and `published` are None when they touched nobody.

    `deliveries`: the ids of those whose patients were brought up to date; empty where another run had done so.
    """

    taken_in: tuple[Counted, ...]
    assessed: Counts | None
    published: Published | None
    deliveries: tuple[str, ...] = ()


def lab_feed(root: Path, delivery_id: str, *, as_of: datetime | None = None) -> Fed:
    """Takes in the delivery of that id (SHA-256 of its bytes) and brings the patients it touches up to date.

    Judged at `as_of`; without it, at the moment at which the site is free for this delivery. A patient is assessed on
    everything that is known of them, so the verdicts are those that the night would give.
    Raises SiteError when no such delivery has landed.
    """
    return lab_feeds(root, [delivery_id], as_of=as_of)


@in_one_thread
def lab_feeds(root: Path, delivery_ids: Sequence[str], *, as_of: datetime | None = None) -> Fed:
    """The same for several deliveries at once: taken in one after the other, whom they touch is assessed once.

    Raises SiteError, and does nothing, when one of them never landed. One that can't be judged (no laboratory file, say)
    does not stop the others: an alert about its feed is opened, the next night tries it again, and when the pages of the
    others are written an error is raised that names every such fault.
    """
    site = Site(root).prepare()
    with told_after(root), held(site), open_site(root) as opened:
        ways = dict.fromkeys(way for delivery_id in delivery_ids for way in landed(site.landing, delivery_id))
        taken_in: list[Counted] = []
        failed: list[tuple[Landed, CmvmonError]] = []
        with halting(opened):
            at = as_of or moment_to_record(opened)
        for way in ways:
            try:  # each comes at a moment of its own, or two snapshots of one batch would contradict each other
                taken_in += take_in_landed(opened, way, received_at=at)
            except (SiteError, ProtocolError) as error:
                failed.append((way, error))
            at = as_of or moment_to_record(opened)
        as_of = at
        note_clock(opened, as_of)
        note_stopped(opened, [fault_of(way, error) for way, error in failed], as_of)
        touched = _touched(opened, delivery_ids)
        ids = tuple(dict.fromkeys(delivery_ids))
        fed = Fed(tuple(taken_in), None, None, ids)
        if touched:
            fed = Fed(tuple(taken_in), *refresh(opened, touched, as_of=as_of, scope=scope_of(ids)), ids)
        with opened.writing() as connection:
            unassessed.done(connection, ids)
    if len(failed) == 1:
        raise failed[0][1]
    if failed:
        said = "; ".join(dict.fromkeys(str(error) for _, error in failed))
        raise SiteError(f"{len(failed)} deliveries could not be judged: {said}")
    return fed


@in_one_thread
def follow(root: Path, delivery_id: str, *, as_of: datetime | None = None) -> Fed:
    """Brings up to date whom the stored delivery of that id touches, and whom all others touch that wait with it: a burst is one run.

    Nothing is done where another run took it along. One that has landed and was never judged is taken in first.
    Raises SiteError when none of that id has landed.
    """
    site = Site(root).prepare()
    with told_after(root), held(site), open_site(root) as opened:
        with opened.reading() as connection:
            is_stored = unassessed.is_stored(connection, delivery_id)
            waits = unassessed.waiting(connection)
        if is_stored and not waits:
            return Fed((), None, None)
        with halting(opened):
            at = as_of or moment_to_record(opened)
        taken_in: list[Counted] = []
        for way in () if is_stored else landed(site.landing, delivery_id):
            taken_in += take_in_landed(opened, way, received_at=at)
        note_clock(opened, at)
        ids, came_to = refresh_unassessed(opened, as_of=as_of or moment_to_record(opened))
        counts, published = came_to or (None, None)
        return Fed(tuple(taken_in), counts, published, ids)


def check_deliveries(root: Path, delivery_ids: Sequence[str], *, as_of: datetime | None = None) -> int:
    """Holds what is stored of the patients whom these deliveries touched against Great Expectations, once their pages stand.

    Returns how many patients that were. Raises ContractBroken where polars let pass what Great Expectations does not: the
    ward page then says that the work stopped.
    """
    site = Site(root).prepare()
    with held(site), open_site(root) as opened:
        as_of = as_of or moment_to_record(opened)
        touched = _touched(opened, delivery_ids)
        if touched:
            with halting(opened, as_of=as_of):
                check_stored(opened, touched, as_of=as_of)
    return len(touched)


def _touched(opened: OpenSite, delivery_ids: Sequence[str]) -> frozenset[str]:
    """The patients whom one of these deliveries touches."""
    with opened.reading() as connection:
        return frozenset().union(*(patients_of_delivery(connection, each) for each in delivery_ids))
