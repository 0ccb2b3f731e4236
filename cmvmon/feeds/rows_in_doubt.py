"""Which delivered rows keep every promise and can't be true all the same: they are set apart when they come.

These are no promises of the table, which are asked of what is stored too: a row that was stored before would stop every night.
`beside`: which rows can't be true beside what is known of the same patient by another table.
"""

from __future__ import annotations

from typing import NamedTuple

import polars as pl

from cmvmon.domain.birth_dates import BIRTH_DATES, ZONES_DIFFER
from cmvmon.domain.columns import RowType
from cmvmon.domain.deaths import DEATHS
from cmvmon.domain.host_status import HOST_STATUS, is_part_of_a_cell

BORN_AFTER_STATED, TOO_OLD = "born_after_stated", "implausible_born_on"
DIED_AFTER_STATED = "died_after_stated"
DIED_BEFORE_BORN, BORN_AFTER_DEATH = "died_before_birth", "born_after_death"
OF_ANOTHER_UNIT = "cd4_of_another_unit"
_MOST_YEARS = 120  # nobody who is alive is older: 1 January 1900 is what is written of somebody who is not known


class Doubt(NamedTuple):
    """Why a row can't be true, as a code, null where it may be; and the column that is blamed."""

    why: pl.Expr
    column: str


class Beside(NamedTuple):
    """Which rows of a table contradict a row of `other` of the same patient: joined by `patient_id` with `columns` of it, none of
    them a column of the table itself. `why`, and the column that is blamed."""

    other: RowType
    columns: tuple[str, ...]
    contradicts: pl.Expr
    why: str
    column: pl.Expr


def beside(row_type: RowType) -> Beside | None:
    """What the rows of that table are held against when they come; None = nothing.

    Nobody dies before being born. Of the two the one that comes last is set apart, for which is wrong can't be told.
    """
    of_death = ("died_at", "died_on")
    died_on = pl.coalesce(pl.col("died_on").str.to_date("%Y-%m-%d", strict=False), pl.col("died_at").dt.date())
    contradicts = pl.col("born_on").str.to_date("%Y-%m-%d", strict=False) > died_on + ZONES_DIFFER
    if row_type is BIRTH_DATES:
        return Beside(DEATHS, of_death, contradicts, BORN_AFTER_DEATH, pl.lit("born_on"))
    if row_type is DEATHS:
        blamed = pl.when(pl.col("died_on").is_null()).then(pl.lit("died_at")).otherwise(pl.lit("died_on"))
        return Beside(BIRTH_DATES, ("born_on",), contradicts, DIED_BEFORE_BORN, blamed)
    return None


def doubt_of(row_type: RowType) -> Doubt | None:
    """What is asked of the rows of that table; None = nothing."""
    if row_type is BIRTH_DATES:
        return Doubt(_nobodys(), "born_on")
    if row_type is DEATHS:  # a moment after the statement is refused by the promise of the table
        died = pl.col("died_on").str.to_date("%Y-%m-%d", strict=False)
        return Doubt(
            pl.when(died > pl.col("stated_at").dt.date() + ZONES_DIFFER).then(pl.lit(DIED_AFTER_STATED)), "died_on"
        )
    if row_type is HOST_STATUS:
        return Doubt(pl.when(is_part_of_a_cell()).then(pl.lit(OF_ANOTHER_UNIT)), "cd4_cells_per_ul")
    return None


def _nobodys() -> pl.Expr:
    """A date of birth that can't be anybody's at the moment at which it was stated."""
    born, stated_on = pl.col("born_on").str.to_date("%Y-%m-%d", strict=False), pl.col("stated_at").dt.date()
    return (
        pl.when(born > stated_on + ZONES_DIFFER)
        .then(pl.lit(BORN_AFTER_STATED))
        .when(born < stated_on.dt.offset_by(f"-{_MOST_YEARS}y") - ZONES_DIFFER)
        .then(pl.lit(TOO_OLD))
    )
