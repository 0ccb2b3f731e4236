"""The kinds of value that a stanza holds: what each accepts, how it is refused and how the docs describe it.

Here: numbers, durations, text, truths, lists and pairs. Bands and tables by drug and host have a file each.
"""

from __future__ import annotations

import math
import re
from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from cmvmon.protocol.faults import Place

DURATIONS = {"days": timedelta(days=1), "h": timedelta(hours=1)}  # by the ending of a key
_UNITS = {
    "log10_per_week": "log10 per week",
    "log10": "log10 IU/mL",
    "iu_per_ml": "IU/mL",
    "mg_per_kg": "mg/kg",
    "mg_per_l": "mg/L",
    "e9_per_l": "10^9/L",
    "ml_per_min": "mL/min",
    "days": "days",
    "day": "days",
    "h": "hours",
}


# No number of a policy lies further from zero than this, by its unit: such a one is a slip, as 100 for 1.00. No clinical line.
_FARTHEST = {
    "log10 per week": 10.0,
    "log10 IU/mL": 15.0,
    "IU/mL": 1e12,
    "mg/kg": 1e3,
    "days": 3660.0,
    "hours": 8784.0,
} | {"mg/L": 1e3, "10^9/L": 1e3, "mL/min": 500.0}


def unit_of(key: str) -> str:
    """The unit that a key's name ends in; empty where the name says none."""
    return next((unit for ending, unit in _UNITS.items() if key == ending or key.endswith(f"_{ending}")), "")


class Kind(ABC):
    """What a key may hold."""

    @property
    @abstractmethod
    def says(self) -> str:
        """What must stand there, in words that follow "must be"."""

    @abstractmethod
    def read(self, found: object, place: Place) -> Any:
        """The value; None when it was refused at that place."""

    def show(self, value: Any) -> str:
        """The value on the docs page."""
        return str(value)


@dataclass(frozen=True)
class Number(Kind):
    """A number within its limits; with any limit it is finite. Zero is accepted where the limits hold it."""

    above: float | None = None
    at_least: float | None = None
    below: float | None = None
    at_most: float | None = None
    whole: bool = False

    @property
    def says(self) -> str:
        kind = "a whole number" if self.whole else "a number"
        if self.at_least is not None and self.at_most is not None:
            return f"{kind} from {self.at_least:g} to {self.at_most:g}"
        limits = (
            f"above {self.above:g}" if self.above is not None else "",
            f"of at least {self.at_least:g}" if self.at_least is not None else "",
            f"below {self.below:g}" if self.below is not None else "",
            f"at most {self.at_most:g}" if self.at_most is not None else "",
        )
        return " ".join([kind, " and ".join(limit for limit in limits if limit)]).strip()

    def read(self, found: object, place: Place) -> float | None:
        if isinstance(found, bool) or not isinstance(found, int | float) or not self._holds(float(found)):
            place.refuse(f"must be {self.says}", found=found)
            return None
        unit = unit_of(place.key)
        if unit and abs(found) > _FARTHEST[unit]:
            place.refuse(f"is not plausible; no number in {unit} lies beyond {_FARTHEST[unit]:g}", found=found)
            return None
        return float(found)

    def _holds(self, value: float) -> bool:
        limits = (self.above, self.at_least, self.below, self.at_most)
        if math.isnan(value) or (math.isinf(value) and (self.whole or any(limit is not None for limit in limits))):
            return False
        return (
            (self.above is None or value > self.above)
            and (self.at_least is None or value >= self.at_least)
            and (self.below is None or value < self.below)
            and (self.at_most is None or value <= self.at_most)
            and (not self.whole or value.is_integer())
        )

    def show(self, value: Any) -> str:
        return repr(value)


ANY_NUMBER = Number()


@dataclass(frozen=True)
class Duration(Number):
    """A span of time, written in days (`..._days`) or hours (`..._h`); never negative, zero means none at all."""

    at_least: float | None = 0.0

    @property
    def says(self) -> str:
        return f"a span of time: {super().says}"


def span(key: str, value: float) -> timedelta:
    """The duration under that key. Raises ValueError for a key whose name ends in no unit of time."""
    ending = key.rsplit("_", 1)[-1]
    if ending not in DURATIONS:
        raise ValueError(f"{key} ends in no unit of time; durations end in _days or _h")
    return value * DURATIONS[ending]


@dataclass(frozen=True)
class Text(Kind):
    """Text that is not empty; one of `words`, or of that form (`pattern`, such as `like` shows), where these are given."""

    words: tuple[str, ...] = ()
    pattern: str = ""
    like: str = ""

    @property
    def says(self) -> str:
        if self.words:
            return f"one of {', '.join(self.words)}"
        return f"text such as {self.like}" if self.like else "text that is not empty"

    def read(self, found: object, place: Place) -> str | None:
        fits = isinstance(found, str) and found.strip() != "" and (not self.words or found in self.words)
        if not isinstance(found, str) or not fits or (self.pattern and not re.fullmatch(self.pattern, found)):
            place.refuse(f"must be {self.says}", found=found)
            return None
        return found


ATC = Text(pattern=r"[A-Z](\d\d([A-Z]([A-Z](\d\d)?)?)?)?", like="J05AB06, an ATC code or the beginning of one")


@dataclass(frozen=True)
class Flag(Kind):
    """True or false."""

    @property
    def says(self) -> str:
        return "true or false, without quotes"

    def read(self, found: object, place: Place) -> bool | None:
        if not isinstance(found, bool):
            place.refuse(f"must be {self.says}", found=found)
            return None
        return found

    def show(self, value: Any) -> str:
        return "yes" if value else "no"


@dataclass(frozen=True)
class Listed(Kind):
    """A list of texts, each once, in the order of the file; empty where `may_be_empty`."""

    of: Text = Text()
    may_be_empty: bool = False

    @property
    def says(self) -> str:
        return f"a list, each entry once, of {self.of.says}{' (or empty)' if self.may_be_empty else ''}"

    def read(self, found: object, place: Place) -> tuple[str, ...] | None:
        if not isinstance(found, list) or not (found or self.may_be_empty):
            place.refuse(f"must be {self.says}", found=found)
            return None
        kept = [self.of.read(entry, place.at(f"{place.key} entry {i}")) for i, entry in enumerate(found, 1)]
        whole = tuple(entry for entry in kept if entry is not None)
        for twice in sorted({entry for entry in whole if whole.count(entry) > 1}):
            place.refuse("names one entry twice", found=twice, remedy="remove one")
        return whole

    def show(self, value: Any) -> str:
        return ", ".join(value) or "none"


@dataclass(frozen=True)
class Pairs(Kind):
    """A list of pairs of different texts, whichever comes first; each pair once."""

    of: Text = Text()

    @property
    def says(self) -> str:
        return f"a list of pairs, such as [['a', 'b']], each of two different entries of {self.of.says}"

    def read(self, found: object, place: Place) -> frozenset[frozenset[str]] | None:
        if not isinstance(found, list) or not found:
            place.refuse(f"must be {self.says}", found=found)
            return None
        pairs: set[frozenset[str]] = set()
        for i, entry in enumerate(found, 1):
            here = place.at(f"{place.key} pair {i}")
            if not isinstance(entry, list) or len(entry) != 2 or entry[0] == entry[1]:
                here.refuse("must be two different entries", found=entry)
                continue
            both = frozenset(word for part in entry if (word := self.of.read(part, here)) is not None)
            if both in pairs:
                here.refuse("stands there already", found=entry, remedy="remove one")
            pairs.add(both)
        return frozenset(pairs)

    def show(self, value: Any) -> str:
        return "; ".join(sorted(" with ".join(sorted(pair)) for pair in value))
