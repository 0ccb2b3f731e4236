"""What the ward page says first: what became new, worse or resolved since yesterday, and which results were rewritten."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, time, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sa

from cmvmon.dashboards.happened import AlertChange, Lately, ResultChange
from cmvmon.domain import words
from cmvmon.domain.interval import reported_limit_iu_per_ml
from cmvmon.episodes import CLOSED, OPEN, OPENED, REOPENED, RESOLVED
from cmvmon.shell.as_known.lately import events_between, last_night_before, rewritten

# How long a patient's page goes on showing an alert that was resolved or closed.
ENDED_SHOWN_FOR = timedelta(days=7)

_ON_THE_LIST = words.TIERS[:-1]  # what is for information only is told on the patient's page
_KINDS = ("new", "worse", REOPENED, RESOLVED, CLOSED)
Row = Mapping[str, Any]


def lately(connection: sa.Connection, *, as_of: datetime, time_zone: str, since: datetime | None = None) -> Lately:
    """What happened since the last night of an earlier day of that zone; everything since then, where nights were missed.

    `since`: counted from that moment instead.
    """
    if since is None:
        zone = ZoneInfo(time_zone)
        today = datetime.combine(as_of.astimezone(zone).date(), time.min, zone)
        since = last_night_before(connection, today)
    if since is None:
        return Lately(None)
    events = events_between(connection, since, as_of)
    changes = [_change([*rows]) for _, rows in groupby(events, key=lambda row: row["alert_id"])]
    ordered = sorted((change for change in changes if change), key=_order)
    results = rewritten(connection, since, as_of).iter_rows(named=True)
    return Lately(since, tuple(ordered), tuple(_result(row) for row in results))


def _change(events: Collection[Row]) -> AlertChange | None:
    """What became of one alert; None where nothing did that belongs on a ward's list: who has left is on none."""
    first, *_, last = (*events, *events)
    tiers = {row["tier"] for row in events}
    kind = None
    if last["state"] != OPEN:
        kind = str(last["state"])
        tiers |= {first["tier_before"]} - {None}
    elif any(row["event"] == OPENED for row in events):
        kind, tiers = "new", {last["tier"]}
    elif first["tier_before"] is not None and last["tier"] < first["tier_before"]:
        kind, tiers = "worse", {last["tier"]}
    elif any(row["event"] == REOPENED for row in events):
        kind, tiers = REOPENED, {last["tier"]}
    if kind is None or not tiers & set(_ON_THE_LIST) or last["cause"] in (words.STAY_ENDED, words.DIED):
        return None
    names = ("patient_id", "rule", "compartment", "tier", "evidence", "cause")
    return AlertChange(kind, **{name: last[name] for name in names})


def _order(change: AlertChange) -> tuple[object, ...]:
    return (_KINDS.index(change.kind), change.tier, change.patient_id, change.rule, change.compartment or "")


def _result(row: Row) -> ResultChange:
    limit = reported_limit_iu_per_ml(row)
    names = ("patient_id", "fate", "compartment", "collected_at", "detection", "viral_load_iu_per_ml")
    return ResultChange(**{name: row[name] for name in names}, limit_iu_per_ml=limit)
