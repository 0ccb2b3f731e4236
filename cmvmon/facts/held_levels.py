"""The trough that has lain outside its target and not clearly returned since: as `held_loads`, of levels."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import Between
from cmvmon.facts.columns import PATIENT_ID, moment
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.levels import judged_levels

_NONE = "no trough can be judged"
_OF_ONE = ("given_drug", "trough_from", "trough_to")


def _mg_per_l(name: str, description: str) -> Column:
    return Column(name, Kind.NUMBER, description, "mg/L", _NONE, (Between(name, at_least=0.0),))


HELD_LEVELS = RowType(
    name="held_levels",
    description="Of the troughs that can be judged, of the drug and target of the newest one: how low and how high the troughs "
    "have lain and not clearly returned since. No row: none can be judged.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        _mg_per_l("held_low_mg_per_l", "The lowest line below which one lay, and that none since lies clearly above."),
        moment("held_low_sampled_at", "When that one was sampled, the last of several.", _NONE),
        _mg_per_l(
            "held_high_mg_per_l", "The highest line above which one lay, and that none since lies clearly below."
        ),
        moment("held_high_sampled_at", "When that one was sampled, the last of several.", _NONE),
    ),
)


@fact_table(HELD_LEVELS)
def held_levels(facts: Facts) -> pl.DataFrame:
    """Clearly: by `[level_timing] held_share` of the line. Source: docs/decisions/0087."""
    times = 1.0 + facts.protocol.level_timing.held_share
    troughs = facts.shared(judged_levels).filter(pl.col("why").is_null()).sort("patient_id", "sampled_at")
    is_of_one = pl.all_horizontal(pl.col(name) == pl.col(name).last().over("patient_id") for name in _OF_ONE)
    level, sign = pl.col("level_value"), pl.col("comparator")
    at_most = pl.when((sign == ">").fill_null(False)).then(float("inf")).otherwise(level)
    at_least = pl.when((sign == "<").fill_null(False)).then(0.0).otherwise(level)
    later_highest = at_most.cum_max(reverse=True).shift(-1).over("patient_id")
    later_lowest = at_least.cum_min(reverse=True).shift(-1).over("patient_id")
    held = troughs.filter(is_of_one).with_columns(
        low=pl.max_horizontal(at_most, (later_highest / times).round(9)),
        high=pl.min_horizontal(at_least, (later_lowest * times).round(9)),
    )
    low, high, at = pl.col("low"), pl.col("high"), pl.col("sampled_at")
    lowest = low.filter(low.is_finite()).min()
    return held.group_by("patient_id", maintain_order=True).agg(
        held_low_mg_per_l=lowest,
        held_low_sampled_at=at.filter(low == lowest).last(),
        held_high_mg_per_l=high.max(),
        held_high_sampled_at=at.filter(high == high.max()).last(),
    )
