"""What the judgement reads of the life of alerts, and all it reads of it: for which results a person had answered at a moment, and
which laboratories had confirmed theirs."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.episodes import READ
from cmvmon.shell.alerts.work_facts import each_fact, moved_of
from cmvmon.shell.rows.schema import ALERT_EVENTS

_ANSWERS = (words.ACKNOWLEDGED, READ)


def answered_results(
    connection: sa.Connection, *, as_of: datetime, patients: Collection[str] | None = None
) -> pl.DataFrame:
    """The `result_id` of every result under an alert that was acknowledged or read back by `as_of`, each once.

    Those under an answer that somebody took back are not among them. A snooze is no answer for a result. `patients`: only
    those under alerts about these numbers; whoever a result was of before must be among them (cmvmon.shell.taken_in.touched).
    """
    e = ALERT_EVENTS.c
    query = (
        sa.select(e.alert_id, e.event, e.evidence)
        .where(e.changed_at <= as_of, sa.or_(e.event.in_(_ANSWERS), _was_taken_back()))
        .order_by(e.alert_id, e.sequence)
    )
    if patients is not None:
        query = query.where(e.patient_id.in_(sorted(patients)))
    found: dict[str, set[str]] = {}
    for alert_id, event, evidence in connection.execute(query):
        if event in _ANSWERS:
            found.setdefault(alert_id, set()).update(json.loads(evidence).get("result_ids") or ())
        else:
            found.pop(alert_id, None)
    return pl.DataFrame({"result_id": sorted(set().union(*found.values()))}, schema={"result_id": pl.String})


def confirmed_by_laboratory(
    connection: sa.Connection, *, since: datetime, as_of: datetime
) -> Mapping[tuple[str, str, str], datetime]:
    """By laboratory, assay and way of what moved together, when a person last said, after `since` and by `as_of`, that the laboratory
    had confirmed these results. A word that was taken back by then is none."""
    e = ALERT_EVENTS.c
    confirmed = sa.and_(e.event == words.ACKNOWLEDGED, e.reason == words.RESULTS_CONFIRMED)
    query = (
        sa.select(e.alert_id, e.event, e.evidence, e.changed_at)
        .where(e.changed_at > since, e.changed_at <= as_of, e.rule == words.OPERATIONS)
        .where(sa.or_(confirmed, _was_taken_back()))
        .order_by(e.alert_id, e.sequence)
    )
    of_alert: dict[str, dict[tuple[str, str, str], datetime]] = {}
    for alert_id, event, evidence, at in connection.execute(query):
        moved = (moved_of(fact) for fact in each_fact(evidence))
        says = {(one.laboratory, one.assay, one.way): at for one in moved if one is not None}
        of_alert[alert_id] = of_alert.get(alert_id, {}) | says if event == words.ACKNOWLEDGED else {}
    found: dict[tuple[str, str, str], datetime] = {}
    for says in of_alert.values():
        found |= {of: max(at, found.get(of, at)) for of, at in says.items()}
    return found


def _was_taken_back() -> sa.ColumnElement[bool]:
    return sa.and_(ALERT_EVENTS.c.event == "reopened", ALERT_EVENTS.c.cause == words.BY_PERSON)
