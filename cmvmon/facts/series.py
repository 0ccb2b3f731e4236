"""The series that rules look at: the newest of each compartment of a patient, others still in use, and places without one."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.affected import AFFECTED
from cmvmon.facts.columns import PATIENT_ID, PLACE, series, yes_no
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.newest_series import recent_numbers
from cmvmon.facts.patients import PATIENTS

WATCHED_SERIES = RowType(
    name="watched_series",
    description="The newest series of each compartment, every other one with a recent result, and one row without a series "
    "for a compartment that should be judged and has none, or for a patient who has no result at all.",
    key=SERIES_KEY,
    columns=(
        PATIENT_ID,
        *series("no such series", nowhere="no compartment is known to be judged"),
        yes_no("has_series", "Whether there is such a series."),
        yes_no("is_older", "Whether another series of its compartment holds the latest result."),
    ),
)


@fact_table(WATCHED_SERIES, lists="series")
def watched_series(facts: Facts) -> pl.DataFrame:
    """A rule that must speak of a place for everyone (BAL) names it itself (`Rule.expects`). Every series
    in use has its own verdict: an alert names its assay, and no result of another one ends it."""
    recent = facts.shared(recent_numbers).select(*SERIES_KEY, "is_older")
    nothing = facts.of(PATIENTS).filter(~pl.col("patient_has_series"))
    places = [facts.of(AFFECTED).select(PLACE), nothing.select("patient_id", compartment=None)]
    lacking = pl.concat(places, how="vertical_relaxed").join(recent, on=PLACE, how="anti", nulls_equal=True).unique()
    return pl.concat(
        [
            recent.with_columns(has_series=pl.lit(True)),
            lacking.with_columns(has_series=pl.lit(False), is_older=pl.lit(False)),
        ],
        how="diagonal_relaxed",
    )
