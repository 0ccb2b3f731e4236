"""The line estimator: against R, against plain numpy, and at every edge of its input."""

from __future__ import annotations

import csv
import math
import time

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmvmon.kinetics import fit_line, fit_lines
from cmvmon.kinetics.line.fit import prior_numbers
from tests.kinetics.random_series import ROOT, concatenated, many_series
from tests.oracles.line import fit_lines_reference

ORACLES = ROOT / "tests" / "oracles"
INF = math.inf
PRIOR = ([4.0, 0.9], [[0.64, 0.1], [0.1, 0.64]])


def test_it_equals_r_survreg_on_46_real_series():
    """Slope to 1e-8, standard error and log likelihood to 1e-6 (ACTG 315, HIV RNA, first 28 days; ORIGIN.md)."""
    series: dict[str, list[tuple[float, float, bool]]] = {}
    with (ORACLES / "actg315_first28d_fixed_sigma_0.2_input.csv").open() as file:
        for row in csv.DictReader(file):
            series.setdefault(row["id"], []).append((float(row["day"]) / 7.0, float(row["y"]), row["cens"] == "1"))
    with (ORACLES / "actg315_first28d_fixed_sigma_0.2.csv").open() as file:
        expected = list(csv.DictReader(file))
    assert len(expected) == len(series) == 46
    for row in expected:
        t, y, censored = (np.array(column) for column in zip(*series[row["id"].strip()], strict=True))
        fit = fit_line(t, np.where(censored, -INF, y), y, 0.2)
        assert (fit.status, fit.n, fit.n_censored) == ("ok", int(row["n"]), int(row["n_censored"]))
        assert fit.decline == pytest.approx(float(row["decline_log10_per_week"]), abs=1e-8, rel=0)
        assert fit.se_decline == pytest.approx(float(row["se"]), abs=1e-6, rel=0)
        assert fit.log_likelihood == pytest.approx(float(row["loglik"]), abs=1e-6, rel=0)


@pytest.mark.parametrize("prior", [PRIOR, None], ids=["with a prior", "maximum likelihood"])
def test_it_equals_plain_numpy_on_ten_thousand_random_series(prior):
    """Intercept, decline, covariance and log likelihood to 1e-9, whatever side the results are limited on."""
    series = many_series(seed=11, count=10_000, longest=8)
    fits = fit_lines(*concatenated(series), prior=prior)
    judged = np.flatnonzero(fits.converged)
    assert len(judged) == 10_000 if prior else len(judged) > 4_000
    longest = max(len(s[0]) for s in series)
    padded = [
        np.stack([np.pad(s[k], (0, longest - len(s[0])), constant_values=k == 3) for s in series]) for k in range(4)
    ]
    used = np.arange(longest) < np.array([len(s[0]) for s in series])[:, None]
    for part in np.array_split(judged, 4):
        t, lo, hi, sigma = (column[part] for column in padded)
        slow = fit_lines_reference(t, lo, hi, sigma, used[part], prior_numbers(prior))
        sure = 1.0 if prior else np.minimum(1.0, 1.0 / fits.se_decline[part])  # a flat top is found less sharply
        assert np.abs((fits.decline[part] - slow.decline) * sure).max() < 1e-9
        assert np.abs((fits.intercept[part] - slow.intercept) * sure).max() < 1e-9
        assert np.abs((fits.covariance[part] / slow.covariance - 1.0) * (np.reshape(sure, (-1, 1, 1)))).max() < 1e-6
        assert np.abs(fits.log_likelihood[part] - slow.log_likelihood).max() < 1e-9


@pytest.mark.parametrize(
    ("t", "lo", "hi", "status", "exists"),
    [
        pytest.param([0, 1], [4, 3], [4, 3], "ok", True, id="two quantified results"),
        pytest.param([0, 0], [4, 3], [4, 3], "one_time", False, id="two results at one time"),
        pytest.param([0], [4], [4], "one_time", False, id="one result"),
        pytest.param(
            [0, 1], [-INF, -INF], [2, 2], "all_censored", False, id="both below a limit: it may fall for ever"
        ),
        pytest.param(
            [0, 1], [4, -INF], [4, 2], "one_time", False, id="one quantified, then below: any steeper line fits"
        ),
        pytest.param(
            [0, 1, -1], [4, -INF, -INF], [4, 2, 2], "ok", True, id="below on both sides of one quantified result"
        ),
        pytest.param([0, 1], [3, 2], [4, 3], "all_censored", True, id="two intervals determine a line"),
        pytest.param([0, 1], [-INF, 3], [2, INF], "all_censored", False, id="below, then above: it may rise for ever"),
        pytest.param([0, 1, 2], [-INF, 3, -INF], [2, INF, 2], "all_censored", True, id="below, above, below"),
        pytest.param([0, 1], [-INF, -INF], [INF, INF], "all_censored", False, id="limits that say nothing"),
        pytest.param([], [], [], "invalid_input", False, id="no result"),
        pytest.param([0, math.nan], [4, 3], [4, 3], "invalid_input", False, id="a time that is no number"),
        pytest.param([0, INF], [4, 3], [4, 3], "invalid_input", False, id="a time without end"),
        pytest.param([0, 1], [4, math.nan], [4, 3], "invalid_input", False, id="a limit that is no number"),
        pytest.param([0, 1], [4, 3], [4, 2], "invalid_input", False, id="limits crossed"),
        pytest.param([0, 1], [4, INF], [4, INF], "invalid_input", False, id="a load without end"),
    ],
)
def test_every_edge_has_its_status(t, lo, hi, status, exists):
    fit = fit_line(t, lo, hi, 0.2)
    assert (fit.status, fit.converged) == (status, exists)
    assert math.isfinite(fit.decline) == exists
    if status in ("one_time", "all_censored"):
        assert math.isfinite(fit_line(t, lo, hi, 0.2, prior=PRIOR).decline), "with a prior the estimate exists"


@pytest.mark.parametrize("sigma", [0.0, -0.2, math.nan, INF])
def test_noise_that_is_no_positive_number_is_invalid_input(sigma):
    assert fit_line([0, 1], [4, 3], [4, 3], sigma).status == "invalid_input"


def test_arrays_of_unequal_length_and_impossible_priors_are_refused_in_words():
    with pytest.raises(ValueError, match="one time, lo, hi and sigma per result"):
        fit_line([0, 1], [4, 3, 2], [4, 3, 2], 0.2)
    with pytest.raises(ValueError, match="full rank"):
        fit_line([0, 1], [4, 3], [4, 3], 0.2, prior=([4, 1], [[1, 1], [1, 1]]))
    with pytest.raises(ValueError, match="rise from 0"):
        fit_lines([0, 3], [0, 1], [4, 3], [4, 3], 0.2)


def test_the_order_of_the_results_does_not_matter():
    (t, lo, hi, sigma), *_ = (s for s in many_series(seed=5, count=50) if len(s[0]) == 6)
    whole, turned = (
        fit_line(t, lo, hi, sigma, prior=PRIOR),
        fit_line(t[::-1], lo[::-1], hi[::-1], sigma[::-1], prior=PRIOR),
    )
    assert turned.decline == pytest.approx(whole.decline, abs=1e-12)


def test_a_hundred_thousand_results_and_a_hundred_thousand_series_end():
    rng = np.random.default_rng(2)
    t = np.sort(rng.uniform(0, 20, 100_000))
    y = 30 - 1.25 * t + 0.2 * rng.normal(size=len(t))
    lo = np.where(y < 8, -INF, y)
    began = time.perf_counter()
    fit = fit_line(t, lo, np.maximum(y, 8), 0.2)
    assert fit.status == "ok"
    assert fit.decline == pytest.approx(1.25, abs=1e-3)
    fits = fit_lines(np.arange(100_001), np.zeros(100_000), y, y, 0.2)
    assert set(fits.status) == {"one_time"}
    assert time.perf_counter() - began < 10


def test_two_far_apart_limits_and_tiny_noise_do_not_hang():
    for lo, hi in (([9, -INF, 9], [9, -9, 9]), ([3, 300, 3], [3, INF, 3])):
        fit = fit_line([0, 1, 2], lo, hi, 1e-3)
        assert fit.status == "ok"
        assert math.isfinite(fit.decline)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 10**6), shift=st.floats(-3, 3))
def test_scaling_all_loads_and_limits_leaves_the_decline_unchanged(seed, shift):
    (t, lo, hi, sigma), *_ = many_series(seed, 1)
    here, there = fit_line(t, lo, hi, sigma), fit_line(t, lo + shift, hi + shift, sigma)
    if here.converged and here.se_decline < 10:
        assert there.decline == pytest.approx(here.decline, abs=1e-8)
        assert there.intercept == pytest.approx(here.intercept + shift, abs=1e-8)
