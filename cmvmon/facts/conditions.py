"""What can be asked of facts: a condition is true where it is *known* to be so, and false otherwise; it is never null.

    on_treatment = fact("treatment") == "on"
    is_low = fact("latest_at_most_iu_per_ml") < number("low_load_iu_per_ml")

So `~is_low` reads "not known to be low". Three-valued logic ends here, in `surely`, and nowhere else. A condition keeps its
parts, so that it can be told why it holds and at which value it would turn.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from functools import cached_property

import polars as pl

PROTOCOL = "protocol."  # the columns that hold numbers of the protocol begin so


def surely(expression: pl.Expr) -> pl.Expr:
    """True only where it is known to be true."""
    return expression.fill_null(False)


@dataclass(frozen=True, eq=False)
class Value:
    """A word, number or moment of each subject: a fact, a number of the protocol, or made from such. Null: not known.

    Attributes:
        expr: over the columns of the facts.
        written: as the rule's author wrote it.
    """

    expr: pl.Expr
    written: str

    def __lt__(self, other: Value | float) -> Comparison:
        return Comparison(self, "<", as_value(other))

    def __le__(self, other: Value | float) -> Comparison:
        return Comparison(self, "<=", as_value(other))

    def __gt__(self, other: Value | float) -> Comparison:
        return Comparison(self, ">", as_value(other))

    def __ge__(self, other: Value | float) -> Comparison:
        return Comparison(self, ">=", as_value(other))

    def __eq__(self, other: Value | float | str) -> Comparison:  # type: ignore[override]
        return Comparison(self, "==", as_value(other))

    __hash__ = object.__hash__

    def __sub__(self, other: Value) -> Value:
        return Value(self.expr - other.expr, f"{self.written} - {other.written}")

    def is_in(self, values: Collection[str]) -> Among:
        """One of these words."""
        return Among(self, tuple(values))

    def is_known(self) -> Known:
        """Not null."""
        return Known(self)

    def is_unknown(self) -> Condition:
        """Null."""
        return ~Known(self)

    @property
    def days(self) -> Value:
        """A number of days as a length of time."""
        return Value(pl.duration(hours=24 * self.expr), f"{self.written} days")

    @property
    def hours(self) -> Value:
        """A number of hours as a length of time."""
        return Value(pl.duration(hours=self.expr), f"{self.written} hours")

    @cached_property
    def columns(self) -> frozenset[str]:
        """The columns that it is made from."""
        return frozenset(self.expr.meta.root_names())


class Condition:
    """Something that is known to be so of a subject, or is not. Joined by `&`, `|` and `~`."""

    @cached_property
    def expr(self) -> pl.Expr:
        """True or false, never null."""
        raise NotImplementedError

    @property
    def parts(self) -> tuple[Condition, ...]:
        """The conditions that it is joined from; none where it asks something itself."""
        return ()

    def __and__(self, other: Condition) -> Condition:
        return Every((*(self.joined if isinstance(self, Every) else (self,)), other))

    def __or__(self, other: Condition) -> Condition:
        return AnyOf((*(self.joined if isinstance(self, AnyOf) else (self,)), other))

    def __invert__(self) -> Condition:
        return Not(self)

    @cached_property
    def columns(self) -> frozenset[str]:
        """The columns that it reads."""
        return frozenset(self.expr.meta.root_names())

    def questions(self) -> Iterator[Condition]:
        """Everything that it asks itself, in the order in which it is written."""
        if not self.parts:
            yield self
        for part in self.parts:
            yield from part.questions()


_OPERATORS: dict[str, Callable[[pl.Expr, pl.Expr], pl.Expr]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
}


@dataclass(frozen=True, eq=False)
class Comparison(Condition):
    """One value held against another; it turns where `left` passes `right`."""

    left: Value
    operator: str
    right: Value

    @cached_property
    def expr(self) -> pl.Expr:
        return surely(_OPERATORS[self.operator](self.left.expr, self.right.expr))

    def __str__(self) -> str:
        return f"{self.left.written} {self.operator} {self.right.written}"


@dataclass(frozen=True, eq=False)
class Among(Condition):
    """A word that is one of several."""

    value: Value
    words: tuple[str, ...]

    @cached_property
    def expr(self) -> pl.Expr:
        return surely(self.value.expr.is_in(list(self.words)))

    def __str__(self) -> str:
        return f"{self.value.written} is one of {', '.join(self.words)}"


@dataclass(frozen=True, eq=False)
class Known(Condition):
    """A value that is not null."""

    value: Value

    @cached_property
    def expr(self) -> pl.Expr:
        return self.value.expr.is_not_null()

    def __str__(self) -> str:
        return f"{self.value.written} is known"


@dataclass(frozen=True, eq=False)
class Truth(Condition):
    """A fact that is true or false itself."""

    name: str

    @cached_property
    def expr(self) -> pl.Expr:
        return surely(pl.col(self.name))

    def __str__(self) -> str:
        return self.name


@dataclass(frozen=True, eq=False)
class Always(Condition):
    """What holds of every subject."""

    @cached_property
    def expr(self) -> pl.Expr:
        return pl.lit(True)

    def __str__(self) -> str:
        return "otherwise"


@dataclass(frozen=True, eq=False)
class Every(Condition):
    """All of its parts."""

    joined: tuple[Condition, ...]

    @property
    def parts(self) -> tuple[Condition, ...]:
        return self.joined

    @cached_property
    def expr(self) -> pl.Expr:
        return pl.all_horizontal(part.expr for part in self.joined)

    def __str__(self) -> str:
        return f"({' and '.join(map(str, self.joined))})"


@dataclass(frozen=True, eq=False)
class AnyOf(Condition):
    """At least one of its parts."""

    joined: tuple[Condition, ...]

    @property
    def parts(self) -> tuple[Condition, ...]:
        return self.joined

    @cached_property
    def expr(self) -> pl.Expr:
        return pl.any_horizontal(part.expr for part in self.joined)

    def __str__(self) -> str:
        return f"({' or '.join(map(str, self.joined))})"


@dataclass(frozen=True, eq=False)
class Not(Condition):
    """What is not known to be so."""

    part: Condition

    @property
    def parts(self) -> tuple[Condition, ...]:
        return (self.part,)

    @cached_property
    def expr(self) -> pl.Expr:
        return ~self.part.expr

    def __str__(self) -> str:
        return f"not {self.part}"


otherwise = Always()


def fact(name: str) -> Value:
    """A fact by its name (docs/facts.md), a part of the subject's key, or `as_of`."""
    return Value(pl.col(name), name)


def truth(name: str) -> Truth:
    """A fact that is true or false; not known counts as false."""
    return Truth(name)


def denied(name: str) -> Condition:
    """A fact that is known to be false; `~truth(name)` holds also where it is not known."""
    return fact(name).is_known() & ~truth(name)


def number(name: str) -> Value:
    """A number of the protocol: a key of the rule's own stanza, or `stanza.key`. `alarm.*` is that of the compartment."""
    return Value(pl.col(f"{PROTOCOL}{name}"), f"{PROTOCOL}{name}")


def choose(when: Condition, then: Condition, otherwise: Condition) -> Condition:
    """`then` where `when` holds, `otherwise` elsewhere."""
    return (when & then) | (~when & otherwise)


def as_value(given: Value | float | str) -> Value:
    """A constant as a value; only for words and zero: a number that decides stands in the protocol."""
    return given if isinstance(given, Value) else Value(pl.lit(given), str(given))
