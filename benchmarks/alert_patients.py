"""Made-up treated patients whose alerts are counted by `benchmarks.alerts`; nothing of cmvmon is imported.

So it shares no assumption with the simulator, nor with the model that judges its series. What it assumes:

- A patient has one compartment. True log10 load at the first dose: plasma normal(4.2, 0.6), at least 3; BAL normal(5.2, 0.6),
  at least 4 (drawn again when lower).
- The load then goes in straight pieces, in log10 (`COURSES`). Each rate of a patient is drawn: normal, standard deviation a
  tenth of its mean, for the non-responder 0.05 log10 per week. A falling load stops at a tenth of the LLOQ.
- First dose between 08:00 and 14:00 of day 0. Samples: plasma on days 0, 3.5, 7 ... 28, BAL on days 0, 7 ... 28 after it, each
  up to 3 hours early or late. Before the first dose the load is what it is at that dose. Known 12 hours after collection.
- Measured = true + normal noise. BAL: 0.45 log10. Plasma: variance 0.15^2 + 0.0675 x LLOQ / load, so 0.15 far above the LLOQ
  and 0.30 at it, at most 0.45. One sample in a hundred is off by another normal(1, 0.15) log10, up or down.
- LOD 17.5 and LLOQ 35 IU/mL in plasma, 100 and 200 in BAL; ULOQ 10,000,000. Below the LLOQ a sample is detected with
  probability 1 - 0.05^(true load / LOD): 95 % at the LOD. Loads are reported in whole IU/mL.
- Ganciclovir 5 mg/kg iv every 12 hours from the first dose on, running. ICU stay from three days before, running, affected
  compartment not stated. No other table is delivered: no host, no doses given, no kidney values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

Numbers = npt.NDArray[np.float64]
Pieces = tuple[tuple[Numbers, Numbers], ...]  # of each piece: fall in log10 per week, and the day on which it ends

ASSUMED = "What it assumes:"
DAY_0 = datetime(2026, 3, 1, tzinfo=UTC)  # midnight
TURNAROUND = timedelta(hours=12)
LAST_SAMPLE_DAY = 28.0
JITTER_H = 3.0
FIRST_DOSE_H = (8.0, 14.0)
RELATIVE_SD = 0.1
OUTLIERS = 0.01
OUTLIER_LOG10 = (1.0, 0.15)
MOST_PLASMA_SD = 0.45
NEAR_LLOQ_VARIANCE = 0.0675
FLOOR_BELOW_LLOQ_LOG10 = 1.0
_ALWAYS = np.inf


@dataclass(frozen=True)
class Place:
    """One compartment: how it is sampled and measured, and the loads at the first dose (log10 IU/mL, mean, sd, least)."""

    name: str
    title: str
    every_days: float
    sd_log10: float
    is_wider_near_lloq: bool
    start: tuple[float, float, float]
    lod: float
    lloq: float
    uloq: float = 10_000_000.0

    def sd(self, true_log10: Numbers) -> Numbers:
        """The standard deviation of one result around such a true load, log10."""
        if not self.is_wider_near_lloq:
            return np.full(true_log10.shape, self.sd_log10)
        near = NEAR_LLOQ_VARIANCE * self.lloq / 10.0**true_log10
        return np.minimum(np.sqrt(self.sd_log10**2 + near), MOST_PLASMA_SD)


PLASMA = Place("plasma", "plasma", 3.5, 0.15, True, (4.2, 0.6, 3.0), 17.5, 35.0)
BAL = Place("bal", "BAL", 7.0, 0.45, False, (5.2, 0.6, 4.0), 100.0, 200.0)
PLACES = (PLASMA, BAL)


def _rate(rng: np.random.Generator, count: int, mean: float, sd: float | None = None) -> Numbers:
    return rng.normal(mean, RELATIVE_SD * abs(mean) if sd is None else sd, count)


def _straight(mean: float, sd: float | None = None) -> Callable[[np.random.Generator, int], Pieces]:
    return lambda rng, count: ((_rate(rng, count, mean, sd), np.full(count, _ALWAYS)),)


def _two(
    first: float, second: Callable[[np.random.Generator, int], Numbers], changes: tuple[float, float]
) -> Callable[[np.random.Generator, int], Pieces]:
    return lambda rng, count: (
        (_rate(rng, count, first), rng.uniform(*changes, count)),
        (second(rng, count), np.full(count, _ALWAYS)),
    )


def _first_week_rise(rng: np.random.Generator, count: int) -> Pieces:
    until = rng.uniform(5.0, 7.0, count)
    rise = rng.uniform(0.5, 0.8, count)
    return ((-rise / until * 7.0, until), (_rate(rng, count, 1.5), np.full(count, _ALWAYS)))


@dataclass(frozen=True)
class Course:
    """How the loads of one group of patients truly go. `pieces` draws them for so many patients."""

    name: str
    what: str
    pieces: Callable[[np.random.Generator, int], Pieces]


COURSES = (
    Course(
        "non-responder (0.05 log10/week)",
        "falls 0.05 log10 per week, sd 0.05",
        _straight(0.05, 0.05),
    ),
    Course("responder (1.5)", "falls 1.5 log10 per week, sd 0.15", _straight(1.5)),
    Course(
        "fast, then 0.35/week from day 9-12",
        "falls 2 log10 per week, sd 0.2, until a day between 9 and 12 (uniform), then 0.35, sd 0.035",
        _two(2.0, lambda rng, count: _rate(rng, count, 0.35), (9.0, 12.0)),
    ),
    Course(
        "first-week rise, then 1.5",
        "rises 0.5 to 0.8 log10 in all, over 5 to 7 days (both uniform), then falls 1.5 per week, sd 0.15",
        _first_week_rise,
    ),
    Course(
        "half-life 3.17 d (Humar, no relapse)",
        "falls 0.665 log10 per week, sd 0.066: half in 3.17 days",
        _straight(7.0 * float(np.log10(2.0)) / 3.17),
    ),
    Course(
        "fall, then rise from day 13-17",
        "falls 1.5 log10 per week, sd 0.15, until a day between 13 and 17, then rises 1.0 to 1.4 per week (both uniform)",
        _two(1.5, lambda rng, count: -rng.uniform(1.0, 1.4, count), (13.0, 17.0)),
    ),
)


@dataclass(frozen=True)
class Patients:
    """The patients of one group, sampled in one compartment.

    Attributes:
        results: one row per sample, as `viral_load_results`, with `known_at` and `true_log10` (the load without noise).
        courses: one row per patient, as `antiviral_courses`.
        stays: one row per patient, as `icu_stays`.
        start_log10: the true load of each patient at the first dose.
        pieces: how it goes on.
    """

    place: Place
    start_log10: Numbers
    pieces: Pieces
    results: pl.DataFrame
    courses: pl.DataFrame
    stays: pl.DataFrame

    @property
    def count(self) -> int:
        return len(self.start_log10)

    def true_log10(self, day: float) -> Numbers:
        """The true load of each patient so many days after the first dose."""
        return true_log10(self.start_log10, self.pieces, np.full((self.count, 1), day), self.place)[:, 0]


def patients(course: Course, place: Place, count: int, seed: int) -> Patients:
    """So many patients of that course, sampled there; the same for the same seed, whatever else is drawn from it."""
    rng = np.random.default_rng([seed, COURSES.index(course), PLACES.index(place)])
    start = start_log10(rng, count, place)
    pieces = course.pieces(rng, count)
    first_dose = rng.uniform(*FIRST_DOSE_H, count) / 24.0
    planned = np.arange(0.0, LAST_SAMPLE_DAY + 1e-9, place.every_days)
    days = planned + rng.uniform(-JITTER_H, JITTER_H, (count, len(planned))) / 24.0
    true = true_log10(start, pieces, days, place)
    measured = measured_log10(rng, true, place)
    is_detected = rng.random(true.shape) < 1.0 - 0.05 ** (10.0**true / place.lod)
    who = [f"SYNTHETIC-{COURSES.index(course) + 1}-{place.name}-{number:04d}" for number in range(count)]
    dosed = pl.DataFrame({"patient_id": who, "started_at": _moments(first_dose)})
    results = _results(who, first_dose[:, None] + days, measured, is_detected, place)
    return Patients(
        place,
        start,
        pieces,
        results.with_columns(pl.Series("true_log10", true.ravel())),
        dosed.with_columns(
            drug=pl.lit("ganciclovir"),
            indication=pl.lit("treatment"),
            dose_mg_per_kg=pl.lit(5.0),
            interval_h=pl.lit(12.0),
            route=pl.lit("iv"),
        ),
        dosed.select(
            pl.format("stay-{}", "patient_id").alias("stay_id"),
            "patient_id",
            (pl.col("started_at") - timedelta(days=3)).alias("admitted_at"),
            ward=pl.lit("SYNTHETIC-ICU"),
        ),
    )


def start_log10(rng: np.random.Generator, count: int, place: Place) -> Numbers:
    """True loads at the first dose; one below the least is drawn again."""
    mean, sd, least = place.start
    found = rng.normal(mean, sd, count)
    while (low := found < least).any():
        found[low] = rng.normal(mean, sd, int(low.sum()))
    return found


def true_log10(start: Numbers, pieces: Pieces, days: Numbers, place: Place) -> Numbers:
    """The true load of each patient (row) at each of the patient's days (column). A load that fell stays at the floor."""
    floor = np.log10(place.lloq) - FLOOR_BELOW_LLOQ_LOG10
    load = np.broadcast_to(start[:, None], days.shape)
    begins = np.zeros((len(start), 1))
    for rate, until in pieces:
        ends = until[:, None]
        in_piece = np.clip(days, begins, ends) - begins
        load = np.maximum(load - rate[:, None] / 7.0 * in_piece, floor)
        begins = ends
    return load


def measured_log10(rng: np.random.Generator, true: Numbers, place: Place) -> Numbers:
    """What the assay makes of true loads, before its limits."""
    noise = rng.normal(0.0, 1.0, true.shape) * place.sd(true)
    side = np.where(rng.random(true.shape) < 0.5, -1.0, 1.0)
    far = side * rng.normal(*OUTLIER_LOG10, true.shape)
    return true + noise + np.where(rng.random(true.shape) < OUTLIERS, far, 0.0)


def _results(
    who: list[str], days: Numbers, measured: Numbers, is_detected: npt.NDArray[np.bool_], place: Place
) -> pl.DataFrame:
    load = 10.0 ** measured.ravel()
    is_high, is_quantified = load > place.uloq, (load >= place.lloq) & (load <= place.uloq)
    below = np.where(is_detected.ravel(), "below_lloq", "not_detected")
    return pl.DataFrame(
        {
            "patient_id": np.repeat(who, days.shape[1]),
            "collected_at": _moments(days.ravel()),
            "detection": np.where(is_high, "above_uloq", np.where(is_quantified, "quantified", below)),
            "viral_load_iu_per_ml": pl.Series(np.round(load)).set(pl.Series(~is_quantified), None),
        }
    ).with_columns(
        result_id=pl.format("{}-{}", "patient_id", pl.int_range(pl.len()).over("patient_id")),
        compartment=pl.lit(place.name),
        laboratory=pl.lit("synthetic-laboratory"),
        assay=pl.lit("synthetic-pcr"),
        result_status=pl.lit("final"),
        lod_iu_per_ml=pl.lit(place.lod),
        lloq_iu_per_ml=pl.lit(place.lloq),
        uloq_iu_per_ml=pl.lit(place.uloq),
        known_at=pl.col("collected_at") + TURNAROUND,
    )


def _moments(days: Numbers) -> pl.Series:
    """Moments so many days after the midnight that day 0 begins with, in whole minutes."""
    minutes = np.round(days * 1440.0).astype(np.int64) * 60_000_000
    return (pl.Series(minutes).cast(pl.Duration("us")) + DAY_0).dt.cast_time_unit("us")
