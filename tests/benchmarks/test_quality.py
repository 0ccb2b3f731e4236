"""The tables of quality say what is true: of scores on series whose answers are known, and of who is judged."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from benchmarks import quality
from benchmarks.ceiling import Ceiling, ceiling, particles
from benchmarks.naive import (
    SURE,
    baseline_to_latest,
    last_rises,
    last_two,
    least_squares,
    plain_values,
    rises_above_lowest,
)
from benchmarks.quality_alarms import HALVES, REBOUND, Watched, delays, level_of
from benchmarks.quality_ceiling import ceilings
from benchmarks.quality_families import FEW, NEXT_STEPS, OWN, SLOWER, Stress, judge, slower, stresses, told
from benchmarks.quality_own import Group, shortfalls
from benchmarks.quality_plot import Picture, drawn
from benchmarks.quality_scores import Figure, proportion, scored
from benchmarks.quality_series import (
    COMPARTMENTS,
    COURSE,
    Followed,
    followed,
    judged_rows,
    observed,
    truth_of,
    with_estimates,
)
from benchmarks.quality_wards import with_tobit, with_ward_rules
from cmvmon.kinetics import fit_line
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.simulate import SCENARIOS, assumed

LLOQ = math.log10(200)


@pytest.fixture(scope="module")
def ward_followed() -> Followed:
    return followed(150, 77)


# --- ward arithmetic ------------------------------------------------------------------------------------------------


def test_the_last_two_results_are_subtracted_as_if_the_limit_were_a_value() -> None:
    values = plain_values(np.array([5.0, -np.inf]), np.array([5.0, 1.0]), np.array([LLOQ, LLOQ]))
    assert values.tolist() == [5.0, LLOQ]
    got = last_two(np.array([0.0, 2.0]), values, np.array([0.3, 0.4]), 1.0)
    assert got.decline == pytest.approx((5.0 - LLOQ) / 2)
    assert got.high - got.decline == pytest.approx(1.959964 * 0.5 / 2, rel=1e-6)
    assert got.is_above_target


def test_a_last_result_below_the_lloq_counts_as_met_whatever_the_fall() -> None:
    t, values = np.array([0.0, 3.0]), np.array([2.5, LLOQ])
    assert baseline_to_latest(t, values, np.array([False, True]), 1.0).decline == SURE
    assert baseline_to_latest(t, values, np.array([False, False]), 1.0).is_above_target is False


def test_least_squares_takes_half_the_lloq() -> None:
    t, values = np.array([0.0, 1.0, 2.0]), np.array([4.0, 3.0, LLOQ])
    got = least_squares(t, values, np.array([False, False, True]), np.full(3, 0.2), 1.0)
    assert got.decline == pytest.approx((4.0 - (LLOQ - math.log10(2))) / 2)
    assert got.high - got.low == pytest.approx(2 * 1.959964 * 0.2 / math.sqrt(2), rel=1e-6)


def test_rises_are_counted_from_the_result_before_and_from_the_lowest() -> None:
    values = np.array([5.0, 3.0, 3.5, 4.5])
    assert last_rises(values).tolist() == [-math.inf, -2.0, 0.5, 1.0]
    assert rises_above_lowest(values).tolist() == [-math.inf, -2.0, 0.5, 1.5]


# --- who is judged, and against what ---------------------------------------------------------------------------------


def test_every_row_that_can_be_judged_has_an_estimate_of_both_methods(ward_followed: Followed) -> None:
    for compartment in COMPARTMENTS:
        rows = judged_rows(ward_followed, ward_followed.series(compartment))
        for method in ("line", "bank"):
            rows = with_estimates(rows, ward_followed.weekly(method), method)
        assert rows.height > 150
        assert (
            rows.select(pl.col("^(line|bank)_(decline|low|high|p|week_low|week_high)$").null_count()).row(0)
            == (0,) * 12
        )


def test_a_judged_row_has_a_result_in_its_week_and_one_after_the_baseline(ward_followed: Followed) -> None:
    series = ward_followed.series("plasma")
    rows = judged_rows(ward_followed, series)
    for place, day, used in rows.select("place", "day", "n_used").iter_rows():
        days = series.t_weeks[series.offsets[place] : series.offsets[place] + used] * 7
        assert used >= 2
        assert day - 7 <= days[-1] <= day + 1.5  # a result so soon after the day stands for it
        assert -7 <= days[0] <= 3
    assert rows.select(*COURSE, "day").is_unique().all()
    counted = int(((series.t_weeks >= 0) & (series.t_weeks < 1)).any()) and rows.filter(day=7.0).height
    assert counted > 100


def test_the_estimates_are_those_of_the_week_that_ends_on_the_day(ward_followed: Followed) -> None:
    weekly = ward_followed.weekly("bank")
    rows = with_estimates(judged_rows(ward_followed, ward_followed.series("bal")), weekly, "bank")
    one = rows.filter(day=14.0).row(0, named=True)
    own = weekly.filter(patient_id=one["patient_id"], compartment="bal", anchor_at=one["anchor_at"], treatment_week=2)
    assert own["mean_decline_log10_per_week"].to_list() == [one["bank_decline"]]
    assert own["n_results"].to_list() == [one["n_used"]]


def test_ward_rules_and_the_plain_line_see_the_rows_that_a_judged_row_counts(ward_followed: Followed) -> None:
    series = ward_followed.series("plasma")
    lloq = observed(series, ward_followed.results).lloq
    rows = judged_rows(ward_followed, series)
    rows = with_tobit(with_ward_rules(rows, series, lloq, 1.0), series, 1.0)
    for row in rows.sample(20, seed=1).iter_rows(named=True):
        part = slice(series.offsets[row["place"]], series.offsets[row["place"]] + row["n_used"])
        line = fit_line(series.t_weeks[part], series.lo[part], series.hi[part], series.sigma[part])
        assert row["tobit_decline"] == (pytest.approx(line.decline) if line.converged else None)
        values = np.where(series.lo[part] == series.hi[part], series.lo[part], math.log10(assumed("plasma_lloq")))
        t = series.t_weeks[part]
        assert row["last_two_decline"] == pytest.approx((values[-2] - values[-1]) / (t[-1] - t[-2]))


def test_until_the_lloq_is_the_decline_to_the_crossing_and_of_the_week_before_it() -> None:
    made = followed(150, 78, "koloskoff").made
    rows = truth_of(made, (14,)).filter(compartment="bal")
    loads, lloq = made.loads["bal"], math.log10(assumed("bal_lloq"))
    grid = np.arange(0.0, 14.0 + 1e-9, 0.01)
    course = np.stack([loads.log10_load(np.full(150, day)) for day in grid], axis=1)
    checked = 0
    for i, row in enumerate(rows.iter_rows(named=True)):
        below = np.flatnonzero(course[i] <= lloq)
        if not below.size or below[0] == 0 or grid[below[0]] < 7.5:
            continue
        day = grid[below[0]]
        week_start = course[i, 700]
        assert row["true_until_lloq"] == pytest.approx((course[i, 0] - lloq) / day * 7, abs=0.02)
        assert row["true_week_until_lloq"] == pytest.approx((week_start - lloq) / (day - 7) * 7, abs=0.15)
        checked += 1
    assert checked > 5


def test_the_ceiling_is_given_the_rows_that_the_estimators_follow(ward_followed: Followed) -> None:
    series = ward_followed.series("plasma")
    seen = observed(series, ward_followed.results)
    quantified = series.lo == series.hi
    assert np.isnan(seen.value).tolist() == (~quantified).tolist()
    assert seen.value[quantified] == pytest.approx(series.lo[quantified])


def test_the_pieces_of_the_ceiling_join_to_that_of_the_whole() -> None:
    given = followed(20, 79)
    seen = observed(given.series("bal"), given.results)
    joined = ceilings({"bal": seen}, n=400, seed=5, days=(7.0, 14.0), stands_for_days=0.0, processes=1)["bal"]
    whole: Ceiling = ceiling(seen, particles("bal", 400, 5 + 7919), (7.0, 14.0))
    assert np.array_equal(joined.mean, whole.mean, equal_nan=True)
    assert np.array_equal(joined.odds, whole.odds, equal_nan=True)


# --- scores ----------------------------------------------------------------------------------------------------------


def rows_of(probability: list[float | None], truth: list[float], best: list[float]) -> pl.DataFrame:
    """Judged rows of a method "own" whose interval is the truth and 0.1 either way in all but the last row."""
    n = len(truth)
    return pl.DataFrame(
        {
            "true_mean": truth,
            "true_week": truth,
            "own_p": probability,
            "own_decline": truth,
            "own_low": [true - 0.1 for true in truth[:-1]] + [truth[-1] + 0.1],
            "own_high": [true + 0.1 for true in truth[:-1]] + [truth[-1] + 0.3],
            "ceiling_p": best,
        },
        schema_overrides={"own_p": pl.Float64},
    ).with_columns(place=pl.Series(range(n)))


def test_scores_of_six_series_are_those_counted_by_hand() -> None:
    truth = [2.0, 1.5, 1.2, 0.8, 0.2, 0.0]
    rows = rows_of([0.95, 0.92, 0.4, 0.6, 0.3, 0.05], truth, [0.9, 0.9, 0.9, 0.1, 0.1, 0.6])
    got = scored(rows, "own", target=1.0)
    assert got.auc.value == pytest.approx(8 / 9)
    assert got.share.value == pytest.approx((8 / 9 - 0.5) / 0.5)
    assert got.excess.value == pytest.approx(2 / 1 - 1)  # two wrong calls, where the ceiling has one
    assert got.brier.value == pytest.approx((0.05**2 + 0.08**2 + 0.6**2 + 0.6**2 + 0.3**2 + 0.05**2) / 6)
    assert got.coverage.value == pytest.approx(5 / 6)
    assert (got.sure_above, got.right_above.value) == (pytest.approx(2 / 6), 1.0)
    assert (got.sure_below, got.right_below.value) == (pytest.approx(1 / 6), 1.0)
    assert got.unanswered == 0
    assert got.auc.error > 0.01


def test_a_row_without_an_answer_is_counted_and_stands_in_the_middle() -> None:
    got = scored(rows_of([0.9, None, 0.1], [2.0, 1.5, 0.5], [0.9, 0.8, 0.1]), "own", target=1.0)
    assert got.unanswered == 1
    assert got.auc.value == 1.0  # 0.5 still stands above 0.1
    assert got.excess.error >= 0 or math.isnan(got.excess.error)


def test_the_ceiling_scores_itself_as_the_ceiling() -> None:
    rows = rows_of([0.5] * 4, [2.0, 1.5, 0.5, 0.2], [0.9, 0.4, 0.6, 0.1])
    got = scored(rows, "ceiling", target=1.0)
    assert (got.share.value, got.excess.value, got.brier_above.value) == (1.0, 0.0, 0.0)


def test_the_error_of_a_share_is_binomial() -> None:
    assert proportion(np.array([True] * 90 + [False] * 10)).error == pytest.approx(0.03)


def test_a_shortfall_is_named_and_doubted_within_twice_its_error() -> None:
    found = scored(rows_of([0.9, 0.8, 0.2, 0.1], [2.0, 1.5, 0.5, 0.2], [0.9, 0.8, 0.2, 0.1]), "own", target=1.0)
    good = replace(
        found,
        coverage=Figure(0.95, 0.005),
        coverage_week=Figure(0.925, 0.005),
        share=Figure(0.98, 0.001),
        brier_above=Figure(0.0, 0.0),
        right_above=Figure(1.0, 0.0),
        right_below=Figure(1.0, 0.0),
    )
    group = Group("plasma", 7, "", 0.5, (good,))
    assert shortfalls(group, good) == ["coverage of the week?", "AUC share"]
    assert shortfalls(replace(group, compartment="bal"), good) == ["coverage of the week?"]


# --- alarms ----------------------------------------------------------------------------------------------------------


def test_a_delay_runs_from_the_true_start_to_the_first_right_alarm_or_the_last_sample() -> None:
    """Forty series without the cause (at most 0.3), and two with it from day 15: one is told on day 18, one never."""
    quiet = np.repeat(np.arange(40), 2)
    series = np.concatenate([quiet, [40, 40, 40, 41, 41]])
    day = np.concatenate([np.tile([4.0, 10.0], 40), [14.0, 18.0, 22.0, 16.0, 25.0]])
    high = np.concatenate([np.linspace(0.0, 0.3, 80), [0.9, 0.8, 0.9, 0.1, 0.2]])
    found = Watched(
        series=series,
        day=day,
        statistic={"own": high, "ceiling": high},
        begins=np.array([np.inf] * 40 + [15.0, 15.0]),
        is_without_cause=np.array([True] * 40 + [False] * 2),
    )
    own, best = delays(found, REBOUND)
    assert (own.without_cause, own.with_cause) == (40, 2)
    assert own.mean_delay == pytest.approx(((18 - 15) + (25 - 15)) / 2)
    assert own.found.value == 0.5
    assert own.ratio.value == best.ratio.value == 1.0
    assert own.false_alarms.value <= 0.1


def test_a_threshold_is_set_on_the_half_that_it_does_not_judge() -> None:
    n = 200
    statistic = np.where(np.arange(n) % HALVES == 0, 1.0, 5.0) + np.arange(n) / 1e3
    found = Watched(np.arange(n), np.ones(n), {"own": statistic}, np.full(n, np.inf), np.ones(n, dtype=bool))
    assert level_of(found, statistic, 0) < 2 < level_of(found, statistic, 1)
    assert (statistic[::2] > level_of(found, statistic, 0)).mean() == pytest.approx(0.05, abs=0.011)


# --- stresses --------------------------------------------------------------------------------------------------------


def test_every_scenario_is_in_the_table_and_every_step_names_a_row_of_it() -> None:
    assert {stress.scenario for stress in stresses()} == set(SCENARIOS)
    assert set(NEXT_STEPS) <= {stress.name for stress in stresses()}
    assert {OWN, FEW, SLOWER} <= {stress.priors for stress in stresses()}


def test_slower_priors_have_smaller_declines_and_the_same_load() -> None:
    line = Protocol.shipped().trajectory_lines_of("plasma")[0]
    assert slower(line).mean == pytest.approx((line.mean[0], 0.6 * line.mean[1]))
    assert slower(line).covariance == line.covariance


def test_priors_fitted_on_a_kind_of_series_differ_from_the_shipped_and_from_no_others() -> None:
    given = Protocol.shipped()
    mine = told(Stress("ward", OWN), 60, 5, given)
    assert mine.trajectory_lines_of("plasma") != given.trajectory_lines_of("plasma")
    assert replace(mine, trajectory_priors=given.trajectory_priors) == given
    assert told(Stress("ward"), 60, 5, given) is given


def test_a_sigma_that_is_too_small_costs_coverage() -> None:
    right, wrong = (judge(Stress("ward", sigma_factor=factor), 300, 0, 9)[0].days[1] for factor in (1.0, 0.5))
    assert wrong.coverage.value < right.coverage.value - 0.05
    assert wrong.n == right.n


# --- the command -----------------------------------------------------------------------------------------------------


def test_a_picture_shows_a_dot_for_each_figure_that_exists() -> None:
    picture = Picture("shares", (7, 14), 0.4, 1.0, 0.1, 1, (0.9, 1.0), "reach")
    text = drawn(
        picture, {"plasma": {"a <b>": [Figure(0.8, 0.01), Figure(math.nan, math.nan)], "c": [Figure(0.1, 0.0)] * 2}}
    )
    assert text.count("<circle") == 1 + 1  # one figure and the legend: the others are missing or off to the left
    assert "a &lt;b&gt;" in text


def test_the_quick_command_prints_both_tables_and_finds_no_null(capsys: pytest.CaptureFixture[str]) -> None:
    code = quality.main(
        ["--quick", "--patients", "40", "--particles", "300", "--stressed", "40", "--seed", "123", "--processes", "1"]
    )
    text = capsys.readouterr().out
    assert code == 0
    assert "Rows without an estimate: `line` 0, `bank` 0." in text
    for title in (
        "#### plasma, day 7:",
        "#### bal, day 21, suppressed:",
        "| rebound, plasma |",
        "| koloskoff | shipped | bal |",
    ):
        assert title in text
    assert "nan" not in text


def test_figures_of_few_series_are_not_written() -> None:
    with pytest.raises(SystemExit):
        quality.main(["--quick", "--write"])
