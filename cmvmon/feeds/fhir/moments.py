"""The moments of a FHIR file, put in order: `13:00+02:00` and `11:00Z` are one moment, and `.500Z` is later than `Z` (FHIR R4, 2.24).

Rule of this file: texts are never compared as moments. A time without an offset is in no order with one that has it.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime


def moments_of(texts: Iterable[str]) -> dict[str, datetime] | None:
    """Each text as the moment that it names; None where one names none, or they can't be put in order with each other.

    >>> moments = moments_of(["2026-05-05T13:00:00+02:00", "2026-05-05T11:00:00Z"])
    >>> moments is not None and len(set(moments.values()))
    1
    >>> moments_of(["2026-05-05T13:00:00", "2026-05-05T11:00:00Z"]) is None
    True
    """
    try:
        found = {text: datetime.fromisoformat(text) for text in texts}
    except ValueError:
        return None
    return found if len({moment.tzinfo is None for moment in found.values()}) < 2 else None


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
