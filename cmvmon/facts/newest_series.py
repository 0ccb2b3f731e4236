"""Which series of a compartment holds the latest result, and which others are still in use."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import compartments
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


def recent_numbers(facts: Facts) -> pl.DataFrame:
    """The series that are judged, sorted by `series`: the newest of each compartment, and every other one (`is_older`)
    whose latest result is at most `[watched] series_within_days` old. A change of assay silences nothing at once.
    Blood of another matrix that is newer takes the place of a series without a recent result."""
    of_compartment = facts.shared(newest_numbers)
    newest = of_compartment["series"].implode()
    is_blood = pl.col("compartment").is_in(compartments.BLOOD)
    last_of_matrix = pl.when(is_blood).then(pl.col("newest_collected_at").filter(is_blood).max().over("patient_id"))
    replaced = of_compartment.filter((pl.col("newest_collected_at") < last_of_matrix).fill_null(False))[
        "series"
    ].implode()
    age = facts.now - pl.col("newest_collected_at")
    is_recent = age <= pl.duration(hours=24 * facts.protocol.watched.series_within_days)
    marked = facts.shared(numbered_series).with_columns(is_older=~pl.col("series").is_in(newest))
    is_in_use = is_recent | (~pl.col("is_older") & ~pl.col("series").is_in(replaced))
    return marked.filter(is_in_use).sort("series")
