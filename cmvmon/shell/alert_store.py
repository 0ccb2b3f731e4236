"""Alerts in the store: one problem is one alert, updated in place by appending events, never fired twice.

An alert is keyed by rule, subject and episode: from the first `alert` verdict to the first `clear` after it.
`not_assessable` neither opens nor closes one. One whose subject is no longer judged is closed with that cause.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from cmvmon import __version__
from cmvmon.domain import words
from cmvmon.shell import dialects
from cmvmon.shell.schema import ALERT_EVENTS, ASSESSMENTS

_SUBJECT = ("rule", "patient_id", "compartment", "laboratory", "assay", "feed")
_FACTS = ("tier", "evidence", "protocol_version", "code_version")


@dataclass(frozen=True)
class Changes:
    """How many alerts an assessment opened, updated, resolved and closed. `is_replay`: it lay before the last one, so
    nothing was recorded."""

    opened: int = 0
    updated: int = 0
    resolved: int = 0
    closed: int = 0
    is_replay: bool = False


def alerts(connection: sa.Connection, *, states: Collection[str] | None = None) -> list[dict[str, Any]]:
    """Every alert as it stands, as `alerts` rows, by tier, age and identity."""
    e = ALERT_EVENTS.c
    last = sa.select(e.alert_id, sa.func.max(e.sequence).label("sequence")).group_by(e.alert_id).subquery()
    query = sa.select(ALERT_EVENTS).join(last, sa.and_(e.alert_id == last.c.alert_id, e.sequence == last.c.sequence))
    if states is not None:
        query = query.where(e.state.in_(sorted(states)))
    rows = connection.execute(query.order_by(e.tier, e.opened_at, e.alert_id)).mappings().all()
    return [dict(row) for row in rows]


def last_as_of(connection: sa.Connection) -> datetime | None:
    """The latest moment that was assessed and recorded."""
    text = connection.execute(sa.select(sa.func.max(ASSESSMENTS.c.as_of))).scalar()
    return text if text is None or isinstance(text, datetime) else None


def record(
    connection: sa.Connection,
    verdicts: Iterable[Mapping[str, Any]],
    *,
    as_of: datetime,
    scope: str,
    patients: Collection[str] | None,
    protocol_version: str,
    cause_of: Callable[[Mapping[str, Any]], str],
    discharged: Collection[str],
) -> Changes:
    """Brings the alerts up to date with `verdicts`, and notes the assessment. The caller holds the transaction.

    Args:
        scope: what was assessed, as a word without patient data (`all`, or a delivery's id).
        patients: whom the verdicts cover; None = everyone.
        cause_of: why the subject of an open alert is no longer judged.
        discharged: patients whose stay has ended: their alerts are closed (`stay_ended`) and none is opened.
    """
    latest = last_as_of(connection)
    if latest is not None and as_of < latest:
        return Changes(is_replay=True)
    rows = list(verdicts)
    covered = None if patients is None else set(patients)
    ever = {alert["alert_id"]: alert for alert in alerts(connection)}
    standing = {
        _subject(alert): alert
        for alert in ever.values()
        if alert["state"] == "open"
        and alert["patient_id"] is not None
        and (covered is None or alert["patient_id"] in covered)
    }
    events: list[dict[str, Any]] = []
    tally = {"opened": 0, "updated": 0, "resolved": 0, "closed": 0}
    judged = set()
    for verdict in rows:
        subject = _subject(verdict)
        judged.add(subject)
        event, kind = _change(standing.get(subject), verdict, as_of, protocol_version, discharged, ever)
        if event is not None:
            events.append(event)
            tally[kind] += 1
    for subject, alert in standing.items():
        if subject not in judged:
            cause = "stay_ended" if alert["patient_id"] in discharged else cause_of(alert)
            events.append(_next(alert, as_of, state="closed", cause=cause))
            tally["closed"] += 1
    if events:
        connection.execute(sa.insert(ALERT_EVENTS), events)
    _note_assessment(connection, rows, as_of, scope, protocol_version)
    return Changes(tally["opened"], tally["updated"], tally["resolved"], tally["closed"])


def record_operations(
    connection: sa.Connection, *, feed: str, evidence: str | None, as_of: datetime, protocol_version: str
) -> None:
    """Opens, updates or (evidence None) resolves the alert about the work on one feed."""
    ever = {a["alert_id"]: a for a in alerts(connection) if a["rule"] == words.OPERATIONS and a["feed"] == feed}
    standing = next((alert for alert in ever.values() if alert["state"] == "open"), None)
    verdict = {
        "rule": words.OPERATIONS,
        "feed": feed,
        "verdict": words.CLEAR if evidence is None else words.ALERT,
        "tier": 1,
        "evidence": evidence,
    }
    event, _ = _change(standing, verdict, as_of, protocol_version, (), ever)
    if event is not None:
        connection.execute(sa.insert(ALERT_EVENTS), event)


def _change(
    alert: Mapping[str, Any] | None,
    verdict: Mapping[str, Any],
    as_of: datetime,
    protocol_version: str,
    discharged: Collection[str],
    ever: Mapping[str, Mapping[str, Any]],
) -> tuple[dict[str, Any] | None, str]:
    """The event that this verdict brings about, and which kind it is; None where nothing changes."""
    if verdict.get("patient_id") in discharged and verdict.get("patient_id") is not None:
        return (None, "") if alert is None else (_next(alert, as_of, state="closed", cause="stay_ended"), "closed")
    if verdict["verdict"] == words.CLEAR and alert is not None:
        return _next(alert, as_of, state="resolved"), "resolved"
    if verdict["verdict"] != words.ALERT:
        return None, ""
    facts = {
        "tier": verdict["tier"],
        "evidence": verdict["evidence"],
        "protocol_version": protocol_version,
        "code_version": __version__,
    }
    if alert is None:
        first = _first(verdict, facts, as_of)
        again = ever.get(first["alert_id"])  # resolved and back within one moment: the same episode goes on
        return (first if again is None else _next(again, as_of, state="open") | facts), "opened"
    if all(alert[name] == facts[name] for name in _FACTS):
        return None, ""
    return _next(alert, as_of, state="open") | facts, "updated"


def _first(verdict: Mapping[str, Any], facts: Mapping[str, Any], as_of: datetime) -> dict[str, Any]:
    subject = {name: verdict.get(name) for name in _SUBJECT}
    identity = "|".join([*(str(subject[name] or "") for name in _SUBJECT), as_of.isoformat()])
    return {
        **subject,
        **facts,
        "alert_id": hashlib.sha256(identity.encode()).hexdigest()[:16],
        "sequence": 1,
        "state": "open",
        "opened_at": as_of,
        "changed_at": as_of,
        "cause": None,
    }


def _next(alert: Mapping[str, Any], as_of: datetime, *, state: str, cause: str | None = None) -> dict[str, Any]:
    return {**alert, "sequence": alert["sequence"] + 1, "state": state, "changed_at": as_of, "cause": cause}


def _subject(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(row.get(name) for name in _SUBJECT)


def _note_assessment(
    connection: sa.Connection, rows: Collection[Mapping[str, Any]], as_of: datetime, scope: str, protocol_version: str
) -> None:
    counts = {verdict: sum(row["verdict"] == verdict for row in rows) for verdict in words.VERDICT}
    connection.execute(
        dialects.of(connection).insert_new(ASSESSMENTS),
        {
            "as_of": as_of,
            "scope": scope,
            "protocol_version": protocol_version,
            "code_version": __version__,
            "patients": len({row["patient_id"] for row in rows}),
            **counts,
        },
    )
