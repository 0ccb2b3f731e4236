"""Random series for the kinetics tests: results that are quantified, below, between or above limits. All synthetic."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from cmvmon.protocol import TrajectoryLine
from cmvmon.protocol.trajectory_priors import CHANGES, RESPONSES

Array = npt.NDArray[np.float64]
Series = tuple[Array, Array, Array, Array]  # t, lo, hi, sigma
ROOT = Path(__file__).resolve().parents[2]


def random_series(rng: np.random.Generator, *, longest: int = 6) -> Series:
    """One series: 1 to `longest` results around a falling or rising line, cut by an LLOQ, often by a LOD and a ULOQ.

    One in ten is wholly below its LLOQ, one in twenty wholly above its ULOQ.
    """
    n = int(rng.integers(1, longest + 1))
    t = np.sort(rng.choice(np.arange(41) / 10.0, n, replace=False))
    sigma = rng.uniform(0.05, 0.6) * np.ones(n) if rng.random() < 0.7 else rng.uniform(0.05, 0.6, n)
    y = rng.normal(4.5, 1.0) - rng.normal(0.9, 0.9) * t + sigma * rng.normal(size=n)
    lloq = rng.uniform(1.5, 4.5)
    lod = lloq - 0.3 if rng.random() < 0.5 else lloq
    uloq = rng.uniform(5.0, 7.0) if rng.random() < 0.5 else np.inf
    if rng.random() < 0.1:
        y = np.minimum(y, lloq - 1.0)
    elif rng.random() < 0.05:
        y, uloq = np.maximum(y, 7.5), 7.0
    lo, hi = y.copy(), y.copy()
    below, between, above = y < lloq, (y < lloq) & (y >= lod), y > uloq
    lo[below], hi[below] = -np.inf, lod
    lo[between], hi[between] = lod, lloq
    lo[above], hi[above] = uloq, np.inf
    return t, lo, hi, sigma


def bank_series(rng: np.random.Generator, *, longest: int = 6) -> Series:
    """A random series for the bank: two in five begin before the anchor, one in five turns after two weeks."""
    t, lo, hi, sigma = random_series(rng, longest=longest)
    quantified = lo == hi
    rise = (rng.random() < 0.2) * rng.uniform(0.0, 1.5) * np.maximum(t - 2.2, 0.0)
    lo, hi = np.where(quantified, lo + rise, lo), np.where(quantified, hi + rise, hi)
    return t - (rng.random() < 0.4) * rng.uniform(0.0, 1.2), lo, hi, sigma


def random_lines(rng: np.random.Generator, *, count: int = 7) -> tuple[TrajectoryLine, ...]:
    """A bank that nobody chose: a straight line first, then lines of any kind, weight, mean and covariance."""
    found = []
    for i in range(count):
        change = CHANGES[int(rng.integers(0, 3))] if i else "none"
        last = {"none": (), "early": (rng.uniform(0.4, 1.5),), "late": (rng.uniform(1.8, 3.2),)}[change]
        twice = change != "none" and rng.random() < 0.4
        changes = tuple(float(at) for at in ((0.5 * last[0], *last) if twice else last))
        size = 2 + len(changes)
        half = rng.normal(0.0, 0.4, (size, size)) + np.diag(rng.uniform(0.3, 0.9, size))
        square = half @ half.T + 0.02 * np.eye(size)  # of full rank in six digits too, as a priors file writes it
        covariance = tuple(float(v) for v in square[np.triu_indices(size)])
        mean = tuple(float(v) for v in (rng.normal(4.5, 0.5), *rng.normal(0.6, 0.8, size - 1)))
        response = RESPONSES[int(rng.integers(0, 3))]
        found.append(
            TrajectoryLine(f"line_{i}", change, response, changes, float(rng.uniform(0.02, 1)), mean, covariance)
        )
    total = sum(line.weight for line in found)
    return tuple(replace(line, weight=line.weight / total) for line in found)


def many_series(seed: int, count: int, *, longest: int = 6) -> list[Series]:
    """`count` random series of one seed."""
    rng = np.random.default_rng(seed)
    return [random_series(rng, longest=longest) for _ in range(count)]


def concatenated(series: list[Series]) -> tuple[npt.NDArray[np.int64], Array, Array, Array, Array]:
    """(offsets, t, lo, hi, sigma) of several series, one after the other."""
    offsets = np.cumsum([0] + [len(s[0]) for s in series])
    t, lo, hi, sigma = (np.concatenate([s[k] for s in series]) for k in range(4))
    return offsets, t, lo, hi, sigma
