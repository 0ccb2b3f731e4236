"""The bank's shipped priors, from the simulator's truth: `python -m benchmarks.trajectory_priors [--check]`.

Every simulated trajectory is given to the line of the bank whose kind of change it has (none, an early or late one) and whose
moment of change is nearest; the line's mean and covariance are those of the best piecewise lines through the true loads
of its trajectories, its weight is its share of them. They are an assumption of this project: they say what `cmvmon.simulate`
assumes, not what patients on an ICU do. A site's own are learned from its results by `cmvmon priors fit`.
"""

from __future__ import annotations

import argparse
import itertools
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import resources

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.protocol import TrajectoryLine, TrajectoryPriors, read_trajectory_priors, trajectory_priors_text
from cmvmon.simulate import ward

PATIENTS = 100_000
SEED = 20_240_217
VERSION = "simulated-1"
HORIZON_WEEKS = 4.0
AFTER_CHANGE_WEEKS = 1.0  # of a trajectory whose drug is changed: its weeks end with the week of the change
GRID_WEEKS = 0.1
STEADY = 0.5  # log10 per week: what separates fast from steady responders below is not a finding, only two halves
# Trajectories that the simulated ward lacks. Levelling off: biphasic decline is real (HIV, HCV), and without such lines a
# plateau is read as a fall past it and a rise back to it. Rising before the simulator's first rebound: without such a
# line a rise from day 12 is none.
LEVELLING: Places = ((1.6,), (2.1,), (2.6,))
EARLIER_RISE = (1.65,)
ADDED_WEIGHT = 0.01  # of each, beside 1 for all that the simulator has; then scaled
LEVEL_SD = 0.1  # log10 per week, around no change
COMPARTMENTS = ("plasma", "bal")
Places = tuple[tuple[float, ...], ...]
# Moments of change, in weeks, spread over the simulator's spans.
EARLY_RISE: Places = ((0.5,), (0.85,))
EARLY_TURN: Places = ((1.05,),)
LATE_RISE: Places = ((2.2,), (2.7,))
LATE_FALL: Places = ((2.65,),)
RISE_FALL_RISE: Places = ((0.65, 2.45),)
FALL_RISE_FALL: Places = ((1.05, 2.65),)
Array = npt.NDArray[np.float64]


def structure() -> list[TrajectoryLine]:
    """The lines without their numbers: name, kind of change, response, moment of change."""

    def line(name: str, change: str, response: str, at: tuple[float, ...] = ()) -> TrajectoryLine:
        return TrajectoryLine(_name(name, at), change, response, at, 0.0, (), ())

    return [
        line("straight_fast", "none", "responder"),
        line("straight_steady", "none", "responder"),
        line("straight_slow", "none", "slow"),
        line("straight_flat", "none", "non_responder"),
        *(line("early_rise", "early", "responder", at) for at in EARLY_RISE),
        *(line("early_turn", "early", "non_responder", at) for at in EARLY_TURN),
        *(line("late_rise", "late", "responder", at) for at in LATE_RISE),
        *(line("late_fall", "late", "non_responder", at) for at in LATE_FALL),
        *(line("rise_fall_rise", "late", "responder", at) for at in RISE_FALL_RISE),
        *(line("fall_rise_fall", "late", "non_responder", at) for at in FALL_RISE_FALL),
    ]


def _name(name: str, at: tuple[float, ...]) -> str:
    return "_".join([name, *(f"{week:g}" for week in at), *(["weeks"] if at else [])])


def _nearest(name: str, column: str, places: Places) -> pl.Expr:
    """The line of that kind whose last change is nearest to the moment in `column` (days)."""
    found = pl.lit(_name(name, places[-1]))
    for this, following in reversed(list(itertools.pairwise(places))):
        edge = 7.0 * 0.5 * (this[-1] + following[-1])
        found = pl.when(pl.col(column) < edge).then(pl.lit(_name(name, this))).otherwise(found)
    return found


def assigned(truth: pl.DataFrame) -> pl.DataFrame:
    """The truth with `line`, the line of the bank that each trajectory is given to."""
    late, early = pl.col("late_from_days").is_not_null(), pl.col("early_until_days").is_not_null()
    flat = pl.col("class") == "non_responder"
    failing = flat | (pl.col("class") == "rebound")
    switched = (
        failing & (pl.col("drug_change") == "switched") & (pl.col("drug_changed_days") < 7 * HORIZON_WEEKS)
    ).fill_null(False)
    return truth.with_columns(
        line=pl.when(late & flat & switched)
        .then(_nearest("fall_rise_fall", "drug_changed_days", FALL_RISE_FALL))
        .when(late & flat)
        .then(_nearest("early_turn", "late_from_days", EARLY_TURN))
        .when(late & early)
        .then(_nearest("rise_fall_rise", "late_from_days", RISE_FALL_RISE))
        .when(late)
        .then(_nearest("late_rise", "late_from_days", LATE_RISE))
        .when(switched & flat)
        .then(_nearest("late_fall", "drug_changed_days", LATE_FALL))
        .when(early)
        .then(_nearest("early_rise", "early_until_days", EARLY_RISE))
        .when(flat)
        .then(pl.lit("straight_flat"))
        .when(pl.col("class") == "slow")
        .then(pl.lit("straight_slow"))
        .when(pl.col("decline_log10_per_week") > 2 * STEADY)
        .then(pl.lit("straight_fast"))
        .otherwise(pl.lit("straight_steady"))
    )


def true_loads(truth: pl.DataFrame, weeks: Array) -> Array:
    """log10 loads (trajectory, moment) of piecewise truth at `weeks` after the anchor."""

    def column(name: str, otherwise: float) -> Array:
        return truth[name].fill_null(otherwise).to_numpy()[:, None]

    early, late, changed = (
        column(name, at) / 7.0
        for name, at in (("early_until_days", 0.0), ("late_from_days", math.inf), ("drug_changed_days", math.inf))
    )
    late = np.minimum(late, changed)
    t = weeks[None, :]
    spent = (
        np.minimum(t, early),
        np.minimum(t, late) - np.minimum(t, early),
        np.minimum(t, changed) - np.minimum(t, late),
        t - np.minimum(t, changed),
    )
    names = (
        "early_decline_log10_per_week",
        "decline_log10_per_week",
        "late_decline_log10_per_week",
        "decline_after_change_log10_per_week",
    )
    fallen = sum(column(name, 0.0) * piece for name, piece in zip(names, spent, strict=True))
    return np.asarray(column("load_at_anchor_log10", 0.0) - fallen)


def best_lines(loads: Array, used: npt.NDArray[np.bool_], weeks: Array, changes: tuple[float, ...]) -> Array:
    """Least-squares (b0, d1, ...) of each trajectory over the moments that are `used`."""
    begins, ends = (0.0, *changes), (*changes, math.inf)
    pieces = [np.clip(weeks, a, b) - a for a, b in zip(begins, ends, strict=True)]
    x = np.stack([np.ones_like(weeks), *(-piece for piece in pieces)], axis=1)
    normal = np.einsum("nt,tk,tm->nkm", used.astype(float), x, x)
    right = np.einsum("nt,tk->nk", loads * used, x)
    return np.asarray(np.linalg.solve(normal, right[..., None])[..., 0])


def learned(truth: pl.DataFrame) -> tuple[TrajectoryLine, ...]:
    """The lines with the weights, means and covariances of these trajectories."""
    weeks = np.arange(0.0, HORIZON_WEEKS + 1e-9, GRID_WEEKS)
    trajectories = assigned(truth)
    found = []
    for line in structure():
        mine = trajectories.filter(pl.col("line") == line.name)
        ends = mine["drug_changed_days"].fill_null(math.inf).to_numpy() / 7.0 + AFTER_CHANGE_WEEKS
        if not line.is_straight:  # a decline after the change needs some time after it
            ends = np.maximum(ends, line.changes_at_weeks[-1] + 0.5 * AFTER_CHANGE_WEEKS)
        theta = best_lines(true_loads(mine, weeks), weeks[None, :] <= ends[:, None], weeks, line.changes_at_weeks)
        covariance = np.cov(theta.T)
        upper = covariance[np.triu_indices(theta.shape[1])]
        found.append(
            TrajectoryLine(
                line.name,
                line.change,
                line.response,
                line.changes_at_weeks,
                mine.height / trajectories.height,
                tuple(float(f"{v:.6g}") for v in theta.mean(axis=0)),
                tuple(float(f"{v:.6g}") for v in upper),
            )
        )
    lines = (*found, *added(found))
    total = math.fsum(line.weight for line in lines)
    return tuple(replace(line, weight=line.weight / total) for line in lines)


def added(lines: Sequence[TrajectoryLine]) -> Iterator[TrajectoryLine]:
    """Trajectories that the simulated ward lacks: levelling off after a fast fall, and rising again in the second week."""
    rising = next(line for line in lines if line.name.startswith("late_rise"))
    yield replace(rising, name=_name("late_rise", EARLIER_RISE), changes_at_weeks=EARLIER_RISE, weight=ADDED_WEIGHT)
    fast = next(line for line in lines if line.name == "straight_fast")
    a, d = fast.mean
    aa, ad, dd = fast.covariance
    for at in LEVELLING:
        covariance = (aa, ad, 0.0, dd, 0.0, LEVEL_SD**2)
        yield TrajectoryLine(
            _name("levelling", at), "levelling", fast.response, at, ADDED_WEIGHT, (a, d, 0.0), covariance
        )


def shipped_text() -> str:
    """The priors file as it stands in the package."""
    return resources.files("cmvmon.protocol").joinpath("priors", f"{VERSION}.toml").read_text(encoding="utf-8")


def made_text(patients: int = PATIENTS) -> str:
    """The priors file, made anew."""
    truth = ward(patients, 90, SEED).truth
    priors = TrajectoryPriors(
        version=VERSION,
        source="cmvmon simulate: computed by benchmarks/trajectory_priors.py from its truth; not from patients",
        strength="assumption",
        owner="clinical lead",
        learned={"patients": patients, "seed": SEED, "days_of_each_trajectory": int(7 * HORIZON_WEEKS)},
        lines={name: learned(truth.filter(pl.col("compartment") == name)) for name in COMPARTMENTS},
    )
    return (
        "# Synthetic. Written by `python -m benchmarks.trajectory_priors`; --check compares.\n"
        + trajectory_priors_text(priors)
    )


def is_same(one: str, other: str) -> bool:
    """Whether two files hold the same lines: the same words, and numbers that agree within what a machine rounds."""
    first, second = (read_trajectory_priors(text, name=VERSION).lines for text in (one, other))
    if list(first) != list(second) or any(len(first[key]) != len(second[key]) for key in first):
        return False
    pairs = [pair for key in first for pair in zip(first[key], second[key], strict=True)]
    return all(
        (a.name, a.change, a.response, a.changes_at_weeks) == (b.name, b.change, b.response, b.changes_at_weeks)
        and np.allclose([a.weight, *a.mean, *a.covariance], [b.weight, *b.mean, *b.covariance], rtol=1e-4, atol=1e-4)
        for a, b in pairs
    )


def main(arguments: list[str] | None = None) -> int:
    """Prints the file, or with --check compares it with the shipped one."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.trajectory_priors", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the shipped file")
    options = parser.parse_args(arguments)
    text = made_text()
    if not options.check:
        sys.stdout.write(text)
        return 0
    same = is_same(text, shipped_text())
    sys.stdout.write(
        "the shipped priors are those computed\n" if same else "the shipped priors differ; write them anew\n"
    )
    return 0 if same else 1


if __name__ == "__main__":
    sys.exit(main())
