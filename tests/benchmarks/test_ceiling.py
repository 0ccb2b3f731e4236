"""The ceiling is the exact posterior where that is known: straight lines in closed form, censored ones on a fine grid."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchmarks.ceiling import STEP, Observations, Particles, area_under_curve, ceiling, observations_of, particles
from benchmarks.ceiling_kernel import ABOVE_ULOQ, BELOW_LLOQ, NOT_DETECTED, QUANTIFIED
from cmvmon.domain.errors import CmvmonError
from cmvmon.domain.words import DETECTION
from cmvmon.simulate import assumed, ward
from cmvmon.simulate.curves import CHANGED, PIECES

LLOQ, LOD, ULOQ, SD = math.log10(200), 2.0, 8.0, 0.4  # of BAL
CENTRE, SPREAD = 5.0, 0.8
SLOPE, SLOPE_SD = 0.8, 0.6


def lines(n: int, seed: int = 1) -> Particles:
    """Straight lines whose declines are normal; half of the shapes are called non-responders by the sign of the draw."""
    declines = SLOPE + SLOPE_SD * np.random.default_rng(seed).standard_normal(n)
    starts = np.zeros((n, PIECES))
    starts[:, CHANGED] = np.inf
    return Particles(
        compartment="bal",
        starts=starts,
        declines=np.repeat(declines[:, None], PIECES, axis=1),
        growth=np.zeros(n),
        response=np.where(declines < 0.5, 2, 0).astype(np.int64),
        changed_days=np.full(n, np.inf),
        rising_from_days=np.where(declines < 0.0, 10.0, np.inf),
        anchor_mean_log10=CENTRE,
        anchor_sd_log10=SPREAD,
    )


def seen_as(*series: list[tuple[float, str, float]]) -> Observations:
    """Observations of (day, state, value) lists."""
    rows = [row for one in series for row in one]
    n = len(rows)
    return Observations(
        offsets=np.cumsum([0, *(len(one) for one in series)]).astype(np.int64),
        t_weeks=np.array([day / 7 for day, _, _ in rows]),
        state=np.array([DETECTION.index(state) for _, state, _ in rows], dtype=np.int64),
        value=np.array([value for _, _, value in rows], dtype=np.float64),
        lod=np.full(n, LOD),
        lloq=np.full(n, LLOQ),
        uloq=np.full(n, ULOQ),
    )


def phi(z: np.ndarray | float) -> np.ndarray:
    return 0.5 * np.vectorize(math.erfc)(-np.asarray(z) / math.sqrt(2))


def on_a_grid(rows: list[tuple[float, str, float]]) -> tuple[float, float, float]:
    """Mean and SD of the decline and P(decline > 1), by plain summation over load at the anchor and decline."""
    load = np.linspace(CENTRE - 6 * SPREAD, CENTRE + 6 * SPREAD, 801)[:, None]
    decline = np.linspace(SLOPE - 6 * SLOPE_SD, SLOPE + 6 * SLOPE_SD, 1201)[None, :]
    log = -0.5 * ((load - CENTRE) / SPREAD) ** 2 - 0.5 * ((decline - SLOPE) / SLOPE_SD) ** 2
    for day, state, value in rows:
        true = load - decline * max(day, 0.0) / 7
        not_detected = phi((LOD - 1.645 * SD - true) / SD)
        with np.errstate(divide="ignore"):
            log = (
                log
                + {
                    "quantified": lambda true=true, value=value: -0.5 * ((value - true) / SD) ** 2,
                    "not_detected": lambda none=not_detected: np.log(none),
                    "below_lloq": lambda true=true, none=not_detected: np.log(
                        np.maximum(phi((LLOQ - true) / SD) - none, 0)
                    ),
                    "above_uloq": lambda true=true: np.log(phi((true - ULOQ) / SD)),
                }[state]()
            )
    weight = np.exp(log - log.max())
    weight /= weight.sum()
    mean = float((weight * decline).sum())
    above = float((weight * (decline > 1.0)).sum() + 0.5 * (weight * (decline == 1.0)).sum())
    return mean, math.sqrt(float((weight * (decline - mean) ** 2).sum())), above


def test_the_states_of_the_kernel_are_the_words_of_the_tables() -> None:
    assert list(range(4)) == [NOT_DETECTED, BELOW_LLOQ, QUANTIFIED, ABOVE_ULOQ]
    assert list(DETECTION) == ["not_detected", "below_lloq", "quantified", "above_uloq"]


def test_straight_lines_without_censoring_have_their_closed_form() -> None:
    """Bivariate normal prior and normal noise: the posterior is normal, and so are its quantiles and P."""
    rows = [(-3.0, "quantified", 5.6), (2.0, "quantified", 5.1), (6.0, "quantified", 4.4), (13.0, "quantified", 3.1)]
    got = ceiling(seen_as(rows), lines(200_000))
    for k, used in enumerate((3, 4, 4)):
        design = np.array([[1.0, -max(day, 0.0) / 7] for day, _, _ in rows[:used]])
        values = np.array([value for _, _, value in rows[:used]])
        precision = design.T @ design / SD**2 + np.diag([SPREAD**-2, SLOPE_SD**-2])
        centre = np.linalg.solve(
            precision, design.T @ values / SD**2 + np.array([CENTRE / SPREAD**2, SLOPE / SLOPE_SD**2])
        )
        mean, sd = centre[1], math.sqrt(np.linalg.inv(precision)[1, 1])
        error = 5 * sd / math.sqrt(got.effective[0, k])  # five Monte Carlo errors
        assert got.mean[0, k] == pytest.approx(mean, abs=error)
        assert got.week[0, k] == pytest.approx(mean, abs=error)
        assert got.mean_probability[0, k] == pytest.approx(
            float(phi((mean - 1.0) / sd)), abs=2.5 / math.sqrt(got.effective[0, k])
        )
        assert got.mean_low[0, k] == pytest.approx(mean - 1.96 * sd, abs=3 * error)
        assert got.mean_high[0, k] == pytest.approx(mean + 1.96 * sd, abs=3 * error)
    assert got.results_used.tolist() == [[3, 4, 4]]
    assert got.effective.min() > 20_000


def test_a_result_soon_after_a_day_stands_for_it_where_that_is_asked() -> None:
    seen = seen_as([(0.0, "quantified", 5.0), (7.5, "quantified", 3.0), (15.6, "quantified", 2.0)])
    shapes = lines(20_000)
    before, with_it = (ceiling(seen, shapes, (7.0, 14.0), stands_for_days=days) for days in (0.0, 1.5))
    assert before.results_used.tolist() == [[1, 2]]
    assert with_it.results_used.tolist() == [[2, 2]]
    assert with_it.mean[0, 0] > before.mean[0, 0] + 0.3


@pytest.mark.parametrize(
    "rows",
    [
        [(-1.0, "quantified", 4.2), (5.0, "below_lloq", math.nan), (9.0, "not_detected", math.nan)],
        [(1.0, "above_uloq", math.nan), (4.0, "quantified", 6.4), (11.0, "quantified", 5.9), (13.5, "quantified", 5.7)],
        [(2.0, "not_detected", math.nan)],
    ],
)
def test_censored_series_agree_with_a_fine_grid(rows: list[tuple[float, str, float]]) -> None:
    got = ceiling(seen_as(rows), lines(200_000))
    mean, sd, above = on_a_grid(rows)
    assert got.mean[0, 1] == pytest.approx(mean, abs=5 * sd / math.sqrt(got.effective[0, 1]))
    assert got.mean_probability[0, 1] == pytest.approx(above, abs=2.5 / math.sqrt(got.effective[0, 1]))


def test_a_series_without_a_result_keeps_the_prior() -> None:
    got = ceiling(seen_as([], [(9.0, "quantified", 4.0)]), lines(50_000))
    assert got.mean[0] == pytest.approx([SLOPE] * 3, abs=0.02)
    assert got.mean[1, 0] == pytest.approx(SLOPE, abs=0.02)  # its only result comes after day 7
    assert got.effective[0] == pytest.approx([50_000] * 3)


def test_rows_tell_of_the_moment_and_a_later_result_changes_no_earlier_row() -> None:
    rows = [(1.0, "quantified", 5.0), (8.0, "quantified", 5.2), (12.0, "quantified", 5.6)]
    whole, part = ceiling(seen_as(rows), lines(20_000)), ceiling(seen_as(rows[:2]), lines(20_000))
    assert whole.rising[:2].tolist() == part.rising.tolist()
    assert whole.odds[:2].tolist() == part.odds.tolist()
    assert whole.rising[1] == 0.0  # no shape rises before day 10
    assert whole.rising[2] > 0.5
    assert whole.odds[2] > whole.odds[0]


def test_only_shapes_that_agree_with_what_is_known_of_the_drug_count() -> None:
    shapes = lines(20_000)
    fast = shapes.declines[:, 0] > 1.0
    changed = Particles(**{**shapes.__dict__, "changed_days": np.where(fast, 5.0, np.inf)})
    rows = [(1.0, "quantified", 5.0), (4.0, "quantified", 4.5)]
    assert ceiling(seen_as(rows), changed).mean_probability[0].tolist() == [0.0, 0.0, 0.0]
    asked = ceiling(seen_as(rows), changed, changes_known=False).mean_probability[0]
    assert asked.tolist() == ceiling(seen_as(rows), shapes).mean_probability[0].tolist()
    assert asked.min() > 0.3


def test_the_anchor_load_is_integrated_finely_enough() -> None:
    """Plasma, whose noise is the smallest: half the step changes the answer by less than 1e-4."""
    seen = observations_of(ward(8, 40, 3), "plasma")
    shapes = particles("plasma", 4000, 4)
    coarse, fine = (ceiling(seen, shapes, step=step).mean_probability for step in (STEP["plasma"], STEP["plasma"] / 2))
    assert np.nanmax(np.abs(coarse - fine)) < 1e-4


@pytest.mark.parametrize("compartment", ["plasma", "bal"])
def test_on_its_own_ward_the_intervals_hold_the_truth_as_often_as_they_say(compartment: str) -> None:
    made = ward(250, 70, 21)
    got = ceiling(observations_of(made, compartment), particles(compartment, 8000, 1021))
    truth = made.truth.filter(compartment=compartment)
    unchanged = truth["drug_changed_days"].fill_null(np.inf).to_numpy() > 14
    true = truth["mean_decline_day_14_log10_per_week"].to_numpy()
    held = ((got.mean_low[:, 1] <= true) & (true <= got.mean_high[:, 1]))[unchanged]
    assert held.mean() == pytest.approx(0.95, abs=0.055)
    p = got.mean_probability[unchanged, 1]
    assert p.mean() == pytest.approx((true[unchanged] > 1.0).mean(), abs=0.06)


def test_shapes_have_the_mean_declines_of_the_simulators_truth() -> None:
    shapes, truth = particles("bal", 500, 5), ward(500, 1, 5).truth.filter(compartment="bal")
    loads = ward(500, 1, 5).loads["bal"]
    below_top = loads.log10_load(np.full(500, 21.0)) < assumed("highest_load")
    for day in (7, 14, 21):
        ours = shapes.mean_declines(0.0, float(day))[below_top]
        assert ours == pytest.approx(truth[f"mean_decline_day_{day}_log10_per_week"].to_numpy()[below_top], abs=1e-9)


def test_observations_hold_current_results_only_by_patient_and_time() -> None:
    made = ward(200, 60, 8)
    seen = observations_of(made, "plasma")
    rows = made.viral_load_results.filter(compartment="plasma")
    assert seen.t_weeks.size == rows["result_id"].n_unique() < rows.height
    assert seen.offsets.size == 201
    for begin, end in zip(seen.offsets, seen.offsets[1:], strict=False):
        assert (np.diff(seen.t_weeks[begin:end]) >= 0).all()
    assert np.isnan(seen.value).tolist() == (seen.state != QUANTIFIED).tolist()


@pytest.mark.parametrize("scenario", ["koloskoff", "spontaneous_clearance", "everything"])
def test_a_scenario_whose_shapes_hang_on_the_load_has_no_ceiling(scenario: str) -> None:
    with pytest.raises(CmvmonError, match="no ceiling is computed"):
        particles("bal", 10, 1, scenario)


def test_the_area_under_the_curve_counts_pairs() -> None:
    assert area_under_curve(np.array([0.1, 0.4, 0.4, 0.8]), np.array([False, True, False, True])) == 3.5 / 4
