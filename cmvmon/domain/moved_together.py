"""Results of a laboratory that moved together: the word of the unit's results on one laboratory, without a patient or a value."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cmvmon.domain import words

UP, DOWN = WAYS = ("up", "down")


@dataclass(frozen=True, order=True)
class MovedTogether:
    """So many of so many patients moved one way at once, by one assay of one laboratory.

    Attributes:
        laboratory, assay: whose; every compartment of them together.
        way: `up` or `down`.
        since: when the first sample was taken of those that moved (UTC).
        n_moved: patients whose results moved that way, and stayed there.
        n_patients: patients with a result since then, of whom it is known whether they moved.
        within_days: so long after its sample a load is in doubt, at most.
        until: of so many that were corrected back the last sample, where too few others stand for it to be said of these alone: only
            who stands uncorrected, and has no sample since, is in doubt (UTC). None = it is said of those that stand.
        corrected_at: then also when the first of these corrections came: in doubt is only what was known before (UTC).
        n_back: of those that moved so many were corrected back.
        n_waiting: so many stand uncorrected, and are in doubt.
    """

    laboratory: str
    assay: str
    way: str
    since: datetime
    n_moved: int
    n_patients: int
    within_days: float
    until: datetime | None = None
    corrected_at: datetime | None = None
    n_back: int = 0
    n_waiting: int = 0

    @property
    def held(self) -> tuple[str, str, str, datetime, datetime | None, datetime | None]:
        """What decides which results are in doubt: that one patient more is among them changes nothing for the others."""
        return self.laboratory, self.assay, self.way, self.since, self.until, self.corrected_at


def is_word(event: Mapping[str, Any]) -> bool:
    """Whether that event of an alert says that the laboratory confirmed its results."""
    return bool(event["event"] == words.ACKNOWLEDGED and event["reason"] == words.RESULTS_CONFIRMED)


def is_taken_back(event: Mapping[str, Any]) -> bool:
    """Whether that event of an alert takes a person's answer back."""
    return bool(event["event"] == "reopened" and event["cause"] == words.BY_PERSON)


def word_stands(events: Iterable[Mapping[str, Any]]) -> bool:
    """Whether a person said so of that alert, and nobody took it back since.

    Args:
        events: what happened to one alert, in order.
    """
    stands = False
    for event in events:
        stands = is_word(event) or (stands and not is_taken_back(event))
    return stands
