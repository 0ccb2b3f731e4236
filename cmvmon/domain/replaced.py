"""A result that is no longer what it was: withdrawn, moved, put in doubt or corrected, and since when."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.versions import CONTENT, current_versions, is_usable, with_confirmed, without_held

_PLACE = ("patient_id", "compartment")
_SAYS = tuple(name for name in CONTENT if name not in _PLACE)
_NOW, _THEN, _WAS = "now_", "then_", "was_"
TOLD_BEFORE = ("compartment", *(name for name in _SAYS if name not in ("laboratory", "assay")))


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
    then = _each_as_of(asked, mine).select("name", "result_id", *_prefixed(CONTENT, _THEN))
    used = in_use.join(rested, on="result_id", how="semi")
    doubtful = pl.concat(rows.filter("is_conflicting").select("result_id") for rows in (current, used)).unique()
    now = current.filter(~pl.col("is_conflicting")).join(doubtful, on="result_id", how="anti")
    told = (
        asked.join(doubtful.with_columns(in_doubt=pl.lit(True)), on="result_id", how="left")
        .join(then, on=["name", "result_id"], how="left")
        .join(now.select("result_id", "result_status", *_prefixed(CONTENT, _NOW)), on="result_id", how="left")
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


def said_before(versions: pl.DataFrame) -> pl.DataFrame:
    """What a result said before it was corrected, withdrawn, or given to another patient: a row of each and its patient.

    Args:
        versions: every known version of `viral_load_results`.

    Returns:
        `patient_id` (who had it before) and `result_id`, the key; `fate`: corrected, withdrawn or moved; `replaced_at` (UTC):
        when the laboratory reported that, or where it does not say, when it was received; and TOLD_BEFORE with `was_`, null
        where several values stood before. A preliminary version counts only before a withdrawal. Row order is not defined.
    """
    versions = with_confirmed(versions)
    several = without_held(versions.filter(pl.col("result_id").is_duplicated())).with_row_index("version")
    if several.is_empty():
        types = versions.schema
        told = {f"{_WAS}{name}": types[name] for name in TOLD_BEFORE}
        of_whom = {"patient_id": types["patient_id"], "result_id": types["result_id"], "fate": pl.String()}
        return pl.DataFrame(schema=of_whom | {"replaced_at": types["received_at"]} | told)
    current = current_versions(several).filter(
        ~pl.col("is_conflicting") & (pl.col("result_status") != words.PRELIMINARY)
    )
    now = current.select(
        "result_id",
        pl.col("result_status").alias("status_now"),
        *_prefixed(CONTENT, _NOW),
        pl.coalesce("reported_at", "received_at").alias("replaced_at"),
        newest="version",
    )
    others = several.join(now, on="result_id").filter(pl.col("version") != pl.col("newest"))
    is_withdrawn = pl.col("status_now") == words.WITHDRAWN
    is_other = is_withdrawn | pl.any_horizontal(pl.col(name).ne_missing(pl.col(f"{_NOW}{name}")) for name in CONTENT)
    counts = is_withdrawn | (pl.col("result_status") != words.PRELIMINARY)
    earlier = others.filter(is_other & counts & (pl.col("result_status") != words.WITHDRAWN))
    before = current_versions(earlier.drop("newest")).unique("result_id", keep="first", maintain_order=True)
    is_moved = pl.col("patient_id") != pl.col(f"{_NOW}patient_id")
    fate = (
        pl.when(is_withdrawn)
        .then(pl.lit(words.WITHDRAWN))
        .when(is_moved)
        .then(pl.lit(words.MOVED))
        .otherwise(pl.lit(words.CORRECTED))
    )
    was = [pl.when(~pl.col("is_conflicting")).then(name).alias(f"{_WAS}{name}") for name in TOLD_BEFORE]
    return before.select("patient_id", "result_id", fate.alias("fate"), "replaced_at", *was)


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
