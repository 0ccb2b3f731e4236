"""Results as the kernels take them: of patients with a clock, with limits, sorted by series, time and result id.

Texts are ranked once and rows sorted by whole numbers: sorting six columns of text took most of the time from a file to
the kernel.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.domain import words
from cmvmon.domain.compartments import NAMES
from cmvmon.domain.series import SERIES_KEY
from cmvmon.kinetics.inputs.arrays import Rows
from cmvmon.kinetics.inputs.limits import with_limits
from cmvmon.kinetics.noise.in_use import default_sigma
from cmvmon.protocol import Protocol

_MOMENT = pl.Datetime("us", "UTC")
_LIMITED = ("detection", "viral_load_iu_per_ml", "lod_iu_per_ml", "lloq_iu_per_ml", "uloq_iu_per_ml")
_BITS = 62  # that a number to sort by may have

Whole = npt.NDArray[np.int64]


def sorted_rows(
    results: pl.DataFrame, clocks: pl.DataFrame, protocol: Protocol
) -> tuple[Rows, pl.DataFrame, pl.Series]:
    """(rows, series, result ids) of the patients with a clock, sorted by series, time and result id.

    `series` has one row per series, sorted by its key, with `start` and `stop`, the rows that it holds. `sigma_log10`
    (null or lacking: the protocol's for the compartment) and `is_conflicting` (lacking: false) as in `weekly_decline`.
    """
    known = set(results.columns)
    used = results.select(
        *SERIES_KEY,
        *_LIMITED,
        "collected_at",
        "result_id",
        pl.col("sigma_log10") if "sigma_log10" in known else pl.lit(None, pl.Float64).alias("sigma_log10"),
        pl.col("is_conflicting") if "is_conflicting" in known else pl.lit(False).alias("is_conflicting"),
    )
    patients = clocks.select("patient_id").unique().sort("patient_id").with_row_index("rank")
    rank = used.select("patient_id").join(patients, on="patient_id", how="left", maintain_order="left")["rank"]
    if rank.null_count():
        used, rank = used.filter(rank.is_not_null()), rank.drop_nulls()
    used = used.with_columns(
        pl.col("detection").cast(pl.Enum(words.DETECTION)), *(_ranked(used[name]) for name in SERIES_KEY[1:])
    )
    key = _series_number(rank, used)
    time = used["collected_at"].cast(_MOMENT).cast(pl.Int64).to_numpy()
    order = _order(key, time, used["result_id"])
    in_order = key[order]
    first = np.flatnonzero(np.append(True, in_order[1:] != in_order[:-1])) if len(order) else order
    series = used.select(*SERIES_KEY)[first if not len(order) else order[first]].with_columns(
        *(pl.col(name).cast(pl.String) for name in SERIES_KEY[1:]),
        start=pl.Series(first, dtype=pl.Int64),
        stop=pl.Series(np.append(first[1:], len(order))[: len(first)], dtype=pl.Int64),
    )
    return _numbers(used, time, order, protocol), series, used["result_id"][order]


def _ranked(texts: pl.Series) -> pl.Series:
    """The texts as an enumeration, in their order, of those that occur (and of every compartment, for `default_sigma`)."""
    known = {*NAMES, *texts.unique().drop_nulls()} if texts.name == "compartment" else {*texts.unique().drop_nulls()}
    return texts.cast(pl.Enum(sorted(known)))


def _series_number(rank: pl.Series, used: pl.DataFrame) -> Whole:
    """A number for each row: equal within a series, and in the order of the series key (nulls first)."""
    key = rank.cast(pl.Int64).to_numpy()
    size = int(key.max()) + 1 if len(key) else 1
    for name in SERIES_KEY[1:]:
        code = used[name].to_physical().cast(pl.Int64).fill_null(-1).to_numpy() + 1
        count = int(code.max()) + 1 if len(code) else 1
        if (size * count).bit_length() > _BITS:
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
            size = int(key.max()) + 1
        key, size = key * count + code, size * count
    return key


def _order(key: Whole, time: Whole, result_ids: pl.Series) -> Whole:
    """The rows in order of key, time and result id."""
    if not len(key):
        return key
    since = time - time.min()
    bits = int(since.max()).bit_length()
    if int(key.max()).bit_length() + bits <= _BITS:
        both = (key << bits) | since
        order = pl.Series(both).arg_sort().cast(pl.Int64).to_numpy()
        ordered = both[order]
        tied = np.flatnonzero(ordered[1:] == ordered[:-1])
    else:
        order = np.lexsort((time, key))
        ordered = np.cumsum(np.append(True, (np.diff(key[order]) != 0) | (np.diff(time[order]) != 0)))
        tied = np.flatnonzero(ordered[1:] == ordered[:-1])
    if not len(tied):
        return order
    places = np.unique(np.append(tied, tied + 1))  # rows at one time: few, so that their texts may be compared
    rows = order[places]
    found = pl.DataFrame({"at": ordered[places], "row": rows}).with_columns(result_id=result_ids[rows])
    order = order.copy()
    order[places] = found.sort("at", "result_id")["row"].to_numpy()
    return order


def _numbers(used: pl.DataFrame, time: Whole, order: Whole, protocol: Protocol) -> Rows:
    """Limits, noise and faults of the rows, in order."""
    names = ("fit_lo", "fit_hi", "reported_lo", "reported_hi", "sigma_log10")
    limited = with_limits(
        used.lazy()
        .select("compartment", *_LIMITED, "sigma_log10", "is_conflicting")
        .with_columns(sigma_log10=pl.coalesce("sigma_log10", default_sigma(protocol)))
    )
    found = limited.select(
        *(pl.col(name).cast(pl.Float64).fill_null(float("nan")) for name in names),
        pl.col("detection").to_physical().cast(pl.Int8),
        "fault",
    ).collect()
    fit_lo, fit_hi, reported_lo, reported_hi, sigma, detection, fault = (
        column.to_numpy()[order] for column in found.get_columns()
    )
    return Rows(
        time=time[order],
        fit_lo=fit_lo,
        fit_hi=fit_hi,
        reported_lo=reported_lo,
        reported_hi=reported_hi,
        sigma=sigma,
        detection=detection,
        fault=fault,
    )
