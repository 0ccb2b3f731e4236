"""How a moment is written: its day by the language, through Babel, once for all moments of that day; its time alike in every one."""

from __future__ import annotations

from datetime import UTC, date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

_TIME = "HH:mm"  # how the pattern of a date with its time ends


@lru_cache(maxsize=8192)
def written_moment(moment: datetime, pattern: str, time_zone: str, locale: str) -> str:
    """A moment in a zone by a CLDR pattern, as Babel writes it; one without a zone is UTC."""
    local = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(ZoneInfo(time_zone))
    if not pattern.endswith(_TIME):
        return _day(local.date(), pattern, locale)
    return f"{_day(local.date(), pattern.removesuffix(_TIME), locale)}{local.hour:02}:{local.minute:02}"


@lru_cache(maxsize=8192)  # a day has many moments
def _day(day: date, pattern: str, locale: str) -> str:
    from babel.dates import format_date

    written: str = format_date(day, pattern, locale=locale)
    return written
