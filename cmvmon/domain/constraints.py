"""Promises about one row. One object is the check, the sentence in the documentation and the clause in the contract.

A constraint holds for a row when its expression is true. A null never breaks a constraint, except `NotNull` and
`Requires`: what may be null is said once, by those two.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Protocol

import polars as pl


class Constraint(Protocol):
    """What every constraint offers. `columns` are those it reads; the first is the one that is blamed."""

    def __hash__(self) -> int: ...

    @property
    def columns(self) -> tuple[str, ...]: ...

    @property
    def code(self) -> str:
        """Reason code of a row that breaks it."""
        ...

    @property
    def sentence(self) -> str: ...

    def holds(self) -> pl.Expr:
        """Boolean, never null: true where the row keeps the promise."""
        ...


@lru_cache(maxsize=1024)
def kept_by(constraint: Constraint) -> pl.Expr:
    """`constraint.holds()`, built once: every table that a run looks at is held against the same promises."""
    return constraint.holds()


@dataclass(frozen=True)
class NotNull:
    """The column is known in every row."""

    column: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def code(self) -> str:
        return f"missing_{self.column}"

    @property
    def sentence(self) -> str:
        return f"{self.column} is always given"

    def holds(self) -> pl.Expr:
        return pl.col(self.column).is_not_null()


@dataclass(frozen=True)
class OneOf:
    """The column holds one of a closed list of words."""

    column: str
    values: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def code(self) -> str:
        return f"unknown_{self.column}"

    @property
    def sentence(self) -> str:
        return f"{self.column} is one of {', '.join(self.values)}"

    def holds(self) -> pl.Expr:
        return pl.col(self.column).is_in(list(self.values)).fill_null(True)


@dataclass(frozen=True)
class Matches:
    """The text matches a regular expression from end to end."""

    column: str
    pattern: str
    meaning: str
    code_: str = ""

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def code(self) -> str:
        return self.code_ or f"malformed_{self.column}"

    @property
    def sentence(self) -> str:
        return f"{self.column} {self.meaning}"

    def holds(self) -> pl.Expr:
        return pl.col(self.column).str.contains(f"^(?:{self.pattern})$").fill_null(True)


_ANY, _FROM_1 = "(?:0|1|2|3|4|5|6|7|8|9)", "(?:1|2|3|4|5|6|7|8|9)"
_TO_29 = f"(?:0{_FROM_1}|1{_ANY}|2{_ANY})"
_LONG, _SHORT = f"(?:01|03|05|07|08|10|12)-(?:{_TO_29}|30|31)", f"(?:04|06|09|11)-(?:{_TO_29}|30)"


def a_date(column: str) -> Matches:
    """The text is a date of the calendar; 29 February is kept of every year."""
    return Matches(
        column,
        f"(?:19|20){_ANY}{_ANY}-(?:{_LONG}|{_SHORT}|02-{_TO_29})",
        "is a date such as 1961-05-30, of this century or the last",
        f"malformed_{column}",
    )


@dataclass(frozen=True)
class Between:
    """A finite number within limits. NaN and infinity always break it.

    `above` excludes its limit, `at_least` and `at_most` include theirs.
    """

    column: str
    at_least: float | None = None
    at_most: float | None = None
    above: float | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def code(self) -> str:
        return f"implausible_{self.column}"

    @property
    def sentence(self) -> str:
        limits = [
            f"{words} {limit:g}"
            for words, limit in (("above", self.above), ("at least", self.at_least), ("at most", self.at_most))
            if limit is not None
        ]
        return f"{self.column} is a finite number" + (f", {' and '.join(limits)}" if limits else "")

    def holds(self) -> pl.Expr:
        value = pl.col(self.column).cast(pl.Float64)
        kept = value.is_finite()
        if self.above is not None:
            kept &= value > self.above
        if self.at_least is not None:
            kept &= value >= self.at_least
        if self.at_most is not None:
            kept &= value <= self.at_most
        return kept.fill_null(True)


@dataclass(frozen=True)
class NotBefore:
    """The moment lies in the time for which such records can exist."""

    column: str
    earliest: datetime = datetime(1990, 1, 1, tzinfo=UTC)
    latest: datetime = datetime(2200, 1, 1, tzinfo=UTC)

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    @property
    def code(self) -> str:
        return "implausible_date"

    @property
    def sentence(self) -> str:
        return f"{self.column} lies between {self.earliest:%Y-%m-%d} and {self.latest:%Y-%m-%d}"

    def holds(self) -> pl.Expr:
        return pl.col(self.column).is_between(self.earliest, self.latest).fill_null(True)


@dataclass(frozen=True)
class Ordered:
    """`lower` is not above (later than) `upper` when both are known; with `strict`, it is below it."""

    lower: str
    upper: str
    code_: str
    strict: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.lower, self.upper)

    @property
    def code(self) -> str:
        return self.code_

    @property
    def sentence(self) -> str:
        words = "below (before)" if self.strict else "not above (not after)"
        return f"{self.lower} is {words} {self.upper}"

    def holds(self) -> pl.Expr:
        lower, upper = pl.col(self.lower), pl.col(self.upper)
        return ((lower < upper) if self.strict else (lower <= upper)).fill_null(True)


@dataclass(frozen=True)
class Differ:
    """The two columns hold different texts."""

    column: str
    other: str
    code_: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, self.other)

    @property
    def code(self) -> str:
        return self.code_

    @property
    def sentence(self) -> str:
        return f"{self.column} is not {self.other}"

    def holds(self) -> pl.Expr:
        return (pl.col(self.column) != pl.col(self.other)).fill_null(True)


@dataclass(frozen=True)
class OrderedWhen:
    """`Ordered`, asked only of rows in which `when` holds one of `values`."""

    lower: str
    upper: str
    when: str
    values: tuple[str, ...]
    code_: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.lower, self.upper, self.when)

    @property
    def code(self) -> str:
        return self.code_

    @property
    def sentence(self) -> str:
        return f"{self.lower} is not above {self.upper} where {self.when} is {' or '.join(self.values)}"

    def holds(self) -> pl.Expr:
        asked = pl.col(self.when).is_in(list(self.values)).fill_null(False)
        return ~asked | (pl.col(self.lower) <= pl.col(self.upper)).fill_null(True)


@dataclass(frozen=True)
class OnlyWith:
    """`column` is null in every row in which `beside` is null: it says something of that."""

    column: str
    beside: str
    code_: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, self.beside)

    @property
    def code(self) -> str:
        return self.code_

    @property
    def sentence(self) -> str:
        return f"{self.column} is empty where {self.beside} is"

    def holds(self) -> pl.Expr:
        return pl.col(self.beside).is_not_null() | pl.col(self.column).is_null()
