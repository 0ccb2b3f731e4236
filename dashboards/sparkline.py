"""The course of one compartment as a small static drawing: the same weeks and the same decades for every patient.

Shapes as on the patient's page: a filled circle is a load, an open triangle down lies at the quantification limit, an open square
in a lane of its own is not detected, a triangle up lies at the upper limit. Where a limit is not known its triangle lies at the
edge of the scale on that side. Words beside it say the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cmvmon.dashboards.row_views import CoursePoint
from cmvmon.domain import words

WEEKS = 8
WIDTH, HEIGHT = 112, 38
_LOWEST, _HIGHEST = 1.0, 7.0  # decades of IU/mL; a load beyond them is drawn at the edge
_TOP, _FOOT, _LANE, _SIDE, _MARK = 4.0, 30.0, 35.0, 4.0, 2.4


@lru_cache(maxsize=16)  # asked for every row of a page
def shown_from(as_of: datetime, time_zone: str) -> tuple[datetime, datetime]:
    """The weeks that every drawing of that day shows: until the end of the day of `as_of` in that zone."""
    zone = ZoneInfo(time_zone)
    end = datetime.combine(as_of.astimezone(zone).date() + timedelta(days=1), time.min, zone)
    return end - timedelta(weeks=WEEKS), end


def recent(course: Sequence[CoursePoint], as_of: datetime, time_zone: str) -> tuple[CoursePoint, ...]:
    """The results that are drawn."""
    # In UTC, as results are: moments of two zones are compared many times as slowly.
    start, end = (moment.astimezone(UTC) for moment in shown_from(as_of, time_zone))
    return tuple(point for point in course if start <= point.collected_at < end)


@lru_cache(maxsize=4096)  # the same for both languages, and for every refresh of a day
def drawing(
    points: tuple[CoursePoint, ...], start: datetime, end: datetime, line_iu_per_ml: float | None, gap_days: float
) -> str:
    """What stands inside the `svg` element: limits first, the line that joins loads, marks on top. Numbers only, no text.

    Args:
        points: by time of collection, all within `start` and `end`.
        line_iu_per_ml: a line across the whole drawing; None: none.
        gap_days: two loads further apart than this are not joined.
    """
    x = {point.collected_at: _x(point.collected_at, start, end) for point in points}
    parts = [f'<path class="axis" d="M0 {_FOOT:g}H{WIDTH}"/>']
    if line_iu_per_ml:
        parts.append(f'<path class="target" d="M0 {_y(line_iu_per_ml)}H{WIDTH}"/>')
    parts += [f'<path class="lloq" d="{d}"/>' for d in [_limits(points, x)] if d]
    parts += [f'<path class="run" d="{d}"/>' for d in [_runs(points, x, timedelta(days=gap_days))] if d]
    return "".join((*parts, *(_mark(point, x[point.collected_at]) for point in points)))


def _x(moment: datetime, start: datetime, end: datetime) -> str:
    return f"{_SIDE + (WIDTH - 2 * _SIDE) * ((moment - start) / (end - start)):.1f}"


def _y(iu_per_ml: float) -> str:
    share = (min(max(math.log10(iu_per_ml), _LOWEST), _HIGHEST) - _LOWEST) / (_HIGHEST - _LOWEST)
    return f"{_FOOT - (_FOOT - _TOP) * share:.1f}"


def _limits(points: Sequence[CoursePoint], x: dict[datetime, str]) -> str:
    """The quantification limit, stepped where it changes; nothing where it is not known."""
    known = [(x[p.collected_at], _y(p.lloq_iu_per_ml)) for p in points if p.lloq_iu_per_ml]
    if not known:
        return ""
    return f"M0 {known[0][1]}" + "".join(f"H{at}V{height}" for at, height in known[1:]) + f"H{WIDTH}"


def _runs(points: Sequence[CoursePoint], x: dict[datetime, str], gap: timedelta) -> str:
    """Lines between neighbouring loads of one series."""
    path, before = [], None
    for point in points:
        is_load = point.detection == words.QUANTIFIED and bool(point.viral_load_iu_per_ml)
        place = f"{x[point.collected_at]} {_y(point.viral_load_iu_per_ml or 1.0)}"
        is_joined = (
            before is not None and point.series == before.series and point.collected_at - before.collected_at <= gap
        )
        if is_load:
            path.append(f"{'L' if is_joined else 'M'}{place}")
        before = point if is_load else None
    return "".join(path)


def _mark(point: CoursePoint, x: str) -> str:
    """Each state its own shape; a limit that is not known lies at the edge of the scale on its side."""
    if point.detection == words.NOT_DETECTED:
        return f'<rect class="open" x="{float(x) - 2.2:.1f}" y="{_LANE - 2.2:.1f}" width="4.4" height="4.4"/>'
    if point.detection == words.BELOW_LLOQ:
        y = float(_y(point.limit_iu_per_ml or 10**_LOWEST))
        return f'<path class="open" d="M{float(x) - 3:.1f} {y - 2:.1f}h6l-3 5z"/>'
    if point.detection == words.ABOVE_ULOQ:
        y = float(_y(point.limit_iu_per_ml or 10**_HIGHEST))
        return f'<path d="M{float(x) - 3:.1f} {y + 2:.1f}h6l-3 -5z"/>'
    return f'<circle cx="{x}" cy="{_y(point.viral_load_iu_per_ml or 1.0)}" r="{_MARK}"/>'  # a quantified result has its load
