"""Several results of one sample time under several numbers: equal ones count once, impossible pairs are not used.

A sample time is one patient, series (compartment, laboratory, assay) and collection minute. Two measurements of one load
differ by the noise of both; further apart than the protocol allows (`[same_minute]`) they can't both be true, and nothing
says which one is. Blood only: two lobes of a lung may truly differ.
"""

from __future__ import annotations

import polars as pl

from cmvmon.domain.compartments import BLOOD
from cmvmon.domain.interval import at_least_iu_per_ml, at_most_iu_per_ml, log10_of
from cmvmon.domain.series import SERIES_KEY
from cmvmon.domain.versions import is_usable
from cmvmon.kinetics.noise.in_use import default_sigma
from cmvmon.protocol import Protocol

_MINUTE = "sample minute"
_TIME = (*SERIES_KEY, _MINUTE)
_FEW = 1_000
_VALUE = ("detection", "viral_load_iu_per_ml", "lod_iu_per_ml", "lloq_iu_per_ml", "uloq_iu_per_ml")


def impossible_pairs(results: pl.DataFrame, *, protocol: Protocol) -> pl.DataFrame:
    """The sample times in blood of which two results can't both be true: the series' key and the minute.

    What one result says at least lies above what another says at most, by more than
    `impossible_apart_sd` x sqrt(sigma^2 + sigma^2) of the two, on log10. A limit or a noise that is not known shows nothing.

    Args:
        results: current usable results, with `is_conflicting` and `sigma_log10` (null: the protocol's).
    """
    shared = _sharing_a_time(results.filter(~pl.col("is_conflicting") & pl.col("compartment").is_in(BLOOD)))
    if shared.is_empty():  # nearly always
        return shared.select(_TIME)
    told = shared.with_columns(
        sigma=pl.coalesce("sigma_log10", default_sigma(protocol)),
        low=log10_of(at_least_iu_per_ml()),
        high=log10_of(at_most_iu_per_ml()),
    )
    highest, lowest = pl.col("low") == pl.col("low").max(), pl.col("high") == pl.col("high").min()
    spans = told.group_by(_TIME).agg(
        apart=pl.col("low").max() - pl.col("high").min(),
        noise=(pl.col("sigma").filter(highest).max() ** 2 + pl.col("sigma").filter(lowest).max() ** 2).sqrt(),
    )
    return spans.filter(pl.col("apart") > protocol.same_minute.impossible_apart_sd * pl.col("noise")).select(_TIME)


def shares_a_time(results: pl.DataFrame) -> bool:
    """Whether two of the results are of one sample time; nearly always not."""
    return not _sharing_a_time(results).is_empty()


def mark_pairs(results: pl.DataFrame, pairs: pl.DataFrame) -> pl.DataFrame:
    """`results` with `is_conflicting` also where a usable one stands in one of the pairs (`impossible_pairs`)."""
    if pairs.is_empty():
        return results
    marked = results.with_columns(_minute()).join(
        pairs.with_columns(in_pair=pl.lit(True)), on=_TIME, how="left", maintain_order="left"
    )
    in_pair = pl.col("in_pair").fill_null(False) & is_usable()
    return marked.with_columns(is_conflicting=pl.col("is_conflicting") | in_pair).select(results.columns)


def count_twins_once(results: pl.DataFrame) -> pl.DataFrame:
    """`results` without those that say again, under another number, what one of the same sample time says; the first by
    `result_id` stays. Conflicting results are left as they are."""
    twins = _sharing_a_time(results.filter(~pl.col("is_conflicting")))
    again = twins.sort("result_id").filter(~pl.struct(*_TIME, *_VALUE).is_first_distinct())
    if again.is_empty():
        return results
    is_again = ~pl.col("is_conflicting") & pl.col("result_id").is_in(again["result_id"].implode())
    return results.filter(~is_again)


def _minute() -> pl.Expr:
    return pl.col("collected_at").dt.truncate("1m").alias(_MINUTE)


def _sharing_a_time(results: pl.DataFrame) -> pl.DataFrame:
    """The results with their `sample minute` that share it with another of their series; nearly always none.

    Of many results hashes find the few that may: comparing the texts of all would take several times as long.
    """
    if results.height <= _FEW:
        return results.with_columns(_minute()).filter(pl.struct(_TIME).is_duplicated())
    place = pl.col("patient_id").hash(seed=0) ^ pl.col("compartment").hash(seed=1) ^ _minute().hash(seed=2)
    hashes = results.select(place.alias("place")).to_series()
    ordered = hashes.sort()
    repeated = ordered.filter(ordered == ordered.shift(1))
    few = results.filter(hashes.is_in(repeated.unique().implode())).with_columns(_minute())
    return few.filter(pl.struct(_TIME).is_duplicated())
