"""Which version of each record is the current one, among those known."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.conflicts import SAMPLE
from cmvmon.domain.delivered import Delivered, Versions
from cmvmon.domain.series import SERIES_KEY

# What a version says of its sample: two versions that differ in one of these contradict each other.
CONTENT = (
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

_NEVER = -(2**62)  # before every moment, as a number


def current_results(versions: pl.DataFrame) -> pl.DataFrame:
    """One row per `result_id` whose current version may be used: final or corrected (see `current_versions`)."""
    return current_versions(versions).filter(is_usable())


def usable_rows(table: Delivered, known: pl.DataFrame) -> pl.DataFrame:
    """The rows that would be judged: where versions are reported, current ones that contradict none; else all."""
    if table.versions is Versions.REPORTED:
        return current_results(known).filter(~pl.col("is_conflicting"))  # a conflicting row only marks its place
    return known


def is_usable() -> pl.Expr:
    """Whether a current version may be judged: a preliminary one may still change, a withdrawn one is none."""
    return pl.col("result_status").is_in([words.FINAL, words.CORRECTED])


def by_moment(results: pl.DataFrame) -> pl.DataFrame:
    """Results sorted by moment of collection and id. Laboratories send them so: to see that takes a tenth of the time of sorting."""
    at, number = pl.col("collected_at"), pl.col("result_id")
    is_after = (at > at.shift(1)) | ((at == at.shift(1)) & (number > number.shift(1)))
    if results.select(is_after.fill_null(False).slice(1).all()).item() and not results["collected_at"].null_count():
        return results
    return results.sort("collected_at", "result_id")


def _may_repeat(versions: pl.DataFrame) -> pl.Series | None:
    """Where a `result_id` may stand in several rows; None when in none. One that stands alone may be among them.

    Nearly every number stands once. Sorting their hashes finds that out in a fifth of the time of comparing the texts;
    two numbers of one hash are only looked at more closely, and each stays the single version that it is.
    """
    hashes = versions.select(pl.col("result_id").hash(seed=0)).to_series()
    ordered = hashes.sort()
    repeated = ordered.filter(ordered == ordered.shift(1))
    return hashes.is_in(repeated.unique().implode()) if len(repeated) else None


def _changes() -> pl.Expr:
    return pl.col("result_status").is_in(words.CHANGES_A_RESULT)


def _reported() -> pl.Expr:
    """When a version was reported, as a number; unknown comes first, but of what changes a result stands where it was sent, or
    else received."""
    stands = pl.when(_changes()).then(pl.coalesce("sent_at", "received_at"))
    return pl.coalesce("reported_at", stands).cast(pl.Int64).fill_null(_NEVER)


def _order_at_one_report_time() -> pl.Expr:
    """Of versions with one report time: what changes a result after the result, by when it was sent, by receipt where that is
    not known or the same, withdrawn last of all."""
    rank = pl.col("result_status").replace_strict(
        {s: i for i, s in enumerate(words.RESULT_STATUS)}, return_dtype=pl.Int8
    )
    sent, receipt = (
        pl.when(_changes()).then(moment.cast(pl.Int64)).fill_null(_NEVER)
        for moment in (pl.coalesce("sent_at", "received_at"), pl.col("received_at"))
    )
    return pl.struct(changes=_changes(), sent=sent, receipt=receipt, rank=rank).rank("dense")


def _is_held() -> pl.Expr:
    """Whether a version (with `reported` and `order`) corrects a result that stood withdrawn, and nobody has released it.

    Corrections that are held say nothing: what they follow is the last version before them that is none.
    """
    is_asked = (pl.col("result_status") == words.CORRECTED) & ~pl.col("is_released").fill_null(value=False)
    stands = pl.when(~is_asked).then("result_status").forward_fill()
    return is_asked & (stands.over("result_id", order_by=["reported", "order"]) == words.WITHDRAWN).fill_null(
        value=False
    )


def without_held(versions: pl.DataFrame) -> pl.DataFrame:
    """The versions without corrections that were reported after their result had been withdrawn, and that nobody released.

    Such a one is not used: who withdrew the result may have had another patient's, and the correction would bring it back.
    A result that is issued anew (`final`) after the withdrawal stands, and may be corrected. Row order is kept.
    Source: faults.md row 59; docs/decisions/0073.
    """
    status = versions["result_status"]
    if not (status == words.WITHDRAWN).any() or not (status == words.CORRECTED).any():
        return versions
    is_settled = pl.col("result_status") != words.PRELIMINARY
    numbered = versions.with_row_index("number_of_version")
    ordered = numbered.filter(is_settled).with_columns(reported=_reported(), order=_order_at_one_report_time())
    held = ordered.filter(_is_held())["number_of_version"]
    return numbered.filter(~pl.col("number_of_version").is_in(held.implode())).drop("number_of_version")


def with_confirmed(versions: pl.DataFrame) -> pl.DataFrame:
    """The versions with what each that only calls a preliminary result final (`confirms`) says of it, in place of that version.

    It means the last preliminary version that was reported no later than itself, and is that version, final since its own report
    time: for every order of arrival. It says nothing where a settled version (final, corrected, withdrawn) was reported before it,
    as one that was called final before, or where no preliminary one was. Two preliminary ones of one report time that it may mean
    are both called final, and contradict each other. Without a report time it stands where it was sent, or else received.

    Args:
        versions: rows of `viral_load_results`, in any order; without the column `confirms` (tables of before) none confirms.

    Returns:
        The same columns; no row `confirms`. Row order is not kept.
    Source: HL7 table 0085, U; docs/decisions/0073.
    """
    if "confirms" not in versions.columns or not versions["confirms"].cast(pl.Boolean).any():
        return versions
    is_confirming = pl.col("confirms").fill_null(value=False)
    others, is_preliminary = versions.filter(~is_confirming), pl.col("result_status") == words.PRELIMINARY
    said_at = pl.coalesce("reported_at", "sent_at", "received_at").cast(pl.Int64).fill_null(_NEVER)
    first_settled = others.filter(~is_preliminary).group_by("result_id").agg(settled=_reported().min())
    when = ("reported_at", "sent_at", "received_at", "delivery_id")
    calls = versions.filter(is_confirming).select(
        "result_id", *(pl.col(n).alias(f"{n}_of_call") for n in when), said=said_at
    )
    meant = (
        others.filter(is_preliminary)
        .with_columns(reported=_reported())
        .join(calls, on="result_id")
        .join(first_settled, on="result_id", how="left")
        .filter(pl.col("reported") <= pl.col("said"), (pl.col("settled") > pl.col("said")).fill_null(value=True))
        .filter(pl.col("said") == pl.col("said").min().over("result_id"))
        .filter(pl.col("reported") == pl.col("reported").max().over("result_id"))
        .sort(*(f"{name}_of_call" for name in ("received_at", "sent_at", "delivery_id")), nulls_last=True)
        .unique(subset=["result_id", *CONTENT], keep="first", maintain_order=True)
    )
    final = meant.with_columns(
        result_status=pl.lit(words.FINAL),
        reported_at=pl.coalesce("reported_at_of_call", "reported_at"),
        sent_at="sent_at_of_call",
        received_at=pl.max_horizontal("received_at", "received_at_of_call"),
        delivery_id="delivery_id_of_call",
    )
    return pl.concat([others, final.select(others.columns)])


def current_versions(versions: pl.DataFrame) -> pl.DataFrame:
    """One row per `result_id`: its current version, preliminary and withdrawn ones too.

    Versions are ordered by (reported_at, final < corrected < withdrawn); an unknown reported_at comes first, but of what
    corrects or withdraws a result it is taken to be when its message was sent (sent_at), or else its receipt. What corrects
    or withdraws at one report time (or without any) is ordered by sent_at, then by receipt; what was received together can't be,
    and corrected < withdrawn holds. A correction of what stood withdrawn is left out (`without_held`); one that calls a
    preliminary version final without repeating it is that version, final (`with_confirmed`). A preliminary
    one counts only while there is no other. The last one is current. Where several last versions differ in
    content, or a later `final` names another patient, compartment or collection time (one number for two samples), none is
    used: one row stays for each patient, series and collection time concerned, with `is_conflicting` true, so that whoever
    reads a series knows that a result is missing from it (the load in such a row means nothing).

    Args:
        versions: rows of `viral_load_results` that were known at the moment judged, in any order.

    Returns:
        The same columns and `is_conflicting` (never null). Row order is not defined.
    Source: house.md decisions 6 and 8; docs/decisions/0021 and 0073.
    """
    versions = with_confirmed(versions)
    is_suspect = _may_repeat(versions)
    if is_suspect is None:
        return versions.with_columns(is_conflicting=pl.lit(False))
    single = versions.filter(~is_suspect).with_columns(is_conflicting=pl.lit(False))
    several = without_held(versions.filter(is_suspect))
    is_settled = pl.col("result_status") != words.PRELIMINARY
    settled = (
        several.filter(is_settled | ~is_settled.any().over("result_id"))
        .with_columns(
            reported=_reported(),
            order=_order_at_one_report_time(),
            n_samples=pl.struct(SAMPLE).n_unique().over("result_id"),
        )
        .with_columns(is_latest=pl.col("reported") == pl.col("reported").max().over("result_id"))
    )
    last = (
        settled.filter("is_latest")
        .filter(pl.col("order") == pl.col("order").max().over("result_id"))
        .sort("received_at", "sent_at", "delivery_id", nulls_last=True)  # of the same said twice, the first that came
        .unique(subset=["result_id", *CONTENT], keep="first", maintain_order=True)
        .with_columns(n_contents=pl.len().over("result_id"))
    )
    clashing = last.filter(
        (pl.col("n_contents") > 1) | ((pl.col("n_samples") > 1) & (pl.col("result_status") == words.FINAL))
    ).select("result_id")
    clear = last.join(clashing, on="result_id", how="anti").with_columns(is_conflicting=pl.lit(False))
    clash = (
        settled.join(clashing, on="result_id", how="semi")
        .filter((pl.col("n_samples") > 1) | pl.col("is_latest"))
        .sort("result_id", "collected_at", "patient_id", "detection", "viral_load_iu_per_ml", nulls_last=True)
        .unique(subset=["result_id", *SERIES_KEY, "collected_at"], keep="first", maintain_order=True)
        .with_columns(is_conflicting=pl.lit(True))
    )
    columns = single.columns
    return pl.concat([single, clear.select(columns), clash.select(columns)])
