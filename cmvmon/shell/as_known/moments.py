"""The moments at which a site was judged, as its store tells them: when, whom, under what; and what people said meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from cmvmon.episodes import CLOSED, OPEN, SYSTEM
from cmvmon.shell.alerts.alert_events import began_so
from cmvmon.shell.alerts.alert_history import standing_at
from cmvmon.shell.rows.schema import ALERT_EVENTS, ASSESSED_PATIENTS, ASSESSMENTS, DELIVERIES

EVERYBODY = "all"  # the scope of a night


@dataclass(frozen=True)
class Moment:
    """One moment that is judged. `patients`: whom, after a delivery; None = everybody, as in a night.

    `protocol_hash`, `code_version`: under what it was judged; None where it never was.
    """

    as_of: datetime
    method: str
    patients: frozenset[str] | None = None
    protocol_hash: str | None = None
    code_version: str | None = None


def recorded_moments(connection: sa.Connection, since: datetime, until: datetime) -> list[Moment]:
    """Every moment from `since` until before `until` at which anybody was judged and recorded, in order."""
    c = ASSESSMENTS.c
    query = sa.select(c.as_of, c.scope, c.method, c.protocol_hash, c.code_version)
    rows = connection.execute(query.where(c.as_of >= since, c.as_of < until).order_by(c.as_of, c.scope)).all()
    found = []
    for as_of, group in groupby(rows, key=lambda row: row.as_of):
        judgings = list(group)
        night = next((row for row in judgings if row.scope == EVERYBODY), None)
        row = night or judgings[0]
        whom = None if night is not None else _judged_at(connection, as_of)
        found.append(Moment(as_of, row.method, whom, row.protocol_hash, row.code_version))
    return found


def met_before(connection: sa.Connection, moment: datetime) -> list[dict[str, Any]]:
    """Of each alert about a patient that stood open before `moment`, or had been closed, the last event, oldest alerts first."""
    rows = standing_at(connection, moment, is_before=True)
    of_patients = [row for row in rows if row["state"] in (OPEN, CLOSED) and row["patient_id"]]
    return sorted(of_patients, key=lambda row: (row["opened_at"], row["changed_at"]))


def stood_again_by(connection: sa.Connection, moment: datetime) -> frozenset[str]:
    """Alerts that had begun by `moment`, or begun anew, with one of `words.STANDS_AGAIN`."""
    query = sa.select(ALERT_EVENTS.c.alert_id).where(began_so(), ALERT_EVENTS.c.changed_at <= moment)
    return frozenset(connection.execute(query).scalars())


def said_by_people(connection: sa.Connection, since: datetime, until: datetime) -> Iterator[dict[str, Any]]:
    """What people said of alerts about patients in that time, as `alert_events` rows, in order."""
    e = ALERT_EVENTS.c
    query = sa.select(ALERT_EVENTS).where(
        e.actor != SYSTEM, e.patient_id.is_not(None), e.changed_at >= since, e.changed_at < until
    )
    return (dict(row) for row in connection.execute(query.order_by(e.changed_at, e.alert_id, e.sequence)).mappings())


def n_of_history_after(connection: sa.Connection, since: datetime) -> int:
    """How many deliveries of history landed at that moment or later: what they tell counts as known since they say."""
    d = DELIVERIES.c
    query = sa.select(sa.func.count(sa.distinct(d.delivery_id))).where(d.is_history, d.landed_at >= since)
    return int(connection.execute(query).scalar_one())


def _judged_at(connection: sa.Connection, as_of: datetime) -> frozenset[str]:
    c = ASSESSED_PATIENTS.c
    return frozenset(connection.execute(sa.select(c.patient_id).where(c.as_of == as_of)).scalars())
