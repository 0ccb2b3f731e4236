"""How much the alerts ask of people: how many opened in each week, and how long until somebody acknowledged one. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

from cmvmon.domain import words
from cmvmon.episodes import OPEN, OPENED
from cmvmon.kinetics.numerics.cumulative_incidence import CumulativeIncidence, cumulative_incidence

N_WEEKS = 8
_HOUR = 3600.0
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Week:
    """Alerts about patients that opened in the seven local days from `first_day` on, by tier (1 to 3)."""

    first_day: date
    opened: tuple[int, int, int]


@dataclass(frozen=True)
class Workload:
    """Of the last weeks.

    Attributes:
        weeks: oldest first; the last one holds the local day of `as_of`.
        acknowledged: by tier (1, 2) the hours from opening to the first acknowledgement, of every alert that opened in those
            weeks. An alert that ended without one is a competing event; one that stands open without one is censored.
    """

    weeks: tuple[Week, ...]
    acknowledged: tuple[CumulativeIncidence, CumulativeIncidence]


# An acknowledgement that a merge, or its end, carried over: nobody answered then, and when somebody did counts under the other number.
_CARRIED = (words.TAKEN_OVER, words.MERGE_UNDONE)


def workload(events: Iterable[Row], *, as_of: datetime, time_zone: str) -> Workload:
    """From the rows of `alert_events` about patients, in any order."""
    zone = ZoneInfo(time_zone)
    today = as_of.astimezone(zone).date()
    days = [today - timedelta(days=7 * back + 6) for back in reversed(range(N_WEEKS))]
    starts = [datetime.combine(day, time.min, zone) for day in days]
    ordered = sorted(events, key=lambda row: (row["alert_id"], row["sequence"]))
    alerts = [[*rows] for _, rows in groupby(ordered, key=lambda row: row["alert_id"])]
    lately = [
        rows
        for rows in alerts
        if rows[0]["event"] == OPENED and rows[0]["patient_id"] and starts[0] <= rows[0]["opened_at"] <= as_of
    ]
    opened = [[0, 0, 0] for _ in days]
    for rows in lately:
        place = sum(rows[0]["opened_at"] >= start for start in starts) - 1
        opened[place][rows[0]["tier"] - 1] += 1
    weeks = tuple(Week(day, (n[0], n[1], n[2])) for day, n in zip(days, opened, strict=True))
    return Workload(weeks, (_answered(lately, 1, as_of), _answered(lately, 2, as_of)))


def _answered(alerts: Iterable[list[Row]], tier: int, as_of: datetime) -> CumulativeIncidence:
    hours, causes = [], []
    for rows in alerts:
        if rows[0]["tier"] != tier or any(
            row["event"] == words.ACKNOWLEDGED and row.get("cause") in _CARRIED for row in rows
        ):
            continue
        until = [row for row in rows if row["changed_at"] <= as_of]
        first = next((row for row in until if row["standing"] == words.ACKNOWLEDGED), None)
        ended = next((row for row in until if row["state"] != OPEN), None)
        if first is not None and (ended is None or first["sequence"] < ended["sequence"]):
            end, cause = first["changed_at"], 1
        elif ended is not None:
            end, cause = ended["changed_at"], 2
        else:
            end, cause = as_of, 0
        # One that is answered in the moment in which it opens counts as answered at once.
        hours.append(max((end - rows[0]["opened_at"]).total_seconds(), 1.0) / _HOUR)
        causes.append(cause)
    left = np.array(hours, dtype=np.float64)
    return cumulative_incidence(np.zeros(len(left)), left, np.array(causes, dtype=np.int64))
