"""Blood taken with the latest sample of the lower airways: whether it rose itself."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import compartments
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.columns import PATIENT_ID, log10, moment, one_of, series
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.newest_series import newest_numbers
from cmvmon.facts.points import rise_log10
from cmvmon.facts.rises import RISES, points_since

PARALLEL_BLOOD = RowType(
    name="parallel_blood",
    description="Of the blood points taken with the latest sample of a lower airway compartment the one that stands "
    "highest above its own lowest before it. No row: there is none.",
    key=SERIES_KEY,
    columns=(
        PATIENT_ID,
        *series(),
        one_of("parallel_blood_compartment", compartments.BLOOD, "Its compartment."),
        moment("parallel_blood_collected_at", "When it was collected."),
        Column("parallel_blood_result_id", Kind.TEXT, "Its id."),
        log10("parallel_blood_rise_log10", "How far it stands above its own lowest before it.", ""),
    ),
)


@fact_table(PARALLEL_BLOOD)
def parallel_blood(facts: Facts) -> pl.DataFrame:
    """Taken with it: at most as long apart as the protocol's pairs of samples (`[concordance] pair_within_h`)."""
    airways = (
        facts.of(RISES)
        .filter(pl.col("compartment").is_in(compartments.LOWER_RESPIRATORY))
        .select(*SERIES_KEY, "latest_point_collected_at")
    )
    if airways.is_empty():
        return PARALLEL_BLOOD.empty()
    apart = (pl.col("parallel_blood_collected_at") - pl.col("latest_point_collected_at")).abs()
    order = ("parallel_blood_rise_log10", "apart", "parallel_blood_collected_at", "parallel_blood_compartment")
    return (
        airways.join(_blood_points(facts, airways), on="patient_id")
        .with_columns(apart=apart)
        .filter(pl.col("apart") <= pl.duration(hours=facts.protocol.concordance.pair_within_h))
        .sort(*SERIES_KEY, *order, descending=[False] * len(SERIES_KEY) + [True, False, False, False])
        .unique(subset=SERIES_KEY, keep="first", maintain_order=True)
    )


def _blood_points(facts: Facts, airways: pl.DataFrame) -> pl.DataFrame:
    """The blood points of these patients that have a lowest before them, and how far they stand above it."""
    so_far = pl.col("as_lowest").cum_min().forward_fill().shift(1).over("series")
    is_blood = pl.col("compartment").is_in(compartments.BLOOD)
    blood = facts.shared(newest_numbers).filter(is_blood).join(airways, on="patient_id", how="semi")
    return (
        facts.shared(points_since)
        .join(blood.select("patient_id", "compartment", "series"), on="series", maintain_order="left")
        .with_columns(rise=rise_log10(pl.col("at_least"), so_far))
        .filter(pl.col("rise").is_not_null())
        .select(
            "patient_id",
            parallel_blood_compartment="compartment",
            parallel_blood_collected_at="collected_at",
            parallel_blood_result_id="result_id",
            parallel_blood_rise_log10="rise",
        )
    )
