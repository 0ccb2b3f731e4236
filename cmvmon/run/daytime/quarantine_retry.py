"""What waits in quarantine judged again from the stored bytes, at once instead of in the next night; and what that came to."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cmvmon.run.answers.quarantine_answers import answer_opened
from cmvmon.run.asking import quarantine_names
from cmvmon.run.deliveries.faults import Fault, note_faults
from cmvmon.run.deliveries.intake import Brought, judge_waiting, take_in_unjudged
from cmvmon.run.pages.publish import halting
from cmvmon.shell.folder import tries
from cmvmon.shell.folder.landing import Landed
from cmvmon.shell.folder.site import Site
from cmvmon.shell.taken_in import unjudged
from cmvmon.shell.taken_in.intake_store import Counted
from cmvmon.shell.waiting import quarantine
from cmvmon.shell.waiting.quarantine_answers import RELEASED, mark
from cmvmon.shell.work.clock import moment_to_record, note_clock
from cmvmon.shell.work.opening import OpenSite, held, open_site


@dataclass
class OfReason:
    """What became of the records that waited for one reason, each counted once however often it was delivered. `now`: by the
    reason for which they wait now, where that is another one."""

    brought_right: int = 0
    stay: int = 0
    now: Counter[str] = field(default_factory=Counter)


@dataclass(frozen=True)
class Retried:
    """What judging again came to.

    Attributes:
        reasons: by the reason for which records waited before.
        counted: what was judged; a delivery whose files are as they were is not.
        faults: what could not be judged.
        standing: names of the deliveries that stand after three tries and were not tried.
    """

    reasons: Mapping[str, OfReason]
    counted: tuple[Counted, ...]
    faults: tuple[Fault, ...]
    standing: tuple[str, ...]


def retry(root: Path, record: str | None = None) -> Retried:
    """Judges again what waits, where it may be read otherwise now: its feed's files have changed, what it waited for has come.

    Args:
        record: only what is named: a record, or a delivery (its first 12 characters), with all that waits of that delivery. A
            delivery that stands after three tries is tried once more only so.

    Nobody is assessed. Raises SiteError where no such record waits, ClockInDoubt and AlreadyRunning as an intake does.
    """
    site = Site(root).require()
    with held(site), open_site(root) as opened:
        deliveries = None
        if record is not None:
            stand = [way for way in _standing(opened) if quarantine_names.is_named(way, record)]
            unread = _unread(opened)
            named = frozenset((way.delivery_id, way.feed) for way in unread if quarantine_names.is_named(way, record))
            deliveries = named or _meant(opened, record)
            for way in stand:
                tries.allow_one_more(site.landing, way)
        return _judged_again(opened, deliveries)


def release(root: Path, record: str, *, why: str, actor: str) -> Retried:
    """Records that a person confirms what is asked of a person about a record, and judges every delivery that brought it.

    Raises SiteError as `answer_quarantine`.
    """
    site = Site(root).require()
    with held(site), open_site(root) as opened:  # what is named, answered and judged is of one hold
        with opened.reading() as connection:
            rows = quarantine.open_quarantine(connection).to_dicts()
            marks = {mark(row) for row in quarantine_names.meant(connection, rows, record)}
        answer_opened(opened, record, answer=RELEASED, why=why, actor=actor)
        return _judged_again(opened, frozenset(_brought(row) for row in rows if mark(row) in marks))


def _judged_again(opened: OpenSite, deliveries: frozenset[Brought] | None) -> Retried:
    with halting(opened):
        at = moment_to_record(opened)
    before = _waiting(opened, deliveries)
    faults: list[Fault] = []
    others = {unjudged.way_of(way) for way in _standing(opened)}
    counted, failed = take_in_unjudged(opened, others, at, deliveries=deliveries)
    faults += failed
    counted += judge_waiting(opened, faults, received_at=at, besides=others, deliveries=deliveries)
    if deliveries is None:
        note_faults(opened, {one.feed for one in counted}, faults, at)
    note_clock(opened, at)
    after = {of: reason for of, (_, reason) in _waiting(opened, None).items()}
    reasons: dict[str, OfReason] = defaultdict(OfReason)
    for of, (_, reason) in before.items():
        became = after.get(of)
        if became is None:
            reasons[reason].brought_right += 1
        elif became == reason:
            reasons[reason].stay += 1
        else:
            reasons[reason].now[became] += 1
    standing = tuple(quarantine_names.delivery_name(way) for way in _standing(opened))
    return Retried(dict(sorted(reasons.items())), tuple(counted), tuple(faults), standing)


def _standing(opened: OpenSite) -> list[Landed]:
    """The deliveries that stand after three tries."""
    return tries.standing(opened.site.landing, _unread(opened))


def _unread(opened: OpenSite) -> list[Landed]:
    """What has landed and is not judged."""
    with opened.reading() as connection:
        return unjudged.waiting(connection, opened.site.landing)


def _brought(row: Mapping[str, Any]) -> Brought:
    return row["delivery_id"], row["feed"]


def _meant(opened: OpenSite, record: str) -> frozenset[Brought]:
    """The deliveries of the records that are named. Raises SiteError."""
    with opened.reading() as connection:
        rows = quarantine_names.meant(connection, quarantine.open_quarantine(connection).to_dicts(), record)
    return frozenset(map(_brought, rows))


def _waiting(opened: OpenSite, deliveries: frozenset[Brought] | None) -> dict[str, tuple[str, str]]:
    """By mark the delivery and the reason of each record that waits."""
    with opened.reading() as connection:
        rows = quarantine.open_quarantine(connection).to_dicts()
    return {
        mark(row): (row["delivery_id"], row["reason"])
        for row in rows
        if deliveries is None or _brought(row) in deliveries
    }
