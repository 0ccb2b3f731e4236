"""How exact the bank is: `python -m benchmarks bank` prints the largest differences from slow, independent sums.

One update of one line against quadrature; the mixture's P and quantiles against its distribution function; the whole
posterior against a grid (`benchmarks.posterior_grid`, whose options it takes).
"""

from __future__ import annotations

import math
import sys

import numpy as np

from benchmarks import posterior_grid
from tests.kinetics import test_bank_update as update
from tests.kinetics import test_mixture as mixture
from tests.kinetics.random_series import random_lines

UPDATES, MIXTURES, SEED = 2_000, 2_000, 20_260_102


def largest_update_difference(kind: str, rng: np.random.Generator) -> float:
    """Of log weight, mean and covariance after one result of this kind, over random lines, times and noise."""
    worst = 0.0
    for _ in range(UPDATES // 4):
        line = random_lines(rng, count=4)[int(rng.integers(0, 4))]
        t, sigma = float(rng.uniform(0.0, 5.0)), float(rng.uniform(0.1, 0.6))
        x, prior = update.direction(line, t), update.before(line)
        sd = math.sqrt(float(x @ prior.covariance @ x) + sigma**2)
        value = float(x @ prior.mean) + float(rng.uniform(-4.0, 4.0)) * sd
        lo, hi = update.limits(kind, value, float(rng.uniform(0.05, 1.0)))
        ours, theirs = update.by_kernel(line, t, lo, hi, sigma), update.by_quadrature(prior, x, lo, hi, sigma)
        pairs = ((ours.value, theirs.value), (ours.mean, theirs.mean), (ours.covariance, theirs.covariance))
        worst = max(worst, *(float(np.max(np.abs(np.asarray(a) - np.asarray(b)))) for a, b in pairs))
    return worst


def largest_mixture_differences(rng: np.random.Generator) -> tuple[float, float]:
    """Of P(> target), and of the distribution function at the two quantiles, over random mixtures."""
    worst_p = worst_below = 0.0
    for _ in range(MIXTURES):
        given = mixture.random_mixture(rng)
        _, low, high, above = mixture.summary(given)
        worst_p = max(worst_p, abs(above - (1.0 - mixture.cdf(given, 1.0))))
        worst_below = max(worst_below, abs(mixture.cdf(given, low) - 0.025), abs(mixture.cdf(given, high) - 0.975))
    return worst_p, worst_below


def main(arguments: list[str] | None = None) -> int:
    """Prints every largest difference."""
    rng = np.random.default_rng(SEED)
    print("| one update against quadrature | largest difference |\n|---|---|")
    for kind in update.KINDS:
        print(f"| {kind} | {largest_update_difference(kind, rng):.1e} |")
    worst_p, worst_below = largest_mixture_differences(rng)
    print(f"\nmixture: P {worst_p:.1e}; distribution function at the quantiles {worst_below:.1e}\n")
    return posterior_grid.main(arguments)


if __name__ == "__main__":
    sys.exit(main())
