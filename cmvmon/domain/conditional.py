"""Promises that hold only where other columns of the row hold some words: a unit by its method, a level by drug and unit."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True)
class OneOfWhen:
    """`column` holds one of `words` in every row in which `when` holds one of `values`."""

    column: str
    words: tuple[str, ...]
    when: str
    values: tuple[str, ...]
    code_: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, self.when)

    @property
    def code(self) -> str:
        return self.code_

    @property
    def sentence(self) -> str:
        return f"{self.column} is one of {', '.join(self.words)} where {self.when} is {' or '.join(self.values)}"

    def holds(self) -> pl.Expr:
        asked = pl.col(self.when).is_in(list(self.values)).fill_null(False)
        return ~asked | pl.col(self.column).is_in(list(self.words)).fill_null(True)


@dataclass(frozen=True)
class BetweenWhen:
    """The number lies within its limits, which belong to it, in every row in which `when` holds one of `values`."""

    column: str
    at_least: float
    at_most: float
    when: str
    values: tuple[str, ...]
    code_: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, self.when)

    @property
    def code(self) -> str:
        return self.code_

    @property
    def sentence(self) -> str:
        limits = f"from {self.at_least:g} to {self.at_most:g}"
        return f"{self.column} is {limits} where {self.when} is {' or '.join(self.values)}"

    def holds(self) -> pl.Expr:
        asked = pl.col(self.when).is_in(list(self.values)).fill_null(False)
        number = pl.col(self.column)  # that it is one at all is the promise of `Between`
        return ~asked | (number.is_between(self.at_least, self.at_most) | number.is_nan()).fill_null(True)


@dataclass(frozen=True)
class BetweenInUnit:
    """The number lies within its limits in every row in which `when` holds one of `values` and `unit` one of `units`.

    `or_zero`: zero itself is kept too, though the limits do not hold it: a count of none.
    """

    column: str
    at_least: float
    at_most: float
    when: str
    values: tuple[str, ...]
    unit: str
    units: tuple[str, ...]
    code_: str
    or_zero: bool = False

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, self.when, self.unit)

    @property
    def code(self) -> str:
        return self.code_

    @property
    def sentence(self) -> str:
        limits = f"{'0, or ' if self.or_zero else ''}from {self.at_least:g} to {self.at_most:g}"
        asked = f"{self.when} is {' or '.join(self.values)} and {self.unit} is {' or '.join(self.units)}"
        return f"{self.column} is {limits} where {asked}"

    def holds(self) -> pl.Expr:
        of_these = pl.col(self.when).is_in(list(self.values)) & pl.col(self.unit).is_in(list(self.units))
        number = pl.col(self.column)  # that it is one at all is the promise of `Between`
        kept = number.is_between(self.at_least, self.at_most) | number.is_nan()
        if self.or_zero:
            kept |= number == 0.0
        return ~of_these.fill_null(False) | kept.fill_null(True)


@dataclass(frozen=True)
class RequiresUnless:
    """`column` is given in every row, unless `when` holds one of `values`."""

    column: str
    when: str
    values: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, self.when)

    @property
    def code(self) -> str:
        return f"missing_{self.column}"

    @property
    def sentence(self) -> str:
        return f"{self.column} is given unless {self.when} is {' or '.join(self.values)}"

    def holds(self) -> pl.Expr:
        spared = pl.col(self.when).is_in(list(self.values)).fill_null(False)
        return spared | pl.col(self.column).is_not_null()


@dataclass(frozen=True)
class NullWhen:
    """`column` is null in every row in which `when` holds one of `values`."""

    column: str
    when: str
    values: tuple[str, ...]
    code_: str

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, self.when)

    @property
    def code(self) -> str:
        return self.code_

    @property
    def sentence(self) -> str:
        return f"{self.column} is empty where {self.when} is {' or '.join(self.values)}"

    def holds(self) -> pl.Expr:
        asked = pl.col(self.when).is_in(list(self.values)).fill_null(False)
        return ~asked | pl.col(self.column).is_null()
