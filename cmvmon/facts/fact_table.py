"""What a fact table is, and the facts of one moment: each table is computed when it is first asked for, and once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.errors import ProgramError
from cmvmon.domain.prepared import Prepared
from cmvmon.protocol import Protocol


@dataclass(frozen=True)
class FactTable:
    """One table of facts: its columns with unit and meaning, and how they are computed.

    Attributes:
        lists: the kind of subject whose subjects its rows are (every patient, every series); empty for most tables.
        compute: the rows, in any order, with at least the columns of `rows` that are ever known.
    """

    rows: RowType
    compute: Callable[[Facts], pl.DataFrame]
    lists: str = ""

    @cached_property
    def facts(self) -> tuple[str, ...]:
        """The names of its facts: every column that is not of the key."""
        return tuple(column.name for column in self.rows.columns if column.name not in self.rows.key)


_FEW = 200  # rows: so many are sorted sooner than looked at


def same_keys(one: pl.DataFrame, other: pl.DataFrame, key: tuple[str, ...]) -> bool:
    """Whether both have the same keys in the same order."""
    return one.height == other.height and all(
        one.get_column(name).equals(other.get_column(name), null_equal=True) for name in key
    )


def fact_table(rows: RowType, *, lists: str = "") -> Callable[[Callable[[Facts], pl.DataFrame]], FactTable]:
    """Makes the function below it the fact table `rows`. Its docstring is the function's: what a fact says, and why so."""
    return lambda compute: FactTable(rows, compute, lists)


class Facts:
    """Every fact of every patient at one moment.

    Args:
        prepared: current results, clocks and declines at `as_of`.
        tables: fact tables by name (`cmvmon.facts.all_fact_tables`).
    """

    def __init__(
        self, prepared: Prepared, *, protocol: Protocol, as_of: datetime, tables: Mapping[str, FactTable]
    ) -> None:
        self.prepared = prepared
        self.protocol = protocol
        self.as_of = as_of
        self.tables = tables
        self._computed: dict[str, pl.DataFrame] = {}
        self._asked: list[str] = []
        self._shared: dict[Callable[[Facts], pl.DataFrame], pl.DataFrame] = {}

    def of(self, rows: RowType) -> pl.DataFrame:
        """The fact table, sorted by its key. Raises ProgramError where tables ask for each other in a circle."""
        if rows.name not in self._computed:
            if rows.name in self._asked:
                raise ProgramError(
                    f"fact tables ask for each other in a circle: {' -> '.join([*self._asked, rows.name])}"
                )
            self._asked.append(rows.name)
            made = self.tables[rows.name].compute(self)
            made = rows.conform(made)
            self._computed[rows.name] = (
                made if self._is_sorted(made, rows.key) else made.sort(*rows.key, nulls_last=False)
            )
            self._asked.pop()
        return self._computed[rows.name]

    def _is_sorted(self, made: pl.DataFrame, key: tuple[str, ...]) -> bool:
        """Whether the rows are known to be sorted: they are those of a list of subjects that is, as many are."""
        if made.height < 2:
            return True
        lists = (
            self._computed.get(table.rows.name)
            for table in self.tables.values()
            if table.rows.key == key and table.lists
        )
        return made.height > _FEW and any(listed is not None and same_keys(made, listed, key) for listed in lists)

    def shared(self, compute: Callable[[Facts], pl.DataFrame]) -> pl.DataFrame:
        """What that function makes of these facts, computed once however many fact tables ask: no fact table itself."""
        if compute not in self._shared:
            self._shared[compute] = compute(self)
        return self._shared[compute]

    def forget(self, *, tables: bool) -> None:
        """Gives back the memory of what fact tables shared, and of the tables too; who asks again has them computed anew."""
        self._shared.clear()
        if tables:
            self._computed.clear()

    @cached_property
    def now(self) -> pl.Expr:
        """The moment that is judged, as a polars literal."""
        return pl.lit(self.as_of).cast(pl.Datetime("us", "UTC"))
