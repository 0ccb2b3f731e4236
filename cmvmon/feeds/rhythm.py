"""How often a table of a feed comes, as its file declares it (`[delivered_every]`), and whether it still does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

from cmvmon.feeds.toml_reading import StrictTable

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_NO_TIME = timedelta(0)


@dataclass(frozen=True)
class Rhythm:
    """What is agreed: no more than so many hours between two deliveries.

    Attributes:
        hours: hours of the days outside `days` do not count.
        days: the weekdays that count, 0 = Monday; at least one.
        zone: where those days begin and end; None = the file states none.
    """

    hours: float
    days: frozenset[int]
    zone: ZoneInfo | None

    def is_kept(self, last: datetime, *, as_of: datetime, site_zone: ZoneInfo) -> bool:
        """Whether `as_of` is no more than the agreed hours after the last delivery. `site_zone`: where the file states none.

        >>> workdays = Rhythm(24, frozenset(range(5)), ZoneInfo("Europe/Amsterdam"))
        >>> friday, monday = datetime(2026, 3, 6, 7, tzinfo=UTC), datetime(2026, 3, 9, 7, tzinfo=UTC)
        >>> workdays.is_kept(friday, as_of=monday, site_zone=ZoneInfo("UTC"))
        True
        """
        agreed, counted = timedelta(hours=self.hours), _NO_TIME
        zone = self.zone or site_zone
        begins = last.astimezone(UTC)
        while begins < as_of and counted <= agreed:  # ends: no week is without a day that counts
            day = begins.astimezone(zone).date()
            ends = min(datetime.combine(day + timedelta(days=1), time(), zone).astimezone(UTC), as_of.astimezone(UTC))
            if day.weekday() in self.days:
                counted += ends - begins
            begins = ends
        return counted <= agreed


def read_rhythm(parent: StrictTable, zone: ZoneInfo | None) -> Rhythm | None:
    """`[delivered_every]` of that table; None where it is absent, or a fault of `parent`."""
    table = parent.table("delivered_every")
    hours = table.number("hours", required="delivered_every" in parent.data, at_most=8760.0)
    named = table.texts("days")
    for name in named:
        if name not in DAYS:
            table.fault("days", f"holds {name!r}, which is none of {', '.join(DAYS)}; use these")
    table.finish()
    days = frozenset(DAYS.index(name) for name in named if name in DAYS) or frozenset(range(len(DAYS)))
    return None if hours is None else Rhythm(hours, days, zone)
