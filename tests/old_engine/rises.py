"""What stands above the lowest load since treatment began: lowest, latest and the one before it, in one series each.

A sample time is one point, whatever number of results it has (two lobes of a BAL): at its lowest where a rise is to be
shown, at its highest where it is to be ruled out. A result whose values conflict is no point, and that there was one is
told; a preliminary or withdrawn one was never here.
"""

from __future__ import annotations

from datetime import datetime, timedelta

import polars as pl

from cmvmon.domain import compartments, words
from cmvmon.protocol import Protocol

LOWER_RESPIRATORY = tuple(c.name for c in compartments.COMPARTMENTS if c.matrix == "lower_respiratory")
_PLACE = ("patient_id", "compartment")
_SERIES = (*_PLACE, "laboratory", "assay")
_LETERMOVIR = "letermovir"  # rules.md section 3 gives it a row of its own: no slope is called, a rise is
_POINT = ("collected_at", "detection", "viral_load_iu_per_ml", "result_id")


def watched_since(
    patient: pl.DataFrame, courses: pl.DataFrame | None, *, protocol: Protocol, as_of: datetime
) -> pl.DataFrame:
    """`patient` with `watched_since` and `on_letermovir_alone`: from when a rise counts for each patient.

    On treatment: the start of the running course, whatever drugs came after the first, so that a load that stands above
    its lowest is not forgotten when the drug is changed. Not on treatment while letermovir runs, with whatever intent (up
    to the same gap that keeps a treatment on): the earliest start of the rows that run. Otherwise null: nothing is watched.
    """
    names = [name for name, drug in protocol.drugs.items() if drug.group == _LETERMOVIR]
    still_counts_from = as_of - timedelta(hours=protocol.response_clock.interrupted_gap_h)
    since = (
        pl.DataFrame(schema=pl.Schema({"patient_id": pl.String(), "letermovir_since": pl.Datetime("us", "UTC")}))
        if courses is None
        else courses.filter(pl.col("drug").is_in(names))
        .filter(pl.col("stopped_at").is_null() | (pl.col("stopped_at") >= still_counts_from))
        .group_by("patient_id")
        .agg(letermovir_since=pl.col("started_at").min().cast(pl.Datetime("us", "UTC")))
    )
    is_off = pl.col("treatment") == words.TREATMENT_OFF
    return (
        patient.join(since, on="patient_id", how="left")
        .with_columns(
            on_letermovir_alone=is_off & pl.col("letermovir_since").is_not_null(),
            watched_since=pl.when(pl.col("treatment") == words.TREATMENT_ON)
            .then("course_started_at")
            .when(is_off)
            .then("letermovir_since"),
        )
        .drop("letermovir_since")
    )


def rises(results: pl.DataFrame, newest: pl.DataFrame, patient: pl.DataFrame, *, protocol: Protocol) -> pl.DataFrame:
    """One row per patient and compartment whose newest series has a result since `watched_since`.

    Columns: `n_points_since`; `lowest_*` of the lowest point before the latest one, the last of several, with
    `lowest_iu_per_ml` = its load, at least the LLOQ; `lowest_since_anchor_iu_per_ml`, the same from the latest anchor on,
    for what is computed from there; `last_*` and `last_but_one_*`, each with `lower_iu_per_ml` and `upper_iu_per_ml`, what
    its load is at least and at most; `has_conflict_since`, `last_conflicts` (a conflicting
    result is the newest, or as new), `has_limit_missing_since`; and for samples of the lower airways
    `parallel_blood_*`, the blood point taken with the latest one that stands highest above its own lowest before it.

    Null: there is no such point, or no limit known (`lower`: below the LLOQ, `lowest_iu_per_ml`: no point with one).
    """
    series = newest.select(_SERIES)
    since = (
        results.join(series, on=_SERIES, how="semi")
        .join(patient.select("patient_id", "watched_since"), on="patient_id")
        .filter(pl.col("collected_at") >= pl.col("watched_since"))
    )
    points = _points(since.filter(~pl.col("is_conflicting")))
    conflicts = since.filter("is_conflicting").group_by(_PLACE).agg(conflict_at=pl.col("collected_at").max())
    last = _last_points(points)
    earlier = points.join(last.select(*_PLACE, "last_collected_at"), on=_PLACE).filter(
        (pl.col("collected_at") < pl.col("last_collected_at")) & pl.col("lowest_iu_per_ml").is_not_null()
    )
    lowest = (
        earlier.sort(*_PLACE, "lowest_iu_per_ml", "collected_at", descending=[False, False, False, True])
        .unique(subset=_PLACE, keep="first", maintain_order=True)
        .select(*_PLACE, "lowest_iu_per_ml", *(pl.col(name).alias(f"lowest_{name}") for name in _POINT))
    )
    return (
        since.select(_PLACE)
        .unique()
        .join(last, on=_PLACE, how="left")
        .join(lowest, on=_PLACE, how="left")
        .join(_lowest_since_anchor(earlier, patient), on=_PLACE, how="left")
        .join(conflicts, on=_PLACE, how="left")
        .join(_parallel_blood(points, last, protocol=protocol), on=_PLACE, how="left")
        .with_columns(
            has_conflict_since=pl.col("conflict_at").is_not_null(),
            last_conflicts=(pl.col("conflict_at") >= pl.col("last_collected_at")).fill_null(
                pl.col("conflict_at").is_not_null()
            ),
        )
        .drop("conflict_at")
    )


def _lowest_since_anchor(earlier: pl.DataFrame, patient: pl.DataFrame) -> pl.DataFrame:
    return (
        earlier.join(patient.select("patient_id", "anchor_at"), on="patient_id")
        .filter(pl.col("collected_at") >= pl.col("anchor_at"))
        .group_by(_PLACE)
        .agg(lowest_since_anchor_iu_per_ml=pl.col("lowest_iu_per_ml").min())
    )


def first_positives(results: pl.DataFrame, newest: pl.DataFrame) -> pl.DataFrame:
    """`first_positive_iu_per_ml` of each newest series: its latest load, at most, right after two sample times below the LLOQ.

    Null: the latest is below the LLOQ itself, or a load was measured at one of the two sample times before it, or there
    are not two. Whatever the treatment: the two may lie before its start.
    """
    points = _points(results.join(newest.select(_SERIES), on=_SERIES, how="semi").filter(~pl.col("is_conflicting")))
    before = pl.col("is_below").slice(-3, 2)
    is_first = ~pl.col("is_below").last() & before.all() & (pl.len() > 2)
    return (
        points.sort(*_PLACE, "collected_at")
        .group_by(_PLACE, maintain_order=True)
        .agg(first_positive_iu_per_ml=pl.when(is_first).then(pl.col("upper").last()))
    )


def _points(results: pl.DataFrame) -> pl.DataFrame:
    """One row per sample time of a series: what its load is at least and at most, and as a lowest value."""
    is_below = pl.col("detection").is_in([words.NOT_DETECTED, words.BELOW_LLOQ])
    load, lloq = pl.col("viral_load_iu_per_ml"), pl.col("lloq_iu_per_ml")
    is_quantified = pl.col("detection") == words.QUANTIFIED
    measured = results.with_columns(
        lower=pl.when(is_quantified).then(load).when(pl.col("detection") == words.ABOVE_ULOQ).then("uloq_iu_per_ml"),
        upper=pl.when(is_quantified).then(load).when(is_below).then(lloq).otherwise(float("inf")),
        lowest_iu_per_ml=pl.when(is_quantified).then(pl.max_horizontal(load, lloq)).when(is_below).then(lloq),
        is_limit_missing=is_below & lloq.is_null(),
    )
    return (
        measured.sort(*_PLACE, "collected_at", "lower", "result_id", nulls_last=False)
        .group_by(*_PLACE, "collected_at", maintain_order=True)
        .agg(
            pl.col("detection", "viral_load_iu_per_ml", "result_id").first(),
            lower=pl.when(pl.col("lower").null_count() == 0).then(pl.col("lower").min()),
            upper=pl.when(pl.col("upper").null_count() == 0).then(pl.col("upper").max()),
            lowest_iu_per_ml=pl.col("lowest_iu_per_ml").min(),
            is_limit_missing=pl.col("is_limit_missing").any(),
            is_below=is_below.all(),
        )
    )


def _last_points(points: pl.DataFrame) -> pl.DataFrame:
    """The last point of each series and the one before it, side by side."""
    facts = {name: pl.col(name) for name in _POINT}
    facts |= {"lower_iu_per_ml": pl.col("lower"), "upper_iu_per_ml": pl.col("upper")}
    return (
        points.sort(*_PLACE, "collected_at")
        .group_by(_PLACE, maintain_order=True)
        .agg(
            *(fact.last().alias(f"last_{name}") for name, fact in facts.items()),
            *(fact.slice(-2, 1).filter(pl.len() > 1).first().alias(f"last_but_one_{n}") for n, fact in facts.items()),
            n_points_since=pl.len().cast(pl.Int64),
            has_limit_missing_since=pl.col("is_limit_missing").any(),
        )
    )


def _parallel_blood(points: pl.DataFrame, last: pl.DataFrame, *, protocol: Protocol) -> pl.DataFrame:
    """The highest blood point, above its own lowest before it, that was taken with the latest lower airway sample.

    Taken with it: at most as long apart as the protocol's pairs of samples (`[concordance] pair_within_h`).
    """
    so_far = pl.col("lowest_iu_per_ml").cum_min().forward_fill().shift(1).over(_PLACE, order_by="collected_at")
    blood = (
        points.filter(pl.col("compartment").is_in(compartments.BLOOD))
        .with_columns(rise=(pl.col("lower").log10() - so_far.log10()).round(9))
        .filter(pl.col("rise").is_not_null())
        .select(
            "patient_id",
            parallel_blood_compartment="compartment",
            parallel_blood_collected_at="collected_at",
            parallel_blood_result_id="result_id",
            parallel_blood_rise_log10="rise",
        )
    )
    apart = (pl.col("parallel_blood_collected_at") - pl.col("last_collected_at")).abs()
    return (
        last.filter(pl.col("compartment").is_in(LOWER_RESPIRATORY))
        .select(*_PLACE, "last_collected_at")
        .join(blood, on="patient_id")
        .with_columns(apart=apart)
        .filter(pl.col("apart") <= pl.duration(hours=protocol.concordance.pair_within_h))
        .sort(
            *_PLACE,
            "parallel_blood_rise_log10",
            "apart",
            "parallel_blood_collected_at",
            "parallel_blood_compartment",
            descending=[False, False, True, False, False, False],
        )
        .unique(subset=_PLACE, keep="first", maintain_order=True)
        .drop("last_collected_at", "apart")
    )
