"""How far the load stands above the lowest since it is watched: lowest, latest and the one before it, in one series each."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.columns import PATIENT_ID, PLACE, compartment, count, load, log10, sample, yes_no
from cmvmon.facts.conditions import fact, truth
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.newest_series import NEWEST_SERIES
from cmvmon.facts.points import points_of
from cmvmon.facts.treatment import TREATMENT

_NONE = "there is no such sample time"
_NO_LOWEST = f"{_NONE}, or it has no such limit, or there is no lowest load before it"
_POINT = ("collected_at", "detection", "viral_load_iu_per_ml", "result_id")

RISES = RowType(
    name="rises",
    description="The sample times of a compartment's newest series since a rise counts, conflicting results left out. "
    "No row: there is no result since then.",
    key=PLACE,
    columns=(
        PATIENT_ID,
        compartment(),
        count("n_points_since", "How many sample times there are.", "every result conflicts"),
        *sample("lowest_point", "the lowest point before the latest one, the last of several", _NONE),
        load("lowest_point_iu_per_ml", "Its load, at least the limit of quantification.", _NONE),
        *sample("previous_point", "the point before the latest one", _NONE),
        load("previous_point_at_least_iu_per_ml", "What its load is at least.", f"{_NONE}, or below the limit"),
        *sample("latest_point", "the latest point", _NONE),
        load("latest_point_at_least_iu_per_ml", "What its load is at least.", f"{_NONE}, or below the limit"),
        yes_no("latest_point_is_unbounded", "It is above range: its load has no upper limit.", _NONE),
        load("lowest_since_anchor_iu_per_ml", "The lowest load before it, of the latest anchor on.", _NONE),
        log10("rise_log10", "The least rise from the lowest to the latest point.", _NO_LOWEST),
        log10("previous_rise_log10", "The least rise from the lowest to the previous point.", _NO_LOWEST),
        log10("rise_at_most_log10", "The largest rise from the lowest to the latest point.", _NO_LOWEST),
        log10("rise_since_anchor_log10", "The least rise from the lowest of the latest anchor on.", _NO_LOWEST),
        log10("rise_since_anchor_at_most_log10", "The largest rise from there.", _NO_LOWEST),
        yes_no("has_conflict_since", "Whether a result since then came with two values under one number."),
        yes_no("latest_conflicts", "Whether such a result is the newest, or as new."),
        yes_no("has_limit_missing_since", "Whether one is below a limit that is not known.", "every result conflicts"),
    ),
)


@fact_table(RISES)
def rises(facts: Facts) -> pl.DataFrame:
    """Rises are rounded to 1e-9, so that ten times as much is a rise of exactly 1.

    A result whose values conflict is no point, and that there was one is told; a preliminary or withdrawn one is no
    current result.
    """
    since = results_since(facts)
    points = points_of(since.filter(~pl.col("is_conflicting")))
    conflicts = since.filter("is_conflicting").group_by(PLACE).agg(conflict_at=pl.col("collected_at").max())
    last = _last_points(points)
    earlier = points.join(last.select(*PLACE, "latest_point_collected_at"), on=PLACE).filter(
        (pl.col("collected_at") < pl.col("latest_point_collected_at")) & pl.col("as_lowest").is_not_null()
    )
    conflict_at = pl.col("conflict_at")
    return (
        since.select(PLACE)
        .unique()
        .join(last, on=PLACE, how="left")
        .join(_lowest(earlier), on=PLACE, how="left")
        .join(_lowest_since_anchor(earlier, facts.of(TREATMENT)), on=PLACE, how="left")
        .join(conflicts, on=PLACE, how="left")
        .with_columns(
            _rise("latest_point_at_least", "lowest_point").alias("rise_log10"),
            _rise("previous_point_at_least", "lowest_point").alias("previous_rise_log10"),
            _rise("latest_point_at_most", "lowest_point").alias("rise_at_most_log10"),
            _rise("latest_point_at_least", "lowest_since_anchor").alias("rise_since_anchor_log10"),
            _rise("latest_point_at_most", "lowest_since_anchor").alias("rise_since_anchor_at_most_log10"),
            has_conflict_since=conflict_at.is_not_null(),
            latest_conflicts=(conflict_at >= pl.col("latest_point_collected_at")).fill_null(conflict_at.is_not_null()),
        )
    )


def results_since(facts: Facts) -> pl.DataFrame:
    """The results of each newest series since a rise counts."""
    return (
        facts.prepared.results.join(facts.of(NEWEST_SERIES), on=SERIES_KEY, how="semi")
        .join(facts.of(TREATMENT).select("patient_id", "watched_since"), on="patient_id")
        .filter(pl.col("collected_at") >= pl.col("watched_since"))
    )


def _rise(load: str, lowest: str) -> pl.Expr:
    return (pl.col(f"{load}_iu_per_ml").log10() - pl.col(f"{lowest}_iu_per_ml").log10()).round(9)


def _last_points(points: pl.DataFrame) -> pl.DataFrame:
    facts = {name: pl.col(name) for name in _POINT}
    facts |= {"at_least_iu_per_ml": pl.col("at_least"), "at_most_iu_per_ml": pl.col("at_most")}
    before = {name: fact.slice(-2, 1).filter(pl.len() > 1).first() for name, fact in facts.items()}
    return (
        points.sort(*PLACE, "collected_at")
        .group_by(PLACE, maintain_order=True)
        .agg(
            *(fact.last().alias(f"latest_point_{name}") for name, fact in facts.items()),
            *(fact.alias(f"previous_point_{name}") for name, fact in before.items()),
            latest_point_is_unbounded=pl.col("is_unbounded").last(),
            n_points_since=pl.len(),
            has_limit_missing_since=pl.col("is_limit_missing").any(),
        )
    )


def _lowest(earlier: pl.DataFrame) -> pl.DataFrame:
    return (
        earlier.sort(*PLACE, "as_lowest", "collected_at", descending=[False, False, False, True])
        .unique(subset=PLACE, keep="first", maintain_order=True)
        .select(
            *PLACE,
            pl.col("as_lowest").alias("lowest_point_iu_per_ml"),
            *(pl.col(name).alias(f"lowest_point_{name}") for name in _POINT),
        )
    )


def _lowest_since_anchor(earlier: pl.DataFrame, treatment: pl.DataFrame) -> pl.DataFrame:
    return (
        earlier.join(treatment.select("patient_id", "anchor_at"), on="patient_id")
        .filter(pl.col("collected_at") >= pl.col("anchor_at"))
        .group_by(PLACE)
        .agg(lowest_since_anchor_iu_per_ml=pl.col("as_lowest").min())
    )


POINT_IDS = (*(f"{which}_point_result_id" for which in ("lowest", "previous", "latest")), "parallel_blood_result_id")
is_known_since_anchor = fact("lowest_since_anchor_iu_per_ml").is_known()
has_a_rise = (fact("n_points_since") > 1) & fact("lowest_point_iu_per_ml").is_known()
can_be_ruled_out = has_a_rise & ~truth("has_conflict_since") & ~truth("has_limit_missing_since")
