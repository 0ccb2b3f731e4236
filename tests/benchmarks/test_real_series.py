"""The tables on real series: what is scored is what was foretold, nothing later is used, and the page says what it shows."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import integrate, stats

from benchmarks import npde
from benchmarks.censored_series import Family, Series, foretold, halves, line_of
from benchmarks.real_data import FIT_WEEKS, SHARED, actg315, uganda
from benchmarks.real_series import METHODS, PAGE, Scored, mean_se, score, scored, start_lines, tasks_of

UGANDA = SHARED / "uganda_herpesvirus_shedding_raw.csv"


@pytest.fixture(scope="module")
def hiv() -> Scored:
    return scored(actg315(), start_lines())


def one(t: list[float], y: list[float], limit: float = -math.inf) -> Series:
    levels = np.array(y)
    cut = levels < limit
    return Series("made up", np.array(t), np.where(cut, -np.inf, levels), np.where(cut, limit, levels))


def test_the_log_score_is_the_density_of_a_value_and_the_probability_of_a_limit() -> None:
    mixture = (np.array([0.3, 0.7]), np.array([3.0, 4.5]), np.array([0.5, 0.8]))
    density = lambda y: math.exp(score(mixture, one([3.0], [y]))[0])  # noqa: E731
    below, _ = integrate.quad(density, -10.0, 4.0)
    value, share = score(mixture, one([3.0], [1.0], limit=4.0))
    assert (math.exp(value), share) == pytest.approx((below, below), abs=1e-9)
    assert integrate.quad(density, -10.0, 20.0)[0] == pytest.approx(1.0, abs=1e-8)


def test_of_each_series_two_weeks_are_known_and_the_first_result_after_them_is_foretold() -> None:
    tasks = tasks_of(actg315())
    assert len(tasks) == 43
    for task in tasks:
        assert task.known.t.max() <= FIT_WEEKS < task.next.t[0]
        assert len(task.next.t) == 1
    later = [Series(s.patient, s.t, np.where(s.t > 6, 9.0, s.lo), np.where(s.t > 6, 9.0, s.hi)) for s in actg315()]
    for before, after in zip(tasks, tasks_of(later), strict=True):
        assert before.next.t == after.next.t
        assert (before.known.hi == after.known.hi).all()


def test_the_two_halves_share_no_patient() -> None:
    first, second = halves(actg315())
    assert {s.patient for s in first}.isdisjoint(s.patient for s in second)
    assert len(first) + len(second) == 46


def test_the_line_has_the_moments_of_the_bank() -> None:
    """Against draws from the bank's lines: load at the anchor, and the mean decline to week three."""
    lines = start_lines()
    rng = np.random.default_rng(1)
    drawn = []
    for k in rng.choice(len(lines), 40_000, p=[line.weight for line in lines]):
        size = len(lines[k].mean)
        upper = np.zeros((size, size))
        upper[np.triu_indices(size)] = lines[k].covariance
        theta = rng.multivariate_normal(lines[k].mean, upper + np.triu(upper, 1).T, method="cholesky")
        ends = np.minimum([*lines[k].changes_at_weeks, np.inf], 3.0)
        drawn.append((theta[0], float(np.diff([0.0, *ends]) @ theta[1:]) / 3.0))
    line = line_of(Family(lines, 0.2), [one([0.0, 1.0], [5.0, 4.0])], weeks=3.0).lines[0]
    centre, covariance = np.mean(drawn, axis=0), np.cov(np.transpose(drawn))
    assert line.mean == pytest.approx(tuple(centre), abs=0.03)
    assert line.covariance == pytest.approx((covariance[0, 0], covariance[0, 1], covariance[1, 1]), abs=0.04)


def test_what_is_foretold_of_a_straight_line_is_its_regression() -> None:
    """With one line and no limit the load foretold is the posterior of a linear model, in closed form."""
    family = line_of(Family(start_lines(), 0.2), [one([0.0, 1.0], [5.0, 4.0])], weeks=3.0)
    (line,) = family.lines
    series = one([0.0, 1.0, 2.0], [5.0, 4.2, 3.1])
    weight, mean, sd = foretold(series, family, np.array([3.0]))
    x = np.column_stack([np.ones(3), -series.t])
    prior = np.array([[line.covariance[0], line.covariance[1]], [line.covariance[1], line.covariance[2]]])
    precision = np.linalg.inv(prior) + x.T @ x / family.sigma**2
    theta = np.linalg.solve(precision, np.linalg.solve(prior, line.mean) + x.T @ series.lo / family.sigma**2)
    at = np.array([1.0, -3.0])
    assert weight.tolist() == [1.0]
    assert mean[0, 0] == pytest.approx(at @ theta, abs=1e-9)
    assert sd[0, 0] == pytest.approx(math.sqrt(at @ np.linalg.solve(precision, at)), abs=1e-9)


def test_results_of_one_patient_count_together_in_a_standard_error() -> None:
    values = np.array([1.0, 2.0, 4.0, 7.0])
    assert mean_se(values, ["a", "b", "c", "d"]) == pytest.approx((3.5, values.std(ddof=1) / 2))
    doubled, se = mean_se(np.repeat(values, 2), [*"aabbccdd"])
    assert (doubled, se) == pytest.approx((3.5, values.std(ddof=1) / 2))


def test_on_hiv_the_bank_foretells_better_than_every_line(hiv: Scored) -> None:
    assert (len(hiv.patients), hiv.n_censored) == (43, 3)
    for method in (METHODS[1], METHODS[2], METHODS[4]):
        gain, se = mean_se(hiv.log_score[METHODS[0]] - hiv.log_score[method], hiv.patients)
        assert gain > 2 * se, method
    pit = {method: stats.kstest(values, "uniform").statistic for method, values in hiv.pit.items()}
    assert min(pit, key=lambda method: pit[method]) == METHODS[0]


@pytest.mark.public_data("uganda_herpesvirus_shedding_raw.csv")
def test_nothing_later_than_the_fit_makes_an_episode_of_the_uganda_series() -> None:
    """What lies after the fitted weeks of an episode may be anything: its anchor stays, and what is known of it."""
    for anchor in ("first_positive", "peak"):
        episodes = uganda(UGANDA, anchor=anchor)
        assert len(episodes) > 60
        for episode in episodes:
            assert episode.t[0] == 0.0
            assert np.isfinite(episode.lo[0])
        if anchor == "peak":
            assert all(e.lo[0] >= 4.0 and e.t[1] <= FIT_WEEKS and e.level[1] <= e.lo[0] for e in episodes)


@pytest.mark.public_data(npde.FILES["complete"])
def test_on_npde_the_bank_is_nearest_where_loads_are_seen_and_substitution_where_they_are_not() -> None:
    patients = npde.read(SHARED, "50")
    cut = np.array([~np.isfinite(one.series.lo) for one in patients])
    assert (len(patients), int(cut.sum())) == (50, 131)
    seen = np.concatenate([p.series.lo[np.isfinite(p.series.lo)] - p.truth[np.isfinite(p.series.lo)] for p in patients])
    assert np.abs(seen).max() < 1e-9  # what was not censored is the complete series' value
    assert all((p.truth[~np.isfinite(p.series.lo)] <= math.log10(50) + 0.01).all() for p in patients)
    said = npde.reading(patients, npde.fitted(patients, start_lines()))
    assert "quantified bank has" in said[0]
    assert all("Substitution wins here" in line for line in said[1:])


def test_the_page_says_where_substitution_wins_and_where_the_bank_is_not_ahead() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert "Substitution wins here" in text
    assert "not told apart from" in text
    assert "python -m benchmarks real --write" in text
    assert all(f"| {method} |" in text for method in (*METHODS, *npde.METHODS))
