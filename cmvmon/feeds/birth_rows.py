"""Which delivered dates of birth can't be anybody's at the moment at which they were stated."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.birth_dates import BIRTH_DATES
from cmvmon.domain.columns import RowType

BORN_AFTER_STATED, TOO_OLD = "born_after_stated", "implausible_born_on"
_MOST_YEARS = 120  # nobody who is alive is older: 1 January 1900 is what is written of somebody who is not known
_A_DAY = pl.duration(days=1)  # the two may be told in zones of different days


def why_nobodys(row_type: RowType) -> pl.Expr | None:
    """Why a row that keeps its promises is of nobody all the same, as a code, null where it is not; None of every other table."""
    if row_type is not BIRTH_DATES:
        return None
    born, stated_on = pl.col("born_on").str.to_date("%Y-%m-%d", strict=False), pl.col("stated_at").dt.date()
    return (
        pl.when(born > stated_on + _A_DAY)
        .then(pl.lit(BORN_AFTER_STATED))
        .when(born < stated_on.dt.offset_by(f"-{_MOST_YEARS}y") - _A_DAY)
        .then(pl.lit(TOO_OLD))
    )
