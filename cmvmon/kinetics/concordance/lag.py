"""How many days one compartment runs behind another, from the directions of its changes: told only where it can be."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
Truths = npt.NDArray[np.bool_]

_DAY_S = 86_400


@dataclass(frozen=True)
class Lag:
    """The lag in days with its interval; positive: the compartment runs behind blood. All None: see `reason`."""

    days: float | None
    low: float | None
    high: float | None
    reason: str | None


@dataclass(frozen=True)
class Trajectories:
    """Series of blood end to end, sorted by series and time: log10 loads, NaN where a result is no number."""

    series: Whole
    seconds: Whole
    load_log10: Numbers


def rightness(
    trajectories: Trajectories,
    series: Whole,
    start: Whole,
    stop: Whole,
    direction: Whole,
    *,
    longest: int,
    gap_days: float,
) -> tuple[Truths, Truths]:
    """For each change and each shift from -longest to +longest days: did blood, that much earlier, change alike?

    The change runs from `start` to `stop` (seconds) in `direction`; blood is read off straight lines between its
    neighbouring quantified results at most `gap_days` apart.

    Returns:
        right (changes x shifts), and usable: the changes for which blood can be read at every shift.
    """
    shifts = _DAY_S * np.arange(-longest, longest + 1)
    change = np.stack(
        [
            _read(trajectories, series, stop - s, gap_days) - _read(trajectories, series, start - s, gap_days)
            for s in shifts
        ]
    )
    right = np.equal(direction[:, None], np.sign(change).T).reshape(len(series), len(shifts))
    return right, np.isfinite(change).all(axis=0).reshape(len(series))


def lag_of(right: Truths, *, longest: int, n_least: int, probability: float, each: Whole | None = None) -> Lag:
    """The shift at which blood agrees most often with the compartment's changes.

    Where several shifts agree equally often, the middle of them. The interval holds every shift that McNemar's
    comparison of the two paired shares, change by change, can't tell from the best one (changes of one patient are
    taken as independent: the interval is the narrower for it). A lag is not told from fewer than `n_least` changes, nor
    where the interval spans every shift: a load that falls all the time has no turning point to line up.

    `each`: how many changes each row of `right` stands for; None = one.
    """
    often = np.ones(len(right), dtype=np.int64) if each is None else each
    if often.sum() < n_least:
        return Lag(None, None, None, "too_few_changes")
    agreeing = often @ right
    best = np.flatnonzero(agreeing == agreeing.max())
    middle = int(best[len(best) // 2])
    gained = often @ (right[:, [middle]] & ~right)
    lost = often @ (~right[:, [middle]] & right)
    z = NormalDist().inv_cdf((1 + probability) / 2)
    held = np.flatnonzero(gained - lost <= z * np.sqrt(gained + lost))
    if held[0] == 0 and held[-1] == 2 * longest:
        return Lag(None, None, None, "cannot_be_told")
    return Lag(float(np.median(best)) - longest, float(held[0]) - longest, float(held[-1]) - longest, None)


def _read(trajectories: Trajectories, series: Whole, seconds: Whole, gap_days: float) -> Numbers:
    """The load of those series at those seconds; NaN outside, across a long gap, and beside a result without a load."""
    if not len(trajectories.seconds):
        return np.full(len(seconds), np.nan)
    first = int(trajectories.seconds.min()) - 400 * _DAY_S
    width = int(trajectories.seconds.max()) + 400 * _DAY_S - first + 1
    keys = trajectories.series * width + (trajectories.seconds - first)
    wanted = series * width + np.clip(seconds - first, 0, width - 1)
    after = np.clip(np.searchsorted(keys, wanted, side="left"), 0, len(keys) - 1)
    before = np.where(keys[after] == wanted, after, np.maximum(after - 1, 0))
    span = (trajectories.seconds[after] - trajectories.seconds[before]).astype(np.float64)
    share = np.where(span > 0, (seconds - trajectories.seconds[before]) / np.where(span > 0, span, 1.0), 0.0)
    inside = (
        (trajectories.series[after] == series)
        & (trajectories.series[before] == series)
        & (trajectories.seconds[before] <= seconds)
        & (seconds <= trajectories.seconds[after])
        & (span <= gap_days * _DAY_S)
    )
    load = trajectories.load_log10[before] + share * (trajectories.load_log10[after] - trajectories.load_log10[before])
    return np.where(inside, load, np.nan)
