"""The series that rules look at: the newest of each compartment of a patient, and the places that lack one."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.affected import AFFECTED
from cmvmon.facts.columns import PATIENT_ID, PLACE, series, yes_no
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.newest_series import NEWEST_SERIES
from cmvmon.facts.patients import PATIENTS

WATCHED_SERIES = RowType(
    name="watched_series",
    description="The newest series of each compartment, and one row without a series for a compartment that should be "
    "judged and has none, or for a patient who has no result at all.",
    key=SERIES_KEY,
    columns=(
        PATIENT_ID,
        *series("no such series", nowhere="no compartment is known to be judged"),
        yes_no("has_series", "Whether there is such a series."),
    ),
)


@fact_table(WATCHED_SERIES, lists="series")
def watched_series(facts: Facts) -> pl.DataFrame:
    """A rule that must speak of a place for everyone (BAL) names it itself (`Rule.expects`)."""
    newest = facts.of(NEWEST_SERIES).select(SERIES_KEY)
    nothing = facts.of(PATIENTS).filter(~pl.col("patient_has_series"))
    places = [facts.of(AFFECTED).select(PLACE), nothing.select("patient_id", compartment=None)]
    lacking = pl.concat(places, how="vertical_relaxed").join(newest, on=PLACE, how="anti", nulls_equal=True).unique()
    return pl.concat(
        [newest.with_columns(has_series=pl.lit(True)), lacking.with_columns(has_series=pl.lit(False))],
        how="diagonal_relaxed",
    )
