"""Real series that need no truth: fit to day 14, foretell the next result, and score it. `python -m benchmarks real [--write]`.

Every method learns from the other half of the patients only: bank and line their priors and noise (by likelihood), the
others the sd of their prediction (the one that scores best there). A censored result is scored by the probability of its
side of the limit. PIT of a censored result is drawn evenly below the probability of its limit (fixed seed).
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

import numpy as np
from scipy import stats

from benchmarks import npde, real_page
from benchmarks.censored_series import SHRINK_SERIES, Array, Family, Series, foretold, halves, learned_bank, line_of
from benchmarks.real_data import FIT_WEEKS, ROOT, SHARED, actg315, uganda
from cmvmon.kinetics import fit_line
from cmvmon.protocol import TrajectoryLine, read_trajectory_priors
from cmvmon.shell.folder.protocol_files import Protocol

PAGE = ROOT / "docs" / "real_series.md"
LEARN_WEEKS = 6.0  # how far the learning half is read
LINE_WEEKS = 3.0  # the line's prior: mean decline from the anchor to here
SEED = 20_261_122
SDS = np.exp(np.linspace(math.log(0.1), math.log(4.0), 60))
BINS = 5
LEVEL = 0.05
Prediction = tuple[Array, Array, Array]  # weight, mean, sd of the next result
METHODS = ("bank", "line, same prior moments", "Tobit line, no prior", "last value", "baseline to latest")


@dataclass(frozen=True)
class Task:
    """What is known of one series, and the result to foretell."""

    known: Series
    next: Series


@dataclass(frozen=True)
class Scored:
    """Per task and method: log score, PIT, distribution function at the result or its limit."""

    patients: tuple[str, ...]
    log_score: dict[str, Array]
    pit: dict[str, Array]
    n_censored: int
    n_fallback: int
    sigmas: tuple[tuple[float, float], ...]


def tasks_of(series: Sequence[Series]) -> list[Task]:
    """Series with a result within the fit's weeks, one quantified, and one after them within `LEARN_WEEKS`."""
    found = []
    for one in series:
        known, later = one.until(FIT_WEEKS), one.at((one.t > FIT_WEEKS) & (one.t <= LEARN_WEEKS))
        if len(known.t) and np.isfinite(known.lo).any() and len(later.t):
            found.append(Task(known, later.at(np.arange(len(later.t)) == 0)))
    return found


def centre_of(task: Task, method: str) -> tuple[float, float, bool]:
    """(mean, sd of that mean, whether it had to fall back on the last value) by a method that learns only its noise."""
    known, t = task.known, float(task.next.t[0])
    last = float(known.level[-1])
    if method == "last value":
        return last, 0.0, False
    if method == "baseline to latest":
        apart = float(known.t[-1] - known.t[0])
        if apart <= 0:
            return last, 0.0, True
        return last + (last - float(known.level[0])) / apart * (t - float(known.t[-1])), 0.0, False
    fit = fit_line(known.t, known.lo, known.hi, 1.0)
    if not fit.converged:
        return last, 0.0, True
    (aa, ad), (_, dd) = fit.covariance
    return fit.intercept - fit.decline * t, math.sqrt(max(aa - 2.0 * t * ad + t * t * dd, 0.0)), False


def score(prediction: Prediction, result: Series) -> tuple[float, float]:
    """(log score, distribution function at the value or the limit) of one result."""
    weight, mean, sd = prediction
    below = float(weight @ stats.norm.cdf((result.hi[0] - mean) / sd))
    if np.isfinite(result.lo[0]):
        return math.log(max(float(weight @ (stats.norm.pdf((result.lo[0] - mean) / sd) / sd)), 1e-300)), below
    return math.log(max(below, 1e-300)), below


def _simple(task: Task, method: str, noise: float) -> Prediction:
    centre, spread, _ = centre_of(task, method)
    # The Tobit line's covariance was computed for a noise of 1: it grows with the noise.
    return np.ones(1), np.array([centre]), np.array([noise * math.sqrt(1.0 + spread * spread)])


def _by_family(task: Task, family: Family) -> Prediction:
    weight, mean, sd = foretold(task.known, family, task.next.t)
    return weight, mean[:, 0], np.sqrt(sd[:, 0] ** 2 + family.sigma**2)


def predictors(
    train: Sequence[Series], start: Sequence[TrajectoryLine]
) -> tuple[dict[str, Callable[[Task], Prediction]], tuple[float, float]]:
    """Each method as learned from these series: known rows and a time in, distribution of the next result out."""
    learning = [one.until(LEARN_WEEKS) for one in train]
    bank = learned_bank(learning, start=start)
    line = line_of(bank, learning, weeks=LINE_WEEKS)
    made: dict[str, Callable[[Task], Prediction]] = {
        METHODS[0]: lambda task: _by_family(task, bank),
        METHODS[1]: lambda task: _by_family(task, line),
    }
    tasks = tasks_of(train)
    for method in METHODS[2:]:
        sums = [sum(score(_simple(task, method, float(sd)), task.next)[0] for task in tasks) for sd in SDS]
        best = float(SDS[int(np.argmax(sums))])
        made[method] = lambda task, method=method, best=best: _simple(task, method, best)  # type: ignore[misc]
    return made, (bank.sigma, line.sigma)


def scored(series: Sequence[Series], start: Sequence[TrajectoryLine], *, seed: int = SEED) -> Scored:
    """Two-fold: each half is foretold by what the other one taught."""
    first, second = halves(series)
    log_score: dict[str, list[float]] = {method: [] for method in METHODS}
    below: dict[str, list[float]] = {method: [] for method in METHODS}
    censored, patients, sigmas, fallback = [], [], [], 0
    for train, test in ((first, second), (second, first)):
        made, noise = predictors(train, start)
        sigmas.append(noise)
        for task in tasks_of(test):
            patients.append(task.known.patient)
            censored.append(not np.isfinite(task.next.lo[0]))
            fallback += centre_of(task, METHODS[2])[2]
            for method in METHODS:
                value, share = score(made[method](task), task.next)
                log_score[method].append(value)
                below[method].append(share)
    even = np.random.default_rng(seed).uniform(size=len(patients))
    cut = np.array(censored)
    return Scored(
        tuple(patients),
        {method: np.array(values) for method, values in log_score.items()},
        {method: np.where(cut, even * np.array(values), np.array(values)) for method, values in below.items()},
        int(cut.sum()),
        fallback,
        tuple(sigmas),
    )


def mean_se(values: Array, patients: Sequence[str]) -> tuple[float, float]:
    """Mean over results, and its standard error with the results of one patient taken together."""
    names = np.array(patients)
    sums = np.array([(values[names == name] - values.mean()).sum() for name in sorted(set(patients))])
    n = len(sums)
    return float(values.mean()), float(math.sqrt((sums**2).sum() * n / max(n - 1, 1)) / len(values))


def table(found: Scored) -> list[str]:
    """One row for each method, as Markdown."""
    n = len(found.patients)
    head = "| method | mean log score (SE) | bank minus it (SE) | PIT in fifths | KS (p) | chi-square p | inside 95 % |"
    out = [head, "|---|---|---|---|---|---|---|"]
    best = found.log_score[METHODS[0]]
    for method in METHODS:
        value, se = mean_se(found.log_score[method], found.patients)
        gain, gain_se = mean_se(best - found.log_score[method], found.patients)
        pit = found.pit[method]
        counts = np.histogram(pit, bins=BINS, range=(0.0, 1.0))[0]
        ks = stats.kstest(pit, "uniform")
        inside = float(((pit > 0.025) & (pit < 0.975)).mean())
        ahead = "-" if method == METHODS[0] else f"{gain:+.2f} ({gain_se:.2f})"
        p = stats.chisquare(counts).pvalue
        out.append(
            f"| {method} | {value:.2f} ({se:.2f}) | {ahead} | {' '.join(map(str, counts))} of {n} "
            f"| {ks.statistic:.2f} ({ks.pvalue:.2g}) | {p:.2g} | {100 * inside:.0f} % |"
        )
    return out


def reading(found: Scored) -> list[str]:
    """What the table shows of the bank, in sentences: ahead, behind, or not told apart (2 standard errors)."""
    best = found.log_score[METHODS[0]]
    sides: dict[str, list[str]] = {"ahead of": [], "behind": [], "not told apart from": []}
    for method in METHODS[1:]:
        gain, se = mean_se(best - found.log_score[method], found.patients)
        sides["not told apart from" if abs(gain) < 2 * se else "ahead of" if gain > 0 else "behind"].append(method)
    said = "; ".join(f"{side} {', '.join(names)}" for side, names in sides.items() if names)
    pit = found.pit[METHODS[0]]
    p = stats.kstest(pit, "uniform").pvalue
    if p >= LEVEL:
        even = "Its PIT can't be told from even."
    else:
        side = "above" if pit.mean() > 0.5 else "below"
        even = (
            f"**Its PIT is not even** (mean {pit.mean():.2f}): the next result tends to lie {side} what was foretold."
        )
    return [f"By log score the bank is {said}. {even}"]


def start_lines() -> tuple[TrajectoryLine, ...]:
    """The plasma lines of the shipped priors: where learning starts."""
    protocol = Protocol.shipped()
    path = ROOT / "cmvmon/protocol/priors" / f"{protocol.trajectory_priors_name}.toml"
    return read_trajectory_priors(path.read_text("utf-8"), name=path.name).lines["plasma"]


def report() -> list[str]:
    """Parts 1 and 2 of the page."""
    start = start_lines()
    out: list[str] = []
    sets = [("ACTG 315: HIV-1 RNA from the start of treatment", actg315())]
    path = SHARED / "uganda_herpesvirus_shedding_raw.csv"
    if path.exists():
        sets += [
            ("Uganda: oral CMV from the first positive sample, untreated", uganda(path, anchor="first_positive")),
            ("Uganda: oral CMV from a peak, untreated", uganda(path, anchor="peak")),
        ]
    else:
        out += ["The Uganda series are not here (`../shared/data`): left out.", ""]
    for title, series in sets:
        found = scored(series, start)
        noise = "; ".join(f"bank {bank:g}, line {line:g}" for bank, line in found.sigmas)
        out += [
            f"### {title}",
            "",
            (
                f"{len(series)} series, {len(found.patients)} with a next result to foretell, of {len(set(found.patients))} "
                f"patients; {found.n_censored} of these results are limits. Noise learned in the two halves (log10): {noise}. "
                f"In {found.n_fallback} the Tobit line is not determined and stands at the last value."
            ),
            "",
            *table(found),
            "",
            *reading(found),
            "",
        ]
    return out


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks real", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--write", action="store_true", help="write docs/real_series.md")
    options = parser.parse_args(arguments)
    text = real_page.page(report(), npde.report(start_lines()), date=datetime.now(UTC).date(), shrink=SHRINK_SERIES)
    print(text)
    if options.write:
        PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
