"""Alerts in the store: what `cmvmon.episodes` decides is read from rows and appended as rows."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import sqlalchemy as sa

from cmvmon import episodes
from cmvmon.domain import words
from cmvmon.domain.alert_order import as_listed
from cmvmon.domain.subjects import subject_text
from cmvmon.episodes import CLOSED, OPEN, Word, subject_of
from cmvmon.shell import dialects
from cmvmon.shell.alerts.alert_decisions import decided, word_of
from cmvmon.shell.alerts.alert_ends import Ends
from cmvmon.shell.alerts.alert_events import said_before, stand_again
from cmvmon.shell.alerts.not_lost import TAKEN_BACK
from cmvmon.shell.rows.schema import ALERT_EVENTS, ASSESSED_PATIENTS, ASSESSMENTS, OPEN_ALERTS
from cmvmon.shell.rows.stamp import Stamp

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Changes:
    """How many alerts an assessment opened, reopened, updated, resolved and closed: counts only.

    `is_replay`: of every patient a later moment is recorded, so nothing was.
    """

    opened: int = 0
    updated: int = 0
    resolved: int = 0
    closed: int = 0
    is_replay: bool = False
    reopened: int = 0


def alerts(connection: sa.Connection, *, states: Collection[str] | None = None) -> list[dict[str, Any]]:
    """Every alert as it stands (or those in these states), as `alerts` rows, by tier, age and identity."""
    e = ALERT_EVENTS.c
    query = last_events()
    if states is not None and set(states) == {OPEN}:
        query = query.where(e.alert_id.in_(sa.select(OPEN_ALERTS.c.alert_id)))
    elif states is not None:
        query = query.where(e.state.in_(sorted(states)))
    rows = connection.execute(query).mappings().all()
    return sorted((dict(row) for row in rows), key=as_listed)


def alerts_of(connection: sa.Connection, ids: Collection[str]) -> list[dict[str, Any]]:
    """These alerts as they stand, as `alerts` gives them."""
    rows = connection.execute(last_events().where(ALERT_EVENTS.c.alert_id.in_(sorted(ids)))).mappings()
    return sorted((dict(row) for row in rows), key=as_listed)


def last_hash(connection: sa.Connection) -> str | None:
    """The content of the policy by which the latest moment was judged; None: nothing was judged."""
    c = ASSESSMENTS.c
    found: str | None = connection.execute(sa.select(c.protocol_hash).order_by(c.as_of.desc()).limit(1)).scalar()
    return found


def last_as_of(connection: sa.Connection, *, scope: str | None = None) -> datetime | None:
    """The latest moment that was assessed and recorded; with `scope`, in an assessment of that scope (`all`: a night's)."""
    query = sa.select(sa.func.max(ASSESSMENTS.c.as_of))
    return connection.execute(query if scope is None else query.where(ASSESSMENTS.c.scope == scope)).scalar()


def was_assessed(connection: sa.Connection, as_of: datetime) -> bool:
    """Whether an assessment had been recorded by that moment."""
    return (
        connection.execute(sa.select(ASSESSMENTS.c.as_of).where(ASSESSMENTS.c.as_of <= as_of).limit(1)).first()
        is not None
    )


def n_assessments_since(connection: sa.Connection, as_of: datetime) -> int:
    """How many assessments were recorded of that moment and of later ones."""
    query = sa.select(sa.func.count()).select_from(ASSESSMENTS).where(ASSESSMENTS.c.as_of >= as_of)
    return int(connection.execute(query).scalar_one())


def is_judged_since(connection: sa.Connection, at: datetime, *, scope: str) -> bool:
    """Whether an assessment of a later moment was recorded, or one of that moment and scope."""
    c = ASSESSMENTS.c
    later = sa.or_(c.as_of > at, sa.and_(c.as_of == at, c.scope == scope))
    return connection.execute(sa.select(c.as_of).where(later).limit(1)).first() is not None


def record(
    connection: sa.Connection,
    verdicts: Iterable[Row],
    *,
    stamp: Stamp,
    scope: str,
    patients: Collection[str] | None,
    ends: Ends,
) -> tuple[Changes, frozenset[str]]:
    """Brings the alerts up to date with `verdicts`, and notes the assessment. The caller holds the transaction.

    Returns what changed, and the patients of whom a later moment is recorded: their later word stands.

    Args:
        scope: what was assessed, as a word without patient data (`all`, or a delivery's id).
        patients: whom the verdicts cover, after a delivery that touches them; None = everyone.
        ends: why an open alert ends that is not said again.
    """
    rows = list(verdicts)
    covered = None if patients is None else {*patients, *(row["patient_id"] for row in rows)}
    judged_at = _judged_at(connection, covered)
    mine = {row["patient_id"] for row in rows} if covered is None else covered
    late = frozenset(p for p in mine if p in judged_at and stamp.as_of < judged_at[p])
    if covered is None and late == mine and any(stamp.as_of < moment for moment in judged_at.values()):
        return Changes(is_replay=True), late
    latest = _latest(connection, stamp.as_of - ends.met_within, covered)
    events = decided(
        latest,
        rows,
        ends,
        stamp=stamp,
        judged_at=judged_at,
        brings_news=patients is not None,
        said_before=partial(said_before, connection),
        stands_again=stand_again(connection),
    )
    _append(connection, events)
    events += end_snoozes(connection, at=stamp.as_of)
    if covered is None:
        _list_open(connection)
    _note_assessment(connection, rows, stamp, scope, mine - late)
    kinds = [event["event"] for event in events]
    opened, updated, resolved, closed, reopened = (
        kinds.count(kind) for kind in ("opened", "updated", "resolved", "closed", "reopened")
    )
    return Changes(opened, updated, resolved, closed, reopened=reopened), late


def record_operations(
    connection: sa.Connection, *, feed: str, evidence: str | None, stamp: Stamp, cause: str | None = None
) -> None:
    """Opens, updates or (evidence None; `cause`: why, as a code) resolves the alert about the work on one feed."""
    subject = subject_text("feed", {"feed": feed})
    verdict = {
        "rule": words.OPERATIONS,
        "subject_kind": "feed",
        "subject": subject,
        "verdict": words.CLEAR if evidence is None else words.ALERT,
        "tier": 1,
        "evidence": evidence,
    }
    e = ALERT_EVENTS.c
    query = _concerned(stamp.as_of).where(e.rule == words.OPERATIONS, e.subject == subject)
    latest = _open_or_latest(connection, query)
    event = episodes.event(verdict, latest, word_of(verdict, stamp, brings_news=True, befell=cause, latest=latest))
    _append(connection, [] if event is None else [event])


def answer(connection: sa.Connection, alert_id: str, word: Word) -> dict[str, Any] | None:
    """Records what a person says of that alert, and returns the event; None where it changes nothing.

    The caller holds the site and the transaction. Raises SiteError where it can't be said: episodes.TRANSITIONS.
    """
    latest = dict(connection.execute(last_events().where(ALERT_EVENTS.c.alert_id == alert_id)).mappings().one())
    event = episodes.event(latest, latest, word)
    _append(connection, [] if event is None else [event])
    return event


def put_back(connection: sa.Connection, event: Row) -> None:
    """Writes what a person had said of an alert into a store that is made again, as the last that is known of it."""
    _append(connection, [event])


def record_notified(connection: sa.Connection, alert_ids: Collection[str], *, at: datetime) -> int:
    """Records that somebody was told of these alerts, and returns how many were new. Twice is once; an ended one is left.

    For whoever sends messages: call it in the transaction that notes them as sent, holding the site.
    """
    found = (answer(connection, alert_id, Word(episodes.NOTIFY, at)) for alert_id in sorted(alert_ids))
    return sum(event is not None for event in found)


def end_snoozes(connection: sa.Connection, *, at: datetime) -> list[dict[str, Any]]:
    """Reopens every alert whose snooze is over at that moment, and returns the events. The caller holds the transaction."""
    e = ALERT_EVENTS.c
    open_ones = last_events(e.alert_id).where(e.alert_id.in_(sa.select(OPEN_ALERTS.c.alert_id)))
    over = connection.execute(open_ones.where(e.standing == words.SNOOZED, e.until <= at)).scalars().all()
    word = Word(episodes.SNOOZE_OVER, at, cause=words.SNOOZE_OVER)
    found = [answer(connection, alert_id, word) for alert_id in sorted(over)]
    return [event for event in found if event is not None]


def _append(connection: sa.Connection, events: Collection[Row]) -> None:
    """Adds the events, each the last of its alert, and brings the list of open alerts up to date with them."""
    if events:
        connection.execute(sa.insert(ALERT_EVENTS), list(events))
    opened = [{"alert_id": event["alert_id"]} for event in events if event["state"] == OPEN]
    if opened:
        connection.execute(dialects.of(connection).insert_new(OPEN_ALERTS), opened)
    ended = [event["alert_id"] for event in events if event["state"] != OPEN]
    if ended:
        connection.execute(sa.delete(OPEN_ALERTS).where(OPEN_ALERTS.c.alert_id.in_(ended)))


def _list_open(connection: sa.Connection) -> None:
    """The list of open alerts, made again from every event: each night it is what the events say, whatever it was."""
    by_events = set(
        connection.execute(last_events(ALERT_EVENTS.c.alert_id).where(ALERT_EVENTS.c.state == OPEN)).scalars()
    )
    listed = set(connection.execute(sa.select(OPEN_ALERTS.c.alert_id)).scalars())
    if by_events - listed:
        connection.execute(sa.insert(OPEN_ALERTS), [{"alert_id": name} for name in sorted(by_events - listed)])
    for name in sorted(listed - by_events):
        connection.execute(sa.delete(OPEN_ALERTS).where(OPEN_ALERTS.c.alert_id == name))


def last_events(*columns: sa.Column[Any]) -> sa.Select[Any]:
    """Asks for the last event of each alert, or these columns of it."""
    newer = ALERT_EVENTS.alias("newer")
    e = ALERT_EVENTS.c
    is_last = ~sa.exists().where(newer.c.alert_id == e.alert_id, newer.c.sequence > e.sequence)
    return sa.select(*(columns or (ALERT_EVENTS,))).where(is_last)


def _may_stand_again() -> sa.ColumnElement[bool]:
    """Closed by a death or a merge, which may be taken back however late, and the latest alert of its subject."""
    e, newer = ALERT_EVENTS.c, ALERT_EVENTS.alias("newer_alert")
    of_same = (newer.c.rule == e.rule, newer.c.subject == e.subject, newer.c.opened_at > e.opened_at)
    return sa.and_(
        e.state == CLOSED, e.cause.in_(TAKEN_BACK), e.tier.in_(words.TIERS[:-1]), ~sa.exists().where(*of_same)
    )


def _concerned(since: datetime) -> sa.Select[Any]:
    """Alerts that a word may meet: open ones, those that changed since then, and those that may stand again."""
    e = ALERT_EVENTS.c
    return last_events().where(sa.or_(e.state == OPEN, e.changed_at >= since, _may_stand_again()))


def _latest(
    connection: sa.Connection, since: datetime, patients: Collection[str] | None
) -> dict[tuple[Any, ...], dict[str, Any]]:
    """The latest alert of each subject of those patients that is open, or changed since then."""
    patient_id = ALERT_EVENTS.c.patient_id
    of_whom = patient_id.is_not(None) if patients is None else patient_id.in_(sorted(patients))
    return _by_subject(connection, _concerned(since).where(of_whom))


def _open_or_latest(connection: sa.Connection, query: sa.Select[Any]) -> dict[str, Any] | None:
    """Of the alerts of one subject the open one, which may be an earlier one where a word was taken back, or else the latest."""
    rows = (dict(row) for row in connection.execute(query).mappings())
    return max(rows, key=lambda row: (row["state"] == OPEN, row["opened_at"], row["changed_at"]), default=None)


def _by_subject(connection: sa.Connection, query: sa.Select[Any]) -> dict[tuple[Any, ...], dict[str, Any]]:
    rows = [dict(row) for row in connection.execute(query).mappings()]
    return {subject_of(row): row for row in sorted(rows, key=lambda row: (row["opened_at"], row["changed_at"]))}


def _judged_at(connection: sa.Connection, patients: Collection[str] | None) -> dict[str, datetime]:
    """The latest moment at which each patient was judged and recorded."""
    c = ASSESSED_PATIENTS.c
    query = sa.select(c.patient_id, sa.func.max(c.as_of)).group_by(c.patient_id)
    if patients is not None:
        query = query.where(c.patient_id.in_(sorted(patients)))
    return dict(connection.execute(query).tuples().all())


def _note_assessment(
    connection: sa.Connection, rows: Collection[Row], stamp: Stamp, scope: str, patients: Collection[str]
) -> None:
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in words.VERDICT}
    insert_new = dialects.of(connection).insert_new
    under = {
        name: getattr(stamp, name) for name in ("as_of", "method", "protocol_version", "protocol_hash", "code_version")
    }
    n_patients = len({row["patient_id"] for row in rows})
    connection.execute(insert_new(ASSESSMENTS), under | {"scope": scope, "patients": n_patients, **counts})
    if patients:
        judged = [{"patient_id": patient, "as_of": stamp.as_of} for patient in sorted(patients)]
        connection.execute(insert_new(ASSESSED_PATIENTS), judged)
