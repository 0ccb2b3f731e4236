"""Table A: the bank's own family of curves, every method beside the best possible answer on the same series."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.quality_alarms import Delays, delays, watched
from benchmarks.quality_ceiling import ceilings, with_ceiling
from benchmarks.quality_scores import Figure, Scored, in_doubt, is_out, scored
from benchmarks.quality_series import COMPARTMENTS, DAYS, followed, judged_rows, observed, with_estimates
from benchmarks.quality_wards import with_tobit, with_ward_rules

METHODS = ("last_two", "baseline", "least_squares", "tobit", "line", "bank", "ceiling")
OURS = ("line", "bank")
TIMES = tuple(float(day) for day in DAYS)
COVERAGE = (0.93, 0.965)
LEAST_SHARE, LEAST_SHARE_BAL_DAY_7 = 0.985, 0.97
MOST_BRIER_ABOVE = 0.004
LEAST_RIGHT = 0.9
MOST_DELAY = 1.05


@dataclass(frozen=True)
class Group:
    """The rows of one compartment and day (day 21 also by whether the last two results are below the LLOQ)."""

    compartment: str
    day: int
    which: str
    events: float
    scores: tuple[Scored, ...]

    @property
    def name(self) -> str:
        """As the table shows it."""
        return f"{self.compartment}, day {self.day}" + (f", {self.which}" if self.which else "")

    def of(self, method: str) -> Scored:
        """The scores of one method."""
        return next(found for found in self.scores if found.method == method)


@dataclass(frozen=True)
class Own:
    """Table A. `changed_too`: the bank where series whose drug was changed by the day are judged too.

    nulls: by method, the judged rows without an estimate. rows: the judged rows with every method's answers.
    """

    groups: tuple[Group, ...]
    changed_too: tuple[Group, ...]
    delays: tuple[tuple[str, Delays], ...]
    judged: int
    nulls: dict[str, int]
    thin: tuple[str, ...]
    rows: dict[str, pl.DataFrame]


def own(patients: int, shapes: int, seed: int, processes: int) -> Own:
    """Table A for a ward of that many patients, and a ceiling of that many shapes."""
    given = followed(patients, seed)
    series = {name: given.series(name) for name in COMPARTMENTS}
    seen = {name: observed(one, given.results) for name, one in series.items()}
    stands_for_days = given.protocol.decline.week_end_within_h / 24.0
    best = ceilings(seen, n=shapes, seed=seed, days=TIMES, stands_for_days=stands_for_days, processes=processes)
    target = given.protocol.decline.target_log10_per_week
    weekly = {method: given.weekly(method) for method in OURS}
    rows = {}
    told: list[tuple[str, Delays]] = []
    thin = []
    for name in COMPARTMENTS:
        every = with_ward_rules(judged_rows(given, series[name]), series[name], seen[name].lloq, target)
        every = with_tobit(every, series[name], target)
        for method in OURS:
            every = with_estimates(every, weekly[method], method)
        rows[name] = with_ceiling(every, best[name], TIMES)
        causes = watched(given, series[name], best[name], seen[name].lloq, name)
        told += [(name, row) for cause, found in causes.items() for row in delays(found, cause)]
        weights = best[name].effective[rows[name]["place"].to_numpy()]
        thin.append(f"{name} {', '.join(f'{_fifth(weights[:, k]):.0f} at day {day}' for k, day in enumerate(DAYS))}")
    unchanged = {name: every.filter("is_unchanged") for name, every in rows.items()}
    return Own(
        groups=_groups(unchanged, METHODS, target),
        changed_too=_groups(rows, ("bank",), target),
        delays=tuple(told),
        judged=sum(every.height for every in rows.values()),
        nulls={name: sum(int(every[f"{name}_p"].null_count()) for every in rows.values()) for name in OURS},
        thin=tuple(thin),
        rows=rows,
    )


def _fifth(weights: NDArray[np.float64]) -> float:
    """The 5 % quantile."""
    return float(np.quantile(np.nan_to_num(weights, nan=0.0), 0.05))


def _groups(rows: dict[str, pl.DataFrame], methods: tuple[str, ...], target: float) -> tuple[Group, ...]:
    found = []
    for name, every in rows.items():
        for day in DAYS:
            of_day = every.filter(pl.col("day") == day)
            found.append(_group(name, day, "", of_day, methods, target))
            if day == DAYS[-1]:
                is_suppressed = pl.col("is_suppressed")
                found.append(_group(name, day, "suppressed", of_day.filter(is_suppressed), methods, target))
                found.append(_group(name, day, "not suppressed", of_day.filter(~is_suppressed), methods, target))
    return tuple(group for group in found if group.scores)


def _group(
    compartment: str, day: int, which: str, rows: pl.DataFrame, methods: tuple[str, ...], target: float
) -> Group:
    if rows.is_empty():
        return Group(compartment, day, which, 0.0, ())
    against = "ceiling" if "ceiling" in methods else None
    return Group(
        compartment,
        day,
        which,
        float((rows["true_mean"] > target).mean() or 0.0),  # type: ignore[arg-type]
        tuple(scored(rows, method, target=target, ceiling=against) for method in methods),
    )


def shortfalls(group: Group, found: Scored) -> list[str]:
    """Where the bank falls short of its targets; `?` where the target lies within twice the Monte Carlo error."""
    least = LEAST_SHARE_BAL_DAY_7 if (group.compartment, group.day) == ("bal", 7) else LEAST_SHARE
    checks: list[tuple[str, Figure, float, float]] = [
        ("coverage", found.coverage, *COVERAGE),
        ("coverage of the week", found.coverage_week, *COVERAGE),
        ("AUC share", found.share, least, float("inf")),
        ("Brier", found.brier_above, -float("inf"), MOST_BRIER_ABOVE),
        ("P >= 0.9 right", found.right_above, LEAST_RIGHT, float("inf")),
        ("P <= 0.1 right", found.right_below, LEAST_RIGHT, float("inf")),
    ]
    return [name + in_doubt(figure, low, high) for name, figure, low, high in checks if is_out(figure, low, high)]
