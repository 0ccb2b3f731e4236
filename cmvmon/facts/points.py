"""A sample time as one point, whatever number of results it has (two lobes of a BAL): what its load is at least and at most."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.interval import BELOW, at_least_iu_per_ml, at_most_iu_per_ml
from cmvmon.facts.columns import PLACE


def points_of(results: pl.DataFrame) -> pl.DataFrame:
    """One row per compartment and sample time of one series each, sorted.

    At its lowest where a rise is to be shown, at its highest where it is to be ruled out: `at_least` (null: below the
    limit of quantification), `at_most` (null: limit not known, or `is_unbounded`: one result is above range), and
    `as_lowest`, its load as a lowest value: at least the limit of quantification, from which a rise then counts (null:
    above range, or limit not known). `detection`, load and id are those of the lowest result. `is_limit_missing`: a
    result below a limit that is not known. `is_below`: all of them are below the limit of quantification.
    """
    is_below, is_quantified = pl.col("detection").is_in(BELOW), pl.col("detection") == words.QUANTIFIED
    load, lloq = pl.col("viral_load_iu_per_ml"), pl.col("lloq_iu_per_ml")
    measured = results.with_columns(
        at_least=at_least_iu_per_ml(),
        at_most=at_most_iu_per_ml(),
        as_lowest=pl.when(is_quantified).then(pl.max_horizontal(load, lloq)).when(is_below).then(lloq),
        is_limit_missing=is_below & lloq.is_null(),
        is_unbounded=~is_quantified & ~is_below,
    )
    return (
        measured.sort(*PLACE, "collected_at", "at_least", "result_id", nulls_last=False)
        .group_by(*PLACE, "collected_at", maintain_order=True)
        .agg(
            pl.col("detection", "viral_load_iu_per_ml", "result_id").first(),
            at_least=pl.when(pl.col("at_least").null_count() == 0).then(pl.col("at_least").min()),
            at_most=pl.when(pl.col("at_most").null_count() == 0).then(pl.col("at_most").max()),
            as_lowest=pl.col("as_lowest").min(),
            is_limit_missing=pl.col("is_limit_missing").any(),
            is_unbounded=pl.col("is_unbounded").any() & ~pl.col("is_limit_missing").any(),
            is_below=is_below.all(),
        )
    )
