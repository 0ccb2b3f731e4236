"""The bank against the whole posterior on short series, and what is lost: `python -m benchmarks.posterior_grid`.

The bank keeps, of each line, the first two moments after every limit. The whole posterior is the sum over the lines of
prior x exact likelihood of all results; here it is computed by scipy and a grid, with no kernel of ours: quantified
results are taken in exactly (normal distributions), the loads at which limits stand are integrated over a grid that
zooms in on what matters, and given those loads the decline is normal again. Printed are the largest and the mean
differences of mean, P(decline > target), P(rebound) and both ends of the 95 % interval, by how much was censored.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
import numpy.typing as npt
from scipy.special import log_ndtr, ndtr

from cmvmon.protocol import TrajectoryLine, read_trajectory_priors
from tests.oracles.bank import belief_before, belief_with, mean_decline, probability_rebound

Array = npt.NDArray[np.float64]
Series = tuple[Array, Array, Array, Array]  # t (weeks, from 0), lo, hi, sigma
PRIORS = "simulated-1"
TARGET = 1.0
TAILS = (0.025, 0.975)
POINTS = {1: 2001, 2: 201, 3: 41, 4: 21}  # by axis, for as many loads as stand free
BINS = 6_000
KEPT_LOG = 25.0  # what lies further below the highest density is left out
KINDS = ("no limit", "some limits", "limits only")
NUMBERS = ("mean", "P(> target)", "P(rebound)", "low", "high")


@dataclass(frozen=True)
class Piece:
    """Of one line: log of prior x likelihood, and the decline as many normal distributions of one spread."""

    log_weight: float
    centre: Array
    share: Array
    sd: float
    rebound: float


def whole_posterior(series: Series, lines: Sequence[TrajectoryLine], *, target: float = TARGET) -> Array:
    """(mean, P(> target), P(rebound), low, high) of the mean decline from the anchor to the last result."""
    pieces = [_piece(series, line) for line in lines]
    weight = np.exp(np.array([piece.log_weight for piece in pieces]) - max(piece.log_weight for piece in pieces))
    weight /= weight.sum()

    def above(x: float) -> float:
        parts = (float(p.share @ ndtr((p.centre - x) / p.sd)) for p in pieces)
        return float(sum(w * part for w, part in zip(weight, parts, strict=True)))

    mean = sum(w * float(p.share @ p.centre) for w, p in zip(weight, pieces, strict=True))
    rebound = sum(w * p.rebound for w, p in zip(weight, pieces, strict=True))
    bounds = (
        min(float(p.centre.min() - 9 * p.sd) for p in pieces),
        max(float(p.centre.max() + 9 * p.sd) for p in pieces),
    )
    low, high = (_crossing(lambda x: 1.0 - above(x), p, *bounds) for p in TAILS)
    return np.array([mean, above(target), rebound, low, high])


def by_bank(series: Series, lines: Sequence[TrajectoryLine], *, target: float = TARGET) -> Array:
    """The same five numbers as the bank has them (its plain reference, which the kernel equals within 1e-9)."""
    belief = belief_before(lines)
    for row in zip(*(column.tolist() for column in series), strict=True):
        belief = belief_with(belief, *row, growth=0.0, growth_sd=0.0)
    until = float(series[0][-1])
    found = mean_decline(belief, 0.0, until)
    ends = [found.quantile(p) for p in TAILS]
    return np.array([found.centre, found.above(target), probability_rebound(belief, until), *ends])


def _piece(series: Series, line: TrajectoryLine) -> Piece:
    t, lo, hi, sigma = series
    begun, over = (0.0, *line.changes_at_weeks), (*line.changes_at_weeks, math.inf)
    spent = np.array([np.clip(np.minimum(t, to) - at, 0.0, None) for at, to in zip(begun, over, strict=True)]).T
    x = np.concatenate([np.ones((len(t), 1)), -spent], axis=1)
    mean, covariance = np.array(line.mean), _symmetric(line)
    log_weight = math.log(line.weight)
    exact = lo == hi
    if exact.any():
        a, noise = x[exact], np.diag(sigma[exact] ** 2)
        expected, spread = a @ mean, a @ covariance @ a.T + noise
        off = lo[exact] - expected
        log_weight += -0.5 * (
            float(off @ np.linalg.solve(spread, off)) + np.linalg.slogdet(spread)[1] + len(off) * math.log(2 * math.pi)
        )
        gain = np.linalg.solve(spread, a @ covariance).T
        mean, covariance = mean + gain @ off, covariance - gain @ a @ covariance
    c = np.concatenate([[0.0], spent[-1] / t[-1]])
    last = np.eye(len(mean))[-1]
    late = line.change == "late" and line.changes_at_weeks[-1] < t[-1]
    limits = (x[~exact], lo[~exact], hi[~exact], sigma[~exact])
    if exact.all():
        rebound = float(ndtr(-mean[-1] / math.sqrt(covariance[-1, -1])))
        return Piece(log_weight, np.array([c @ mean]), np.ones(1), math.sqrt(c @ covariance @ c), rebound * late)
    return _with_limits(log_weight, mean, covariance, limits, c, last * late)


def _with_limits(
    log_weight: float, mean: Array, covariance: Array, limits: tuple[Array, Array, Array, Array], c: Array, last: Array
) -> Piece:
    """Integrates over the loads at which limits stand: z, independent standard normal coordinates of them."""
    x, lo, hi, sigma = limits
    size, axes = np.linalg.eigh(x @ covariance @ x.T)
    free = size > 1e-10 * size.max()
    to_load = axes[:, free] * np.sqrt(size[free])
    back = covariance @ x.T @ axes[:, free] / np.sqrt(size[free])  # covariance of the state with z
    log_mass, z, share, step = _grid(x @ mean, to_load, lo, hi, sigma)
    pull = c @ back
    sd = math.sqrt(max(float(c @ covariance @ c - pull @ pull), 0.0))
    sd = max(sd, 0.2 * float(np.linalg.norm(pull * step)), 1e-6)  # the grid's own fineness
    centre, kept = _binned(c @ mean + z @ pull, share)
    rebound = 0.0
    if last.any():
        of_last = last @ back
        spread = math.sqrt(max(float(last @ covariance @ last - of_last @ of_last), 1e-12))
        rebound = float(share @ ndtr(-(last @ mean + z @ of_last) / spread))
    return Piece(log_weight + log_mass, centre, kept, sd, rebound)


def _grid(expected: Array, to_load: Array, lo: Array, hi: Array, sigma: Array) -> tuple[float, Array, Array, Array]:
    """(log of the integral, points, their shares, step by axis) of standard normal density x probability of the limits."""
    r = to_load.shape[1]
    low, high = np.full(r, -12.0), np.full(r, 12.0)
    for points in (21, 21, 21, POINTS[r]):
        axes = [np.linspace(a, b, points) for a, b in zip(low, high, strict=True)]
        step = np.array([axis[1] - axis[0] for axis in axes])
        z = np.stack([g.ravel() for g in np.meshgrid(*axes, indexing="ij")], axis=1)
        log_f = -0.5 * (z * z).sum(axis=1) - 0.5 * r * math.log(2 * math.pi)
        for i, row in enumerate(to_load):
            log_f += _log_within(expected[i] + z @ row, lo[i], hi[i], sigma[i])
        inside = log_f > log_f.max() - KEPT_LOG
        low, high = z[inside].min(axis=0) - step, z[inside].max(axis=0) + step
    top = float(log_f.max())
    f = np.exp(log_f - top)
    total = float(f.sum())
    return top + math.log(total * float(step.prod())), z, f / total, step


def _log_within(m: Array, lo: float, hi: float, sigma: float) -> Array:
    a, b = (lo - m) / sigma, (hi - m) / sigma
    if math.isinf(lo):
        return np.asarray(log_ndtr(b))
    if math.isinf(hi):
        return np.asarray(log_ndtr(-a))
    a, b = np.where(a + b > 0, -b, a), np.where(a + b > 0, -a, b)
    return np.asarray(log_ndtr(b) + np.log1p(-np.exp(log_ndtr(a) - log_ndtr(b))))


def _binned(value: Array, share: Array) -> tuple[Array, Array]:
    """The same mass on few, evenly spaced values; each value is shared by its two neighbours, so means stay."""
    low, high = float(value.min()), float(value.max())
    if len(value) <= BINS or high == low:
        return value, share
    place = (value - low) / (high - low) * (BINS - 1)
    i = np.minimum(place.astype(np.int64), BINS - 2)
    up = place - i
    kept = np.bincount(i, share * (1 - up), BINS) + np.bincount(i + 1, share * up, BINS)
    return np.linspace(low, high, BINS), np.asarray(kept, dtype=np.float64)


def _crossing(f: Callable[[float], float], p: float, low: float, high: float) -> float:
    """Where the rising f passes p."""
    for _ in range(50):
        middle = 0.5 * (low + high)
        low, high = (middle, high) if f(middle) < p else (low, middle)
    return 0.5 * (low + high)


def _symmetric(line: TrajectoryLine) -> Array:
    size = len(line.mean)
    square = np.zeros((size, size))
    square[np.triu_indices(size)] = line.covariance
    return square + np.triu(square, 1).T


def short_series(count: int, seed: int, lines: Sequence[TrajectoryLine], *, lloq: float = 2.0) -> list[Series]:
    """Series of 2 to 5 results drawn from the bank's own lines, LLOQ 100 IU/mL, half with a LOD; every third one low.

    Those with more than three limits are drawn again: the grid would be too coarse.
    """
    rng = np.random.default_rng(seed)
    weight = np.array([line.weight for line in lines])
    found: list[Series] = []
    while len(found) < count:
        line = lines[int(rng.choice(len(lines), p=weight / weight.sum()))]
        theta = rng.multivariate_normal(np.array(line.mean), _symmetric(line))
        t = np.sort(np.append(rng.uniform(0.3, 4.0, int(rng.integers(1, 5))), 0.0))
        begun, over = (0.0, *line.changes_at_weeks), (*line.changes_at_weeks, math.inf)
        spent = np.array([np.clip(np.minimum(t, to) - at, 0.0, None) for at, to in zip(begun, over, strict=True)])
        sigma = np.full(len(t), float(rng.choice([0.13, 0.25, 0.4])))
        y = theta[0] - theta[1:] @ spent + sigma * rng.normal(size=len(t)) - (2.0 if len(found) % 3 == 0 else 0.0)
        cut = lloq - 0.5 if rng.random() < 0.5 else lloq
        lo, hi = np.where(y >= lloq, y, np.where(y >= cut, cut, -np.inf)), np.where(y >= lloq, y, lloq)
        hi = np.where(y < cut, cut, hi)
        if (lo != hi).sum() <= 3:
            found.append((t, lo, hi, sigma))
    return found


def kind_of(series: Series) -> str:
    """One of KINDS: how much of it is limits."""
    n = int((series[1] != series[2]).sum())
    return KINDS[0] if n == 0 else KINDS[2] if n == len(series[0]) else KINDS[1]


def differences(count: int, seed: int, lines: Sequence[TrajectoryLine]) -> dict[str, Array]:
    """Absolute differences (series, NUMBERS) of the bank from the whole posterior, by kind."""
    found: dict[str, list[Array]] = {kind: [] for kind in KINDS}
    for series in short_series(count, seed, lines):
        found[kind_of(series)].append(np.abs(by_bank(series, lines) - whole_posterior(series, lines)))
    return {kind: np.array(rows).reshape(-1, len(NUMBERS)) for kind, rows in found.items()}


def shipped_lines(compartment: str = "plasma") -> tuple[TrajectoryLine, ...]:
    """The lines that the package ships for a compartment."""
    text = resources.files("cmvmon.protocol").joinpath("priors", f"{PRIORS}.toml").read_text(encoding="utf-8")
    return read_trajectory_priors(text, name=f"{PRIORS}.toml").lines[compartment]


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.posterior_grid", description=__doc__.splitlines()[0] if __doc__ else ""
    )
    parser.add_argument("--series", type=int, default=150)
    parser.add_argument("--seed", type=int, default=20_260_101)
    options = parser.parse_args(arguments)
    print(f"# Bank against the whole posterior: {options.series} synthetic series a compartment, seed {options.seed}.")
    print("| compartment | series | n | | " + " | ".join(NUMBERS) + " |\n|" + "---|" * (4 + len(NUMBERS)))
    for compartment in ("plasma", "bal"):
        for kind, rows in differences(options.series, options.seed, shipped_lines(compartment)).items():
            if not len(rows):
                continue
            for name, line in (("largest", rows.max(axis=0)), ("mean", rows.mean(axis=0))):
                print(
                    f"| {compartment} | {kind} | {len(rows)} | {name} | " + " | ".join(f"{v:.4f}" for v in line) + " |"
                )
    return 0


if __name__ == "__main__":
    sys.exit(main())
