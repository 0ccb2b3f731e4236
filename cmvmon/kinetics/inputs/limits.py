"""What a result says of the load: limits for the estimator, limits as reported, and what makes a row unusable.

A censored value is an interval, never a number in its place. Expressions over `viral_load_results` columns; log10.
"""

from __future__ import annotations

from typing import TypeVar

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.interval import at_least_iu_per_ml, at_most_iu_per_ml, log10_of
from cmvmon.kinetics.inputs import codes

# The LOD is found in 95 % of tests; with normal noise the value that decides "detected" lies this many sigma below it.
# It is the 95 % point of the normal distribution: part of the definition of a LOD, not a setting.
LOD_HIT_RATE_QUANTILE = 1.645

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)


def with_limits(results: Frame) -> Frame:
    """The rows with `fit_lo`, `fit_hi`, `reported_lo`, `reported_hi` (log10 IU/mL) and `fault`.

    Reads detection, viral_load_iu_per_ml, lod_, lloq_, uloq_iu_per_ml, sigma_log10 and is_conflicting.

        quantified     the value                                                     reported: the value
        not_detected   (-inf, c); c = LOD - 1.645 sigma, or the LLOQ without a LOD   reported: (-inf, LLOQ), or LOD
        below_lloq     (c, LLOQ) where c < LLOQ is known, else (-inf, LLOQ)          reported: (-inf, LLOQ)
        above_uloq     (ULOQ, +inf)                                                  reported: (ULOQ, +inf)

    `fault` holds the reason bits of `inputs.codes`: a limit that the row needs and lacks, LLOQ at or above ULOQ, two
    corrected values, a sigma that is unknown or no positive number. The limits of such a row are null.
    Source: kinetics.md sections 2 and 4.
    """
    value, lod = log10_of("viral_load_iu_per_ml"), log10_of("lod_iu_per_ml")
    lloq, uloq = log10_of("lloq_iu_per_ml"), log10_of("uloq_iu_per_ml")
    sigma = pl.col("sigma_log10").cast(pl.Float64)
    is_noise = sigma.is_finite() & (sigma > 0)
    cut = lod - LOD_HIT_RATE_QUANTILE * sigma
    state = pl.col("detection")
    quantified, above = state == words.QUANTIFIED, state == words.ABOVE_ULOQ
    not_detected, below = state == words.NOT_DETECTED, state == words.BELOW_LLOQ
    no_lower, no_upper = pl.lit(float("-inf")), pl.lit(float("inf"))
    at_least, at_most = log10_of(at_least_iu_per_ml()), log10_of(at_most_iu_per_ml())
    limited = results.with_columns(
        fit_lo=pl.when(quantified)
        .then(value)
        .when(above)
        .then(uloq)
        .when(below & (cut < lloq))
        .then(cut)
        .otherwise(no_lower),
        fit_hi=pl.when(quantified)
        .then(value)
        .when(above)
        .then(no_upper)
        .when(not_detected)
        .then(pl.coalesce(cut, lloq))
        .otherwise(lloq),
        reported_lo=pl.when(quantified | above).then(at_least).otherwise(no_lower),
        reported_hi=pl.when(above).then(no_upper).otherwise(at_most),
    )
    missing = pl.when(above).then(at_least.is_null()).otherwise(at_most.is_null())
    crossed = (lloq >= uloq).fill_null(False)
    return limited.with_columns(
        fault=pl.sum_horizontal(
            _bit(pl.col("is_conflicting").fill_null(False), codes.R_CONFLICTING_VALUES),
            _bit(missing, codes.R_LIMIT_MISSING),
            _bit(crossed, codes.R_LIMITS_CROSSED),
            _bit((~is_noise).fill_null(False), codes.R_SIGMA_INVALID),
            _bit(sigma.is_null(), codes.R_SIGMA_UNKNOWN),
        )
    )


def _bit(condition: pl.Expr, bit: int) -> pl.Expr:
    return pl.when(condition).then(pl.lit(bit, dtype=pl.Int64)).otherwise(pl.lit(0, dtype=pl.Int64))
