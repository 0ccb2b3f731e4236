"""What came after the end of a treatment, or after a run of samples without a load, in each series that is judged."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Between
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.columns import PATIENT_ID, by_constant, log10, moment, series, yes_no
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.newest_series import recent_numbers
from cmvmon.facts.points import points as points_of_series
from cmvmon.facts.points import rise_log10

_NO_RUN = "there is no such run"

AFTER_TREATMENT = RowType(
    name="after_treatment",
    description="From when a load counts as one that came back. No row: the patient has no result in the compartment.",
    key=SERIES_KEY,
    columns=(
        PATIENT_ID,
        *series(),
        moment("treatment_ended_at", "When the latest course that has ended did so.", "no course has ended"),
        moment(
            "below_since",
            "The first of the latest run of two or more sample times below the limit of quantification.",
            _NO_RUN,
        ),
        Column(
            "days_below",
            Kind.NUMBER,
            "Days from the first to the last sample time of that run.",
            "days",
            _NO_RUN,
            (Between("days_below", at_least=0.0),),
        ),
        yes_no("had_load_before", "Whether the series had a load before that run.", _NO_RUN),
        log10(
            "rise_after_treatment_log10",
            "The least rise to the latest sample time, from the lowest since `treatment_ended_at` or `below_since`, the "
            "earlier; the last sample time up to it counts too.",
            "neither is known, or there is no such load, or no lower limit of the latest",
        ),
    ),
)


@fact_table(AFTER_TREATMENT)
def after_treatment(facts: Facts) -> pl.DataFrame:
    """A result whose values conflict is no point. A rise counts from the limit of quantification at least, and is rounded
    to 1e-9, as in `rises`."""
    places, points = facts.shared(recent_numbers).select(*SERIES_KEY, "series"), facts.shared(points_of_series)
    ended = facts.prepared.clocks.group_by("patient_id").agg(treatment_ended_at=pl.col("course_ended_at").max())
    found = places.join(ended, on="patient_id", how="left", maintain_order="left")
    found = found.join(_run_below(points), on="series", how="left", maintain_order="left")
    return found.join(_rise(points, found), on="series", how="left", maintain_order="left")


def _run_below(points: pl.DataFrame) -> pl.DataFrame:
    """The latest run of two or more sample times without a load, of points sorted by series and moment."""
    at = pl.col("collected_at")
    begins = pl.any_horizontal(pl.col(name) != pl.col(name).shift(1) for name in ("series", "is_below"))
    runs = points.select("series", "collected_at", "is_below", run=begins.fill_null(True).cum_sum())
    first_load = points.filter(~pl.col("is_below")).group_by("series").agg(first_load_at=at.min())
    return (
        runs.filter("is_below")
        .group_by("run", maintain_order=True)
        .agg(
            pl.col("series").first(),
            below_since=at.min(),
            days_below=by_constant((at.max() - at.min()).dt.total_seconds(), 86_400.0),
            n=pl.len(),
        )
        .filter(pl.col("n") > 1)
        .unique("series", keep="last", maintain_order=True)
        .join(first_load, on="series", how="left", maintain_order="left")
        .with_columns(had_load_before=(pl.col("first_load_at") < pl.col("below_since")).fill_null(False))
        .drop("run", "n", "first_load_at")
    )


def _rise(points: pl.DataFrame, since: pl.DataFrame) -> pl.DataFrame:
    """From the lowest sample time before the latest one; the last one up to the moment from which it counts is the first.

    Points come sorted by series and moment: one counts if the next comes after that moment, or if it is the latest.
    """
    start = since.select("series", start=pl.min_horizontal("treatment_ended_at", "below_since")).drop_nulls("start")
    counted = points.join(start, on="series", maintain_order="left").with_columns(
        is_latest=(pl.col("series") != pl.col("series").shift(-1)).fill_null(True)
    )
    before = ~pl.col("is_latest") & (pl.col("collected_at").shift(-1) > pl.col("start"))
    lowest = counted.filter(before).group_by("series").agg(lowest=pl.col("as_lowest").min())
    return (
        counted.filter("is_latest")
        .join(lowest, on="series", maintain_order="left")
        .select("series", rise_after_treatment_log10=rise_log10(pl.col("at_least"), pl.col("lowest")))
    )
