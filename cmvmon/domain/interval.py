"""A censored value is an interval: what one result says of the load, at least and at most. Said here and nowhere else.

    quantified     the value                     the value
    not_detected   nothing above 0 is known      the LLOQ; the LOD where no LLOQ is known
    below_lloq     nothing above 0 is known      the LLOQ (a load that was detected may lie above the LOD)
    above_uloq     the ULOQ                      no upper bound

Expressions over the columns detection, viral_load_iu_per_ml, lod_, lloq_ and uloq_iu_per_ml of `viral_load_results`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import polars as pl

from cmvmon.domain import words

BELOW = (words.NOT_DETECTED, words.BELOW_LLOQ)
_STATE = pl.col("detection")


def at_least_iu_per_ml() -> pl.Expr:
    """The load is at least this; null where nothing above 0 is known, or the limit that says so is not."""
    return (
        pl.when(_STATE == words.QUANTIFIED)
        .then("viral_load_iu_per_ml")
        .when(_STATE == words.ABOVE_ULOQ)
        .then("uloq_iu_per_ml")
    )


def at_most_iu_per_ml() -> pl.Expr:
    """The load is at most this; null where it has no upper bound, or the limit that says so is not known."""
    return (
        pl.when(_STATE == words.QUANTIFIED)
        .then("viral_load_iu_per_ml")
        .when(_STATE == words.NOT_DETECTED)
        .then(pl.coalesce("lloq_iu_per_ml", "lod_iu_per_ml"))
        .when(_STATE == words.BELOW_LLOQ)
        .then("lloq_iu_per_ml")
    )


def log10_of(value: pl.Expr | str) -> pl.Expr:
    """log10 of a positive, finite number; null for anything else."""
    number = (pl.col(value) if isinstance(value, str) else value).cast(pl.Float64)
    return pl.when(number.is_finite() & (number > 0)).then(number.log10())


def reported_limit_iu_per_ml(row: Mapping[str, Any]) -> float | None:
    """The limit that a result which was not quantified stands against; None for a quantified one, or where not known.

    >>> row = {"detection": "not_detected", "lod_iu_per_ml": 17.5, "lloq_iu_per_ml": None, "uloq_iu_per_ml": 1e7}
    >>> reported_limit_iu_per_ml(row), reported_limit_iu_per_ml(row | {"detection": "below_lloq"})
    (17.5, None)
    """
    limit: float | None = None
    if row["detection"] == words.ABOVE_ULOQ:
        limit = row["uloq_iu_per_ml"]
    elif row["detection"] in BELOW:
        limit = row["lloq_iu_per_ml"]
        if limit is None and row["detection"] == words.NOT_DETECTED:
            limit = row["lod_iu_per_ml"]
    return limit
