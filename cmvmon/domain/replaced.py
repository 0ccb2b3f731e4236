"""A result that is no longer what it was: withdrawn, moved, put in doubt or corrected, and since when."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.versions import current_versions, is_usable

_PLACE = ("patient_id", "compartment")
_SAYS = (
    "laboratory",
    "assay",
    "collected_at",
    "detection",
    "viral_load_iu_per_ml",
    "lod_iu_per_ml",
    "lloq_iu_per_ml",
    "uloq_iu_per_ml",
)
_NOW, _THEN = "now_", "then_"


def what_became_of(rested: pl.DataFrame, *, versions: pl.DataFrame, in_use: pl.DataFrame) -> pl.DataFrame:
    """What befell the results that something rested on, the gravest of each: rows of `name` and `cause`.

    A name whose results are all in use as they were has no row; nor has one whose results are not known.

    Args:
        rested: `name` (of what rested on it), `patient_id`, `result_id`, and `since`: the moment (UTC) of which the result
            was read. One row for each result.
        versions: every version of `viral_load_results` known now.
        in_use: the results that are judged now, with `is_conflicting`.

    Returns:
        `cause` is one of `words.FACTS_CHANGED`. Row order is not defined.
    """
    mine = versions.join(rested, on="result_id", how="semi")
    asked = rested.rename({"patient_id": "of_patient"})
    current = current_versions(mine)
    then = _each_as_of(asked, mine).select("name", "result_id", *_prefixed((*_PLACE, *_SAYS), _THEN))
    used = in_use.join(rested, on="result_id", how="semi")
    doubtful = pl.concat(rows.filter("is_conflicting").select("result_id") for rows in (current, used)).unique()
    now = current.filter(~pl.col("is_conflicting")).join(doubtful, on="result_id", how="anti")
    told = (
        asked.join(doubtful.with_columns(in_doubt=pl.lit(True)), on="result_id", how="left")
        .join(then, on=["name", "result_id"], how="left")
        .join(now.select("result_id", "result_status", *_prefixed((*_PLACE, *_SAYS), _NOW)), on="result_id", how="left")
    )
    is_there, was_there = pl.col(f"{_NOW}patient_id").is_not_null(), pl.col(f"{_THEN}patient_id").is_not_null()
    another = is_there & (
        (pl.col(f"{_NOW}patient_id") != pl.col("of_patient")) | (was_there & _differs(("compartment",)))
    )
    cause = (
        pl.when(pl.col("result_status") == words.WITHDRAWN)
        .then(pl.lit(words.FACTS_WITHDRAWN))
        .when(another)
        .then(pl.lit(words.FACTS_MOVED))
        .when(pl.col("in_doubt") & was_there)
        .then(pl.lit(words.FACTS_IN_DOUBT))
        .when(is_there & was_there & _differs(_SAYS))
        .then(pl.lit(words.FACTS_CORRECTED))
    )
    gravity = pl.col("cause").replace_strict(
        {code: place for place, code in enumerate(words.FACTS_CHANGED)}, return_dtype=pl.Int8
    )
    changed = told.select("name", cause=cause).drop_nulls("cause")
    return changed.sort(gravity).unique("name", keep="first", maintain_order=True)


def _each_as_of(asked: pl.DataFrame, versions: pl.DataFrame) -> pl.DataFrame:
    """The version of each result that was current and in use, of that patient, when it was read: at `since` of each name."""
    of_each = (
        asked.join(versions, on="result_id")
        .filter(pl.col("received_at") <= pl.col("since"))
        .with_columns(pl.struct("name", "result_id").struct.json_encode().alias("result_id"), asked=pl.col("result_id"))
    )
    found = current_versions(of_each).filter(is_usable() & ~pl.col("is_conflicting"))
    return found.filter(pl.col("patient_id") == pl.col("of_patient")).drop("result_id").rename({"asked": "result_id"})


def _prefixed(names: tuple[str, ...], prefix: str) -> list[pl.Expr]:
    return [pl.col(name).alias(f"{prefix}{name}") for name in names]


def _differs(names: tuple[str, ...]) -> pl.Expr:
    return pl.any_horizontal(pl.col(f"{_NOW}{name}").ne_missing(pl.col(f"{_THEN}{name}")) for name in names)
