"""Which series of a compartment holds the latest result."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.columns import PATIENT_ID, PLACE, moment, series
from cmvmon.facts.fact_table import Facts, fact_table

NEWEST_SERIES = RowType(
    name="newest_series",
    description="Of each patient and compartment the one series with the latest result; on a tie the first by name.",
    key=SERIES_KEY,
    columns=(
        PATIENT_ID,
        *series(),
        moment("newest_collected_at", "When its latest sample was collected, a conflicting one too."),
    ),
)


@fact_table(NEWEST_SERIES)
def newest_series(facts: Facts) -> pl.DataFrame:
    """Nothing is compared across series: a compartment is judged in the series that is now used."""
    return (
        facts.prepared.results.group_by(SERIES_KEY)
        .agg(newest_collected_at=pl.col("collected_at").max())
        .sort(*PLACE, "newest_collected_at", "laboratory", "assay", descending=[False, False, True, False, False])
        .unique(subset=PLACE, keep="first", maintain_order=True)
    )
