"""A column and a row type: name, unit, description, meaning of null and constraints, each written once.

The polars schema, the data contract, the data dictionary (docs/tables.md) and the simulator's limits are derived from
these objects; nothing repeats them.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from functools import cached_property

import polars as pl

from cmvmon.domain.constraints import Constraint, NotNull, kept_by


class Kind(Enum):
    """What a column holds, with its polars type."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    TRUTH = "truth"
    MOMENT = "moment"  # an instant in UTC, microseconds
    TEXTS = "texts"  # a list of texts, such as the ids of results; only in facts, never in a delivered table

    @property
    def dtype(self) -> pl.DataType:
        return _DTYPES[self]


_DTYPES: dict[Kind, pl.DataType] = {
    Kind.TEXT: pl.String(),
    Kind.NUMBER: pl.Float64(),
    Kind.INTEGER: pl.Int64(),
    Kind.TRUTH: pl.Boolean(),
    Kind.MOMENT: pl.Datetime("us", "UTC"),
    Kind.TEXTS: pl.List(pl.String()),
}
_HOW_IT_CAME = frozenset({"received_at", "sent_at", "delivery_id", "delivered_value", "delivered_unit", "is_released"})


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Attributes:
        unit: as printed in the data dictionary; empty for text.
        null_means: what an empty cell says. Empty text means that the column is never null.
        exchanged: part of the table as analysts and hospitals exchange it (`cmvmon analyze`, CSV of courses and stays);
            the others are filled by cmvmon.
        any_case: a text that is delivered in any case, and kept in lower case.
        otherwise: the word in place of one that is none of its list, where what else the row says must not be lost for it; empty =
            such a row is set apart.
        came_later: stores of before have rows without it. Where it is null it is no part of what a row's hash is made from, so
            that theirs are what they were.
    """

    name: str
    kind: Kind
    description: str
    unit: str = ""
    null_means: str = ""
    constraints: tuple[Constraint, ...] = ()
    exchanged: bool = True
    any_case: bool = False
    otherwise: str = ""
    came_later: bool = False


@dataclass(frozen=True)
class RowType:
    """One table: its columns in order, its key, and the promises that join columns of one row."""

    name: str
    description: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    across: tuple[Constraint, ...] = ()

    @cached_property
    def schema(self) -> dict[str, pl.DataType]:
        """The type of each column, in order. Kept, for it is asked for a thousand times in one assessment: not to be changed."""
        return {column.name: column.kind.dtype for column in self.columns}

    @cached_property
    def content(self) -> tuple[str, ...]:
        """The columns that say something of the record; the others say how and when a row came."""
        return tuple(column.name for column in self.columns if column.name not in _HOW_IT_CAME)

    @cached_property
    def came_later(self) -> frozenset[str]:
        """The columns that stores of before do not have in their rows."""
        return frozenset(column.name for column in self.columns if column.came_later)

    @property
    def exchanged(self) -> tuple[str, ...]:
        return tuple(column.name for column in self.columns if column.exchanged)

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """Every promise about one row, in the order in which a broken row is explained."""
        own = tuple(
            constraint
            for column in self.columns
            for constraint in ((() if column.null_means else (NotNull(column.name),)) + column.constraints)
        )
        return own + self.across

    def column(self, name: str) -> Column:
        """The column of that name. Raises KeyError when there is none."""
        for column in self.columns:
            if column.name == name:
                return column
        raise KeyError(f"{self.name} has no column {name!r}")

    def empty(self) -> pl.DataFrame:
        """The table with no row."""
        return self._empty.clone()

    @cached_property
    def _empty(self) -> pl.DataFrame:
        return pl.DataFrame(schema=self.schema)

    def conform(self, frame: pl.DataFrame) -> pl.DataFrame:
        """`frame` with exactly these columns, in this order and of these types; a column it lacks is all null."""
        has = frame.schema
        if has == self.schema:
            return frame
        columns = []  # taken one by one: a tenth of the time of a select, which plans before it takes
        for name, dtype in self.schema.items():
            there = frame.get_column(name) if name in has else self._empty.get_column(name).clear(frame.height)
            columns.append(there if has.get(name, dtype) == dtype else there.cast(dtype))
        return pl.DataFrame(columns)


def split_by_promises(frame: pl.DataFrame, row_type: RowType) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows that keep every promise about one row, and those that break one.

    The second frame has two more columns: `reason` (the code of the first promise broken, in the order of
    `row_type.constraints`) and `column` (the column that is blamed), in place of columns of that name. Row order is kept.
    A constraint that names a column which `frame` lacks is not asked.
    """
    asked = [c for c in row_type.constraints if set(c.columns) <= set(frame.columns)]
    if not asked or frame.is_empty():
        return frame, frame.clear().with_columns(reason=pl.lit(""), column=pl.lit(""))
    if _is_whole(frame, asked):  # nearly always: nobody to blame
        return frame, frame.clear().with_columns(reason=pl.lit(""), column=pl.lit(""))
    blamed = frame.select(
        reason=pl.coalesce(*(pl.when(~kept_by(c)).then(pl.lit(c.code)) for c in asked)),
        column=pl.coalesce(*(pl.when(~kept_by(c)).then(pl.lit(c.columns[0])) for c in asked)),
    )
    is_broken = blamed["reason"].is_not_null()
    return frame.filter(~is_broken), frame.filter(is_broken).with_columns(blamed.filter(is_broken))


def _is_whole(frame: pl.DataFrame, asked: list[Constraint]) -> bool:
    """Whether every row keeps every promise. Of few rows all are asked in one expression, of many each by itself: the first is made
    sooner, the second needs no column for each."""
    if frame.height <= _FEW:
        return bool(frame.select(pl.all_horizontal(kept_by(c) for c in asked).all()).item())
    return all(frame.select(kept_by(c).all().alias(str(n)) for n, c in enumerate(asked)).row(0))


_FEW = 1_000
