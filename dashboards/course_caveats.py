"""What stands out in the rows of antiviral drugs: two of one drug at the same time, an amount that reads as another unit, a reason
for stopping without a stop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby, pairwise
from operator import itemgetter

from cmvmon.dashboards.rows import Row, rows_by, rows_of
from cmvmon.dashboards.views import PatientView
from cmvmon.domain.dose_amounts import looks_like_another_unit
from cmvmon.text import Language


def course_caveats(view: PatientView, language: Language) -> list[str]:
    """One line for each. Both rows are used as they came: nothing is converted, and nothing is left out."""
    if view.courses is None:
        return []
    courses = rows_of(view.courses)
    return [
        *_overlapping(courses, view, language),
        *_in_another_unit(courses, view, language),
        *_reason_without_stop(courses, view, language),
    ]


def _overlapping(courses: Sequence[Row], view: PatientView, language: Language) -> Iterator[str]:
    """Of one drug by one route: a row that begins before an earlier one has ended."""
    ordered = rows_by(courses, "drug", "route", "started_at")
    for (drug, _), rows in groupby(ordered, itemgetter("drug", "route")):
        running = None  # the row of those so far that ends last
        for earlier, later in pairwise(rows):
            running = earlier if running is None or _ends_after(earlier, running) else running
            if running["stopped_at"] is None or running["stopped_at"] > later["started_at"]:
                since = language.date(later["started_at"], view.time_zone)
                yield language.say("caveat.courses_overlap", drug=drug, since=since)


def _ends_after(row: dict[str, object], other: dict[str, object]) -> bool:
    stop, last = row["stopped_at"], other["stopped_at"]
    return last is not None and (stop is None or stop > last)  # type: ignore[operator]


def _in_another_unit(courses: Sequence[Row], view: PatientView, language: Language) -> Iterator[str]:
    for row in rows_by(courses, "started_at", "drug"):
        if looks_like_another_unit(row["drug"], row["dose_mg"], row["dose_mg_per_kg"]):
            since = language.date(row["started_at"], view.time_zone)
            yield language.say("caveat.dose_unit", drug=row["drug"].capitalize(), since=since)


def _reason_without_stop(courses: Sequence[Row], view: PatientView, language: Language) -> Iterator[str]:
    """It may have been stopped, and it counts as running: a reason alone says neither when nor whether."""
    for row in rows_by(courses, "started_at", "drug"):
        if row["stopped_at"] is None and row["stop_reason"] is not None:
            since = language.date(row["started_at"], view.time_zone)
            yield language.say("caveat.reason_without_stop", drug=row["drug"].capitalize(), since=since)
