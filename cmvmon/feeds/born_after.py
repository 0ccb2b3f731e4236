"""Whether a record says of its patient that it was born after the sample was collected: one of the two is of somebody else, or
typed wrong.

Rules of this file:
- Only what one record says of both is compared. What another message said of the patient contradicts no result.
- A date that can't be read, or stands for several, contradicts nothing; nothing of it leaves this module.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date, datetime
from zoneinfo import ZoneInfo

from cmvmon.domain.birth_dates import ZONES_DIFFER
from cmvmon.feeds.times import date_of

BORN_AFTER = "born_after_sample"
_OF_MESSAGES = re.compile(
    r"(?P<Y>[0-9]{4})(?:-?(?P<m>[0-9]{2}))?"
)  # FHIR R4, 2.24.0.1; HL7 2.5.1, 2.A.22: year, or month


def first_day(text: str, *, formats: Collection[str], is_of_message: bool) -> date | None:
    """The first day that a stated date of birth can mean; None where it is none.

    `formats`: how the sender writes moments. `is_of_message`: a year, or a month of it, may stand for the date.

    >>> first_day("2026-05", formats=(), is_of_message=True)
    datetime.date(2026, 5, 1)
    """
    text = text.strip()
    found = _OF_MESSAGES.fullmatch(text) if is_of_message else None
    if found is None:
        return date_of(text, formats=formats)
    try:
        return date(int(found["Y"]), int(found["m"] or 1), 1)
    except ValueError:
        return None


def is_after_sample(born: date, collected_at: datetime, zone: ZoneInfo) -> bool:
    """Whether that is a later day than the sample's, by more than the two zones may differ.

    >>> sample, zone = datetime.fromisoformat("2026-05-03T23:30:00+02:00"), ZoneInfo("Europe/Amsterdam")
    >>> [is_after_sample(date(2026, 5, day), sample, zone) for day in (3, 4, 5)]
    [False, False, True]
    """
    return born > collected_at.astimezone(zone).date() + ZONES_DIFFER
