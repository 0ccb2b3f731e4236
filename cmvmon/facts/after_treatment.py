"""What came after the end of a treatment, or after a run of samples without a load, in a compartment's newest series."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Between
from cmvmon.facts.columns import PATIENT_ID, PLACE, compartment, log10, moment
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.newest_series import newest_numbers
from cmvmon.facts.points import points as points_of_newest

_NO_RUN = "there is no such run"

AFTER_TREATMENT = RowType(
    name="after_treatment",
    description="From when a load counts as one that came back. No row: the patient has no result in the compartment.",
    key=PLACE,
    columns=(
        PATIENT_ID,
        compartment(),
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
    places = facts.shared(newest_numbers).select(*PLACE, "series")
    points = facts.shared(points_of_newest).join(places, on="series")
    ended = facts.prepared.clocks.group_by("patient_id").agg(treatment_ended_at=pl.col("course_ended_at").max())
    found = places.join(ended, on="patient_id", how="left").join(_run_below(points), on=PLACE, how="left")
    return found.join(_rise(points, found), on=PLACE, how="left")


def _run_below(points: pl.DataFrame) -> pl.DataFrame:
    """The latest run of two or more sample times without a load."""
    at = pl.col("collected_at")
    return (
        points.sort(*PLACE, "collected_at")
        .with_columns(run=pl.col("is_below").rle_id().over(PLACE))
        .filter("is_below")
        .group_by(*PLACE, "run")
        .agg(below_since=at.min(), days_below=(at.max() - at.min()).dt.total_seconds() * (1.0 / 86_400.0), n=pl.len())
        .filter(pl.col("n") > 1)
        .sort(*PLACE, "run")
        .unique(PLACE, keep="last", maintain_order=True)
        .drop("run", "n")
    )


def _rise(points: pl.DataFrame, since: pl.DataFrame) -> pl.DataFrame:
    """From the lowest sample time before the latest one; the last one up to the moment from which it counts is the first."""
    at, start = pl.col("collected_at"), pl.min_horizontal("treatment_ended_at", "below_since")
    counted = points.join(since, on=PLACE).filter(start.is_not_null()).sort(*PLACE, "collected_at")
    first = pl.coalesce(at.filter(at <= start).max(), start).over(PLACE)
    is_latest = at == at.max().over(PLACE)
    return (
        counted.filter(at >= first)
        .with_columns(latest=is_latest)
        .group_by(PLACE)
        .agg(
            rise_after_treatment_log10=(
                pl.col("at_least").filter("latest").first().log10()
                - pl.col("as_lowest").filter(~pl.col("latest")).min().log10()
            ).round(9)
        )
    )
