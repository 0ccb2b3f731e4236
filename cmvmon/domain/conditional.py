"""Promises that hold only where other columns of the row hold some words: a unit by its method, a level by drug and unit."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl


class Conditional:
    """What the promises on one column share that go by whether another one, `when`, holds one of `values`."""

    column: str
    when: str
    values: tuple[str, ...]

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column, self.when)

    @property
    def condition(self) -> str:
        """In words."""
        return f"{self.when} is {' or '.join(self.values)}"

    def is_met(self) -> pl.Expr:
        """Never null: what is not given is none of the values."""
        return pl.col(self.when).is_in(list(self.values)).fill_null(False)


@dataclass(frozen=True)
class Requires(Conditional):
    """`column` is given in every row in which `when` holds one of `values`."""

    column: str
    when: str
    values: tuple[str, ...]

    @property
    def code(self) -> str:
        return f"missing_{self.column}"

    @property
    def sentence(self) -> str:
        return f"{self.column} is given where {self.condition}"

    def holds(self) -> pl.Expr:
        return ~self.is_met() | pl.col(self.column).is_not_null()


@dataclass(frozen=True)
class NullUnless(Conditional):
    """`column` is null in every row in which `when` holds none of `values`."""

    column: str
    when: str
    values: tuple[str, ...]

    @property
    def code(self) -> str:
        return f"unexpected_{self.column}"

    @property
    def sentence(self) -> str:
        return f"{self.column} is empty unless {self.condition}"

    def holds(self) -> pl.Expr:
        return self.is_met() | pl.col(self.column).is_null()


@dataclass(frozen=True)
class OneOfWhen(Conditional):
    """`column` holds one of `words` in every row in which `when` holds one of `values`."""

    column: str
    words: tuple[str, ...]
    when: str
    values: tuple[str, ...]
    code_: str

    @property
    def code(self) -> str:
        return self.code_

    @property
    def sentence(self) -> str:
        return f"{self.column} is one of {', '.join(self.words)} where {self.condition}"

    def holds(self) -> pl.Expr:
        return ~self.is_met() | pl.col(self.column).is_in(list(self.words)).fill_null(True)


@dataclass(frozen=True)
class BetweenWhen(Conditional):
    """The number lies within its limits, which belong to it, in every row in which `when` holds one of `values`."""

    column: str
    at_least: float
    at_most: float
    when: str
    values: tuple[str, ...]
    code_: str

    @property
    def code(self) -> str:
        return self.code_

    @property
    def sentence(self) -> str:
        limits = f"from {self.at_least:g} to {self.at_most:g}"
        return f"{self.column} is {limits} where {self.condition}"

    def holds(self) -> pl.Expr:
        number = pl.col(self.column)  # that it is one at all is the promise of `Between`
        return ~self.is_met() | (number.is_between(self.at_least, self.at_most) | number.is_nan()).fill_null(True)


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
class RequiresUnless(Conditional):
    """`column` is given in every row, unless `when` holds one of `values`."""

    column: str
    when: str
    values: tuple[str, ...]

    @property
    def code(self) -> str:
        return f"missing_{self.column}"

    @property
    def sentence(self) -> str:
        return f"{self.column} is given unless {self.condition}"

    def holds(self) -> pl.Expr:
        return self.is_met() | pl.col(self.column).is_not_null()


@dataclass(frozen=True)
class NullWhen(Conditional):
    """`column` is null in every row in which `when` holds one of `values`."""

    column: str
    when: str
    values: tuple[str, ...]
    code_: str

    @property
    def code(self) -> str:
        return self.code_

    @property
    def sentence(self) -> str:
        return f"{self.column} is empty where {self.condition}"

    def holds(self) -> pl.Expr:
        return ~self.is_met() | pl.col(self.column).is_null()
