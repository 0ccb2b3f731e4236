"""Series -> the priors of the bank, by expectation-maximisation: how common each line is and what it looks like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from cmvmon.kinetics.bank.lines import MOST_SIZE, STATE_COLUMNS, bank_numbers
from cmvmon.kinetics.trajectory.series import TrajectorySeries
from cmvmon.protocol.trajectory_priors import TrajectoryLine

Array = npt.NDArray[np.float64]
ENOUGH = 1e-5  # gain of log likelihood per series below which a step changes nothing that matters
SMALLEST_WEIGHT = 1e-4
SMALLEST_VARIANCE = 1e-4  # below it a line would be a point
FEWEST_SERIES = 1e-3
_PLACES = tuple((i, j) for i in range(MOST_SIZE) for j in range(i, MOST_SIZE))


@dataclass(frozen=True)
class Learned:
    """The lines after learning.

    Attributes:
        log_likelihood: per series, before the first step and after each.
        n_series, n_results: what was learned from.
        share: posterior share of each line among the series, by name, without the weight of the defaults.
    """

    lines: tuple[TrajectoryLine, ...]
    log_likelihood: tuple[float, ...]
    n_series: int
    n_results: int
    share: dict[str, float]


def learn_lines(
    series: TrajectorySeries,
    *,
    start: Sequence[TrajectoryLine],
    shrink_series: float,
    growth_log10_per_week: float,
    growth_sd_log10_per_week: float,
    most_steps: int = 200,
) -> Learned:
    """The lines that make the series most probable, held to `start` as if it were `shrink_series` series of its own.

    The times of change, and what a line is called, stay as they are. Each step takes the bank's posterior moments as
    the expectation (kinetics.md section 3) and may raise or, because those are near and not exact, barely lower the
    likelihood: it ends when nothing is gained. No series: the lines of `start`.

    Raises:
        ValueError: `shrink_series` below 0, or no line to start from.
    """
    from cmvmon.kinetics.bank import many_series  # compiles: only who fits pays

    if shrink_series < 0 or not start:
        raise ValueError("learning needs lines to start from, and a weight of the defaults of 0 or more")
    n = len(series.offsets) - 1
    lines = tuple(start)
    default = _sums_of(lines, shrink_series)
    values: list[float] = []
    share = {line.name: line.weight for line in lines}
    for _ in range(most_steps if n else 0):
        sums, value = many_series.moments_of(
            series.offsets,
            series.t_weeks,
            series.lo,
            series.hi,
            series.sigma,
            bank_numbers(lines),
            growth_log10_per_week,
            growth_sd_log10_per_week,
        )
        values.append(value / n)
        share = {line.name: float(weight) / n for line, weight in zip(lines, sums[:, 0], strict=True)}
        if len(values) > 1 and values[-1] - values[-2] < ENOUGH:
            break
        lines = _from_sums(lines, sums + default)
    return Learned(lines, tuple(values), n, int(series.offsets[-1]), share)


def _sums_of(lines: Sequence[TrajectoryLine], series: float) -> Array:
    """Weight, first and second moments of `series` series that follow the lines exactly as they are."""
    sums = np.zeros((len(lines), STATE_COLUMNS))
    for k, row in enumerate(bank_numbers(lines)):
        mean, upper = row[6 : 6 + MOST_SIZE], row[6 + MOST_SIZE :]
        sums[k, 0] = 1.0
        sums[k, 1 : 1 + MOST_SIZE] = mean
        sums[k, 1 + MOST_SIZE :] = [upper[i] + mean[a] * mean[b] for i, (a, b) in enumerate(_PLACES)]
        sums[k] *= lines[k].weight * series
    return sums


def _from_sums(lines: Sequence[TrajectoryLine], sums: Array) -> tuple[TrajectoryLine, ...]:
    weight = np.maximum(sums[:, 0] / sums[:, 0].sum(), SMALLEST_WEIGHT)
    weight /= weight.sum()
    return tuple(_line_of(line, float(weight[k]), sums[k]) for k, line in enumerate(lines))


def _line_of(line: TrajectoryLine, weight: float, sums: Array) -> TrajectoryLine:
    """A line with the mean and covariance of its sums; its old ones where hardly a series takes it."""
    if sums[0] < FEWEST_SERIES:
        return replace(line, weight=weight)
    size = len(line.mean)
    mean = sums[1 : 1 + size] / sums[0]
    upper = [
        max(float(sums[1 + MOST_SIZE + i] / sums[0] - mean[a] * mean[b]), SMALLEST_VARIANCE if a == b else -np.inf)
        for i, (a, b) in enumerate(_PLACES)
        if a < size and b < size
    ]
    return replace(line, weight=weight, mean=tuple(float(m) for m in mean), covariance=tuple(upper))
