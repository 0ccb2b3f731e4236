"""Real and published series as arrays, with their limits, and the bank and the line learned from some of them.

The priors and the noise of bank and line are learned from the series that are given (one half of the patients), by
likelihood; nothing about the other half is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.kinetics.bank import many_series, update
from cmvmon.kinetics.bank.lines import bank_numbers
from cmvmon.kinetics.trajectory.learning import learn_lines
from cmvmon.kinetics.trajectory.series import TrajectorySeries
from cmvmon.protocol import TrajectoryLine

Array = npt.NDArray[np.float64]
SIGMAS = (0.1, 0.14, 0.2, 0.28, 0.4, 0.56, 0.8, 1.1, 1.5)
SHRINK_SERIES = 5.0  # weight of the lines that learning starts from: small beside 15 to 25 series
GROWTH = (0.0, 1.0)  # no row stands before an anchor here, so that these are not read


@dataclass(frozen=True)
class Series:
    """One series: times in weeks from its anchor, limits in log10; equal limits are a quantified value."""

    patient: str
    t: Array
    lo: Array
    hi: Array

    def until(self, weeks: float) -> Series:
        """The rows up to that time."""
        return self.at(self.t <= weeks)

    def at(self, rows: npt.NDArray[np.bool_]) -> Series:
        """The rows that are marked."""
        return Series(self.patient, self.t[rows], self.lo[rows], self.hi[rows])

    @property
    def level(self) -> Array:
        """The value, or the limit that stands in its place where a competitor needs a number."""
        return np.where(np.isfinite(self.lo), self.lo, self.hi)


@dataclass(frozen=True)
class Family:
    """Lines with their weights, and the noise, as learned."""

    lines: tuple[TrajectoryLine, ...]
    sigma: float


def halves(series: Sequence[Series]) -> tuple[list[Series], list[Series]]:
    """The series of every other patient, in the order of their names, and of the rest."""
    names = sorted({one.patient for one in series})
    first = set(names[::2])
    return [one for one in series if one.patient in first], [one for one in series if one.patient not in first]


def stacked(series: Sequence[Series], sigma: float) -> TrajectorySeries:
    """The series one after the other, as learning takes them."""
    offsets = np.concatenate([[0], np.cumsum([len(one.t) for one in series])]).astype(np.int64)
    t, lo, hi = (
        np.concatenate([getattr(one, name) for one in series]) if series else np.zeros(0) for name in ("t", "lo", "hi")
    )
    nothing = pl.Series("result_id", [""] * len(t))
    return TrajectorySeries(pl.DataFrame(), offsets, t, lo, hi, np.full(len(t), sigma), nothing)


def log_likelihood(series: Sequence[Series], family: Family) -> float:
    """Log likelihood of the series under the lines."""
    s = stacked(series, family.sigma)
    _, value = many_series.moments_of(s.offsets, s.t_weeks, s.lo, s.hi, s.sigma, bank_numbers(family.lines), *GROWTH)
    return float(value)


def learned_bank(series: Sequence[Series], *, start: Sequence[TrajectoryLine]) -> Family:
    """The bank that makes the series most probable, its noise one of `SIGMAS`."""
    found = []
    for sigma in SIGMAS:
        learned = learn_lines(
            stacked(series, sigma),
            start=start,
            shrink_series=SHRINK_SERIES,
            growth_log10_per_week=GROWTH[0],
            growth_sd_log10_per_week=GROWTH[1],
        )
        found.append(Family(learned.lines, sigma))
    return max(found, key=lambda family: log_likelihood(series, family))


def line_of(bank: Family, series: Sequence[Series], *, weeks: float) -> Family:
    """One straight line with the bank's moments of (load at the anchor, mean decline to `weeks`); its noise by likelihood."""
    mean, second = np.zeros(2), np.zeros((2, 2))
    for line in bank.lines:
        size = len(line.mean)
        ends = np.minimum([*line.changes_at_weeks, np.inf], weeks)
        share = np.diff([0.0, *ends]) / weeks
        project = np.zeros((2, size))
        project[0, 0], project[1, 1:] = 1.0, share
        upper = np.zeros((size, size))
        upper[np.triu_indices(size)] = line.covariance
        covariance = upper + upper.T - np.diag(np.diag(upper))
        centre = project @ np.array(line.mean)
        mean += line.weight * centre
        second += line.weight * (project @ covariance @ project.T + np.outer(centre, centre))
    cov = second - np.outer(mean, mean)
    straight = TrajectoryLine(
        "line", "none", "responder", (), 1.0, (mean[0], mean[1]), (cov[0, 0], cov[0, 1], cov[1, 1])
    )
    families = [Family((straight,), sigma) for sigma in SIGMAS]
    return max(families, key=lambda family: log_likelihood(series, family))


def foretold(series: Series, family: Family, weeks: Array) -> tuple[Array, Array, Array]:
    """(weight, mean, sd) of the load at each of these times after the series' rows: a row for each line. No noise added."""
    s = stacked([series], family.sigma)
    prior = bank_numbers(family.lines)
    state = many_series.states_of(s.offsets, s.t_weeks, s.lo, s.hi, s.sigma, prior, *GROWTH)[0]
    weight = np.exp(state[:, 0] - state[:, 0].max())
    numbers = np.array([[update.load_at(prior, state, k, float(t)) for t in weeks] for k in range(len(family.lines))])
    return weight / weight.sum(), numbers[:, :, 0], np.sqrt(np.maximum(numbers[:, :, 1], 0.0))
