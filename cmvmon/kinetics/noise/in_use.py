"""How much one result scatters: by the laboratory's file at its date and level, else by the protocol's default.

The level of a result is its value where it was quantified, and the limit that was reported where it was not.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

import polars as pl

from cmvmon.domain.interval import BELOW, at_least_iu_per_ml, at_most_iu_per_ml, log10_of
from cmvmon.domain.rows import ASSAYS
from cmvmon.protocol import Protocol

_ASSAY = ("laboratory", "assay", "compartment")
_ALWAYS = datetime(1, 1, 1, tzinfo=UTC)
_LOWEST = float("-inf")
_FROM, _LEVEL, _START = "noise_from", "noise_level", "noise_start"  # columns that stand only while noise is looked up
_PIECE = ("noise_at", "noise_sigma", "noise_slope", "noise_is_flat")


def level_log10() -> pl.Expr:
    """The level (log10 IU/mL) at which the noise of a result is read; null where its limit is not known.

    quantified     the value
    below_lloq     the LLOQ
    not_detected   the LLOQ; without one, the LOD
    above_uloq     the ULOQ
    """
    return log10_of(pl.coalesce(at_most_iu_per_ml(), at_least_iu_per_ml()))


def laboratory_sigma(results: pl.DataFrame, assays: pl.DataFrame) -> pl.DataFrame:
    """`results` with `sigma_log10` as the laboratories' files give it, by assay, compartment, date and level.

    Of the dates of one assay and compartment, the latest that is not after the collection holds. Of its levels, sigma is
    read off the straight line in log10 IU/mL between the two on either side; below the lowest and above the highest level
    it is that level's. Row order is not defined.

    Null: the file gives none for that date, or gives one by level for a result whose level is not known. NaN (which is no
    usable sigma): two values for one level, or a value for every level beside values for some.
    """
    if assays.is_empty():
        return results.with_columns(sigma_log10=pl.lit(None, dtype=pl.Float64))
    pieces = _pieces(assays)
    dates = pieces.select(*_ASSAY, _FROM).unique().sort(_FROM)
    dated = results.sort("collected_at").join_asof(
        dates.with_columns(noise_date=pl.col(_FROM)),
        left_on="collected_at",
        right_on="noise_date",
        by=list(_ASSAY),
        strategy="backward",
        check_sortedness=False,
    )
    found = (
        dated.with_columns(level_log10().alias(_LEVEL))
        .with_columns(noise_sought=pl.col(_LEVEL).fill_null(_LOWEST))
        .sort("noise_sought")
        .join_asof(
            pieces.sort(_START),
            left_on="noise_sought",
            right_on=_START,
            by=[*_ASSAY, _FROM],
            strategy="backward",
            check_sortedness=False,
        )
    )
    on_line = pl.col("noise_sigma") + pl.col("noise_slope") * (pl.col(_LEVEL) - pl.col("noise_at"))
    sigma = pl.when(pl.col("noise_is_flat")).then("noise_sigma").otherwise(on_line)
    return found.with_columns(sigma_log10=sigma).select(*results.columns, "sigma_log10")


def _pieces(assays: pl.DataFrame) -> pl.DataFrame:
    """The straight pieces of every assay, compartment and date: from `noise_start` on, sigma is
    `noise_sigma` + `noise_slope` x (level - `noise_at`). The first piece starts at minus infinity."""
    group = [*_ASSAY, _FROM]
    level = log10_of("level_iu_per_ml")
    stated = (
        ASSAYS.conform(assays)
        .select(*_ASSAY, pl.col("valid_from").fill_null(_ALWAYS).alias(_FROM), level.alias(_LEVEL), "sigma_log10")
        .unique()
        .sort(*group, _LEVEL, "sigma_log10")
    )
    flat_beside_levels = pl.col(_LEVEL).is_null().any().over(group) & (pl.len().over(group) > 1)
    contradicts = flat_beside_levels | pl.struct(*group, _LEVEL).is_duplicated().any().over(group)
    marked = stated.with_columns(contradicts=contradicts)
    usable = marked.filter(~pl.col("contradicts")).with_columns(
        rise=pl.col("sigma_log10").shift(-1).over(group) - pl.col("sigma_log10"),
        width=pl.col(_LEVEL).shift(-1).over(group) - pl.col(_LEVEL),
    )
    is_flat = pl.col(_LEVEL).is_null()
    from_lowest = usable.unique(group, keep="first", maintain_order=True).select(
        *group, _piece(pl.lit(_LOWEST), pl.lit(0.0), is_flat)
    )
    from_levels = usable.filter(~is_flat).select(
        *group, _piece(pl.col(_LEVEL), (pl.col("rise") / pl.col("width")).fill_null(0.0), pl.lit(False))
    )
    nothing = marked.filter("contradicts").unique(group, keep="first", maintain_order=True)
    unusable = nothing.with_columns(sigma_log10=pl.lit(float("nan"))).select(
        *group, _piece(pl.lit(_LOWEST), pl.lit(0.0), pl.lit(True))
    )
    return pl.concat([part.unnest("piece") for part in (from_lowest, from_levels, unusable)])


def _piece(start: pl.Expr, slope: pl.Expr, is_flat: pl.Expr) -> pl.Expr:
    at = pl.col(_LEVEL).fill_null(0.0)
    values = zip(_PIECE, (at, pl.col("sigma_log10"), slope, is_flat), strict=True)
    return pl.struct(start.alias(_START), *(value.alias(name) for name, value in values)).alias("piece")


def default_sigma(protocol: Protocol) -> pl.Expr:
    """The protocol's `sigma_log10` of a result, by compartment and, where it gives one, nearness to the LLOQ.

        sigma = wide + (sigma of the compartment - wide) x share;  share = (level - log10 LLOQ) / within, from 0 to 1

    `wide` is the protocol's value at and below the LLOQ, `within` how far above it that value matters. A result that was
    not detected or lay below the LLOQ has share 0; a quantified one without a known LLOQ has share 1.
    Reads compartment, detection, viral_load_, lloq_ and uloq_iu_per_ml. Null: the protocol gives none for the compartment.
    """
    far = _of_compartment(tuple(protocol.sigma_log10.items()))
    near = protocol.sigma_near_lloq
    if near is None or not near.sigma_log10:
        return far
    wide = _of_compartment(tuple(near.sigma_log10.items()))
    above = (level_log10() - log10_of("lloq_iu_per_ml")) / near.within_log10
    is_below = pl.col("detection").is_in(BELOW)
    share = pl.when(is_below).then(0.0).otherwise(above.clip(0.0, 1.0).fill_null(1.0))
    return pl.when(wide.is_null() | (share >= 1.0)).then(far).otherwise(wide + (far - wide) * share)


@lru_cache(maxsize=32)
def _of_compartment(values: tuple[tuple[str, float], ...]) -> pl.Expr:
    """The value of the row's compartment, null where there is none. Made once: that takes longer than asking it of a patient."""
    return pl.col("compartment").replace_strict(dict(values), default=None, return_dtype=pl.Float64)
