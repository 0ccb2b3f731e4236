"""The load that a series has reached and not clearly fallen below since: what keeps an alert at a line from coming and going."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import compartments
from cmvmon.domain.columns import RowType
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.by_series import ends_of
from cmvmon.facts.columns import OF_A_SAMPLE, PATIENT_ID, load, named, sample, series
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.newest_series import recent_numbers
from cmvmon.facts.points import points

_NONE = "the latest has no load"

HELD_LOADS = RowType(
    name="held_loads",
    description="The load that each series that is judged has reached in the last days and not clearly fallen below since. "
    "Conflicting results are left out. No row: the latest has no load.",
    key=SERIES_KEY,
    columns=(
        PATIENT_ID,
        *series(),
        *sample("held", "the sample that reached it, the last of several", _NONE),
        load(
            "held_at_least_iu_per_ml", "The highest line that was reached and has not clearly been left since.", _NONE
        ),
    ),
)


@fact_table(HELD_LOADS)
def held_loads(facts: Facts) -> pl.DataFrame:
    """Source: rules.md 3.0; docs/decisions/0087."""
    held = facts.shared(held_of_points).select("series", *named("held"), held_at_least_iu_per_ml="held")
    return facts.shared(recent_numbers).select(*SERIES_KEY, "series").join(held, on="series", maintain_order="left")


def held_of_points(facts: Facts) -> pl.DataFrame:
    """`held_of` every point of the series that are judged."""
    return held_of(facts.shared(points), facts)


def held_of(rows: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Of each series whose latest point has a load: `held`, the sample that reached it, and `held_two`, the same of two in a row.

    A line is reached by a load at or above it, at most `[watched] held_within_days` before the latest, and left by one more than
    `held_log10` below it (`held_lower_airway_log10` in the lower airways). The highest line that was reached and not left says of
    every line whether it was: `held` is never less than the latest load, and the same whatever came in which order.

    Args:
        rows: points, sorted by series and moment, or some of them.
    """
    policy = facts.protocol.watched
    is_airway = pl.col("compartment").is_in(compartments.LOWER_RESPIRATORY)
    of_one = pl.col("at_least").fill_null(0.0)
    age = pl.col("collected_at").max().over("series") - pl.col("collected_at")
    told = (
        rows.join(facts.shared(recent_numbers).select("series", "compartment"), on="series", maintain_order="left")
        .select(
            "series",
            *OF_A_SAMPLE,
            times=pl.when(is_airway).then(10.0**policy.held_lower_airway_log10).otherwise(10.0**policy.held_log10),
            age=age,
            one=of_one,
            two=pl.min_horizontal(of_one, of_one.shift(1, fill_value=0.0).over("series")),
        )
        .filter(pl.col("age") <= pl.duration(hours=24 * policy.held_within_days))
        .with_columns(_held("one").alias("held"), _held("two").alias("two").max().over("series"))
    )
    best = told.filter((pl.col("held") > 0.0) & (pl.col("held") == pl.col("held").max().over("series")))
    return best[ends_of(best).last].select("series", *OF_A_SAMPLE, "held", held_two=pl.col("two").replace(0.0, None))


def _held(load: str) -> pl.Expr:
    """Of each point the highest line that it reached and that no later one has left."""
    later = pl.col(load).cum_min(reverse=True).shift(-1).over("series")
    return pl.min_horizontal(pl.col(load), later * pl.col("times"))
