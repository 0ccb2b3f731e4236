"""A sample time as one point, whatever number of results it has (two lobes of a BAL): what its load is at least and at most."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.interval import BELOW, at_least_iu_per_ml, at_most_iu_per_ml
from cmvmon.facts.by_series import numbered_series, results_by_series
from cmvmon.facts.fact_table import Facts
from cmvmon.facts.newest_series import recent_numbers

_TIME = ("series", "collected_at")


def rise_log10(load: pl.Expr, lowest: pl.Expr) -> pl.Expr:
    """How far a load stands above a lowest one, both in IU/mL, rounded to 1e-9: equal numbers give no rise."""
    return (load.log10() - lowest.log10()).round(9)


def recent_results(facts: Facts) -> pl.DataFrame:
    """The results of the series that are judged, conflicting ones too, sorted by series, moment and id."""
    numbers, results = facts.shared(recent_numbers), facts.shared(results_by_series)
    if numbers.height == facts.shared(numbered_series).height:  # nearly always: every series is in use
        return results
    return results.join(numbers.select("series"), on="series", how="semi", maintain_order="left")


def points(facts: Facts) -> pl.DataFrame:
    """One row per sample time of each series that is judged, conflicting results left out; sorted by series and moment.

    At its lowest where a rise is to be shown, at its highest where it is to be ruled out: `at_least` (null: below the
    limit of quantification), `at_most` (null: limit not known, or `is_unbounded`: one result is above range), and
    `as_lowest`, its load as a lowest value: at least the limit of quantification, from which a rise then counts (null:
    above range, or limit not known). `detection`, load and id are those of the lowest result. `is_limit_missing`: a
    result below a limit that is not known. `is_below`: all of them are below the limit of quantification.
    """
    results = facts.shared(recent_results)
    measured = _measured(results.filter(~pl.col("is_conflicting")))
    is_again = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in _TIME).fill_null(False)
    is_shared = is_again | is_again.shift(-1, fill_value=False)
    shared = measured.select(is_shared).to_series()
    if not shared.any():  # nearly always: a sample has one result
        return measured
    return pl.concat([measured.filter(~shared), _joined(measured.filter(shared))]).sort(_TIME)


def _measured(results: pl.DataFrame) -> pl.DataFrame:
    """Each result as a point of its own."""
    is_below, is_quantified = pl.col("detection").is_in(BELOW), pl.col("detection") == words.QUANTIFIED
    load, lloq = pl.col("viral_load_iu_per_ml"), pl.col("lloq_iu_per_ml")
    return results.select(
        *_TIME,
        "detection",
        "viral_load_iu_per_ml",
        "result_id",
        at_least=at_least_iu_per_ml(),
        at_most=at_most_iu_per_ml(),
        as_lowest=pl.when(is_quantified).then(pl.max_horizontal(load, lloq)).when(is_below).then(lloq),
        is_limit_missing=is_below & lloq.is_null(),
        is_unbounded=~is_quantified & ~is_below,
        is_below=is_below,
    )


def _joined(measured: pl.DataFrame) -> pl.DataFrame:
    """The results of one sample time as one point."""
    return (
        measured.sort(*_TIME, "at_least", "result_id", nulls_last=False)
        .group_by(_TIME, maintain_order=True)
        .agg(
            pl.col("detection", "viral_load_iu_per_ml", "result_id").first(),
            at_least=pl.when(pl.col("at_least").null_count() == 0).then(pl.col("at_least").min()),
            at_most=pl.when(pl.col("at_most").null_count() == 0).then(pl.col("at_most").max()),
            as_lowest=pl.col("as_lowest").min(),
            is_limit_missing=pl.col("is_limit_missing").any(),
            is_unbounded=pl.col("is_unbounded").any() & ~pl.col("is_limit_missing").any(),
            is_below=pl.col("is_below").all(),
        )
    )
