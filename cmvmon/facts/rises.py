"""How far the load stands above the lowest since it is watched: lowest, latest and the one before it, in one series each."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.interval import BELOW
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.by_series import ends_of
from cmvmon.facts.columns import OF_A_SAMPLE, PATIENT_ID, count, load, log10, named, sample, series, yes_no
from cmvmon.facts.conditions import fact, truth
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.held_loads import held_of
from cmvmon.facts.newest_series import recent_numbers
from cmvmon.facts.points import points, recent_results, rise_log10
from cmvmon.facts.treatment import TREATMENT

_NONE = "there is no such sample time"
_NONE_HELD = "the latest has no load"
_NO_LOWEST = f"{_NONE}, or it has no such limit, or there is no lowest load before it"

RISES = RowType(
    name="rises",
    description="The sample times of a series that is judged since a rise counts, conflicting results left out. "
    "No row: there is no result since then.",
    key=SERIES_KEY,
    columns=(
        PATIENT_ID,
        *series(),
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
        *sample("held_point", "the point whose load holds", _NONE_HELD),
        load("held_point_at_least_iu_per_ml", "The load that was reached and not clearly left since.", _NONE_HELD),
        load("held_two_points_at_least_iu_per_ml", "The same of two points in a row.", _NONE_HELD),
        log10("held_rise_log10", "The rise from the lowest to the load that holds.", _NO_LOWEST),
        log10("held_two_rise_log10", "The rise from the lowest to the load that two in a row hold.", _NO_LOWEST),
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
    since = facts.shared(points_since)
    conflicts = _conflicts_since(facts)
    last = _last_points(since)
    earlier = _earlier(since)
    held = held_of(since, facts).select(
        "series",
        *named("held_point"),
        held_point_at_least_iu_per_ml="held",
        held_two_points_at_least_iu_per_ml="held_two",
    )
    conflict_at = pl.col("conflict_at")
    seen = pl.concat([last.select("series"), conflicts.select("series")]).unique()
    return (
        facts.shared(recent_numbers)
        .select(*SERIES_KEY, "series")
        .join(seen, on="series", how="semi")
        .join(last, on="series", how="left")
        .join(_lowest(earlier), on="series", how="left")
        .join(_lowest_since_anchor(earlier), on="series", how="left")
        .join(held, on="series", how="left")
        .join(conflicts, on="series", how="left")
        .with_columns(
            _rise("latest_point_at_least", "lowest_point").alias("rise_log10"),
            _rise("previous_point_at_least", "lowest_point").alias("previous_rise_log10"),
            _rise("latest_point_at_most", "lowest_point").alias("rise_at_most_log10"),
            _rise("held_point_at_least", "lowest_point").alias("held_rise_log10"),
            _rise("held_two_points_at_least", "lowest_point").alias("held_two_rise_log10"),
            _rise("latest_point_at_least", "lowest_since_anchor").alias("rise_since_anchor_log10"),
            _rise("latest_point_at_most", "lowest_since_anchor").alias("rise_since_anchor_at_most_log10"),
            has_conflict_since=conflict_at.is_not_null(),
            latest_conflicts=(conflict_at >= pl.col("latest_point_collected_at")).fill_null(conflict_at.is_not_null()),
        )
    )


def points_since(facts: Facts) -> pl.DataFrame:
    """The points of each series that is judged since a rise counts, with `anchor_at`, sorted by series and moment."""
    return _since(facts, facts.shared(points))


def _since(facts: Facts, rows: pl.DataFrame) -> pl.DataFrame:
    clocks = facts.of(TREATMENT).select("patient_id", "watched_since", "anchor_at")
    watched = facts.shared(recent_numbers).select("patient_id", "series").join(clocks, on="patient_id")
    of_series = watched.select("series", "watched_since", "anchor_at")
    joined = rows.join(of_series, on="series", maintain_order="left")
    return joined.filter(pl.col("collected_at") >= pl.col("watched_since"))


def _conflicts_since(facts: Facts) -> pl.DataFrame:
    conflicting = facts.shared(recent_results).filter("is_conflicting").select("series", "collected_at")
    return _since(facts, conflicting).group_by("series").agg(conflict_at=pl.col("collected_at").max())


def _rise(load: str, lowest: str) -> pl.Expr:
    return rise_log10(pl.col(f"{load}_iu_per_ml"), pl.col(f"{lowest}_iu_per_ml"))


def _last_points(since: pl.DataFrame) -> pl.DataFrame:
    ends = ends_of(since)
    point = since.select(*OF_A_SAMPLE, at_least_iu_per_ml="at_least", at_most_iu_per_ml="at_most")
    missing = since.filter("is_limit_missing").select("series", has_limit_missing_since=pl.lit(True)).unique()
    return (
        pl.concat(
            [
                pl.DataFrame({"series": ends.series, "n_points_since": ends.n_rows}),
                point.select(pl.all().gather(ends.back(0)).name.prefix("latest_point_")),
                point.select(pl.all().gather(ends.back(1)).name.prefix("previous_point_")),
                since.select(latest_point_is_unbounded=pl.col("is_unbounded").gather(ends.back(0))),
            ],
            how="horizontal",
        )
        .join(missing, on="series", how="left")
        .with_columns(pl.col("has_limit_missing_since").fill_null(False))
    )


def _earlier(since: pl.DataFrame) -> pl.DataFrame:
    """The points before the latest one that have a load as a lowest value."""
    is_earlier = (pl.col("series") == pl.col("series").shift(-1)).fill_null(False)
    return since.filter(is_earlier & pl.col("as_lowest").is_not_null())


def _lowest(earlier: pl.DataFrame) -> pl.DataFrame:
    lowest = earlier.filter(pl.col("as_lowest") == pl.col("as_lowest").min().over("series"))
    return lowest.select(
        "series",
        pl.col("as_lowest").alias("lowest_point_iu_per_ml"),
        *named("lowest_point"),
    )[ends_of(lowest).last]


def _lowest_since_anchor(earlier: pl.DataFrame) -> pl.DataFrame:
    return (
        earlier.filter(pl.col("collected_at") >= pl.col("anchor_at"))
        .group_by("series")
        .agg(lowest_since_anchor_iu_per_ml=pl.col("as_lowest").min())
    )


is_from_limit = fact("lowest_point_detection").is_in(BELOW)
POINT_IDS = (*(f"{which}_point_result_id" for which in ("lowest", "previous", "latest")), "parallel_blood_result_id")
is_known_since_anchor = fact("lowest_since_anchor_iu_per_ml").is_known()
has_a_rise = (fact("n_points_since") > 1) & fact("lowest_point_iu_per_ml").is_known()
can_be_ruled_out = has_a_rise & ~truth("has_conflict_since") & ~truth("has_limit_missing_since")
