"""The drawn trajectory is the table's: it falls by its mean decline, holds the load's interval, and ends where the data do."""

from __future__ import annotations

import itertools
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmvmon.domain.columns import split_by_promises
from cmvmon.domain.fitted import FITTED_TRAJECTORY
from cmvmon.domain.series import SERIES_KEY
from cmvmon.kinetics import treatment_courses, weekly_decline
from cmvmon.kinetics.bank import many_series
from cmvmon.kinetics.bank.lines import bank_numbers
from cmvmon.kinetics.trajectory.fitted import bank_trajectory
from cmvmon.kinetics.trajectory.series import trajectory_series
from cmvmon.shell.folder.protocol_files import Protocol
from tests.kinetics.test_weekly_properties import AS_OF, SEEDS, START, ward

PROTOCOL = Protocol.shipped()
WEEK = timedelta(days=7)
COURSE = [*SERIES_KEY, "anchor_at"]


def both(seed: int, patients: int = 4) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame, pl.DataFrame]:
    """(fitted trajectory, last row of the latest anchor of `weekly_decline`, results, clocks) of a synthetic ward."""
    results, courses = ward(seed, patients)
    clocks = treatment_courses(courses, protocol=PROTOCOL, as_of=AS_OF)
    weekly = weekly_decline(results, clocks, protocol=PROTOCOL, as_of=AS_OF)
    last = weekly.sort(*SERIES_KEY, "anchor_at", "treatment_week").group_by(SERIES_KEY, maintain_order=True).last()
    return bank_trajectory(results, clocks, protocol=PROTOCOL, as_of=AS_OF), last, results, clocks


def one(reported: dict[float, float | None], *, stop: float | None = None, as_of_day: float = 30.0) -> pl.DataFrame:
    """The trajectory of one plasma series under ganciclovir from day 0; None = below the LLOQ of 35."""
    moment = pl.Datetime("us", "UTC")
    results = pl.DataFrame(
        {
            "result_id": [f"synthetic-{day}" for day in reported],
            "collected_at": [START + timedelta(days=day) for day in reported],
            "detection": ["below_lloq" if load is None else "quantified" for load in reported.values()],
            "viral_load_iu_per_ml": list(reported.values()),
        },
        schema={
            "result_id": pl.String(),
            "collected_at": moment,
            "detection": pl.String(),
            "viral_load_iu_per_ml": pl.Float64(),
        },
    ).with_columns(
        patient_id=pl.lit("synthetic"),
        compartment=pl.lit("plasma"),
        laboratory=pl.lit("synthetic"),
        assay=pl.lit("synthetic"),
        lod_iu_per_ml=pl.lit(None, pl.Float64),
        lloq_iu_per_ml=pl.lit(35.0),
        uloq_iu_per_ml=pl.lit(1e7),
    )
    courses = pl.DataFrame(
        {
            "patient_id": ["synthetic"],
            "drug": ["ganciclovir"],
            "indication": ["treatment"],
            "started_at": [START],
            "stopped_at": [None if stop is None else START + timedelta(days=stop)],
        },
        schema_overrides={"started_at": moment, "stopped_at": moment},
    )
    as_of = START + timedelta(days=as_of_day)
    clocks = treatment_courses(courses, protocol=PROTOCOL, as_of=as_of)
    return bank_trajectory(results, clocks, protocol=PROTOCOL, as_of=as_of)


def day_of(trajectory: pl.DataFrame, row: int) -> float:
    return float((trajectory["moment"][row] - START) / timedelta(days=1))


@settings(max_examples=25, deadline=None)
@given(SEEDS)
def test_the_course_falls_by_the_mean_decline_of_the_table(seed: int) -> None:
    """A trajectory that begins at its anchor and ends where the table's last row stands."""
    trajectory, last, *_ = both(seed)
    assert split_by_promises(trajectory, FITTED_TRAJECTORY)[1].is_empty()
    for row in last.iter_rows(named=True):
        mine = trajectory.filter(*(pl.col(key) == row[key] for key in COURSE))
        if mine.is_empty():
            continue
        end = min(row["week_end"], AS_OF)
        assert mine["moment"].max() <= end + timedelta(hours=PROTOCOL.decline.week_end_within_h), (
            "its last result may stand for the end"
        )
        if mine["moment"][0] == row["anchor_at"] and mine["moment"][-1] == end:
            weeks = (end - row["anchor_at"]) / WEEK
            fell = (mine["load_log10"][0] - mine["load_log10"][-1]) / weeks
            assert fell == pytest.approx(row["mean_decline_log10_per_week"], abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_a_course_that_begins_at_the_anchor_is_among_the_random_ones(seed: int) -> None:
    trajectory, *_ = both(seed, patients=12)
    starts = trajectory.group_by(COURSE).agg(pl.col("moment").min())
    assert starts.filter(pl.col("moment") == pl.col("anchor_at")).height > 0


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_band_holds_95_percent_of_the_posterior_load(seed: int) -> None:
    """Against draws from the bank's own normal distributions, line by line."""
    trajectory, _, results, clocks = both(seed, patients=6)
    series = trajectory_series(results, clocks, protocol=PROTOCOL, as_of=AS_OF)
    rng = np.random.default_rng(seed)
    compared = 0
    for i, key in enumerate(series.keys.iter_rows(named=True)):
        mine = trajectory.filter(*(pl.col(name) == key[name] for name in COURSE))
        rows = slice(series.offsets[i], series.offsets[i + 1])
        t = series.t_weeks[rows]
        last = (mine.filter(~pl.col("is_extrapolated"))["moment"].max() or START) - key["anchor_at"]
        if mine.is_empty() or abs(last / WEEK - t[-1]) > 1e-6 or mine["moment"][0] > key["anchor_at"] + WEEK:
            continue  # the table's weeks hold later rows than the clock, or the trajectory began anew
        lines = PROTOCOL.trajectory_lines_of(key["compartment"])
        growth = PROTOCOL.decline
        state = many_series.states_of(
            np.array([0, len(t)]),
            *(x[rows] for x in (series.t_weeks, series.lo, series.hi, series.sigma)),
            bank_numbers(lines),
            growth.growth_before_anchor_log10_per_week,
            growth.growth_before_anchor_sd_log10_per_week,
        )[0]
        w = np.exp(state[:, 0] - state[:, 0].max())
        number = rng.multinomial(40_000, w / w.sum())
        for at in (0, mine.height // 2, mine.height - 1):
            x = (mine["moment"][at] - key["anchor_at"]) / WEEK
            drawn = []
            for k, n in enumerate(number):
                line = lines[k]
                size = len(line.mean)
                covariance = np.zeros((4, 4))
                covariance[np.triu_indices(4)] = state[k, 5:15]
                covariance = (covariance + np.triu(covariance, 1).T)[:size, :size]
                ends = [0.0, *line.changes_at_weeks, np.inf]
                spent = [max(min(x, over) - begun, 0.0) for begun, over in itertools.pairwise(ends)]
                theta = rng.multivariate_normal(state[k, 1 : 1 + size], covariance, n)
                drawn.append(theta @ [1.0, *(-part for part in spent)])
            load = np.concatenate(drawn)
            inside = (load > mine["load_low_log10"][at]) & (load < mine["load_high_log10"][at])
            assert inside.mean() == pytest.approx(0.95, abs=0.005)
            assert load.mean() == pytest.approx(mine["load_log10"][at], abs=0.05)
        compared += 1
    assert compared > 0


@settings(max_examples=10, deadline=None)
@given(SEEDS, st.integers(0, 3))
def test_neither_the_order_of_rows_nor_the_company_moves_a_bit(seed: int, kept: int) -> None:
    trajectory, _, results, clocks = both(seed)
    name = f"synthetic-{kept}"
    alone = bank_trajectory(
        results.filter(pl.col("patient_id") == name).reverse(),
        clocks.filter(pl.col("patient_id") == name),
        protocol=PROTOCOL,
        as_of=AS_OF,
    )
    assert alone.equals(trajectory.filter(pl.col("patient_id") == name))


def test_a_course_runs_from_the_anchor_to_the_last_result_and_on_to_the_end_of_its_week_at_most() -> None:
    falling = {-1.0: 50_000.0, 4.0: 9_000.0, 9.0: 2_000.0}
    late = one(falling)
    assert (day_of(late, 0), day_of(late, -1)) == (0.0, 14.0)  # the anchor, not the sample before it; the end of week 2
    assert late.filter(pl.col("is_extrapolated"))["moment"].min() > START + timedelta(days=9)
    assert late.height <= 35
    assert day_of(one(falling, as_of_day=11.0), -1) == 11.0
    assert day_of(one(falling, stop=10.0), -1) == 10.0
    same_day = one(falling, as_of_day=9.0)
    assert (day_of(same_day, -1), same_day["is_extrapolated"].any()) == (9.0, False)


@pytest.mark.parametrize(
    "reported",
    [{0.0: 50_000.0}, {-2.0: 50_000.0}, {0.0: None, 4.0: None, 9.0: None}, {}, {0.0: 9_000.0, 40.0: 900.0}],
    ids=["one result", "nothing since the anchor", "no quantified load", "no result", "one result after a long gap"],
)
def test_nothing_is_drawn_where_only_the_prior_would_speak(reported: dict[float, float | None]) -> None:
    assert one(reported, as_of_day=45.0).is_empty()


def test_after_a_long_gap_the_course_begins_anew_at_the_first_result_after_it() -> None:
    trajectory = one({0.0: 50_000.0, 5.0: 9_000.0, 40.0: 9_000.0, 47.0: 900.0}, as_of_day=50.0)
    assert (day_of(trajectory, 0), day_of(trajectory, -1)) == (40.0, 49.0)


def test_after_the_last_result_the_band_widens_towards_the_end() -> None:
    trajectory = one({-1.0: 50_000.0, 4.0: 9_000.0, 9.0: 2_000.0})
    width = (trajectory["load_high_log10"] - trajectory["load_low_log10"]).filter(trajectory["is_extrapolated"])
    assert (width.diff().drop_nulls() > 0).all()
