"""`weekly_decline` by either method on rows that can't be used, rows that are odd but fine, and very long or many series."""

from __future__ import annotations

import math
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from cmvmon.domain import words
from cmvmon.domain.columns import split_by_promises
from cmvmon.domain.results import WEEKLY_DECLINE
from cmvmon.kinetics import treatment_courses, weekly_decline
from cmvmon.shell.folder.protocol_files import Protocol
from tests.spec.reading import courses, moment, results

GOOD = """
    patient     | day | reported
    synthetic-a | 0   | 100000
    synthetic-a | 6   | 8000
    synthetic-a | 13  | <100
    synthetic-b | 0   | 100000
    synthetic-b | 6   | 8000
    synthetic-b | 13  | <100
"""
DRUGS = """
    patient     | drug        | from | to
    synthetic-a | ganciclovir | 0    |
    synthetic-b | ganciclovir | 0    |
"""
ESTIMATES = [name for name in WEEKLY_DECLINE.empty().columns if name.endswith("_per_week") and "observed" not in name]
DAY_0 = datetime(2026, 1, 1, tzinfo=UTC)


def weeks(rows: pl.DataFrame, method: str) -> pl.DataFrame:
    protocol, at = Protocol.shipped(), moment("60")
    clocks = treatment_courses(courses(DRUGS), protocol=protocol, as_of=at)
    found = weekly_decline(rows, clocks, protocol=protocol, as_of=at, method=method)
    assert split_by_promises(found, WEEKLY_DECLINE)[1].is_empty()
    return found


@pytest.mark.parametrize("method", words.METHOD)
@pytest.mark.parametrize(
    ("column", "row", "value", "reason"),
    [
        pytest.param("viral_load_iu_per_ml", 1, math.nan, "limit_missing", id="a load that is no number"),
        pytest.param("viral_load_iu_per_ml", 1, math.inf, "limit_missing", id="an infinite load"),
        pytest.param("viral_load_iu_per_ml", 1, 0.0, "limit_missing", id="a quantified load of 0"),
        pytest.param("viral_load_iu_per_ml", 1, -5.0, "limit_missing", id="a negative load"),
        pytest.param("viral_load_iu_per_ml", 1, None, "limit_missing", id="a quantified result without its load"),
        pytest.param("lloq_iu_per_ml", 2, math.nan, "limit_missing", id="an LLOQ that is no number"),
        pytest.param("lloq_iu_per_ml", 2, 0.0, "limit_missing", id="an LLOQ of 0"),
        pytest.param("lloq_iu_per_ml", 2, None, "limit_missing", id="below an LLOQ that is not known"),
        pytest.param("uloq_iu_per_ml", 2, 50.0, "limits_crossed", id="a ULOQ below the LLOQ"),
        pytest.param("uloq_iu_per_ml", 2, 100.0, "limits_crossed", id="a ULOQ at the LLOQ"),
        pytest.param("sigma_log10", 1, 0.0, "sigma_invalid", id="noise of 0"),
        pytest.param("sigma_log10", 1, -0.1, "sigma_invalid", id="negative noise"),
        pytest.param("sigma_log10", 1, math.nan, "sigma_invalid", id="noise that is no number"),
        pytest.param("sigma_log10", 1, math.inf, "sigma_invalid", id="infinite noise"),
    ],
)
def test_a_row_that_cant_be_used_stops_its_series_from_then_on_and_no_other(column, row, value, reason, method):
    rows = results(GOOD)
    place = pl.int_range(pl.len()) == row
    broken = rows.with_columns(pl.when(place).then(pl.lit(value, dtype=pl.Float64)).otherwise(column).alias(column))
    found, sound = weeks(broken, method), weeks(rows, method)
    mine = found.filter(pl.col("patient_id") == "synthetic-a")
    since = row  # row 1 stands in week 1, row 2 in week 2
    said = mine.filter(pl.col("treatment_week") >= since)
    assert set(said["status"]) == {"invalid_input"}
    assert all(reason in text for text in said["reason"])
    assert set(said["call"]) == {None}
    assert said.select(ESTIMATES).null_count().row(0) == (said.height,) * len(ESTIMATES)
    before = pl.col("treatment_week") < since
    assert mine.filter(before).equals(sound.filter(before & (pl.col("patient_id") == "synthetic-a")))
    other = pl.col("patient_id") == "synthetic-b"
    assert found.filter(other).equals(sound.filter(other))


@pytest.mark.parametrize("method", words.METHOD)
def test_two_results_at_one_time_both_count_and_their_order_in_the_table_does_not(method):
    rows = results("day | reported\n 0 | 100000\n 6 | 9000\n 6 | 7000\n 6 | <100")
    found = weeks(rows, method)
    assert found["n_results"].to_list() == [4]
    assert weeks(rows.reverse(), method).equals(found)
    alone = weeks(rows.filter(pl.col("result_id") != "r003"), method)
    assert alone["decline_log10_per_week"][0] < found["decline_log10_per_week"][0], "the limit pulls the load down"


@pytest.mark.parametrize("method", words.METHOD)
def test_a_lod_of_the_lloq_or_one_that_says_more_than_the_lloq_is_no_lower_limit(method):
    """Detected below 100 with a LOD whose cut is at or above 100: the range would be empty, so it begins at 0."""
    given = "day | reported\n 0 | 100000\n 6 | <100"
    free = weeks(results(given), method)["decline_high_log10_per_week"][0]
    narrow = weeks(results(given, lod=90.0), method)["decline_high_log10_per_week"][0]
    impossible = weeks(results(given, lod=1e6), method)["decline_high_log10_per_week"][0]
    assert impossible == free
    assert narrow <= free


def many(n_series: int, n_rows: int, *, every_h: float) -> tuple[pl.DataFrame, pl.DataFrame]:
    """(results, courses): flat series of 10^4 IU/mL with noise 0.13, all treated from day 0."""
    n = n_series * n_rows
    rng = np.random.default_rng(6)
    name = pl.format("synthetic-{}", pl.int_range(n) // n_rows)
    rows = pl.select(
        patient_id=name,
        result_id=pl.format("r{}", pl.int_range(n)),
        collected_at=(DAY_0 + (pl.int_range(n) % n_rows) * timedelta(hours=every_h)).cast(pl.Datetime("us", "UTC")),
        compartment=pl.lit("plasma"),
        laboratory=pl.lit("synthetic"),
        assay=pl.lit("synthetic"),
        detection=pl.lit("quantified"),
        lod_iu_per_ml=pl.lit(None, dtype=pl.Float64),
        lloq_iu_per_ml=pl.lit(35.0),
        uloq_iu_per_ml=pl.lit(None, dtype=pl.Float64),
    ).with_columns(viral_load_iu_per_ml=10.0 ** (4.0 + 0.13 * rng.normal(size=n)))
    drugs = (
        rows.select("patient_id")
        .unique()
        .with_columns(
            drug=pl.lit("ganciclovir"),
            indication=pl.lit("treatment"),
            started_at=pl.lit(DAY_0).cast(pl.Datetime("us", "UTC")),
            stopped_at=pl.lit(None, dtype=pl.Datetime("us", "UTC")),
        )
    )
    return rows, drugs


def declines(rows: pl.DataFrame, drugs: pl.DataFrame, method: str, *, days: int) -> pl.DataFrame:
    protocol, at = Protocol.shipped(), DAY_0 + timedelta(days=days)
    clocks = treatment_courses(drugs, protocol=protocol, as_of=at)
    return weekly_decline(rows, clocks, protocol=protocol, as_of=at, method=method)


def test_a_hundred_thousand_samples_of_one_patient_by_the_bank():
    """One every quarter of an hour for three years: not met, narrow, and every number there."""
    found = declines(*many(1, 100_000, every_h=0.25), "bank", days=1_100)
    assert found.height == 149
    last = found.row(-1, named=True)
    assert last["status"] in ("too_close", "ok")
    assert last["call"] == "not_met"
    assert abs(last["mean_decline_log10_per_week"]) < 1e-3
    assert 0.0 < last["mean_decline_high_log10_per_week"] - last["mean_decline_low_log10_per_week"] < 0.01
    assert found.select(ESTIMATES).null_count().sum_horizontal().item() == 0


@pytest.mark.parametrize("method", words.METHOD)
def test_ten_thousand_series_of_one_sample(method):
    found = declines(*many(10_000, 1, every_h=1.0), method, days=7)
    assert found.height == 10_000
    assert set(found["status"]) == {"prior_only"}
    assert found["call"].null_count() == 10_000
    assert found.select(ESTIMATES).null_count().sum_horizontal().item() == 0
