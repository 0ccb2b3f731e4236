"""Promises about a whole table: keys, counts, references, freshness. Promises about one row are in cmvmon.domain.

Each is written by hand in `contracts/<table>.whole_table.odcs.yaml`; here stands what it means, and how many rows break
it, counted with polars. A reference is judged by a join in polars, so that no identifier enters a suite.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import polars as pl

from cmvmon.domain.constraints import Constraint, kept_by


@dataclass(frozen=True)
class Unique:
    """No two rows share these columns. Null equals null where there are several, as it does in the store's keys.

    A key of one column says nothing of nulls: that it is always given is a promise of its own.
    """

    columns: tuple[str, ...]

    def broken_rows(self, frame: pl.DataFrame) -> int:
        """Rows that share their key with another row."""
        if len(self.columns) == 1:
            frame = frame.drop_nulls(list(self.columns))
        return int(frame.select(self.columns).is_duplicated().sum())


@dataclass(frozen=True)
class RowCount:
    """The table has at least so many rows."""

    at_least: int
    columns: tuple[str, ...] = ()

    def broken_rows(self, frame: pl.DataFrame) -> int:
        """Rows that are lacking."""
        return max(0, self.at_least - frame.height)


@dataclass(frozen=True)
class Known:
    """Each row's columns stand in a list that the caller gives under the name `reference`."""

    columns: tuple[str, ...]
    reference: str

    def flags(self, frame: pl.DataFrame, known: pl.Series) -> pl.Series:
        """True for each row that is known, in row order.

        `known` holds one value per known key: plain for one column, a struct with these fields for several. Null equals
        null.
        """
        single = len(self.columns) == 1
        given = known.rename(self.columns[0]).to_frame() if single else known.struct.unnest()
        listed = given.select(self.columns).unique().with_columns(is_known=pl.lit(True))
        joined = frame.select(self.columns).join(
            listed, on=list(self.columns), how="left", nulls_equal=True, maintain_order="left"
        )
        return joined["is_known"].fill_null(False)


@dataclass(frozen=True)
class Fresh:
    """The newest moment in `column` lies at most `within_hours` before as_of. A table without any is not fresh."""

    column: str
    within_hours: int

    @property
    def columns(self) -> tuple[str, ...]:
        return (self.column,)

    def earliest(self, as_of: datetime) -> datetime:
        """The oldest that the newest moment may be."""
        return as_of - timedelta(hours=self.within_hours)


WholeTable = Unique | RowCount | Known | Fresh
Promise = Constraint | WholeTable


def broken_rows(promise: Promise, frame: pl.DataFrame, *, as_of: datetime, references: Mapping[str, pl.Series]) -> int:
    """How many rows of `frame` break `promise`; every row where the table as a whole does (freshness)."""
    if isinstance(promise, (Unique, RowCount)):
        return promise.broken_rows(frame)
    if isinstance(promise, Known):
        return int((~promise.flags(frame, references[promise.reference])).sum())
    if isinstance(promise, Fresh):
        recent = frame.select((pl.col(promise.column) >= promise.earliest(as_of)).any()).item()
        return 0 if recent else frame.height
    return int(frame.select((~kept_by(promise)).sum()).item())


def rows_breaking(promises: Sequence[Constraint], frame: pl.DataFrame) -> list[int]:
    """How many rows break each of these promises about one row, counted in one pass."""
    if frame.is_empty():
        return [0] * len(promises)
    counts = frame.select((~kept_by(promise)).sum().alias(str(at)) for at, promise in enumerate(promises))
    return [int(n) for n in counts.row(0)] if promises else []
