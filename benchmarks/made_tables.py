"""A folder of made-up tables for `cmvmon analyze`: many short series, every fourth result censored. Kept in `out/`.

Each patient has one compartment (three in four plasma, else BAL), nine results in eight weeks, one course and one stay.
The lowest fourth of all loads lies below the LLOQ, so a series has anything from no censored result to nine.
Results stand as a laboratory sends them: by time of collection, patients mixed.
"""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

OUT = Path(__file__).with_name("out")
AS_OF = datetime(2026, 6, 1, tzinfo=UTC)
RESULTS_EACH = 9
_FIRST = datetime(2026, 3, 1, 8, tzinfo=UTC)
_DAYS = np.array([0.0, 4.0, 8.0, 13.0, 20.0, 27.0, 34.0, 43.0, 52.0])  # of the results, from the first dose on
_START_WITHIN_DAYS = 28.0
_STAY_BEFORE_DAYS = 5.0
_NOISE_LOG10 = 0.2
_SEED = 20_260_301


def made_tables(series: int) -> Path:
    """The folder with that many series: results, courses and stays as Parquet; written once, then found again."""
    folder = OUT / f"tables-{series}"
    if not folder.exists():
        unfinished = OUT / f"writing-{series}"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(parents=True)
        for name, table in tables(series).items():
            table.write_parquet(unfinished / f"{name}.parquet")
        unfinished.rename(folder)
    return folder


def tables(series: int) -> dict[str, pl.DataFrame]:
    """Those tables in exchange form, by name; synthetic, the same for the same number."""
    rng = np.random.default_rng(_SEED)
    patients = pl.select(pl.format("SYNTHETIC-{}", pl.int_range(series).cast(pl.String).str.zfill(7))).to_series()
    starts = rng.uniform(0.0, _START_WITHIN_DAYS, series)
    is_plasma = rng.random(series) < 0.75
    days = np.repeat(starts, RESULTS_EACH) + np.tile(_DAYS, series)
    falls = np.repeat(rng.normal(0.6, 0.5, series), RESULTS_EACH)
    log10 = np.repeat(rng.normal(4.5, 0.8, series), RESULTS_EACH) - falls / 7.0 * np.tile(_DAYS, series)
    log10 += rng.normal(0.0, _NOISE_LOG10, len(log10))
    is_censored = log10 <= np.quantile(log10, 0.25)
    lloq = round(float(10.0 ** log10[is_censored].max()), 1)
    load = np.round(10.0 ** np.clip(log10, np.log10(lloq), 8.0), 1)
    results = (
        pl.DataFrame(
            {
                "patient_id": np.repeat(patients.to_numpy(), RESULTS_EACH),
                "compartment": np.repeat(np.where(is_plasma, "plasma", "bal"), RESULTS_EACH),
                "collected_at": _moments(days),
                "detection": np.where(is_censored, "below_lloq", "quantified"),
                "viral_load_iu_per_ml": pl.Series(load).set(pl.Series(is_censored), None),
            }
        )
        .select(
            pl.format("R{}", pl.int_range(pl.len()).cast(pl.String).str.zfill(8)).alias("result_id"),
            "patient_id",
            "compartment",
            pl.lit("synthetic-laboratory").alias("laboratory"),
            pl.lit("synthetic-pcr").alias("assay"),
            "collected_at",
            pl.lit("final").alias("result_status"),
            "detection",
            "viral_load_iu_per_ml",
            pl.lit(None, pl.Float64).alias("lod_iu_per_ml"),
            pl.lit(lloq).alias("lloq_iu_per_ml"),
            pl.lit(1e8).alias("uloq_iu_per_ml"),
        )
        .sort("collected_at", "result_id")
    )
    of_patient = pl.DataFrame({"patient_id": patients, "started_at": _moments(starts)})
    return {
        "viral_load_results": results,
        "antiviral_courses": of_patient.select(
            "patient_id",
            pl.lit("ganciclovir").alias("drug"),
            pl.lit("treatment").alias("indication"),
            pl.lit(5.0).alias("dose_mg_per_kg"),
            pl.lit(12.0).alias("interval_h"),
            pl.lit("iv").alias("route"),
            "started_at",
            pl.lit(None, pl.Datetime("us", "UTC")).alias("stopped_at"),
        ),
        "icu_stays": of_patient.select(
            pl.format("stay-{}", "patient_id").alias("stay_id"),
            "patient_id",
            pl.Series(_moments(starts - _STAY_BEFORE_DAYS)).alias("admitted_at"),
            pl.lit(None, pl.Datetime("us", "UTC")).alias("discharged_at"),
            pl.lit("SYNTHETIC-ICU").alias("ward"),
            pl.Series(np.where(is_plasma, "plasma", "bal")).alias("affected_compartments"),
        ),
    }


def _moments(days: npt.NDArray[np.float64]) -> pl.Series:
    """Moments so many days after the first, in whole minutes."""
    minutes = np.round(days * 1440.0).astype(np.int64) * 60_000_000
    return (pl.Series(minutes).cast(pl.Duration("us")) + _FIRST).dt.cast_time_unit("us")
