"""For which results a person had answered at a moment: what the judgement reads of the life of alerts, and all it reads of it."""

from __future__ import annotations

import json
from collections.abc import Collection
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.episodes import READ
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
    was_taken_back = sa.and_(e.event == "reopened", e.cause == words.BY_PERSON)
    query = (
        sa.select(e.alert_id, e.event, e.evidence)
        .where(e.changed_at <= as_of, sa.or_(e.event.in_(_ANSWERS), was_taken_back))
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
