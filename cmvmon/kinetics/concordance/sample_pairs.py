"""Samples of two compartments that were taken together: which blood sample goes with which of the other compartment.

The name says that it crosses compartments; within a side nothing crosses a laboratory or an assay.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.domain import compartments
from cmvmon.domain.series import SERIES_KEY
from cmvmon.kinetics.concordance.nearest_pairs import nearest_pairs
from cmvmon.kinetics.inputs import codes
from cmvmon.kinetics.inputs.limits import with_limits
from cmvmon.kinetics.noise.in_use import default_sigma
from cmvmon.protocol import Protocol

Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Paired:
    """The pairs of every patient, one series on each side.

    Attributes:
        samples: readable results with log10 limits `reported_lo`, `reported_hi`, `sigma_log10` and `collected_us`,
            sorted by series and time; one per series and moment.
        sides: one row per patient, other compartment and blood compartment, sorted so: `patient_id`, `compartment`,
            `followed_compartment`, the laboratory and assay of each side, and where their samples lie in `samples`
            (`start`, `stop`, `followed_start`, `followed_stop`).
        side, other, blood: for each pair its row of `sides` and its two rows of `samples`; by side and time.
    """

    samples: pl.DataFrame
    sides: pl.DataFrame
    side: Whole
    other: Whole
    blood: Whole


def sample_pairs(results: pl.DataFrame, *, protocol: Protocol) -> Paired:
    """The pairs of samples of blood and another compartment, taken within the protocol's hours of each other.

    The pair nearest in time is taken first, on a tie the one that begins earlier; each sample is used once. Results of
    one series at one moment are one sample: the first by `result_id`. Of several series of a patient in one compartment,
    the two with most pairs are used, on a tie the newest, then the first by name.
    """
    samples = _samples(results, protocol)
    candidates = _candidates(samples)
    number, row, is_other = _merged(candidates)
    when = samples["collected_us"].to_numpy()[row]
    order = np.lexsort((is_other, when, number))
    number, row, is_other, when = (part[order] for part in (number, row, is_other, when))
    within = round(protocol.concordance.pair_within_h * 3_600_000_000)
    blood, other = nearest_pairs(number, when, is_other, within=within)
    n_pairs = np.bincount(number[blood], minlength=candidates.height)
    chosen = _chosen(candidates.with_columns(n_pairs=pl.Series(n_pairs, dtype=pl.Int64)))
    side_of = np.full(candidates.height, -1, dtype=np.int64)
    side_of[chosen["candidate"].to_numpy()] = np.arange(chosen.height)
    side = side_of[number[blood]]
    used = side >= 0
    side, blood, other = side[used], row[blood[used]], row[other[used]]
    order = np.lexsort((other, side))
    return Paired(samples, chosen, side[order], other[order], blood[order])


def with_both(results: pl.DataFrame) -> pl.DataFrame:
    """`patient_id` of those who have a result of blood and one of another compartment."""
    is_blood = pl.col("compartment").is_in(compartments.BLOOD)
    return (
        results.lazy()
        .group_by("patient_id")
        .agg(any_blood=is_blood.any(), any_other=(~is_blood).any())
        .filter(pl.col("any_blood") & pl.col("any_other"))
        .select("patient_id")
        .collect()
    )


def _merged(candidates: pl.DataFrame) -> tuple[Whole, Whole, Whole]:
    """The rows of both series of every candidate: its number, the row of `samples`, and 1 for the other compartment."""
    parts = []
    for is_other, prefix in ((1, ""), (0, "followed_")):
        start, stop = (candidates[f"{prefix}{end}"].to_numpy() for end in ("start", "stop"))
        n = stop - start
        number = np.repeat(np.arange(len(n)), n)
        within = np.arange(int(n.sum())) - np.repeat(np.cumsum(n) - n, n)
        parts.append((number, start[number] + within, np.full(len(number), is_other)))
    merged = [np.concatenate(part).astype(np.int64) for part in zip(*parts, strict=True)]
    return merged[0], merged[1], merged[2]


def _samples(results: pl.DataFrame, protocol: Protocol) -> pl.DataFrame:
    """Readable samples of the patients who have both blood and another compartment."""
    both = with_both(results)
    default = default_sigma(protocol)
    known = set(results.columns)
    sigma = pl.coalesce("sigma_log10", default) if "sigma_log10" in known else default
    conflicting = pl.col("is_conflicting") if "is_conflicting" in known else pl.lit(False)
    return (
        with_limits(
            results.join(both, on="patient_id", how="semi").with_columns(sigma_log10=sigma, is_conflicting=conflicting)
        )
        .filter((pl.col("fault") & codes.R_NOT_REPORTED) == 0)
        .sort(*SERIES_KEY, "collected_at", "result_id")
        .unique(subset=[*SERIES_KEY, "collected_at"], keep="first", maintain_order=True)
        .select(
            *SERIES_KEY,
            "reported_lo",
            "reported_hi",
            "sigma_log10",
            collected_us=pl.col("collected_at").dt.epoch("us"),
        )
    )


def _candidates(samples: pl.DataFrame) -> pl.DataFrame:
    """Every series of blood beside every other series of the same patient."""
    series = (
        samples.with_row_index("row")
        .group_by(SERIES_KEY, maintain_order=True)
        .agg(
            start=pl.col("row").first().cast(pl.Int64), n=pl.len().cast(pl.Int64), newest=pl.col("collected_us").last()
        )
        .with_columns(stop=pl.col("start") + pl.col("n"))
        .drop("n")
    )
    is_blood = pl.col("compartment").is_in(compartments.BLOOD)
    followed = series.filter(is_blood).rename(
        {name: f"followed_{name}" for name in series.columns if name != "patient_id"}
    )
    return series.filter(~is_blood).join(followed, on="patient_id").with_row_index("candidate")


def _chosen(candidates: pl.DataFrame) -> pl.DataFrame:
    place = ("patient_id", "compartment", "followed_compartment")
    names = ("laboratory", "assay", "followed_laboratory", "followed_assay")
    newest = pl.max_horizontal("newest", "followed_newest")
    return (
        candidates.with_columns(newest_of_both=newest)
        .sort(*place, "n_pairs", "newest_of_both", *names, descending=[False] * 3 + [True] * 2 + [False] * 4)
        .unique(subset=place, keep="first", maintain_order=True)
    )
