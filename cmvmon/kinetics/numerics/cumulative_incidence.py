"""How many have met an event by a time, where others can no longer meet it: the Aalen-Johansen estimator, with its variance."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]

CENSORED = 0
_NOBODY = 1e-12  # of whom are left without any event: below this nobody is


@dataclass(frozen=True)
class CumulativeIncidence:
    """A step function: at each of `times` it becomes `incidence`, and stays so until the next; 0 before the first.

    Where entry is delayed, the risk set may be empty while others are yet to come. What would have happened meanwhile can't be
    estimated, nor anything that follows from it; with it emptied by events the formula would even call everybody met for
    ever. From then on nothing is told: `incidence` and `variance` are NaN, and what is asked of that time is None.

    Attributes:
        times: distinct times of an event of any cause, ascending.
        n_at_risk: how many were under observation and without any event just before each.
        n_events: how many met the event of interest at each.
        incidence: probability to have met it by then, others being able to come first.
        variance: of `incidence`, by the delta method.
        n: how many were observed at all.
        empty_from: since when nobody was at risk while others entered later; None: that never was.
    """

    times: Floats
    n_at_risk: Whole
    n_events: Whole
    incidence: Floats
    variance: Floats
    n: int
    empty_from: float | None = None

    @property
    def total(self) -> int:
        """How many met the event of interest."""
        return int(self.n_events.sum())

    def is_told(self, time: float) -> bool:
        """Whether the probability by that time can be estimated."""
        return self.empty_from is None or time < self.empty_from

    def at(self, time: float) -> float | None:
        """The probability by that time; None where it can't be told."""
        if not self.is_told(time):
            return None
        place = int(np.searchsorted(self.times, time, side="right"))
        return 0.0 if place == 0 else float(self.incidence[place - 1])

    def interval(self, time: float, probability: float) -> tuple[float, float] | None:
        """The interval of that probability by that time, on the scale log(-log F), so that it lies within 0 and 1.

        None where none can be given: nobody had met the event by then, or everybody, or it can't be told.
        """
        if not self.is_told(time):
            return None
        place = int(np.searchsorted(self.times, time, side="right"))
        if place == 0 or not 0.0 < self.incidence[place - 1] < 1.0 - _NOBODY:
            return None
        f, variance = float(self.incidence[place - 1]), float(self.variance[place - 1])
        reach = NormalDist().inv_cdf((1 + probability) / 2) * variance**0.5 / (f * abs(float(np.log(f))))
        log = float(np.log(-np.log(f)))
        return float(np.exp(-np.exp(log + reach))), float(np.exp(-np.exp(log - reach)))

    def quantile(self, share: float) -> float | None:
        """The first time by which that share of all has met the event; None where it is not, as far as can be told."""
        reached = np.flatnonzero(self.incidence >= share - _NOBODY)
        return float(self.times[reached[0]]) if len(reached) else None


def cumulative_incidence(entered: Floats, left: Floats, cause: Whole, *, of: int = 1) -> CumulativeIncidence:
    """The Aalen-Johansen estimate of the cumulative incidence of the event `of`, with competing events and delayed entry.

        F(t) = sum over t_i <= t of S(t_i-) d_i / n_i,   S(t) = prod over t_i <= t of 1 - a_i / n_i

    with d_i the events of interest and a_i those of any cause at t_i, and n_i those who had entered before t_i and had not
    left before it. Variance (delta method; sums over t_i <= t):

        V(t) = sum (F(t) - F_i)^2 a_i / (n_i (n_i - a_i)) + sum S(t_i-)^2 d_i (n_i - d_i) / n_i^3
               - 2 sum (F(t) - F_i) S(t_i-) d_i / n_i^2

    F depends on the other causes only through S: to take two of them as one changes nothing of it.

    Args:
        entered: when each came under observation, on the clock of `left`; 0 = from the start on, more = delayed entry.
        left: when each met an event or was last seen; above `entered`. One time may be shared by several, of several causes.
        cause: 0 = still without any event when last seen (censored), else the event's number.

    Raises ValueError where an array is not as long as the others, a time is no number, or somebody left before they entered.
    Source: Aalen and Johansen 1978, Scand J Stat 5:141; variance: Collett, Modelling Survival Data in Medical Research, 3rd
    ed., p. 411 (from Greenwood). Delayed entry: Geskus 2011, Biometrics 67:39. An early risk set that empties: Klein and
    Moeschberger, Survival Analysis, 2nd ed., section 4.6; Lai and Ying 1991, Ann Stat 19:417.

    >>> found = cumulative_incidence(np.zeros(4), np.array([1.0, 2.0, 3.0, 4.0]), np.array([1, 2, 1, 0]))
    >>> found.incidence.tolist()
    [0.25, 0.25, 0.5]
    """
    if not len(entered) == len(left) == len(cause):
        raise ValueError("entered, left and cause must be of one length, a number of each for everybody")
    if not (np.isfinite(entered).all() and np.isfinite(left).all() and (left > entered).all()):
        raise ValueError("everybody must leave later than they entered, at times that are numbers")
    times = np.unique(left[cause != CENSORED])
    n = _from_on(left, times) - _from_on(entered, times)
    any_cause = _at(left[cause != CENSORED], times)
    own = _at(left[cause == of], times)
    after: Floats = np.cumprod(1.0 - any_cause / n).astype(np.float64)
    before = np.concatenate([[1.0], after[:-1]]) if len(times) else after
    incidence: Floats = np.cumsum(before * own / n).astype(np.float64)
    variance = _variance(incidence, before, n.astype(np.float64), any_cause, own)
    empty_from = _empty_from(entered, left, times[any_cause == n])
    if empty_from is not None:
        is_untold = times >= empty_from
        incidence, variance = (np.where(is_untold, np.nan, values) for values in (incidence, variance))
    return CumulativeIncidence(times, n, own, incidence, variance, len(left), empty_from)


def _empty_from(entered: Floats, left: Floats, emptied: Floats) -> float | None:
    """The first time from 0 on at which nobody was at risk while others were yet to come. `emptied`: times at which all who
    were at risk met an event; who enters at that very time was not at risk before it."""
    by_entry = np.argsort(entered, kind="stable")
    seen_until = np.concatenate([[0.0], np.maximum.accumulate(left[by_entry])[:-1]])
    gaps = seen_until[entered[by_entry] > seen_until] if len(left) else left
    found = np.concatenate([gaps, emptied[emptied < left.max()]]) if len(left) else left
    return float(found.min()) if len(found) else None


def _variance(f: Floats, before: Floats, n: Floats, any_cause: Whole, own: Whole) -> Floats:
    """By running sums: the squares of F(t) - F_i are multiplied out. Where all who are left meet an event at once, the first
    sum's term is F(t) - F_i = 0 at that time, and none later."""
    is_last = any_cause >= n
    of_all = np.where(is_last, 0.0, any_cause / (n * np.where(is_last, 1.0, n - any_cause)))
    of_own = before * own / n**2
    spread = f**2 * np.cumsum(of_all) - 2 * f * np.cumsum(f * of_all) + np.cumsum(f**2 * of_all)
    own_part = np.cumsum(before**2 * own * (n - own) / n**3)
    crossed = f * np.cumsum(of_own) - np.cumsum(f * of_own)
    variance: Floats = np.maximum(spread + own_part - 2 * crossed, 0.0).astype(np.float64)
    return variance


def _from_on(moments: Floats, times: Floats) -> Whole:
    """How many of `moments` lie at or after each time: of `left` and `entered` alike, so that who enters at it is not at risk yet."""
    ordered = np.sort(moments)
    return (len(ordered) - np.searchsorted(ordered, times, side="left")).astype(np.int64)


def _at(moments: Floats, times: Floats) -> Whole:
    """How many of `moments` equal each time."""
    ordered = np.sort(moments)
    found = np.searchsorted(ordered, times, side="right") - np.searchsorted(ordered, times, side="left")
    return found.astype(np.int64)
