"""Learning the bank's lines: known lines are found again, few series stay with the defaults, order does not matter."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest

from cmvmon.kinetics import treatment_courses
from cmvmon.kinetics.bank.lines import bank_numbers
from cmvmon.kinetics.trajectory.learning import Learned, learn_lines
from cmvmon.kinetics.trajectory.series import TrajectorySeries, trajectory_series
from cmvmon.protocol import TrajectoryLine
from cmvmon.shell.folder.protocol_files import Protocol
from tests.kinetics.test_weekly_properties import AS_OF, START, ward

GROWTH = {"growth_log10_per_week": 0.25, "growth_sd_log10_per_week": 0.35}
LATE = (2.2,)
TRUE = (
    TrajectoryLine("falls", "none", "responder", (), 0.5, (4.5, 1.2), (0.5, 0.0, 0.09)),
    TrajectoryLine("stays", "none", "non_responder", (), 0.3, (4.2, 0.05), (0.6, 0.0, 0.03)),
    TrajectoryLine("returns", "late", "responder", LATE, 0.2, (4.6, 1.1, -0.6), (0.5, 0.0, 0.0, 0.08, 0.0, 0.06)),
)
START_LINES = (
    TrajectoryLine("falls", "none", "responder", (), 0.34, (4.0, 0.9), (0.8, 0.0, 0.3)),
    TrajectoryLine("stays", "none", "non_responder", (), 0.33, (4.0, 0.2), (0.8, 0.0, 0.2)),
    TrajectoryLine("returns", "late", "responder", LATE, 0.33, (4.0, 0.8, -0.2), (0.8, 0.0, 0.0, 0.3, 0.0, 0.3)),
)


def drawn(
    count: int, *, seed: int = 1, lines: tuple[TrajectoryLine, ...] = TRUE, lloq: float = 2.0
) -> TrajectorySeries:
    """Series that follow `lines`: 4 to 9 samples in four weeks, the first at the anchor, noise 0.15, LLOQ 100 IU/mL."""
    rng = np.random.default_rng(seed)
    parts, offsets = [], [0]
    for _ in range(count):
        line = lines[int(rng.choice(len(lines), p=[one.weight for one in lines]))]
        size = len(line.mean)
        square = np.zeros((size, size))
        square[np.triu_indices(size)] = line.covariance
        theta = rng.multivariate_normal(np.array(line.mean), square + np.triu(square, 1).T)
        t = np.sort(np.append(rng.uniform(0.2, 4.0, int(rng.integers(3, 9))), 0.0))
        over = (*line.changes_at_weeks, np.inf)
        begun = (0.0, *line.changes_at_weeks)
        y = theta[0] + 0.15 * rng.normal(size=len(t))
        for d, at, to in zip(theta[1:], begun, over, strict=True):
            y -= d * np.clip(np.minimum(t, to) - at, 0.0, None)
        parts.append((t, np.where(y < lloq, -np.inf, y), np.where(y < lloq, lloq, y)))
        offsets.append(offsets[-1] + len(t))
    t, lo, hi = (np.concatenate([part[k] for part in parts]) if parts else np.empty(0) for k in range(3))
    return TrajectorySeries(
        pl.DataFrame(), np.array(offsets), t, lo, hi, np.full(len(t), 0.15), pl.Series([], dtype=pl.String)
    )


def learned(series: TrajectorySeries, *, shrink: float = 0.0, steps: int = 200) -> Learned:
    return learn_lines(series, start=START_LINES, shrink_series=shrink, most_steps=steps, **GROWTH)


@pytest.fixture(scope="module")
def from_2000() -> Learned:
    return learned(drawn(2_000), steps=80)


def test_known_lines_are_found_again(from_2000, capsys):
    """2,000 series, many with limits: weights within 4 points, means within 0.1, from a start that is off."""
    found = from_2000
    gaps = [abs(one.weight - true.weight) for one, true in zip(found.lines, TRUE, strict=True)]
    means = [float(np.abs(np.subtract(one.mean, true.mean)).max()) for one, true in zip(found.lines, TRUE, strict=True)]
    with capsys.disabled():
        print(f"\nlearned from 2000 series: weights off by {max(gaps):.3f}, means by {max(means):.3f}")
    assert max(gaps) < 0.04
    assert max(means) < 0.1
    for one, true in zip(found.lines, TRUE, strict=True):
        assert one.covariance == pytest.approx(true.covariance, abs=0.1)
        assert (one.name, one.change, one.response) == (true.name, true.change, true.response)
        assert one.changes_at_weeks == true.changes_at_weeks
    assert sum(one.weight for one in found.lines) == pytest.approx(1.0, abs=1e-12)
    assert found.share == pytest.approx({one.name: one.weight for one in found.lines}, abs=1e-3)
    assert (found.n_series, found.n_results) == (2_000, int(drawn(2_000).offsets[-1]))


def test_other_series_of_the_same_kind_are_more_probable_under_what_was_learned(from_2000):
    """Judged on series that taught nothing: better than the start, and near the lines that made them."""
    from cmvmon.kinetics.bank import many_series

    def score(lines: tuple[TrajectoryLine, ...]) -> float:
        new = drawn(1_000, seed=2)
        rows = (new.t_weeks, new.lo, new.hi, new.sigma)
        return float(many_series.moments_of(new.offsets, *rows, bank_numbers(lines), *GROWTH.values())[1]) / 1_000

    mine, start, true = score(from_2000.lines), score(START_LINES), score(TRUE)
    assert mine - start > 0.1
    assert abs(true - mine) < 0.05


def test_no_step_lowers_the_likelihood_by_more_than_the_approximation():
    """Without a default's weight; a step may cost a thousandth per series, because moments with limits are near."""
    for seed in (1, 2, 3):
        values = np.array(learned(drawn(200, seed=seed), steps=60).log_likelihood)
        assert (np.diff(values) > -1e-3).all()
        assert values[-1] > values[0]


def test_no_series_gives_the_lines_of_the_start():
    found = learned(drawn(0))
    assert found.lines == START_LINES
    assert (found.log_likelihood, found.n_series, found.n_results) == ((), 0, 0)
    assert found.share == {line.name: line.weight for line in START_LINES}


def test_few_series_against_heavy_defaults_stay_with_them_and_many_leave_them():
    """20 series against defaults worth 10^7; then the same pull of 50 on 20 and on 600 series."""
    for one, start in zip(learned(drawn(20), shrink=1e7).lines, START_LINES, strict=True):
        assert one.weight == pytest.approx(start.weight, abs=1e-4)
        assert one.mean == pytest.approx(start.mean, abs=1e-4)
        assert one.covariance == pytest.approx(start.covariance, abs=1e-4)
    few, many = (learned(drawn(count), shrink=50.0).lines for count in (20, 600))
    moved = [sum(abs(a.weight - b.weight) for a, b in zip(lines, START_LINES, strict=True)) for lines in (few, many)]
    assert moved[0] < moved[1]


def test_a_line_that_no_series_takes_keeps_its_shape_and_a_little_weight():
    """A bank with a line at 40 log10: nothing goes there, and nothing breaks."""
    far = replace(START_LINES[2], name="far", mean=(40.0, 0.0, 0.0))
    found = learn_lines(drawn(200), start=(*START_LINES, far), shrink_series=0.0, **GROWTH)
    assert found.lines[3].mean == far.mean
    assert 0.0 < found.lines[3].weight < 1e-3
    assert np.isfinite(found.log_likelihood).all()


def test_the_order_of_the_rows_changes_no_bit_and_that_of_the_series_only_the_last_ones():
    protocol = Protocol.shipped()
    results, courses = ward(3, patients=30)
    clocks = treatment_courses(courses, protocol=protocol, as_of=AS_OF)
    lines = protocol.trajectory_lines_of("plasma")
    found = [
        learn_lines(
            trajectory_series(given, clocks, protocol=protocol, as_of=AS_OF).of_compartments(frozenset({"plasma"})),
            start=lines,
            shrink_series=20.0,
            **GROWTH,
        )
        for given in (results, results.sample(fraction=1.0, shuffle=True, seed=4))
    ]
    assert found[0] == found[1]
    one = drawn(300)
    offsets = one.offsets[-1] - one.offsets[::-1]
    place = np.concatenate([np.arange(one.offsets[i], one.offsets[i + 1]) for i in range(299, -1, -1)])
    turned = TrajectorySeries(
        one.keys, offsets, one.t_weeks[place], one.lo[place], one.hi[place], one.sigma[place], one.result_ids
    )
    for a, b in zip(learned(one, steps=20).lines, learned(turned, steps=20).lines, strict=True):
        assert a.weight == pytest.approx(b.weight, abs=1e-9)
        assert a.mean == pytest.approx(b.mean, abs=1e-9)


def test_learning_without_a_line_to_start_from_or_with_a_weight_below_0_is_refused():
    with pytest.raises(ValueError, match="lines to start from"):
        learn_lines(drawn(1), start=(), shrink_series=0.0, **GROWTH)
    with pytest.raises(ValueError, match="0 or more"):
        learned(drawn(1), shrink=-1.0)


def test_the_series_that_teach_are_those_that_the_bank_follows():
    """From the baseline until a gap of more than four weeks or the next anchor; a course with a fault teaches nothing."""
    protocol = Protocol.shipped()
    results, courses = ward(3, patients=12)
    clocks = treatment_courses(courses, protocol=protocol, as_of=AS_OF)
    given = trajectory_series(results, clocks, protocol=protocol, as_of=AS_OF)
    assert given.offsets[0] == 0
    assert given.offsets[-1] == len(given.t_weeks) == len(given.result_ids)
    gap = timedelta(days=protocol.decline.new_segment_gap_days) / timedelta(weeks=1)
    for i, (begin, end) in enumerate(zip(given.offsets[:-1], given.offsets[1:], strict=True)):
        steps = np.diff(given.t_weeks[begin:end])
        assert end > begin
        assert (steps >= 0.0).all()
        assert (steps <= gap).all()
        ids = given.result_ids[begin:end]
        assert set(results.filter(pl.col("result_id").is_in(ids.to_list()))["patient_id"]) == {
            given.keys["patient_id"][i]
        }
    first = results.with_columns(
        lloq_iu_per_ml=pl.when(pl.col("patient_id") == "synthetic-0").then(0.0).otherwise("lloq_iu_per_ml")
    )
    faulty = trajectory_series(first, clocks, protocol=protocol, as_of=START + timedelta(days=60))
    assert faulty.keys.height < given.keys.height
