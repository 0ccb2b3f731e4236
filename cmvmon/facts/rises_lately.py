"""How far the latest load of a series stands above what it was some days before, whatever the treatment."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.by_series import ends_of
from cmvmon.facts.columns import OF_A_SAMPLE, PATIENT_ID, log10, named, sample, series, yes_no
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.held_loads import held_of_points
from cmvmon.facts.newest_series import recent_numbers
from cmvmon.facts.points import points, recent_results, rise_log10

_NONE = "there is no sample to compare with"

RISES_LATELY = RowType(
    name="rises_lately",
    description="The lowest sample of some days before the latest one, and how far that stands above it. Conflicting results "
    "are left out. No row: no result.",
    key=SERIES_KEY,
    columns=(
        PATIENT_ID,
        *series(),
        *sample("days_before", "the lowest sample to compare with, the last of several", _NONE),
        log10("rise_lately_log10", "The least rise from there to the latest.", f"{_NONE}, or the latest has no load"),
        log10(
            "held_rise_lately_log10",
            "The rise from there to the load that was reached and not clearly left since.",
            f"{_NONE}, or the latest has no load",
        ),
        log10(
            "rise_at_once_log10",
            "The least rise to the latest from the lowest sample that is too new to compare with.",
            "there is no such sample, or the latest has no load",
        ),
        yes_no(
            "is_load_before_unknown",
            "Whether a sample of those days has values that conflict, or lies below a limit that is not known.",
        ),
    ),
)


@fact_table(RISES_LATELY)
def rises_lately(facts: Facts) -> pl.DataFrame:
    """To compare with: the samples of `[watched] rise_from_days` to `rise_to_days` before the latest. A gap ends no comparison:
    where none was taken for longer than `rise_to_days` before the first of these, or there is none of these, the newest one
    before them is compared with too. Newer ones are too new. A rise counts from the limit of quantification at least, and is
    rounded to 1e-9, as in `rises`. Source: rules.md 3.0, and 3.1, untreated_rise."""
    before = _before_latest(facts)
    at_once, compared = before.filter("is_too_new"), _compared(before, facts)
    lowest = _lowest(compared).join(facts.shared(held_of_points).select("series", "held"), on="series", how="left")
    held_rise = rise_log10(pl.col("held"), pl.col("as_lowest"))
    of_lowest = lowest.select(
        "series", *named("days_before"), rise_lately_log10=_RISE, held_rise_lately_log10=held_rise
    )
    return (
        facts.shared(recent_numbers)
        .select(*SERIES_KEY, "series")
        .join(facts.shared(points).select("series").unique(), on="series")
        .join(of_lowest, on="series", how="left")
        .join(_lowest(at_once).select("series", rise_at_once_log10=_RISE), on="series", how="left")
        .with_columns(
            is_load_before_unknown=pl.col("series").is_in(compared.filter("is_unknown")["series"].unique().implode())
        )
    )


_RISE = rise_log10(pl.col("latest_at_least"), pl.col("as_lowest"))


def _before_latest(facts: Facts) -> pl.DataFrame:
    """The sample times of each series before its latest point, with how long before; conflicting ones too, as `is_unknown`."""
    known = facts.shared(points)
    latest = known[ends_of(known).last].select("series", latest_at="collected_at", latest_at_least="at_least")
    conflicting = facts.shared(recent_results).filter("is_conflicting").select("series", "collected_at")
    of_points = known.select("series", *OF_A_SAMPLE, "as_lowest", is_unknown="is_limit_missing")
    age = pl.col("latest_at") - pl.col("collected_at")
    policy = facts.protocol.watched
    return (
        pl.concat([of_points, conflicting.with_columns(is_unknown=pl.lit(True))], how="diagonal")
        .join(latest, on="series", maintain_order="left")
        .filter(age > pl.duration(hours=0))
        .with_columns(
            is_too_new=age < pl.duration(hours=24 * policy.rise_from_days),
            is_long_ago=age > pl.duration(hours=24 * policy.rise_to_days),
        )
        .sort("series", "collected_at", "result_id")
    )


def _compared(before: pl.DataFrame, facts: Facts) -> pl.DataFrame:
    """Of these the ones to compare with."""
    longest = pl.duration(hours=24 * facts.protocol.watched.rise_to_days)
    those_days = before.filter(~pl.col("is_too_new") & ~pl.col("is_long_ago"))
    has_load = pl.col("as_lowest").is_not_null()
    first = those_days.filter(has_load).group_by("series").agg(first_at=pl.col("collected_at").min())
    long_ago = before.filter(pl.col("is_long_ago") & has_load)
    last_before = long_ago.filter(pl.col("collected_at") == pl.col("collected_at").max().over("series"))
    across_a_gap = last_before.join(first, on="series", how="left", maintain_order="left").filter(
        pl.col("first_at").is_null() | (pl.col("first_at") - pl.col("collected_at") > longest)
    )
    return pl.concat([those_days, across_a_gap.drop("first_at")]).sort("series", "collected_at", "result_id")


def _lowest(rows: pl.DataFrame) -> pl.DataFrame:
    """The lowest of each series, the last of several."""
    lowest = rows.filter(pl.col("as_lowest") == pl.col("as_lowest").min().over("series"))
    return lowest[ends_of(lowest).last]
