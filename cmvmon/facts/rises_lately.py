"""How far the latest load of a series stands above what it was some days before, whatever the treatment."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.by_series import ends_of
from cmvmon.facts.columns import PATIENT_ID, log10, named, sample, series
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.newest_series import recent_numbers
from cmvmon.facts.points import points, rise_log10

_NONE = "there is no sample of those days"

RISES_LATELY = RowType(
    name="rises_lately",
    description="The lowest sample of some days before the latest one, and how far that stands above it. Conflicting results "
    "are left out. No row: no result.",
    key=SERIES_KEY,
    columns=(
        PATIENT_ID,
        *series(),
        *sample("days_before", "the lowest sample of those days, the last of several", _NONE),
        log10("rise_lately_log10", "The least rise from there to the latest.", f"{_NONE}, or the latest has no load"),
    ),
)


@fact_table(RISES_LATELY)
def rises_lately(facts: Facts) -> pl.DataFrame:
    """Those days: `[watched] rise_from_days` to `rise_to_days` before the latest sample. A rise counts from the limit of
    quantification at least, and is rounded to 1e-9, as in `rises`. Source: rules.md 3.1, untreated_rise."""
    policy = facts.protocol.watched
    known = facts.shared(points)
    latest = known[ends_of(known).last].select("series", latest_at="collected_at", latest_at_least="at_least")
    age = pl.col("latest_at") - pl.col("collected_at")
    those_days = (age >= pl.duration(hours=24 * policy.rise_from_days)) & (
        age <= pl.duration(hours=24 * policy.rise_to_days)
    )
    before = known.join(latest, on="series", maintain_order="left").filter(
        those_days & pl.col("as_lowest").is_not_null()
    )
    lowest = before.filter(pl.col("as_lowest") == pl.col("as_lowest").min().over("series"))
    found = lowest[ends_of(lowest).last]
    return (
        facts.shared(recent_numbers)
        .select(*SERIES_KEY, "series")
        .join(latest.select("series"), on="series")
        .join(
            found.select(
                "series",
                *named("days_before"),
                rise_lately_log10=rise_log10(pl.col("latest_at_least"), pl.col("as_lowest")),
            ),
            on="series",
            how="left",
        )
    )
