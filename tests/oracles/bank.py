"""The bank of change-point lines in plain numpy, written apart from the kernels: slow, readable, for the tests.

Nothing here is used to assess a patient. Matrices instead of unrolled sums, Phi from math.erfc instead of a table,
quantiles by bisection alone. Formulas: kinetics.md section 3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from cmvmon.kinetics.bank.track import Track
from cmvmon.kinetics.line.fit import INVALID_INPUT, OK
from cmvmon.protocol.trajectory_priors import TrajectoryLine
from tests.oracles.line import row_terms

Array = npt.NDArray[np.float64]
_ERFC = np.frompyfunc(math.erfc, 1, 1)
SMALLEST_VARIANCE = 1e-18  # what rounding may leave of a variance that the results have used up
SMALLEST_ODDS, LARGEST_ODDS = 1e-12, 1e12
HALVINGS = 200


@dataclass(frozen=True)
class Belief:
    """What the bank holds of one series: per line a log weight, and mean (k, n) and covariance (k, n, n) of its state.

    The state is (log10 load at the anchor, decline of each piece); n is that of the line with most pieces. A line with
    fewer has empty places at the end: zeros, which no result moves.
    """

    lines: tuple[TrajectoryLine, ...]
    log_weight: Array
    mean: Array
    covariance: Array

    def spent(self, t: float) -> Array:
        """How much of the time from the anchor to t >= 0 each line spends in each of its pieces, in weeks."""
        begun, over = self._pieces()
        return np.asarray(np.maximum(np.minimum(t, over) - begun, 0.0), dtype=np.float64)

    def piece_at(self, t: float) -> Array:
        """1 in the piece that holds moment t, 0 in the others; the moment of a change is the end of a piece."""
        begun, over = self._pieces()
        first = np.arange(begun.shape[1]) == 0
        return np.asarray(((t > begun) | first) & (t <= over), dtype=np.float64)

    def _pieces(self) -> tuple[Array, Array]:
        """When each piece of each line begins and is over; a piece that a line lacks never begins."""
        n = self.mean.shape[1] - 1
        begun, over = np.full((len(self.lines), n), np.inf), np.full((len(self.lines), n), np.inf)
        for k, line in enumerate(self.lines):
            begun[k, : len(line.mean) - 1] = (0.0, *line.changes_at_weeks)
            over[k, : len(line.mean) - 1] = (*line.changes_at_weeks, np.inf)
        return begun, over

    @property
    def log_evidence(self) -> float:
        """Log of what the weights add up to: log probability of all that was taken in."""
        top = float(self.log_weight.max())
        return top + math.log(float(np.exp(self.log_weight - top).sum()))

    @property
    def weights(self) -> Array:
        """Posterior probability of each line."""
        return np.asarray(np.exp(self.log_weight - self.log_evidence), dtype=np.float64)


@dataclass(frozen=True)
class Mixture:
    """Normal distributions by weight (adding up to 1), mean and standard deviation."""

    weight: Array
    mean: Array
    sd: Array

    @property
    def centre(self) -> float:
        """Its mean."""
        return float(self.weight @ self.mean)

    @property
    def spread(self) -> float:
        """Its standard deviation."""
        return math.sqrt(float(self.weight @ (self.sd**2 + (self.mean - self.centre) ** 2)))

    def above(self, point: float) -> float:
        """P(x > point)."""
        return float(self.weight @ _phi((self.mean - point) / self.sd))

    def quantile(self, p: float) -> float:
        """The point below which it holds p, to rounding, by halving a bracket."""
        low, high = float((self.mean - 40.0 * self.sd).min()), float((self.mean + 40.0 * self.sd).max())
        for _ in range(HALVINGS):
            middle = 0.5 * (low + high)
            if 1.0 - self.above(middle) < p:
                low = middle
            else:
                high = middle
        return 0.5 * (low + high)


def belief_before(lines: Sequence[TrajectoryLine]) -> Belief:
    """The bank before any result."""
    n = max(len(line.mean) for line in lines)
    means, covariance = np.zeros((len(lines), n)), np.zeros((len(lines), n, n))
    for k, line in enumerate(lines):
        size = len(line.mean)
        means[k, :size] = line.mean
        covariance[k, :size, :size] = _square(line.covariance, size)
    return Belief(tuple(lines), np.log([line.weight for line in lines]), means, covariance)


def belief_after_gap(lines: Sequence[TrajectoryLine], *, mean: float, sd: float) -> Belief:
    """The bank at the first result after a long gap: straight lines only, the load there being N(mean, sd^2)."""
    straight = belief_before([line for line in lines if line.is_straight])
    means, covariance = straight.mean.copy(), straight.covariance.copy()
    means[:, 0] = mean
    covariance[:, 0, :], covariance[:, :, 0] = 0.0, 0.0
    covariance[:, 0, 0] = sd * sd
    return Belief(straight.lines, straight.log_weight, means, covariance)


def belief_above(lines: Sequence[TrajectoryLine], *, mean: float, sd: float) -> Belief:
    """The bank before a first result above the ULOQ: every line, the load at the anchor being N(mean, sd^2)."""
    every = belief_before(lines)
    means, covariance = every.mean.copy(), every.covariance.copy()
    means[:, 0] = mean
    covariance[:, 0, :], covariance[:, :, 0] = 0.0, 0.0
    covariance[:, 0, 0] = sd * sd
    return Belief(every.lines, every.log_weight, means, covariance)


def belief_with(
    belief: Belief, t: float, lo: float, hi: float, sigma: float, *, growth: float, growth_sd: float
) -> Belief:
    """The belief after one more result, as normal distributions with the exact first two moments.

    A result before the anchor says what the load at the anchor is: raised by the growth expected until then, and with
    the variance of that growth added to its noise.
    """
    before = max(-t, 0.0)
    shift, noise = growth * before, sigma**2 + (growth_sd * before) ** 2
    x = np.concatenate([np.ones((len(belief.lines), 1)), -belief.spent(max(t, 0.0))], axis=1)
    gain = np.einsum("kij,kj->ki", belief.covariance, x)
    variance = np.einsum("ki,ki->k", gain, x) + noise
    expected = np.einsum("ki,ki->k", x, belief.mean)
    low, high = np.full_like(expected, lo + shift), np.full_like(expected, hi + shift)
    value, slope, curvature = row_terms(low, high, expected, np.sqrt(variance))
    return Belief(
        belief.lines,
        belief.log_weight + value,
        belief.mean + gain * slope[:, None],
        belief.covariance - np.einsum("ki,kj,k->kij", gain, gain, curvature),
    )


def mean_decline(belief: Belief, t0: float, t1: float, *, negligible_weight: float = 0.0) -> Mixture:
    """The mean decline from t0 to t1 weeks; with t0 = t1 the decline at that moment.

    Lines of less than `negligible_weight` are left out.
    """
    share = (belief.spent(t1) - belief.spent(t0)) / (t1 - t0) if t1 > t0 else belief.piece_at(t0)
    c = np.concatenate([np.zeros((len(belief.lines), 1)), share], axis=1)
    variance = np.einsum("ki,kij,kj->k", c, belief.covariance, c)
    weight = belief.weights
    kept = weight >= negligible_weight
    return Mixture(
        weight[kept] / weight[kept].sum(),
        np.einsum("ki,ki->k", c, belief.mean)[kept],
        np.sqrt(np.maximum(variance, SMALLEST_VARIANCE))[kept],
    )


def probability_rebound(belief: Belief, t: float) -> float:
    """P(a late change has passed by t weeks, and the load rises since)."""
    total = 0.0
    for k, line in enumerate(belief.lines):
        if line.change == "late" and line.changes_at_weeks[-1] < t:
            last = len(line.mean) - 1
            sd = math.sqrt(max(float(belief.covariance[k, last, last]), SMALLEST_VARIANCE))
            total += float(belief.weights[k]) * 0.5 * math.erfc(float(belief.mean[k, last]) / sd / math.sqrt(2.0))
    return total


def odds_non_responder(belief: Belief) -> float:
    """Odds non-responder : responder, from 1e-12 to 1e12; NaN where the bank has neither."""
    share = {
        response: sum(w for w, line in zip(belief.weights, belief.lines, strict=True) if line.response == response)
        for response in ("responder", "non_responder")
    }
    if not any(share.values()):
        return math.nan
    ratio = share["non_responder"] / max(share["responder"], SMALLEST_ODDS)
    return float(min(max(ratio, SMALLEST_ODDS), LARGEST_ODDS))


def track_reference(
    t_weeks: Array,
    lo: Array,
    hi: Array,
    sigma: Array,
    *,
    lines: Sequence[TrajectoryLine],
    target_log10_per_week: float,
    growth_log10_per_week: float,
    growth_sd_log10_per_week: float,
    negligible_weight: float = 0.0,
) -> Track:
    """What `track` says of one series; arguments and definitions as there."""
    n = len(t_weeks)
    out = np.full((8, n), np.nan)
    status = OK if is_usable(t_weeks, lo, hi, sigma) else INVALID_INPUT
    belief = belief_before(lines)
    rows = zip(t_weeks.tolist(), lo.tolist(), hi.tolist(), sigma.tolist(), strict=True)
    for j, row in enumerate(rows if status == OK else ()):
        before = belief.log_evidence
        belief = belief_with(belief, *row, growth=growth_log10_per_week, growth_sd=growth_sd_log10_per_week)
        moment = max(row[0], 0.0)
        now = mean_decline(belief, moment, moment, negligible_weight=negligible_weight)
        out[:3, j] = now.centre, now.spread, now.above(target_log10_per_week)
        if moment > 0.0:
            since = mean_decline(belief, 0.0, moment, negligible_weight=negligible_weight)
            out[3:5, j] = since.centre, since.above(target_log10_per_week)
        out[5:7, j] = probability_rebound(belief, moment), odds_non_responder(belief)
        out[7, j] = belief.log_evidence - before
    return Track(out[0], out[1], out[2], out[3], out[4], out[5], out[6], out[7], (status,))


def is_usable(t: Array, lo: Array, hi: Array, sigma: Array) -> bool:
    """Whether a series can be followed: rows, finite times in order, limits that are one range, noise above 0."""
    numbers = np.isfinite(t).all() and np.isfinite(sigma).all() and (sigma > 0).all()
    limits = (lo <= hi).all() and (lo < np.inf).all() and (hi > -np.inf).all()
    return bool(len(t) > 0 and numbers and limits and (np.diff(t) >= 0).all())


def _phi(z: Array) -> Array:
    return 0.5 * np.asarray(_ERFC(-z / math.sqrt(2.0)), dtype=np.float64)


def _square(upper: tuple[float, ...], size: int) -> Array:
    """The symmetric matrix of an upper triangle, given row by row."""
    square = np.zeros((size, size))
    square[np.triu_indices(size)] = upper
    return square + np.triu(square, 1).T
