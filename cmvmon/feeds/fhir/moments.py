"""The moments of a FHIR file, put in order: `13:00+02:00` and `11:00Z` are one moment, and `.500Z` is later than `Z` (FHIR R4, 2.24).

Rule of this file: texts are never compared as moments. A time without an offset is in no order with one that has it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cmvmon.feeds.times import moments_of

_DATE_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9]{2}:[0-9]{2})?")


def is_date_time(text: str) -> bool:
    """Whether a text is written as a moment with its time of day; a date alone is a day, and may be a number.

    >>> is_date_time("2026-05-05T11:00:00Z"), is_date_time("2026-05-05"), is_date_time("20260505")
    (True, False, False)
    """
    return _DATE_TIME.fullmatch(text) is not None


def each_once(texts: Iterable[str]) -> list[str]:
    """The texts without those that name the same moment as one before them; where that can't be told, without those that are alike.

    >>> each_once(["2026-05-05T13:00:00+02:00", "2026-05-05T11:00:00Z", "2026-05-05T11:00:01Z"])
    ['2026-05-05T13:00:00+02:00', '2026-05-05T11:00:01Z']
    """
    alike = list(dict.fromkeys(texts))
    moments = moments_of(alike)
    if moments is None:
        return alike
    first = {moments[text]: text for text in reversed(alike)}
    return [text for text in alike if first[moments[text]] == text]
