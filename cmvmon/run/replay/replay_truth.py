"""Alerts of a simulated ward held against what its loads truly did, by type of course: sensitivity, delay, false alarms.

What is held against what:
- An alert about a load is one of tier 1 or 2 whose subject is a series. It counts from the moment at which it had such a tier, and
  is judged where that was under treatment.
- A series has a *true event* from its onset on: of a non-responder the first dose; of a load that rises after a fall, and of one
  that rises after its drug was stopped, the day on which that rise begins. Of a slow responder it is not said whether
  somebody should have been told, so what it alerts is shown and judged neither way.
- A true event is found by an alert of its patient and compartment that comes at its onset or later; the delay counts from the
  onset. One that stood open before (of an untreated load, or a false alarm) has not found it.
- Any other alert of a judged series is a false alarm. What comes after a drug was stopped, where no rise followed, is judged
  neither way: truth tells what loads did, and such an alert may be about treatment.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from statistics import median
from typing import Any

import polars as pl

from cmvmon.domain.errors import SiteError
from cmvmon.run.replay.replay_ledger import Told
from cmvmon.run.replay.replay_report import per_week, share
from cmvmon.run.replay.replaying import Replayed, Side

RISES_LATER = ", rises later"
_NOT_JUDGED = "slow"
_NEEDED = (
    "patient_id",
    "compartment",
    "class",
    "anchor_at",
    "late_from_days",
    "late_decline_log10_per_week",
    "drug_change",
    "drug_changed_days",
    "decline_after_change_log10_per_week",
)


@dataclass(frozen=True)
class Course:
    """What one series truly did. `onset`: None = no true event. `judged_until`: from then on an alert is judged neither way."""

    patient_id: str
    compartment: str
    name: str
    anchor: datetime
    onset: datetime | None
    judged_until: datetime | None

    @property
    def is_judged(self) -> bool:
        """Whether an alert before an onset is a false alarm."""
        return self.name != _NOT_JUDGED


def read_truth(path: Path) -> list[Course]:
    """The courses of a `truth.parquet`. Raises SiteError for a file that is none."""
    try:
        frame = pl.read_parquet(path)
    except (OSError, pl.exceptions.PolarsError) as error:
        raise SiteError(
            f"--truth {path.name} can't be read as Parquet; name the truth.parquet of `simulate`"
        ) from error
    lacking = [name for name in _NEEDED if name not in frame.columns]
    if lacking:
        raise SiteError(f"--truth {path.name} lacks {', '.join(lacking)}; name the truth.parquet of `simulate`")
    return [_course(row) for row in frame.select(_NEEDED).iter_rows(named=True)]


def _course(row: dict[str, Any]) -> Course:
    anchor = row["anchor_at"]
    late, changed = (
        None if row[name] is None else anchor + timedelta(days=row[name])
        for name in ("late_from_days", "drug_changed_days")
    )
    stopped = changed if row["drug_change"] == "stopped" else None
    rises = [
        moment
        for moment, decline in (
            (late, row["late_decline_log10_per_week"]),
            (stopped, row["decline_after_change_log10_per_week"]),
        )
        if moment is not None and decline is not None and decline < 0.0
    ]
    name = str(row["class"])
    onset = anchor if name == "non_responder" else min(rises, default=None)
    if onset is not None and name not in ("non_responder", "rebound"):
        name += RISES_LATER
    return Course(row["patient_id"], row["compartment"], name, anchor, onset, None if onset else stopped)


def against_truth(side: Side, courses: Collection[Course], done: Replayed) -> dict[str, Any]:
    """What the alerts of one policy come to: false alarms per patient-week, and a row for each course and compartment."""
    about: dict[tuple[str, str | None], list[tuple[datetime, Told]]] = {}
    for told in side.told:
        if told.subject_kind == "series" and told.listed_at is not None:
            about.setdefault((told.patient_id, told.compartment), []).append((told.listed_at, told))
    seen = [
        Series(one, tuple(about.get((one.patient_id, one.compartment), ()))) for one in courses if _was_seen(one, done)
    ]
    false = [told for one in seen for told in one.false_alarms]
    groups = sorted({(one.course.name, one.course.compartment) for one in seen})
    return {
        "n_judged": sum(len(one.judged) for one in seen),
        "n_false": len(false),
        "false_alarms": per_week(false, done.patient_days),
        "by_course": [
            _row(*group, [one for one in seen if (one.course.name, one.course.compartment) == group])
            for group in groups
        ],
    }


@dataclass(frozen=True)
class Series:
    """One series, what it truly did, and the alerts about it, each with the moment at which it came on the list."""

    course: Course
    told: tuple[tuple[datetime, Told], ...]

    @property
    def judged(self) -> list[tuple[datetime, Told]]:
        """Alerts that are either of a true event or false."""
        if not self.course.is_judged:
            return []
        begins, until = self.course.anchor, self.course.judged_until
        return [(at, one) for at, one in self.told if begins <= at and (until is None or at < until)]

    @property
    def false_alarms(self) -> list[Told]:
        """Those that came before any true event."""
        onset = self.course.onset
        return [one for at, one in self.judged if onset is None or at < onset]

    @property
    def delay_days(self) -> float | None:
        """Days from the onset to the first alert that comes then or later; of a slow responder from the first dose.

        None = there is no event, or nobody was told of it.
        """
        begins = self.course.onset if self.course.is_judged else self.course.anchor
        found = [] if begins is None else [(at - begins) / timedelta(days=1) for at, _ in self.told if at >= begins]
        return min(found, default=None)


def _was_seen(one: Course, done: Replayed) -> bool:
    """Whether the patient was still there when the event began, or treatment where there is none."""
    last = done.last_days.get(one.patient_id)
    begins = one.anchor if one.onset is None else one.onset
    return last is not None and begins.date() <= last


def _row(name: str, compartment: str, seen: Collection[Series]) -> dict[str, Any]:
    """`alerted`: series whose true event was found; of courses without one, series with a false alarm."""
    delays = [one.delay_days for one in seen if one.delay_days is not None]
    is_judged = name != _NOT_JUDGED
    has_event = any(one.course.onset is not None for one in seen)
    n = sum(bool(one.false_alarms) for one in seen) if is_judged and not has_event else len(delays)
    return {
        "class": name,
        "compartment": compartment,
        "has_event": has_event,
        "series": len(seen),
        "alerted": share(n, len(seen)),
        "median_delay_days": median(delays) if delays else None,
        "false_alarms": sum(len(one.false_alarms) for one in seen) if is_judged else None,
    }
