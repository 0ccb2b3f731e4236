"""Whether a row that could not be used may say something of a moment: it can tell of nothing after it came."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.known import Known


def is_in_doubt(known: Known, rows: RowType, since: pl.Expr) -> pl.Expr:
    """Whether a row of the patient that could not be used came at `since` or later: it may be about the time from then on.

    True too where it is not known when such a row came, and where `since` is null; false where every row of the patient was
    read. For tables of values at a moment: a value that was set apart puts none in doubt that was measured after it came.
    """
    who = pl.col("patient_id")
    came = known.unread_until.get(rows.name, {})
    came_at = who.replace_strict(came, default=None, return_dtype=pl.Datetime("us", "UTC")) if came else pl.lit(None)
    return who.is_in(sorted(known.unread_of(rows))) & (came_at >= since).fill_null(True)
