"""Gives alerts and courses to the hospital's other programs, where out.toml names any: queued in the outbox, sent until taken.

The outbox holds which alert or patient a message is about and as of which change; its words are made from the store when it is sent,
so that what is sent is what stands. Ids are the same for the same alert or patient: what is sent twice is one there.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from cmvmon.domain.errors import AlreadyRunning
from cmvmon.run.messages.sending_waiting import WAITS_S, Ended, Sending, Told, send_waiting, text_of
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.basis.lock import only_run
from cmvmon.shell.folder.site import Site
from cmvmon.shell.outgoing import outbox
from cmvmon.shell.outgoing.outbox import LastTold, Waiting
from cmvmon.shell.rows.schema import ALERT_EVENTS, ASSESSED_PATIENTS, OPEN_ALERTS
from cmvmon.shell.store import database
from cmvmon.shell.store.session import Session, now, open_store
from cmvmon.telling import out_words
from cmvmon.telling.out_file import ALERTS, COURSES, FHIR, NAME, OutFile, Target, read_out_file
from cmvmon.telling.out_words import AlertOut, CourseOut
from cmvmon.telling.routing import Message
from cmvmon.text import Language, alert_sentence, alert_title, ended_in_words, language, of_stored

ALERT, COURSE = KINDS = ("out_alert", "out_course")
_LOCK = ".out.lock"
_ENDS_TOLD_FOR = timedelta(days=14)  # an end that no look met for so long is told by nobody
_OPEN = "open"


def out_file(site: Site) -> OutFile | None:
    """The site's out.toml; None where there is none, and nothing leaves the site. Raises ProtocolError."""
    text = text_of(site, NAME)
    return None if text is None else read_out_file(text)


def send_out(root: Path, *, at: datetime | None = None) -> Told | None:
    """Queues what has changed at `at` (without it, now) and sends what is due; None where the site has no out.toml.

    Raises ProtocolError for an out.toml that can't be used, StoreError for a database that can't be.
    """
    site = Site(root)
    file = out_file(site)
    if file is None or not database.exists(site.database):
        return None if file is None else Told()
    try:
        with only_run(root / _LOCK, wait_s=WAITS_S), open_store(site.database) as store:
            speaker = Speaker(site, file)
            with store.reading() as connection:
                due = list(_due(connection, file, at or now()))
            n_queued = 0
            if due:
                with store.writing() as connection:
                    n_queued = outbox.queue(connection, due, at or now(), again=True)
            return replace(_send(store, file, speaker, at), queued=n_queued)
    except AlreadyRunning:
        return Told()


def _due(connection: sa.Connection, file: OutFile, at: datetime) -> Iterator[Message]:
    """What each target was not told: an alert that stands open as it stands, one that ended where it was told before.

    What was given up, or dropped because the target was gone, was not told: what of it still stands is due again.
    """
    changes = _changes(connection, at)
    for name, target in file.targets.items():
        channel = _channel(name)
        told = outbox.last_told(connection, channel, ALERT) if ALERTS in target.what else {}
        for change in changes if ALERTS in target.what else ():
            is_news = told.get(change.alert_id) != (change.transition, True)
            if is_news and (change.is_open or change.alert_id in told):
                yield Message(channel, ALERT, ((change.alert_id, change.transition),), at)
        if COURSES not in target.what:
            continue
        known = outbox.last_told(connection, channel, COURSE)
        for patient, transition in _courses(connection, changes, known):
            if known.get(patient) != (transition, True):
                yield Message(channel, COURSE, ((patient, transition),), at)


@dataclass(frozen=True)
class _Change:
    """How an alert stands, and the number of the event by which it came to stand so, for who reads of it."""

    alert_id: str
    patient_id: str
    transition: str
    is_open: bool


def _changes(connection: sa.Connection, at: datetime) -> list[_Change]:
    """The alerts of patients that stand open, and those that ended lately."""
    e = ALERT_EVENTS.c
    lately = sa.select(e.alert_id).where(e.changed_at >= at - _ENDS_TOLD_FOR, e.state != _OPEN)
    which = sa.or_(e.alert_id.in_(sa.select(OPEN_ALERTS.c.alert_id)), e.alert_id.in_(lately))
    query = sa.select(e.alert_id, e.patient_id, e.sequence, e.state, e.tier).where(which, e.patient_id.is_not(None))
    rows = connection.execute(query.order_by(e.alert_id, e.sequence)).all()
    found = []
    for alert_id, events in groupby(rows, key=lambda row: row.alert_id):
        transition, before, last = "", None, None
        for last in events:
            if (last.state, last.tier) != before:
                transition, before = str(last.sequence), (last.state, last.tier)
        if last is not None:
            found.append(_Change(alert_id, last.patient_id, transition, last.state == _OPEN))
    return found


def _courses(
    connection: sa.Connection, changes: Collection[_Change], known: Mapping[str, LastTold]
) -> Iterator[tuple[str, str]]:
    """Of each patient with an alert, or who had one, how their course stands: a number that rises with each change, and which alerts.

    `known`: by patient how it stood when it was told last.
    """
    of_patient: dict[str, list[str]] = {patient: [] for patient in known}
    for change in changes:
        of_patient.setdefault(change.patient_id, [])
        if change.is_open:
            of_patient[change.patient_id].append(f"{change.alert_id} {change.transition}")
    for patient, alerts in sorted(of_patient.items()):
        if alerts or patient in known:
            stands = hashlib.sha256(json.dumps(sorted(alerts)).encode()).hexdigest()[:32]
            last = known.get(patient, LastTold("0-", is_sure=True))
            number, _, before = last.transition.partition("-")
            yield patient, last.transition if last.is_sure and stands == before else f"{int(number) + 1}-{stands}"


def _send(store: Session, file: OutFile, speaker: Speaker, at: datetime | None) -> Told:
    """Sends what is due, in order."""
    with store.reading() as connection:
        waiting = outbox.waiting(connection, KINDS)
    newest = {(one.channel, one.kind, one.about[0][0]): one.message_id for one in waiting}

    def target_of(one: Waiting) -> Target | None:
        """Where it goes; None where the target is gone, wants it no longer, or a later change of the same thing waits.

        The next look queues again what of it still stands (`_due`).
        """
        target = file.targets.get(one.channel.removeprefix(_channel("")))
        is_last = newest[one.channel, one.kind, one.about[0][0]] == one.message_id
        is_wanted = target is not None and (ALERTS if one.kind == ALERT else COURSES) in target.what
        return target if is_last and is_wanted else None

    def ended(one: Waiting, _: datetime) -> Ended | None:
        return (outbox.DROPPED, None) if target_of(one) is None else None

    def made(connection: sa.Connection, one: Waiting, moment: datetime) -> Sending:
        target = target_of(one)
        assert target is not None
        return partial(_sent, target, speaker.made(connection, one, target, moment), speaker.site)

    return send_waiting(store, waiting, ended=ended, made=made, at=at)


@dataclass(frozen=True)
class _Made:
    kind: str
    name: str
    data: bytes


@dataclass(frozen=True)
class Speaker:
    """Makes what goes out from the store: the words of a message, and a course for whoever asks for it."""

    site: Site
    file: OutFile

    @property
    def language(self) -> Language:
        return language(self.file.language or self.site.settings().language)

    def made(self, connection: sa.Connection, one: Waiting, target: Target, at: datetime) -> _Made:
        """The message as it is sent."""
        about = one.about[0][0]
        if one.kind == COURSE:
            told_before = outbox.was_delivered(connection, one.channel, COURSE, about)
            course = self.course(connection, about, at=one.queued_at, is_first=not told_before)
            resource = out_words.diagnostic_report(course)
            return _Made("DiagnosticReport", resource["id"], out_words.as_bytes(resource))
        alert = self._alert(alert_store.alerts_of(connection, [about])[0])
        if target.form == FHIR:
            resource = out_words.detected_issue(alert)
            return _Made("DetectedIssue", resource["id"], out_words.as_bytes(resource))
        data = out_words.oru(
            alert, facility=self.file.facility, to_facility=target.facility, message_id=one.message_id, at=at
        )
        return _Made("ORU", alert.out_id, data)

    def _out_id(self, *of: str) -> str:
        return out_words.resource_id(self.site.page_key(), *of)

    def _alert(self, row: Mapping[str, Any]) -> AlertOut:
        settings, evidence, spoken = self.site.settings(), json.loads(row["evidence"]), self.language
        is_open = row["state"] == _OPEN
        return AlertOut(
            out_id=self._out_id("alert", row["alert_id"]),
            alert_id=row["alert_id"],
            patient_id=row["patient_id"],
            authority=settings.patient_number_authority,
            rule=row["rule"],
            tier=row["tier"],
            opened_at=row["opened_at"],
            changed_at=row["changed_at"],
            title=of_stored(alert_title, row["rule"], evidence, language=spoken),
            text=of_stored(alert_sentence, row["rule"], evidence, language=spoken, time_zone=settings.time_zone),
            ended=None if is_open else ended_in_words(row, spoken) or spoken.word("alert_state", row["state"]),
        )

    def course(self, connection: sa.Connection, patient: str, *, at: datetime, is_first: bool) -> CourseOut:
        """What is said of one patient. `at`: when the patient was last judged, where that is not recorded."""
        e, a, spoken = ALERT_EVENTS.c, ASSESSED_PATIENTS.c, self.language
        ids = connection.execute(
            sa.select(e.alert_id).where(e.patient_id == patient, e.alert_id.in_(sa.select(OPEN_ALERTS.c.alert_id)))
        )
        alerts = [self._alert(row) for row in alert_store.alerts_of(connection, set(ids.scalars()))]
        judged_at = connection.execute(
            sa.select(sa.func.max(a.as_of, type_=a.as_of.type)).where(a.patient_id == patient)
        ).scalar()
        lines = [f"{alert.title}: {alert.text}" for alert in alerts] or [spoken.say("out.no_alert")]
        authority = self.site.settings().patient_number_authority
        return CourseOut(
            out_id=self._out_id("course", authority, patient),
            patient_id=patient,
            authority=authority,
            judged_at=judged_at or at,
            title=spoken.say("out.course"),
            lines=lines,
            is_first=is_first,
        )


def _sent(target: Target, made: _Made, site: Site) -> str | None:
    from cmvmon.shell.outgoing.out_sending import send  # a site that sends nothing loads no TLS

    return send(target, made.data, kind=made.kind, name=made.name, site=site.root)


def _channel(target: str) -> str:
    """The channel of the outbox under which a target stands: none of notify.toml is called so."""
    return f"out:{target}"
