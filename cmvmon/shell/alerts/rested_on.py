"""What rested on a result that was taken back, out of the store: alerts, who had spoken of them, how often it was judged."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime

import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.domain.rested import RestedAlert, Said
from cmvmon.episodes import READ, UNREACHED
from cmvmon.shell.rows.schema import ALERT_EVENTS, ASSESSED_PATIENTS

SAID_BY_PERSONS = (words.SEEN, words.ACKNOWLEDGED, words.SNOOZED, READ, UNREACHED)


def alerts_on(connection: sa.Connection, result_id: str, *, numbers: Collection[str]) -> tuple[RestedAlert, ...]:
    """The alerts under these numbers of one patient that ever rested on the result, by their opening.

    Whoever spoke of an alert before it rested on the result, or after it no longer did, had not spoken of the result.
    """
    e = ALERT_EVENTS.c
    query = sa.select(ALERT_EVENTS).where(e.patient_id.in_(sorted(numbers)))
    found: dict[str, RestedAlert] = {}
    for row in connection.execute(query.order_by(e.opened_at, e.alert_id, e.sequence)):
        if result_id not in (json.loads(row.evidence).get("result_ids") or ()):
            continue
        before = found.get(row.alert_id)
        one = before or RestedAlert(row.alert_id, row.rule, row.tier, row.opened_at, row.evidence)
        said = (Said(row.event, row.actor, row.changed_at, row.recipient),) if row.event in SAID_BY_PERSONS else ()
        found[row.alert_id] = replace(one, tier=min(one.tier, row.tier), evidence=row.evidence, said=(*one.said, *said))
    return tuple(found.values())


def n_judged(connection: sa.Connection, *, numbers: Collection[str], since: datetime, until: datetime) -> int:
    """How many assessments of the patient lie from `since` on and before `until`."""
    c = ASSESSED_PATIENTS.c
    lies = (c.patient_id.in_(sorted(numbers)), c.as_of >= since, c.as_of < until)
    return int(connection.execute(sa.select(sa.func.count(c.as_of.distinct())).where(*lies)).scalar_one())
