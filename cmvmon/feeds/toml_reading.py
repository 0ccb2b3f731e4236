"""A strict reader of TOML tables: it takes named keys of named types and lists every fault instead of the first."""

from __future__ import annotations

import math
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time
from typing import Any, NamedTuple, TypeVar

from cmvmon.domain.errors import ProtocolError

T = TypeVar("T")


# What stands in the file instead of what is asked for, as whoever wrote it calls it. `bool` before `int`, `datetime` before `date`.
_CALLED: tuple[tuple[type, str], ...] = (
    (bool, "true or false"),
    (str, "a text"),
    (int, "a whole number"),
    (float, "a number"),
    (list, "a list"),
    (dict, "a table"),
    (datetime, "a date and time"),
    (date, "a date"),
    (time, "a time of day"),
)


class Asked(NamedTuple):
    """A key that the reader asks for: where it stands, what it takes in words, and whether it must be there."""

    key: str
    takes: str
    required: bool


@dataclass(frozen=True)
class StrictTable:
    """One TOML table while it is read. Each read names the key; `finish` reports the keys that nobody asked for.

    `faults` and `keys` are shared by all tables of one file. `faults` holds sentences of the form `key: what is wrong; what
    to do`; `keys` everything that was asked for, from which the page about the file is made.
    """

    data: dict[str, Any]
    place: str
    faults: list[str]
    keys: list[Asked] = field(default_factory=list)
    asked: set[str] = field(default_factory=set)

    def fault(self, key: str, sentence: str) -> None:
        self.faults.append(f"{self.place}{key}: {sentence}")

    def _take(self, key: str, kinds: tuple[type, ...], words: str, *, required: bool) -> Any:
        self.asked.add(key)
        self.keys.append(Asked(self.place + key, words, required))
        if key not in self.data:
            if required:
                self.fault(key, f"is missing; give {words}")
            return None
        value = self.data[key]
        if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
            self.fault(key, f"is {_called(value)}; give {words}")
            return None
        return value

    def text(self, key: str, *, required: bool = True) -> str | None:
        value = self._take(key, (str,), "a text", required=required)
        if value is not None and not value.strip():
            self.fault(key, "is blank; give a text, or leave the key out")
            return None
        return value if value is None else str(value)

    def choice(self, key: str, options: Sequence[str], *, required: bool = True) -> str | None:
        value = self._take(key, (str,), f"one of {', '.join(repr(option) for option in options)}", required=required)
        if value is not None and value not in options:
            self.fault(key, f"is none of {', '.join(repr(option) for option in options)}; use one of them")
            return None
        return value if value is None else str(value)

    def truth(self, key: str, *, required: bool = True) -> bool:
        """False when it is absent."""
        return bool(self._take(key, (bool,), "true or false", required=required))

    def whole(self, key: str, *, at_most: int) -> int:
        """A whole number from 0; 0 when it is absent."""
        value = self._take(key, (int,), f"a whole number, 0 to {at_most}", required=False)
        if value is not None and not 0 <= value <= at_most:
            self.fault(key, f"is out of range; give a whole number, 0 to {at_most}")
            return 0
        return int(value or 0)

    def number(self, key: str, *, required: bool = False, at_most: float = 1e12) -> float | None:
        """A finite number above 0."""
        value = self._take(key, (int, float), f"a number above 0, at most {at_most:g}", required=required)
        if value is None:
            return None
        if not math.isfinite(value) or not 0 < value <= at_most:
            self.fault(key, f"is out of range; give a number above 0, at most {at_most:g}")
            return None
        return float(value)

    def day(self, key: str) -> date | None:
        value = self._take(key, (date,), "a date, as 2024-05-01 without quotes", required=False)
        if isinstance(value, datetime):
            self.fault(key, "is a time; give a date, as 2024-05-01 without quotes")
            return None
        return value if value is None else date(value.year, value.month, value.day)

    def texts(self, key: str, *, required: bool = False) -> tuple[str, ...]:
        """A list of texts, none blank; empty when an optional key is absent."""
        value = self._take(key, (list,), "a list of texts", required=required)
        if value is None:
            return ()
        if not all(isinstance(item, str) and item.strip() for item in value):
            self.fault(key, "holds something that is blank or no text; give a list of texts")
            return ()
        return tuple(value)

    def table(self, key: str, *, required: bool = False) -> StrictTable:
        """The table under `key`; an empty one when it is absent."""
        value = self._take(key, (dict,), f"a table [{key}]", required=required)
        return StrictTable(value or {}, f"{self.place}{key}.", self.faults, self.keys)

    def tables(self, key: str, *, required: bool = False) -> tuple[StrictTable, ...]:
        """The tables of [[key]], in order."""
        value = self._take(key, (list,), f"tables [[{key}]]", required=required)
        if value is None:
            return ()
        if not all(isinstance(item, dict) for item in value):
            self.fault(key, f"holds something that is no table; give tables [[{key}]]")
            return ()
        return tuple(
            StrictTable(item, f"{self.place}{key}[{n}].", self.faults, self.keys) for n, item in enumerate(value, 1)
        )

    def finish(self) -> None:
        """Reports every key of this table that was not asked for: a misspelt key must not pass in silence."""
        for key in self.data:
            if key not in self.asked:
                self.fault(key, "is not a key that is known here; correct its spelling or remove it")


def _called(value: object) -> str:
    return next(words for kind, words in _CALLED if isinstance(value, kind))


def read_whole(text: str, called: str, read: Callable[[StrictTable], T | None]) -> T:
    """What `read` makes of the text of a TOML file; every key of it must have been asked for.

    Raises ProtocolError: the text is no TOML, or `read` found faults. All are listed at once, each with its key and what to do.
    """
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ProtocolError(f"{called}: is no valid TOML ({error}); correct the file") from error
    top = StrictTable(data, "", [])
    found = read(top)
    top.finish()
    if found is None or top.faults:
        listed = "".join(f"\n  {fault}" for fault in top.faults)
        raise ProtocolError(f"{called}: {len(top.faults)} fault(s), nothing was read with it:{listed}")
    return found
