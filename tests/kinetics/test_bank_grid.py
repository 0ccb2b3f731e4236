"""The bank against the whole posterior on short series: exact without a limit, near with one. `benchmarks.posterior_grid`."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.posterior_grid import KINDS, NUMBERS, by_bank, differences, main, whole_posterior
from cmvmon.protocol import TrajectoryLine
from cmvmon.shell.folder.protocol_files import Protocol
from tests.kinetics.grid import posterior_on_grid
from tests.kinetics.random_series import random_series


def test_without_a_limit_it_is_exact_and_with_one_it_is_near(capsys):
    """Largest differences of 18 series: nothing without a limit; P within 0.08 with one, 0.02 on average."""
    found = differences(18, 3, Protocol.shipped().trajectory_lines_of("plasma"))
    limited = np.concatenate([found[kind] for kind in KINDS[1:]])
    with capsys.disabled():
        print("\nlargest difference with a limit: " + ", ".join(map("{} {:.4f}".format, NUMBERS, limited.max(axis=0))))
    assert len(found[KINDS[0]]) >= 4
    assert found[KINDS[0]].max() < 1e-6
    assert len(limited) >= 6
    mean, above, rebound, low, high = limited.max(axis=0)
    assert above < 0.08
    assert rebound < 0.02
    assert mean < 0.1
    assert max(low, high) < 0.3
    assert limited.mean(axis=0)[1] < 0.02


def test_the_grid_of_a_single_straight_line_is_the_other_grid_of_the_tests():
    """Two programs for one posterior: theirs runs over intercept and decline, ours over the loads behind limits."""
    line = TrajectoryLine("one", "none", "responder", (), 1.0, (4.0, 0.9), (0.64, 0.1, 0.64))
    precision = np.linalg.inv(np.array([[0.64, 0.1], [0.1, 0.64]]))
    prior = np.array([4.0, 0.9, precision[0, 0], precision[0, 1], precision[1, 1]])
    rng = np.random.default_rng(9)
    limited = 0
    for _ in range(12):
        t, lo, hi, sigma = random_series(rng, longest=4)
        series = (t - t[0] if len(t) > 1 else np.ones(1), lo, hi, sigma)
        limited += bool((lo != hi).any())
        mean, low, high, above = posterior_on_grid(series, prior, target=1.0, tail=0.025)
        ours = whole_posterior(series, [line])
        assert ours[[0, 1]] == pytest.approx([mean, above], abs=1e-3)
        assert ours[[3, 4]] == pytest.approx([low, high], abs=1e-2)
        if (lo == hi).all():
            assert by_bank(series, [line]) == pytest.approx(ours, abs=1e-6)
    assert limited >= 5


def test_the_benchmark_prints_a_table(capsys):
    assert main(["--series", "3", "--seed", "1"]) == 0
    said = capsys.readouterr().out
    assert "3 synthetic series a compartment, seed 1" in said
    assert "| plasma | no limit" in said or "| plasma | some limits" in said
