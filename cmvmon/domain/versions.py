"""Which version of each record is the current one, among those known."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import words

_CONTENT = (
    "patient_id",
    "compartment",
    "laboratory",
    "assay",
    "collected_at",
    "detection",
    "viral_load_iu_per_ml",
    "lod_iu_per_ml",
    "lloq_iu_per_ml",
    "uloq_iu_per_ml",
)


def current_results(versions: pl.DataFrame) -> pl.DataFrame:
    """One row per `result_id` whose current version may be used: final or corrected (see `current_versions`)."""
    return current_versions(versions).filter(is_usable())


def is_usable() -> pl.Expr:
    """Whether a current version may be judged: a preliminary one may still change, a withdrawn one is none."""
    return pl.col("result_status").is_in([words.FINAL, words.CORRECTED])


def current_versions(versions: pl.DataFrame) -> pl.DataFrame:
    """One row per `result_id`: its current version, preliminary and withdrawn ones too.

    Versions are ordered by (reported_at, preliminary < final < corrected < withdrawn), an unknown reported_at first,
    never by arrival. The last one is current. Where several last versions differ in content neither is used: one row
    stays, with `is_conflicting` true, so that whoever reads the series knows that a result is missing from it (its load
    is that of the earliest collected, and means nothing).

    Args:
        versions: rows of `viral_load_results` that were known at the moment judged, in any order.

    Returns:
        The same columns and `is_conflicting` (never null). Row order is not defined.
    Source: house.md decisions 6 and 8.
    """
    rank = pl.col("result_status").replace_strict(
        {s: i for i, s in enumerate(words.RESULT_STATUS)}, return_dtype=pl.Int8
    )
    single = versions.filter(~pl.col("result_id").is_duplicated()).with_columns(is_conflicting=pl.lit(False))
    several = versions.filter(pl.col("result_id").is_duplicated())
    if several.is_empty():
        return single
    ranked = several.with_columns(
        reported=pl.col("reported_at").cast(pl.Int64).fill_null(-(2**62)),  # unknown comes first
        rank=rank,
    )
    last = (
        ranked.filter(pl.col("reported") == pl.col("reported").max().over("result_id"))
        .filter(pl.col("rank") == pl.col("rank").max().over("result_id"))
        .unique(subset=["result_id", *_CONTENT], keep="any", maintain_order=False)
        .sort("result_id", "collected_at", "patient_id", "detection", "viral_load_iu_per_ml", nulls_last=True)
        .with_columns(is_conflicting=(pl.len() > 1).over("result_id"))
        .unique(subset="result_id", keep="first", maintain_order=True)
        .drop("reported", "rank")
    )
    return pl.concat([single, last])
