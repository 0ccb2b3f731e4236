"""How good a method's answers are, each figure with its Monte Carlo error: the patients drawn anew, 200 times."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.ceiling import area_under_curve

Numbers = NDArray[np.float64]
Flags = NDArray[np.bool_]
DRAWS = 200
SURE_ABOVE, SURE_BELOW = 0.9, 0.1


@dataclass(frozen=True)
class Figure:
    """A number and its Monte Carlo error; not a number: it does not exist."""

    value: float
    error: float

    def text(self, digits: int = 3, scale: float = 1.0) -> str:
        """`0.951 ± 0.004`; a dash where there is none."""
        if not np.isfinite(self.value):
            return "-"
        return f"{self.value * scale:.{digits}f} ± {self.error * scale:.{digits}f}"


NONE = Figure(np.nan, np.nan)


def is_out(figure: Figure, low: float, high: float) -> bool:
    """Whether a figure misses the span that it should reach; one that does not exist misses nothing."""
    return figure.value < low or figure.value > high


def in_doubt(figure: Figure, low: float, high: float) -> str:
    """`?` where a figure that is out misses the span by no more than twice its Monte Carlo error."""
    off = low - figure.value if figure.value < low else figure.value - high
    return "?" if off <= 2 * figure.error else ""


@dataclass(frozen=True)
class Scored:
    """One method on one group of judged rows. `share`, `excess` and `brier_above` are against the ceiling.

    unanswered: rows without an answer. They count as even in AUC, as "no" in calls, and not in the rest.
    """

    method: str
    n: int
    unanswered: int
    auc: Figure
    share: Figure
    excess: Figure
    brier: Figure
    brier_above: Figure
    coverage: Figure
    coverage_week: Figure
    width: float
    rmse: Figure
    sure_above: float
    right_above: Figure
    sure_below: float
    right_below: Figure


def proportion(held: Flags) -> Figure:
    """Share that holds, with its binomial error."""
    if not held.size:
        return NONE
    share = float(held.mean())
    return Figure(share, float(np.sqrt(share * (1 - share) / held.size)))


def scored(
    rows: pl.DataFrame, method: str, *, target: float, ceiling: str | None = "ceiling", until_lloq: bool = False
) -> Scored:
    """The scores of `method` on these rows; against `ceiling` where one is named."""
    truth_name, week_name = ("true_until_lloq", "true_week_until_lloq") if until_lloq else ("true_mean", "true_week")
    true = rows[truth_name].to_numpy()
    is_above = true > target
    probability, calls, ranks = _answers(rows, method, target)
    low, high = column(rows, f"{method}_low"), column(rows, f"{method}_high")
    bounded = np.isfinite(low) & np.isfinite(high)
    given = np.isfinite(probability)
    above, below = given & (probability >= SURE_ABOVE), given & (probability <= SURE_BELOW)
    has_p = bool(given.any())
    best = None if ceiling is None else _answers(rows, ceiling, target)
    auc, share, excess, brier, brier_above = _drawn(is_above, probability, calls, ranks, best)
    decline = column(rows, f"{method}_decline")
    known = np.isfinite(decline) & (np.abs(decline) < 90)
    return Scored(
        method=method,
        n=rows.height,
        unanswered=int((~np.isfinite(ranks)).sum()),
        auc=auc,
        share=share,
        excess=excess,
        brier=brier if has_p else NONE,
        brier_above=brier_above if has_p else NONE,
        coverage=proportion(((low <= true) & (true <= high))[bounded]),
        coverage_week=_week(rows, method, week_name),
        width=float(np.mean((high - low)[bounded])) if bounded.any() else np.nan,
        rmse=_rmse((decline - true)[known]),
        sure_above=float(above.mean()) if has_p else np.nan,
        right_above=proportion(is_above[above]),
        sure_below=float(below.mean()) if has_p else np.nan,
        right_below=proportion(~is_above[below]),
    )


def column(rows: pl.DataFrame, name: str) -> Numbers:
    """A column of numbers, not a number where it is null or missing."""
    if name not in rows.columns:
        return np.full(rows.height, np.nan)
    return np.asarray(rows[name].cast(pl.Float64).fill_null(np.nan).to_numpy())


def _answers(rows: pl.DataFrame, method: str, target: float) -> tuple[Numbers, Flags, Numbers]:
    """(probability, call "above the target", what orders the rows); the decline orders where there is no probability."""
    probability, decline = column(rows, f"{method}_p"), column(rows, f"{method}_decline")
    if np.isfinite(probability).any():
        return probability, probability > 0.5, probability
    return probability, decline > target, decline


def _week(rows: pl.DataFrame, method: str, truth: str) -> Figure:
    low, high, true = column(rows, f"{method}_week_low"), column(rows, f"{method}_week_high"), column(rows, truth)
    known = np.isfinite(low) & np.isfinite(true)
    return proportion(((low <= true) & (true <= high))[known])


def _rmse(error: Numbers) -> Figure:
    if not error.size:
        return NONE
    squares = error**2
    root = float(np.sqrt(squares.mean()))
    return Figure(root, float(squares.std() / np.sqrt(squares.size) / (2 * max(root, 1e-9))))


def _drawn(
    is_above: Flags, probability: Numbers, calls: Flags, ranks: Numbers, best: tuple[Numbers, Flags, Numbers] | None
) -> tuple[Figure, Figure, Figure, Figure, Figure]:
    """AUC, share of the ceiling's gain, excess of wrong calls, Brier, Brier above the ceiling's; with their errors."""
    rng = np.random.default_rng(20_241_122)
    middle = 0.5 if np.isfinite(probability).any() else 1.0
    ordered = np.where(np.isfinite(ranks), ranks, middle)
    square = (probability - is_above) ** 2
    best_p, best_calls, best_ranks = best if best is not None else (probability, calls, ordered)
    best_square = (best_p - is_above) ** 2

    def figures(of: NDArray[np.int64]) -> tuple[float, ...]:
        y = is_above[of]
        if y.all() or not y.any():
            return (np.nan,) * 5
        auc = area_under_curve(ordered[of], y)
        given = np.isfinite(square[of])
        brier = float(square[of][given].mean()) if given.any() else np.nan
        if best is None:
            return auc, np.nan, np.nan, brier, np.nan
        top = area_under_curve(best_ranks[of], y)
        least = (best_calls[of] != y).mean()
        excess = (calls[of] != y).mean() / least - 1.0 if least > 0 else np.nan
        above = brier - float(best_square[of][given].mean()) if given.any() else np.nan
        share = (auc - 0.5) / (top - 0.5) if top > 0.5 else np.nan
        return auc, share, excess, brier, above

    whole = figures(np.arange(is_above.size))
    drawn = np.array([figures(rng.integers(0, is_above.size, is_above.size)) for _ in range(DRAWS)])
    with np.errstate(invalid="ignore"):
        errors = [float(np.nanstd(drawn[:, k])) if np.isfinite(drawn[:, k]).any() else np.nan for k in range(5)]
    auc, share, excess, brier, brier_above = (Figure(v, e) for v, e in zip(whole, errors, strict=True))
    return auc, share, excess, brier, brier_above
