"""For the tests of analyses: the engines, and a ward on which everything that joins patients happens."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, datetime

import polars as pl
import pytest

from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.simulate import ward
from cmvmon.workbench.engines import SAIL, SPARK, spark_session
from tests import spark

ENGINES = [SAIL, pytest.param(SPARK, marks=pytest.mark.long)]


@pytest.fixture(scope="module")
def spark_is_here() -> None:
    """Spark and its Java. Absent: skipped in one line, or failed where CMVMON_REQUIRE_SPARK=1."""
    if (why := spark.why_not()) is not None:
        if os.environ.get("CMVMON_REQUIRE_SPARK") == "1":
            pytest.fail(why)
        pytest.skip(why)


@pytest.fixture(scope="module")
def spark_server(spark_is_here: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[spark.Connect]:
    """Spark itself, with a gigabyte of heap and two workers."""
    with spark.connect_server(tmp_path_factory.mktemp("spark")) as server:
        yield server


@pytest.fixture(scope="module", params=ENGINES)
def engine(request: pytest.FixtureRequest) -> Iterator[str]:
    """The address of a real engine with its workers: Sail, of this process, and Spark itself in the long tests."""
    if request.param == SPARK:
        yield request.getfixturevalue("spark_server").address
    else:
        with spark_session._sail() as address:
            yield address


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
