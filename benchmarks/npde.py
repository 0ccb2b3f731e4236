"""The published benchmark of `npde`: 50 simulated patients, complete, and censored at 20 and at 50 copies/mL.

Each method sees a censored version; the complete one is the truth. Bank and line take their priors and noise from the
other half of the patients: as censored as what is judged, which is what a site would have, and once from the complete
series. The files are GPL: read where they lie, never copied.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.censored_series import SIGMAS, Array, Family, Series, foretold, halves, learned_bank, line_of
from benchmarks.real_data import SHARED
from cmvmon.kinetics import fit_line
from cmvmon.protocol import TrajectoryLine

FILES = {"complete": "npde_virload.tab", "20": "npde_virload20.tab", "50": "npde_virload50.tab"}
FALL_WEEKS = 24.0  # from the first visit to the last, day 168
BANK, LINE, TOBIT = "bank", "line, same prior moments", "Tobit line, no prior"
WHOLE = ", learned from complete series"
METHODS = (BANK, LINE, BANK + WHOLE, LINE + WHOLE, TOBIT, "LOQ/2", "LOQ", "dropping")


@dataclass(frozen=True)
class Patient:
    """One patient as a version shows her, and as she was."""

    series: Series
    truth: Array

    @property
    def complete(self) -> Series:
        """The series with nothing censored."""
        return Series(self.series.patient, self.series.t, self.truth, self.truth)


def read(folder: Path, version: str) -> list[Patient]:
    """The patients of one version, with the complete values beside them."""
    truth = {(row[0], row[1]): float(row[2]) for row in _rows(folder / FILES["complete"])}
    shown: dict[str, list[tuple[float, float, bool]]] = {}
    for name, day, value, censored, _ in _rows(folder / FILES[version]):
        shown.setdefault(name, []).append((float(day), float(value), censored == "1"))
    found = []
    for name, rows in shown.items():
        rows.sort()
        y = np.array([value for _, value, _ in rows])
        cut = np.array([is_cut for _, _, is_cut in rows])
        t = np.array([day / 7.0 for day, _, _ in rows])
        complete = np.array([truth[name, f"{day:g}"] for day, _, _ in rows])
        found.append(Patient(Series(name, t, np.where(cut, -np.inf, y), y), complete))
    return found


def _rows(path: Path) -> list[list[str]]:
    return [line.split() for line in path.read_text("utf-8").splitlines()[1:] if line.strip()]


def least_squares(t: Array, y: Array, at: Array) -> Array:
    """The least-squares line through (t, y), at other times; NaN where fewer than two times determine it."""
    if len(np.unique(t)) < 2:
        return np.full(len(at), math.nan)
    slope, start = np.polyfit(t, y, 1)
    return np.asarray(start + slope * at)


def substituted(share: float) -> Callable[[Series], Array]:
    """A least-squares line in which a censored result counts as `share` of its limit."""
    return lambda one: least_squares(one.t, np.where(np.isfinite(one.lo), one.hi, one.hi + math.log10(share)), one.t)


def dropping(one: Series) -> Array:
    """A least-squares line through the quantified results alone."""
    kept = one.at(np.isfinite(one.lo))
    return least_squares(kept.t, kept.hi, one.t)


def tobit(one: Series, sigma: float) -> Array:
    """The censored line without a prior."""
    fit = fit_line(one.t, one.lo, one.hi, sigma)
    return fit.intercept - fit.decline * one.t


def tobit_noise(train: Sequence[Series]) -> float:
    """The noise under which the censored lines of these series are most probable."""

    def value(sigma: float) -> float:
        fits = [fit_line(one.t, one.lo, one.hi, sigma) for one in train]
        return sum(fit.log_likelihood for fit in fits if fit.converged)

    return max(SIGMAS, key=value)


def fitted(patients: Sequence[Patient], start: Sequence[TrajectoryLine]) -> dict[str, list[Array]]:
    """The load at each visit by each method, in the order of the patients."""
    series = [one.series for one in patients]
    complete = {one.series.patient: one.complete for one in patients}
    found: dict[str, dict[str, Array]] = {method: {} for method in METHODS}
    first, second = halves(series)
    for train, test in ((first, second), (second, first)):
        families: dict[str, Family] = {}
        for learned, suffix in ((train, ""), ([complete[one.patient] for one in train], WHOLE)):
            bank = learned_bank(learned, start=start)
            families |= {BANK + suffix: bank, LINE + suffix: line_of(bank, learned, weeks=FALL_WEEKS)}
        noise = tobit_noise(train)
        for one in test:
            for method, family in families.items():
                weight, mean, _ = foretold(one, family, one.t)
                found[method][one.patient] = weight @ mean
            found[TOBIT][one.patient] = tobit(one, noise)
    plain = {"LOQ/2": substituted(0.5), "LOQ": substituted(1.0), "dropping": dropping}
    for method, fit in plain.items():
        found[method] = {one.patient: fit(one) for one in series}
    return {method: [loads[one.patient] for one in series] for method, loads in found.items()}


def _error(values: Array) -> str:
    """RMSE and bias of what exists."""
    kept = values[np.isfinite(values)]
    return f"{math.sqrt(float((kept**2).mean())):.2f} ({kept.mean():+.2f})" if len(kept) else "-"


def _slope(t: Array, y: Array) -> float:
    """Decline per week of the least-squares line."""
    return -float(np.polyfit(t, y, 1)[0]) if np.isfinite(y).all() else math.nan


def table(patients: Sequence[Patient], loads: dict[str, list[Array]]) -> list[str]:
    """Errors by method, as Markdown: loads at each visit, and the slope."""
    cut = np.array([~np.isfinite(one.series.lo) for one in patients])
    limit = max(float(one.series.hi[~np.isfinite(one.series.lo)].max(initial=-math.inf)) for one in patients)
    days = [round(7 * week) for week in patients[0].series.t]
    truth = np.array([one.truth for one in patients])
    t = patients[0].series.t
    true_slope = np.array([_slope(t, y) for y in truth])
    true_fall = (truth[:, 0] - truth[:, -1]) / FALL_WEEKS
    names = ["method", *(f"day {day}" for day in days), "quantified", "censored"]
    names += ["all, read no lower than the limit", "slope x 100", "fall x 100", "n"]
    out = [f"| {' | '.join(names)} |", "|" + "---|" * len(names)]
    for method in METHODS:
        found = np.array(loads[method])
        error = found - truth
        slope = np.array([_slope(t, y) for y in found]) - true_slope
        fall = (found[:, 0] - found[:, -1]) / FALL_WEEKS - true_fall
        cells = [_error(error[:, i]) for i in range(len(days))]
        seen = np.maximum(found, limit) - np.maximum(truth, limit)
        cells += [_error(error[~cut]), _error(error[cut]), _error(seen), _error(100 * slope), _error(100 * fall)]
        out.append(f"| {method} | {' | '.join(cells)} | {int(np.isfinite(slope).sum())} |")
    return out


def reading(patients: Sequence[Patient], loads: dict[str, list[Array]]) -> list[str]:
    """Who has the smallest error, in sentences; where that is a substitution, it is said."""
    cut = np.array([~np.isfinite(one.series.lo) for one in patients])
    truth = np.array([one.truth for one in patients])
    t = patients[0].series.t
    errors = {method: np.array(found) - truth for method, found in loads.items()}
    slopes = {
        method: np.array([[_slope(t, y) - _slope(t, z)] for y, z in zip(found, truth, strict=True)])
        for method, found in loads.items()
    }
    asked = {
        "loads that were quantified": {m: e[~cut] for m, e in errors.items()},
        "loads that were censored": {m: e[cut] for m, e in errors.items()},
        "the slope": slopes,
    }
    out = []
    for what, found in asked.items():
        rmse = {m: math.sqrt(float(np.nanmean(e**2))) for m, e in found.items() if not m.endswith(WHOLE)}
        best = min(rmse, key=lambda m: rmse[m])
        wins = " **Substitution wins here**: these series are biphasic." if best in ("LOQ/2", "LOQ") else ""
        out.append(f"- For {what} {best} has the smallest error ({rmse[best]:.2f}; bank {rmse[BANK]:.2f}).{wins}")
    return out


def report(start: Sequence[TrajectoryLine]) -> list[str]:
    """The tables of both versions, learning from these lines, or one line that says why there is none."""
    if not (SHARED / FILES["complete"]).exists():
        return ["The npde files are not here (`../shared/data`): left out.", ""]
    out = []
    for version in ("20", "50"):
        patients = read(SHARED, version)
        n = sum(int((~np.isfinite(one.series.lo)).sum()) for one in patients)
        rows = sum(len(one.truth) for one in patients)
        loads = fitted(patients, start)
        out += [
            f"### Censored at {version} copies/mL",
            "",
            f"{len(patients)} patients, {rows} results, {n} of them censored.",
            "",
            *table(patients, loads),
            "",
            *reading(patients, loads),
            "",
        ]
    return out
