"""Which results a week's mean decline rests on, as the table says it and as it can be counted back from the rows."""

from __future__ import annotations

from datetime import timedelta

import polars as pl
import pytest

from cmvmon.domain.rows import ANTIVIRAL_COURSES, VIRAL_LOAD_RESULTS
from cmvmon.domain.series import SERIES_KEY
from cmvmon.domain.versions import current_results
from cmvmon.kinetics import treatment_courses, weekly_decline
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.simulate import START, ward
from tests.rules.reading import Case, at, tables

KEY = [*SERIES_KEY, "anchor_at", "treatment_week"]


def counted_back(results: pl.DataFrame, weekly: pl.DataFrame, protocol: Protocol) -> pl.DataFrame:
    """The last `n_results` rows before the week's end, or near enough to it; after a long gap, only those since."""
    gap = pl.col("collected_at").diff().over(KEY)
    near = pl.duration(hours=protocol.decline.week_end_within_h)
    longest = pl.duration(hours=24 * protocol.decline.new_segment_gap_days)
    return (
        weekly.filter(pl.col("n_results") > 0)
        .select(*KEY, "week_end", "n_results")
        .join(results.select(*SERIES_KEY, "collected_at", "result_id"), on=list(SERIES_KEY))
        .sort(*KEY, "collected_at", "result_id")
        .filter(
            (
                (pl.col("collected_at") < pl.col("week_end"))
                | ((pl.col("collected_at") <= pl.col("week_end") + near) & (gap <= longest).fill_null(True))
            )
            .cast(pl.Int8)
            .cum_min()
            .over(KEY)
            == 1
        )
        .filter(pl.int_range(pl.len(), 0, -1).over(KEY) <= pl.col("n_results"))
        .with_columns(segment=(gap > longest).fill_null(False).cast(pl.Int64).cum_sum().over(KEY))
        .filter(pl.col("segment") == pl.col("segment").max().over(KEY))
        .group_by(KEY)
        .agg(
            estimated_since=pl.when(pl.col("segment").first() > 0)
            .then(pl.col("collected_at").first())
            .otherwise(pl.col("anchor_at").first()),
            first_result_id=pl.col("result_id").first(),
            last_result_id=pl.col("result_id").last(),
            n_used=pl.len().cast(pl.Int64),
            n_used_after_anchor=pl.col("collected_at")
            .filter(pl.col("collected_at") > pl.col("anchor_at"))
            .n_unique()
            .cast(pl.Int64),
        )
        .sort(KEY)
    )


@pytest.mark.parametrize("method", ["line", "bank"])
@pytest.mark.parametrize("scenario", ["everything", "assay_change", "informative_stopping"])
def test_a_week_rests_on_its_last_results_since_the_last_long_gap(scenario: str, method: str) -> None:
    protocol, made = Protocol.shipped(), ward(30, 70, 5, scenario)
    as_of = START + timedelta(days=66.5)
    results = current_results(made.viral_load_results.filter(pl.col("collected_at") <= as_of))
    clocks = treatment_courses(made.antiviral_courses, protocol=protocol, as_of=as_of)
    weekly = weekly_decline(results, clocks, protocol=protocol, as_of=as_of, method=method)
    expected = counted_back(results, weekly, protocol)
    told = weekly.filter(pl.col("n_results") > 0).select(expected.columns).sort(KEY)
    assert told.equals(expected)
    assert expected.height > 60
    without = weekly.filter(pl.col("n_results") == 0)
    assert without["first_result_id"].null_count() == without.height
    assert without["n_used"].sum() == without["n_used_after_anchor"].sum() == 0


def test_a_gap_of_more_than_four_weeks_begins_the_estimate_anew() -> None:
    """Days 0 and 7, then days 45 and 52: the last weeks count from day 45."""
    case = Case(
        "-",
        "-",
        "-",
        "plasma d0 50000, d7 9000, d45 5000, d52 900",
        "ganciclovir d0-",
        "-",
        53,
        None,
        None,
        "-",
        None,
        None,
    )
    known, protocol = tables(case), Protocol.shipped()
    results = current_results(known[VIRAL_LOAD_RESULTS])
    clocks = treatment_courses(known[ANTIVIRAL_COURSES], protocol=protocol, as_of=at(53))
    weekly = weekly_decline(results, clocks, protocol=protocol, as_of=at(53))
    last = weekly.row(-1, named=True)
    assert (last["estimated_since"], last["n_used"], last["n_used_after_anchor"]) == (at(45), 2, 2)
    expected = counted_back(results, weekly, protocol)
    assert weekly.filter(pl.col("n_results") > 0).select(expected.columns).sort(KEY).equals(expected)
