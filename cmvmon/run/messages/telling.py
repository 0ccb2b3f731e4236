"""Tells people: queues what is news, sends what is due, and remembers both. It holds neither the site nor a transaction while
it sends, ends within a minute, and whatever goes wrong with it keeps nothing else from being done.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.domain.errors import AlreadyRunning, ClockInDoubt, CmvmonError, ProtocolError, StoreBusy, StoreError
from cmvmon.run.messages.sending_waiting import WAITS_S, Ended, Sending, Told, send_waiting, text_of
from cmvmon.run.messages.telling_ends import end_without_sending
from cmvmon.run.ward.placing import Place, places
from cmvmon.shell.alerts.alert_store import record_notified
from cmvmon.shell.basis.lock import only_run
from cmvmon.shell.folder.site import Site
from cmvmon.shell.outgoing import alert_news, outbox
from cmvmon.shell.outgoing.alert_news import Standing
from cmvmon.shell.outgoing.outbox import Waiting
from cmvmon.shell.store import database
from cmvmon.shell.store.session import Session, now, open_store
from cmvmon.telling import routing
from cmvmon.telling.letter import Said, Speaking
from cmvmon.telling.notify_file import NAME, NotifyFile, read_notify_file
from cmvmon.telling.out_file import NAME as OUT
from cmvmon.telling.routing import Fault, Message, News
from cmvmon.telling.wording import said
from cmvmon.text import language

_LOCK = ".notify.lock"


def notify_file(site: Site) -> NotifyFile | None:
    """The site's notify.toml; None where there is none, and nobody is told. Raises ProtocolError."""
    text = text_of(site, NAME)
    return None if text is None else read_notify_file(text)


def speaking(site: Site, file: NotifyFile, channel: str) -> Speaking:
    """How this site's messages to who is reached by that channel are written."""
    settings = site.settings()
    spoken = language(file.language_of(channel) or settings.language)
    link = None if file.link_base is None else f"{file.link_base}/ward.{spoken.code}.html"
    return Speaking(spoken, settings.time_zone, link, file.contact)


def tell(root: Path, *, at: datetime | None = None, night_stopped: bool = False) -> Told | None:
    """Queues what is news at `at` (without it, now) and sends what is due; None where the site has no notify.toml.

    Another program that sends for this site is waited for a little, and then does it alone.
    Raises ProtocolError for a notify.toml that can't be used, StoreError for a database that can't be.
    """
    site = Site(root)
    file = notify_file(site)
    if file is None or not database.exists(site.database):
        return None if file is None else Told()
    try:
        with only_run(root / _LOCK, wait_s=WAITS_S), open_store(site.database) as store:
            moment = at or now()
            n_queued, standing = _queue(store, site, file, moment, night_stopped=night_stopped)
            return replace(_send(store, site, file, standing, at), queued=n_queued)
    except AlreadyRunning:
        return Told()


@contextmanager
def told_after(root: Path) -> Iterator[list[Told]]:
    """Tells people of whatever the work inside came to, also where an error ended it; the list holds what that came to.

    Nothing about telling is ever raised. A night that the store could not be told of is told without it.
    """
    told: list[Told] = []
    try:
        yield told
    except AlreadyRunning:
        raise
    except Exception as error:
        is_lost = isinstance(error, StoreError) and not isinstance(error, StoreBusy)
        told += _safely(_without_store if is_lost else partial(tell, night_stopped=_is_told_by_nobody(error)), root)
        raise
    else:
        told += [*_safely(tell, root), *_safely(_send_out, root)]


def _is_told_by_nobody(error: Exception) -> bool:
    """Whether that error may leave no alert behind: `noting_a_stop` opens one for those that are not ours."""
    return isinstance(error, ProtocolError | ClockInDoubt)


def tell_safely(root: Path) -> Told | None:
    """As `tell`, with whatever goes wrong in `trouble`; and gives the hospital's other programs what is theirs."""
    told = [*_safely(tell, root), *_safely(_send_out, root)]
    return next((one for one in told if one.trouble), told[0] if told else None)


def _send_out(root: Path) -> Told | None:
    if not (root / OUT).exists():
        return None
    from cmvmon.run.messages.sending_out import send_out

    return send_out(root)


def _safely(call: Callable[[Path], Told | None], root: Path) -> list[Told]:
    try:
        done = call(root)
    except CmvmonError as error:
        return [Told(trouble=str(error))]
    except Exception as error:  # noqa: BLE001 - its text may hold what it stumbled over
        last = traceback.extract_tb(error.__traceback__)[-1]
        return [Told(trouble=f"unexpected {type(error).__name__} in {Path(last.filename).name}, line {last.lineno}")]
    return [] if done is None else [done]


def _without_store(root: Path) -> Told | None:
    """Says to whom the work is told that the night stopped and the database can't be used. Nothing remembers it."""
    site, at = Site(root), now()
    file = notify_file(site)
    if file is None:
        return None
    zone = ZoneInfo(site.settings().time_zone)
    fault = Fault("store", at.astimezone(zone).date().isoformat(), "store_unusable", 1)
    messages = routing.of_work(file, [fault], {}, at=at, zone=zone)
    done = [
        _send_one(site, file, one.channel, _worded(site, file, one.channel, one.kind, one.message_id, one.facts), at)
        for one in messages
    ]
    n_failed = sum(cause is not None for cause in done)
    return Told(queued=len(done), delivered=len(done) - n_failed, failed=n_failed)


def _queue(
    store: Session, site: Site, file: NotifyFile, at: datetime, *, night_stopped: bool
) -> tuple[int, frozenset[routing.Standing]]:
    """Queues what is new; returns how many messages, and what still stands of what was told before."""
    with store.reading() as connection:
        found, standing = _due(connection, site, file, at, night_stopped=night_stopped)
    if not found:
        return 0, standing
    with store.writing() as connection:  # asked again: another host may have queued meanwhile
        found, standing = _due(connection, site, file, at, night_stopped=night_stopped)
        return outbox.queue(connection, found, at), standing


def _due(
    connection: sa.Connection, site: Site, file: NotifyFile, at: datetime, *, night_stopped: bool
) -> tuple[list[Message], frozenset[routing.Standing]]:
    from cmvmon.run.health.work_faults import faults, work

    zone = ZoneInfo(site.settings().time_zone)
    standing = alert_news.standing(connection)
    found = work(connection, site, at=at)
    wrong = [*faults(found, standing, file, site, at=at, night_stopped=night_stopped)]
    of_patients = [one for one in standing if one.patient_id is not None]
    names = {one.alert_id for one in of_patients} | {one.about for one in wrong} | {routing.DIGEST}
    told = outbox.told(connection, names)
    day = routing.digests_due(file, told, at=at, zone=zone)
    tiers = {words.TIERS[0], *(route.tier for route in file.routes), *(words.TIERS[:-1] if file.left_to else ())}
    may_be_told = [one for one in of_patients if one.tier in tiers]
    untold = [one for one in may_be_told if not _is_told(_news(one), told, may_be_handed_over=bool(file.left_to))]
    placed = places(connection, {str(one.patient_id) for one in (of_patients if day else untold)}, at=at)
    news = [_news(one, placed.get(str(one.patient_id))) for one in may_be_told]
    after = _escalate_after(site) if file.escalate_to and any(one.tier == 1 for one in news) else None
    messages = routing.of_alerts(file, news, told, at=at, zone=zone, escalate_after=after)
    messages += routing.of_work(file, wrong, told, at=at, zone=zone)
    if day is not None:
        from cmvmon.run.messages.digest import digest_facts, in_place_of

        wards = {patient: place.ward for patient, place in placed.items()}
        facts = digest_facts(connection, site, file, standing, wards, found, at=at)
        late = outbox.waiting(connection, (routing.DIGEST,))
        own = {
            channel: facts | in_place_of(connection, site, [one for one in late if one.channel == channel], at=at)
            for channel in file.digest_to
        }
        messages += routing.of_digest(day, own, at=at)
    return messages, routing.standing(map(_news, of_patients), wrong)


def _is_told(one: News, told: routing.ToldBefore, *, may_be_handed_over: bool) -> bool:
    """Whether nothing more is to be said of it, wherever its patient is: its message was, and where nobody has acknowledged it the
    escalation of a tier 1. What may be handed over each time that the patient leaves is never told."""
    if may_be_handed_over and routing.is_unanswered(one):
        return False
    kinds = [routing.ALERT, *([routing.ESCALATION] if one.tier == 1 and not one.is_acknowledged else [])]
    return all((kind, one.alert_id, one.transition) in told for kind in kinds)


def _news(one: Standing, place: Place | None = None) -> News:
    where = {} if place is None else place._asdict()
    names = ("alert_id", "transition", "rule", "tier", "since", "is_acknowledged", "is_snoozed")
    return News(**{name: getattr(one, name) for name in names}, **where)


def _escalate_after(site: Site) -> timedelta | None:
    """The protocol's time; None where the protocol can't be read: that is told by itself, and the first to be told are told."""
    try:
        return timedelta(hours=site.protocol().notify.escalate_after_h)
    except ProtocolError:
        return None


def _send(
    store: Session, site: Site, file: NotifyFile, standing: Collection[routing.Standing], at: datetime | None
) -> Told:
    """Sends what is due, the most urgent first."""
    with store.reading() as connection:
        waiting = outbox.waiting(connection, routing.KINDS)
    newest = {one.channel: one for one in waiting if one.kind == routing.DIGEST}

    def ended(one: Waiting, moment: datetime) -> Ended | None:
        is_last = one.kind != routing.DIGEST or newest[one.channel] is one
        return end_without_sending(one, file, standing, moment, is_last=is_last)

    def made(_: sa.Connection, one: Waiting, moment: datetime) -> Sending:
        words = _worded(site, file, one.channel, one.kind, one.message_id, one.facts)
        return partial(_send_one, site, file, one.channel, words, moment)

    def arrived(connection: sa.Connection, one: Waiting, moment: datetime) -> None:
        if one.kind in routing.OF_ALERTS:
            record_notified(connection, {alert_id for alert_id, _ in one.about}, at=moment)

    urgent_first = sorted(waiting, key=lambda one: (one.facts.get("tier", 1), one.queued_at))
    return send_waiting(store, urgent_first, ended=ended, made=made, at=at, arrived=arrived)


def _worded(site: Site, file: NotifyFile, channel: str, kind: str, message_id: str, facts: Mapping[str, Any]) -> Said:
    return said(kind, message_id, facts, speaking(site, file, channel))


def _send_one(site: Site, file: NotifyFile, channel: str, words: Said, at: datetime) -> str | None:
    from cmvmon.shell.outgoing.sending import send  # a site that has nothing to send loads neither mail nor TLS

    return send(file.channels[channel], words, site=site.root, at=at)
