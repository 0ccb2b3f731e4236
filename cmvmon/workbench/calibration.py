"""`cmvmon calibrate`: alarm thresholds of the bank for a chosen rate of false alarms, on synthetic series of known truth."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import polars as pl

from cmvmon.domain.errors import SiteError
from cmvmon.domain.versions import current_results
from cmvmon.kinetics import treatment_courses
from cmvmon.kinetics.bank.track import track
from cmvmon.kinetics.trajectory.series import TrajectorySeries, trajectory_series
from cmvmon.protocol import Protocol
from cmvmon.shell.basis.files import read_bytes, write_atomically
from cmvmon.shell.folder.site import Site
from cmvmon.simulate import ward

_MARK = "# cmvmon calibrate"
REBOUND = "probability_rebound"
JUDGED_SEED_IS = 1_000_003  # added to the seed: the series that judge are never those that set
LEAST = 0.01  # a threshold below it speaks of nothing; the protocol refuses it too
_WATCH = 4  # times the days watched: treatments start in the first three quarters of a synthetic watch
Array = npt.NDArray[np.float64]
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Calibrated:
    """The threshold of each compartment, and how it did on series that did not set it: a row for each."""

    rate: float
    days: int
    seed: int
    patients: int
    priors_version: str
    thresholds: Mapping[str, float]
    judged: tuple[Row, ...]


@dataclass(frozen=True)
class _Watched:
    """Samples after the anchor, within the days watched, of first courses: one entry each; `series` numbers them."""

    series: npt.NDArray[np.int64]
    day: Array
    probability: Array
    truth: pl.DataFrame


def calibrate(out: Path, *, rate: float, days: int, seed: int, patients: int, root: Path) -> Calibrated:
    """Sets the alarm for a rebound of each compartment so that a share `rate` of the series without cause would be alarmed.

    Without cause: series that never rise after treatment began to work (responders and slow responders whose drug was not
    stopped). Looked at after every sample within `days` of the anchor. The thresholds are judged on other series, drawn from
    another seed.

    Raises SiteError for a rate that is none, or a file that `calibrate` did not write.
    """
    if not 0.0 < rate < 1.0:
        raise SiteError(f"--rate is {rate}; give a share between 0 and 1, such as 0.05")
    if out.is_dir() or (out.exists() and not read_bytes(out).startswith(_MARK.encode())):
        raise SiteError(f"{out.name} was not written by `cmvmon calibrate`; name another file with --out")
    protocol = Site(root).protocol()
    setting = _watched(protocol, patients, days, seed)
    judging = _watched(protocol, patients, days, seed + JUDGED_SEED_IS)
    thresholds = {key: threshold(found, rate) for key, found in setting.items() if key in judging}
    judged = tuple(_judged(key, judging[key], level) for key, level in thresholds.items())
    unset = [f"{row['alarm']} in {row['prior']}" for row in judged if not row["with_cause"] or row["threshold"] < LEAST]
    if unset:
        raise SiteError(
            f"{', '.join(unset)} can't be set: no series with a cause, or a statistic that never spoke. Nothing was written; "
            "watch more days (--days 42) or more patients (--patients 20000)"
        )
    done = Calibrated(
        rate=rate,
        days=days,
        seed=seed,
        patients=patients,
        priors_version="" if protocol.trajectory_priors is None else protocol.trajectory_priors.version,
        thresholds=thresholds,
        judged=judged,
    )
    write_atomically(out, fragment(done, protocol).encode())
    return done


def _watched(protocol: Protocol, patients: int, days: int, seed: int) -> dict[str, _Watched]:
    """What the bank says after each sample of the first courses of a synthetic ward, by prior."""
    made = ward(patients, _WATCH * days, seed)
    results = current_results(made.viral_load_results)
    as_of = results["collected_at"].max()
    clocks = treatment_courses(made.antiviral_courses, protocol=protocol, as_of=as_of)  # type: ignore[arg-type]
    series = trajectory_series(results, clocks, protocol=protocol, as_of=as_of)  # type: ignore[arg-type]
    names = made.truth["compartment"].unique().sort()
    return {protocol.prior_name_of(name): _of_compartment(series, name, made.truth, protocol, days) for name in names}


def _of_compartment(
    series: TrajectorySeries, compartment: str, truth: pl.DataFrame, protocol: Protocol, days: int
) -> _Watched:
    mine = series.of_compartments(frozenset([compartment]))
    tracked = track(
        mine.offsets,
        mine.t_weeks,
        mine.lo,
        mine.hi,
        mine.sigma,
        lines=protocol.trajectory_lines_of(compartment),
        target_log10_per_week=protocol.decline.target_log10_per_week,
        growth_log10_per_week=protocol.decline.growth_before_anchor_log10_per_week,
        growth_sd_log10_per_week=protocol.decline.growth_before_anchor_sd_log10_per_week,
    )
    known = mine.keys.join(truth, on=["patient_id", "compartment", "anchor_at"], how="left", maintain_order="left")
    number = np.repeat(np.arange(mine.keys.height), np.diff(mine.offsets))
    day = mine.t_weeks * 7.0
    first_course = known["class"].is_not_null().to_numpy()[number]
    watched = first_course & (day > 0.0) & (day <= days)
    return _Watched(
        series=number[watched],
        day=day[watched],
        probability=tracked.probability_rebound[watched],
        truth=known,
    )


def _without_cause(truth: pl.DataFrame) -> npt.NDArray[np.bool_]:
    unstopped = pl.col("drug_change").fill_null("") != "stopped"
    never_rises = pl.col("class").is_in(["responder", "slow"]) & unstopped
    return truth.select(never_rises.fill_null(False)).to_series().to_numpy()


def _cause_begins(truth: pl.DataFrame) -> Array:
    """Day from which an alarm is right: the start of a rebound; infinite for none."""
    begins = pl.when(pl.col("class") == "rebound").then(pl.col("late_from_days"))
    return truth.select(begins.fill_null(math.inf)).to_series().to_numpy()


def threshold(found: _Watched, rate: float) -> float:
    """The lowest level (4 digits, rounded up) that at most a share `rate` of the series without cause ever reaches."""
    highest = np.full(found.truth.height, -np.inf)
    np.maximum.at(highest, found.series, found.probability)
    own = np.sort(highest[_without_cause(found.truth) & np.isfinite(highest)])[::-1]
    if not len(own):
        return 1.0
    reached = float(own[min(math.floor(rate * len(own)), len(own) - 1)])
    digits = 3 - math.floor(math.log10(max(reached, 1e-9)))
    scale = 10.0**digits
    return math.floor(reached * scale + 1.0) / scale


def _judged(key: str, found: _Watched, level: float) -> Row:
    """False alarms, sensitivity and delay of one threshold on these series."""
    n = found.truth.height
    begins = _cause_begins(found.truth)
    right = found.day >= begins[found.series]
    alarmed = found.probability >= level
    first = np.full(n, np.inf)
    np.minimum.at(first, found.series[alarmed & right], found.day[alarmed & right])
    last = np.full(n, -np.inf)
    np.maximum.at(last, found.series, found.day)
    cause = np.isfinite(begins) & (last > begins)  # sampled at least once after it began
    without = _without_cause(found.truth) & np.isfinite(last)
    ever = np.zeros(n, dtype=bool)
    ever[found.series[alarmed]] = True
    delay = (first - np.where(np.isfinite(begins), begins, 0.0))[cause & np.isfinite(first)]
    return {
        "prior": key,
        "alarm": REBOUND,
        "threshold": level,
        "without_cause": int(without.sum()),
        "false_alarms": round(float(ever[without].mean()), 4) if without.any() else None,
        "with_cause": int(cause.sum()),
        "sensitivity": round(float(np.isfinite(first[cause]).mean()), 3) if cause.any() else None,
        "median_delay_days": round(float(np.median(delay)), 1) if len(delay) else None,
        "delay_90_percent_days": round(float(np.quantile(delay, 0.9)), 1) if len(delay) else None,
    }


def fragment(done: Calibrated, protocol: Protocol) -> str:
    """The stanzas to copy into a protocol, with the table that says what they do."""
    settings = f"--rate {done.rate:g} --days {done.days} --seed {done.seed} --patients {done.patients}"
    command = f"cmvmon calibrate {settings}"
    head = [
        f"# {command}",
        f"# Protocol {protocol.version}, priors {done.priors_version}. Synthetic series only: what they do in patients is not known.",
        f"# Judged on other series (seed {done.seed + JUDGED_SEED_IS}); delay from the anchor, or from the true start of the rebound.",
    ]
    for row in done.judged:
        head.append("# " + ", ".join(f"{name} {value}" for name, value in row.items()))
    for key, level in done.thresholds.items():
        head += [
            "",
            f"[alarm.{key}]",
            f'source = "{command}, synthetic wards; not from patients"',
            'strength = "assumption"',
            'owner = "clinical lead"',
            'guide = ["G19"]',
            f"{REBOUND} = {level:.4g}",
        ]
    return "\n".join(head) + "\n"
