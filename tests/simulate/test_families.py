"""The families that the estimator was not made for solve their equations, and agree with what was published of them."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from scipy.integrate import solve_ivp

from cmvmon.simulate import assumed, ward
from cmvmon.simulate.families import (
    STEP_DAYS,
    Gridded,
    TargetCells,
    grid_days,
    indirect_response,
    target_cell_trajectory,
)
from cmvmon.simulate.hosts import CLASSES


def cells(efficacy: float, later: float = 0.0, later_from: float = math.inf, half_life: float = 1.0) -> TargetCells:
    one = np.ones(1)
    loss = math.log(2) / half_life
    return TargetCells(loss * one, 1e4 * one, one, 1.2 * one, efficacy * one, later * one, later_from * one)


def test_an_indirect_response_solves_its_equation() -> None:
    kin, kout, effect = 0.00087, 0.0003, 5.0
    ours = indirect_response(
        np.array([4.5]), kin_per_hour=kin, kout_per_hour=np.array([kout]), drug_effect=np.array([effect])
    )
    theirs = solve_ivp(
        lambda _, load: kin - kout * (1 + effect) * load,
        (0, 24 * 120),
        [4.5],
        t_eval=grid_days() * 24,
        rtol=1e-10,
        atol=1e-12,
    )
    assert ours[0] == pytest.approx(theirs.y[0], abs=1e-7)


@pytest.mark.parametrize(
    ("efficacy", "later", "later_from"), [(0.915, 0.0, math.inf), (0.915, 0.35, 7.5), (0.465, 0.0, math.inf)]
)
def test_target_cells_solve_their_equations(efficacy: float, later: float, later_from: float) -> None:
    """Against an adaptive solver, stopped and started where the efficacy changes."""
    one = cells(efficacy, later, later_from)

    def slopes(day: float, state: np.ndarray) -> list[float]:
        target, infected, virus = state
        now = later if day >= later_from else efficacy
        return [
            0.1 * (1 - target - target * virus / 1e4),
            math.log(2) * (2 * target * virus - infected),
            2.0 * ((1 - now) * infected - virus),
        ]

    ours = target_cell_trajectory(one, clearance_per_day=2.0, reproduction=2.0, renewal_per_day=0.1)[0]
    theirs = solve_ivp(
        slopes, (0, 60), [1.0, 1.2, 1.0], t_eval=grid_days()[:241], rtol=1e-10, atol=1e-13, max_step=0.05
    )
    assert np.abs(ours[:241] - np.log10(theirs.y[2])).max() < 2e-3


@pytest.mark.parametrize(("efficacy", "log10_per_week"), [(0.915, 1.75), (0.62, 0.51), (0.465, -0.15)])
def test_the_later_fall_is_that_of_the_simplified_published_model(efficacy: float, log10_per_week: float) -> None:
    """With one day of half-life and virus cleared at once, the net rates computed from Emery and Griffiths."""
    trajectory = target_cell_trajectory(
        cells(efficacy), clearance_per_day=50.0 * STEP_DAYS, reproduction=2.0, renewal_per_day=1e-9
    )[0]
    at = {day: trajectory[round(day / STEP_DAYS)] for day in (7.0, 14.0)}
    assert at[7.0] - at[14.0] == pytest.approx(log10_per_week, abs=0.08)


def test_a_load_that_stands_still_stays_so_without_a_drug() -> None:
    one = np.ones(1)
    rest = TargetCells(0.3 * one, one, 0.5 * one, one, 0.0 * one, 0.0 * one, math.inf * one)
    trajectory = target_cell_trajectory(rest, clearance_per_day=2.0, reproduction=2.0, renewal_per_day=0.1)
    assert np.abs(trajectory).max() < 1e-12


def test_target_cell_loads_fall_in_two_phases() -> None:
    made = ward(600, 40, 3, "target_cell")
    loads = made.loads["plasma"]
    falls = [loads.log10_load(np.full(600, a)) - loads.log10_load(np.full(600, a + 3.0)) for a in (0.0, 10.0)]
    assert np.median(falls[0]) > 3 * np.median(falls[1]) > 0


def test_koloskoff_loads_have_the_published_median_and_settle_on_the_log_scale() -> None:
    made = ward(2000, 40, 3, "koloskoff")
    assert np.median(made.loads["plasma"].at_anchor_log10) == pytest.approx(3.61, abs=0.06)
    weeks = [np.median(made.loads["plasma"].log10_load(np.full(2000, 7.0 * week))) for week in range(5)]
    falls = -np.diff(weeks)
    assert (np.diff(falls) < 0).all()
    assert falls[0] == pytest.approx(0.95, abs=0.15)


@pytest.mark.parametrize("name", ["koloskoff", "target_cell"])
def test_loads_of_families_are_bounded_joined_at_the_anchor_and_named(name: str) -> None:
    made = ward(500, 40, 3, name)
    for loads in made.loads.values():
        zero = np.zeros(500)
        assert loads.log10_load(zero) == pytest.approx(loads.log10_load(zero + 1e-9), abs=1e-6)
        assert loads.log10_load(zero) == pytest.approx(loads.at_anchor_log10)
        assert loads.log10_load(zero + 500.0).min() >= assumed("lowest_load_of_families")
        assert loads.log10_load(zero - 7.0) == pytest.approx(loads.at_anchor_log10 - loads.growth_log10_per_week)
    assert set(made.truth["class"]) <= set(CLASSES)
    assert made.truth["drug_change"].is_null().all()
    lowest = made.truth.group_by("class").agg(pl.col("mean_decline_day_14_log10_per_week").min())
    by = dict(lowest.iter_rows())
    assert by["responder"] > by["slow"] > by["non_responder"]


def test_a_grid_is_read_straight_between_its_points_and_rises_from_its_lowest() -> None:
    log10 = np.tile(np.linspace(4.0, 0.0, grid_days().size), (2, 1))
    log10[1, 40:] = log10[1, 40] + 0.02 * np.arange(grid_days().size - 40)
    grid = Gridded(np.array([0, 1]), log10)
    assert grid.log10_load(np.array([0.125, 1e6]))[0] == pytest.approx((log10[0, 0] + log10[0, 1]) / 2)
    assert grid.log10_load(np.array([0.0, 1e6]))[1] == log10[1, -1]
    assert grid.rising_from_days(0.5).tolist() == [math.inf, 10.0]
