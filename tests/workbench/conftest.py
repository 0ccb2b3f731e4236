"""A ward on which everything that joins patients happens, for the tests of analyses."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.simulate import ward


@pytest.fixture(scope="module")
def hard_ward() -> dict[str, pl.DataFrame]:
    """300 synthetic patients, shuffled; one number under two patients, corrections, repeats, rows that break a promise."""
    made = ward(300, 40, 77)
    results = made.viral_load_results.select(VIRAL_LOAD_RESULTS.exchanged)
    some = results.sample(60, seed=1)
    patients = results["patient_id"].unique().sort()
    other = some.with_columns(patient_id=pl.Series(patients.sample(60, seed=2)))  # the same number, another patient
    corrected = results.sample(40, seed=3).with_columns(
        result_status=pl.lit("corrected"), viral_load_iu_per_ml=pl.col("viral_load_iu_per_ml") * 2
    )
    moved = results.sample(30, seed=4).with_columns(
        result_status=pl.lit("corrected"), patient_id=pl.Series(patients.sample(30, seed=5))
    )
    withdrawn_last = results.filter(pl.col("collected_at") == pl.col("collected_at").max()).with_columns(
        result_status=pl.lit("withdrawn")
    )
    broken = results.sample(25, seed=6).with_columns(compartment=pl.lit("lung"))
    parts = [results, other, corrected, moved, withdrawn_last, broken, results.sample(50, seed=7)]
    courses = made.antiviral_courses.select(ANTIVIRAL_COURSES.exchanged)
    early = courses.head(5).with_columns(stopped_at=pl.lit(datetime(2001, 1, 1, tzinfo=UTC)))
    return {
        "viral_load_results": pl.concat(parts).sample(fraction=1, shuffle=True, seed=8),
        "antiviral_courses": pl.concat([courses, courses.head(20), early]).sample(fraction=1, shuffle=True, seed=9),
        "icu_stays": made.icu_stays.select(ICU_STAYS.exchanged).sample(fraction=1, shuffle=True, seed=10),
    }
