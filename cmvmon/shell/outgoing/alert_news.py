"""Which alerts are news to a person, read from `alert_events`. The one place of telling that knows the events of alerts."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa

from cmvmon.domain import words
from cmvmon.episodes import OPENED, REOPENED
from cmvmon.shell.rows.schema import ALERT_EVENTS, OPEN_ALERTS

# The events after which somebody has to know of the alert as of a new one, and those that say that somebody does.
_NEWS = (OPENED, REOPENED)
_ANSWERS = (words.ACKNOWLEDGED, words.SNOOZED)


@dataclass(frozen=True)
class Standing:
    """One open alert as telling reads it.

    Attributes:
        transition: the event that made it news: its number.
        since: when that was.
        is_acknowledged: whether somebody has acknowledged or snoozed it since then.
        is_snoozed: whether it stands snoozed.
        patient_id: None for an alert about the work, whose `code` and `feed` are set instead.
    """

    alert_id: str
    transition: str
    rule: str
    tier: int
    since: datetime
    is_acknowledged: bool
    patient_id: str | None
    code: str | None = None
    feed: str | None = None
    is_snoozed: bool = False


def standing(connection: sa.Connection) -> list[Standing]:
    """Every alert that stands open, by its first event."""
    e = ALERT_EVENTS.c
    query = sa.select(ALERT_EVENTS).where(e.alert_id.in_(sa.select(OPEN_ALERTS.c.alert_id)))
    rows = [dict(row) for row in connection.execute(query.order_by(e.opened_at, e.alert_id, e.sequence)).mappings()]
    return [_standing([*events]) for _, events in groupby(rows, key=lambda row: row["alert_id"])]


def _standing(events: Sequence[Mapping[str, Any]]) -> Standing:
    """The alert of these events. More urgent than it was since it became news is news again; the same urgency again is not."""
    last, since, least, is_acknowledged = events[-1], events[0], events[0]["tier"], False
    for event in events:
        if event["event"] in _NEWS or event["tier"] < least:
            since, least, is_acknowledged = event, event["tier"], False
        elif event["event"] in _ANSWERS:
            is_acknowledged = True
    fact = json.loads(last["evidence"]) if last["rule"] == words.OPERATIONS else {}
    return Standing(
        alert_id=last["alert_id"],
        transition=str(since["sequence"]),
        rule=last["rule"],
        tier=last["tier"],
        since=since["changed_at"],
        is_acknowledged=is_acknowledged,
        patient_id=last["patient_id"],
        code=fact.get("code"),
        feed=fact.get("feed"),
        is_snoozed=last["standing"] == words.SNOOZED,
    )
