"""Which series of a compartment holds the latest result."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.by_series import numbered_series
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
    return facts.shared(newest_numbers)


def newest_numbers(facts: Facts) -> pl.DataFrame:
    """The same with `series`, the number of the series, sorted by it."""
    return (
        facts.shared(numbered_series)
        .sort(*PLACE, "newest_collected_at", "series", descending=[False, False, True, False])
        .unique(subset=PLACE, keep="first", maintain_order=True)
    )
