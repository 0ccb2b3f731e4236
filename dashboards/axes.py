"""Where things stand in the patient's figure: the window of time, its ticks, and the log axis that every panel shares."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from cmvmon.dashboards.facts import Point
from cmvmon.domain import words
from cmvmon.text import Language

# Layout, not policy: how much of a long history one A4 panel can show, and the decades that every patient's panel has.
WINDOW = timedelta(days=120)
_SHORTEST = timedelta(days=6)
_LOWEST_DECADE, _HIGHEST_DECADE = 1, 7
_LANE_DECADES = 1.3  # height of the lane below the axis, for "not detected"
_MOST_TICKS = 5
_STEPS_DAYS = (1, 2, 7, 14, 28, 56, 112)


@dataclass(frozen=True)
class Window:
    """The stretch of time that the figure shows; `end` lies a little after `as_of`, so that running bars run on."""

    start: datetime
    as_of: datetime
    end: datetime
    time_zone: str
    _written: dict[datetime, str] = field(default_factory=dict, init=False, compare=False, repr=False)

    def x(self, moment: datetime) -> str:
        """A moment as the axis takes it: local wall time, kept within the window."""
        found = self._written.get(moment)
        if found is None:
            found = self._written[moment] = _wall_time(min(max(moment, self.start), self.end), self.time_zone)
        return found


@lru_cache(maxsize=16_384)  # a figure is drawn in two sizes and in each language
def _wall_time(moment: datetime, time_zone: str) -> str:
    return moment.astimezone(ZoneInfo(time_zone)).replace(tzinfo=None).isoformat(timespec="seconds")


def window(shown: list[Point], starts: list[datetime], as_of: datetime, time_zone: str) -> Window:
    """From the first of the latest results (and what began then) to just after `as_of`."""
    moments = [point.row["collected_at"] for point in shown]
    earliest = (max(moments) if moments else as_of) - WINDOW
    first = min([m for m in (*moments, *starts) if m >= earliest], default=as_of)
    first = min(first, as_of - _SHORTEST)
    pad = (as_of - first) * 0.05
    return Window(first - pad, as_of, as_of + pad, time_zone)


def time_ticks(shown: Window, language: Language) -> tuple[list[str], list[str]]:
    """Local midnights and their dates, at most six; the year stands under the first and where it changes."""
    zone = ZoneInfo(shown.time_zone)
    days = (shown.end - shown.start) / timedelta(days=1)
    step = next((s for s in _STEPS_DAYS if days / s <= _MOST_TICKS), math.ceil(days / _MOST_TICKS))
    day = shown.start.astimezone(zone).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=1)
    values, texts, year = [], [], None
    while day <= shown.end:
        text = language.short_date(day, shown.time_zone)
        values.append(day.strftime("%Y-%m-%dT%H:%M:%S"))
        texts.append(text if day.year == year else f"{text}<br>{day.year}")
        year, day = day.year, day + timedelta(days=step)
    return values, texts


@dataclass(frozen=True)
class LogAxis:
    """The axis of load: whole decades in IU/mL, and a lane below them for what was not detected."""

    lowest: int
    highest: int

    @property
    def lane(self) -> float:
        """The height at which "not detected" is drawn; it is a place on the page, not a load."""
        return float(10 ** (self.lowest - _LANE_DECADES / 2))

    @property
    def range(self) -> list[float]:
        return [self.lowest - _LANE_DECADES, self.highest + 0.35]

    def ticks(self, language: Language, every: int = 1) -> tuple[list[float], list[str]]:
        """Loads at every so many decades, and the words of the lane: on two lines where numbers stand close beside it."""
        decades = range(self.lowest + 1, self.highest + 1, every)
        nothing = language.say("figure.not_detected")
        return (
            [self.lane, *(float(10**d) for d in decades)],
            [nothing if every == 1 else nothing.replace("<br>", " "), *(language.load(float(10**d)) for d in decades)],
        )


def log_axis(shown: list[Point], lines: list[float]) -> LogAxis:
    """The same decades for all panels and patients, unless a load, limit or line lies outside them."""
    loads = [p.row["viral_load_iu_per_ml"] for p in shown if p.row["detection"] == words.QUANTIFIED]
    limits = [x for p in shown for x in (p.row["lloq_iu_per_ml"], p.limit) if x]
    logs = [math.log10(x) for x in (*loads, *limits, *lines)]
    return LogAxis(
        min([_LOWEST_DECADE, *(math.floor(x) for x in logs)]), max([_HIGHEST_DECADE, *(math.ceil(x) for x in logs)])
    )
