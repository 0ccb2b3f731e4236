"""A made-up year of a 30-bed unit, judged by `benchmarks.unit_year`; nothing of cmvmon is imported.

Written apart from `cmvmon simulate`, before any threshold was looked at. What it assumes:

- 30 beds. A bed that falls free is taken after 2 to 24 hours (uniform). A stay lasts exp(normal(log 7, 0.9)) days, at least 1, at
  most 90. 60 % of patients are ventilated, all their stay; 40 % are stated as immunosuppressed, the others as previously
  immunocompetent. The unit runs for 60 days before the year begins. Nobody is readmitted, nobody's affected compartment is stated.
- 30 % of patients carry CMV that reactivates on a day between 3 and 12 of their stay (uniform), if they are still there; such a
  patient stays for another normal(24, 9) days, at least 3. From 1 log10 IU/mL in plasma the load rises by normal(1.4, 0.3) log10
  per week, at least 0.5, to at most 7. Of two in five it turns after 7 to 12 days (uniform) and falls by 0.7 per week: they clear
  alone, if nobody treats them. The load in BAL is higher by normal(1, 0.4) log10, the same for all of a patient's samples.
- Plasma is taken within 3 hours of noon on the first day and weekly after it. Of who is ventilated, BAL a day after the first
  quantified plasma is known, and weekly after it. A result is known 12 hours after collection.
- Treatment (ganciclovir 5 mg/kg iv every 12 hours, intent treatment) begins 6 to 24 hours (uniform) after a plasma of 1,000 IU/mL or a
  BAL of 10,000 IU/mL is known, and runs for 21 to 28 days (uniform) or until discharge. From the first dose on plasma is taken twice
  weekly and BAL weekly, and the true load goes as one of the courses of `benchmarks/alert_patients.py` says (`SHARES`), in both
  compartments by the same pieces.
- After treatment the load of 15 % rises by normal(1.0, 0.2) log10 per week from 2 to 7 days after its end (uniform): a recurrence.
  That of the others goes on falling by 0.3 per week.
- The assays: noise, outliers, limits and detection of `benchmarks/alert_patients.py`. What is written at the bedside (doses, kidney
  values, counts, levels, other drugs, genotypes): `benchmarks/unit_year_bedside.py`. What becomes of samples and results:
  `benchmarks/unit_year_laboratory.py`. Transplants, prophylaxis, second drugs, deaths: `benchmarks/unit_year_context.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from benchmarks.alert_patients import BAL, COURSES, DAY_0, PLASMA, Course, measured_log10
from benchmarks.unit_year_bedside import bedside
from benchmarks.unit_year_context import add_context
from benchmarks.unit_year_laboratory import answered_later, reported, versions
from benchmarks.unit_year_loads import TREATED_FROM, Load, Sample

Numbers = npt.NDArray[np.float64]

ASSUMED = "What it assumes:"
BEDS, DAYS, WARM_UP_DAYS = 30, 365, 60
SHARES = dict(zip((course.name for course in COURSES), (0.10, 0.40, 0.10, 0.12, 0.20, 0.08), strict=True))
NEVER, ALONE, UNTREATED = "no CMV", "clears alone, untreated", "rises, untreated"
TURNAROUND_DAYS = 0.5
DOSE = "dose"  # the place of an event of what is given
NON_RESPONDER, RISES_LATER = COURSES[0], COURSES[5]


@dataclass(frozen=True)
class Event:
    """What somebody should have been told of one compartment: what, from which day until which, and how high the load truly
    was at most in that time."""

    patient_id: str
    compartment: str
    kind: str
    begins: float
    ends: float
    highest_log10: float = np.nan


@dataclass(frozen=True)
class Year:
    """A unit's year. Days count from DAY_0, in fractions.

    Attributes:
        patients: `patient_id`, `admitted`, `left`, `course` (what the load truly does, in words), `anchor` and `course_end`
            (null: untreated).
        results: as `viral_load_results`, every version, with `known_at`.
        tables: every other delivered table, by name, but for samples ordered.
        answered: when the alert about a result was acknowledged.
        events: every true event; of what is given, with DOSE as its compartment.
        untreated: of each patient and compartment, from when until when an untreated load is truly at or above its line.
        orders: samples ordered, and when each had its result (`benchmarks.unit_year_laboratory`).
        drawn: the results that every sample would have had, each on time.
        truths: what the laboratory did to which result.
    """

    patients: pl.DataFrame
    results: pl.DataFrame
    tables: Mapping[str, pl.DataFrame]
    answered: pl.DataFrame
    events: tuple[Event, ...]
    untreated: tuple[Event, ...]
    orders: pl.DataFrame = field(default_factory=pl.DataFrame)
    drawn: pl.DataFrame = field(default_factory=pl.DataFrame)
    truths: pl.DataFrame = field(default_factory=pl.DataFrame)


def year(seed: int, *, beds: int = BEDS) -> Year:
    """One year of the unit; the same for the same seed. A bed's patients are the same whatever the number of beds."""
    people = [_patient(seed, bed, n, admitted) for bed in range(beds) for n, admitted in _admissions(seed, bed)]
    whole = pl.DataFrame([one.row for one in people], infer_schema_length=None)
    results = pl.DataFrame([sample.row(one.name) for one in people for sample in one.samples], infer_schema_length=None)
    results = results.sort("day").with_columns(pl.format("result-{}", pl.int_range(pl.len())).alias("result_id"))
    results = results.with_columns(collected_at=_moment("day"), known_at=_moment(pl.col("day") + TURNAROUND_DAYS))
    made = bedside(whole, seed, non_responder=NON_RESPONDER.name)
    add_context(made, whole, seed, non_responder=NON_RESPONDER.name, never=NEVER)
    said = reported(whole, results, seed)
    return Year(
        patients=whole,
        results=versions(said.results, results),
        tables=made.frames() | {"icu_stays": _stays(whole)},
        answered=answered_later(results, said.results, seed),
        events=(
            *(event for one in people for event in one.events),
            *(Event(one.patient_id, DOSE, one.kind, one.begins, one.ends) for one in made.events),
        ),
        untreated=tuple(event for one in people for event in one.untreated),
        orders=pl.DataFrame(said.orders, infer_schema_length=None).sort("ordered_at", "order_number"),
        drawn=results,
        truths=pl.DataFrame(said.truths, infer_schema_length=None),
    )


def _stays(whole: pl.DataFrame) -> pl.DataFrame:
    """As `icu_stays`."""
    return whole.select(
        pl.format("stay-{}", "patient_id").alias("stay_id"),
        "patient_id",
        _moment("admitted").alias("admitted_at"),
        _moment("left").alias("discharged_at"),
        pl.lit("SYNTHETIC-ICU").alias("ward"),
        _moment("admitted", pl.col("is_ventilated")).alias("ventilation_started_at"),
        _moment("left", pl.col("is_ventilated")).alias("ventilation_stopped_at"),
    )


@dataclass(frozen=True)
class _Person:
    """One patient: the row of `Year.patients`, and everything else."""

    row: dict[str, object]
    samples: list[Sample]
    events: list[Event]
    untreated: list[Event]

    @property
    def name(self) -> str:
        return str(self.row["patient_id"])


def _admissions(seed: int, bed: int) -> Iterator[tuple[int, float]]:
    """Number and day of each admission to a bed. Whoever it is draws the same stay again from the same numbers."""
    day, n = -float(WARM_UP_DAYS) + float(np.random.default_rng([seed, bed]).uniform(0.0, 7.0)), 0
    while day < DAYS:
        yield n, day
        rng = np.random.default_rng([seed, bed, n + 1])
        day += _stay(rng)[0] + float(rng.uniform(2.0, 24.0)) / 24.0
        n += 1


def _stay(rng: np.random.Generator) -> tuple[float, float | None]:
    """How many days it lasts, and on which of them CMV reactivates."""
    days = float(np.clip(np.exp(rng.normal(np.log(7.0), 0.9)), 1.0, 90.0))
    reactivates, longer = float(rng.uniform(3.0, 12.0)), max(3.0, float(rng.normal(24.0, 9.0)))
    if rng.random() >= 0.30 or reactivates >= days:
        return days, None
    return days + longer, reactivates


def _patient(seed: int, bed: int, n: int, admitted: float) -> _Person:
    """Everything about one patient."""
    rng = np.random.default_rng([seed, bed, n + 1])
    days, reactivates = _stay(rng)
    rng.uniform(2.0, 24.0)  # the bed's
    name, left = f"SYNTHETIC-{seed}-{bed + 1:02d}-{n:03d}", admitted + days
    is_ventilated, is_suppressed = bool(rng.random() < 0.6), bool(rng.random() < 0.4)
    loads = _loads(rng, admitted, reactivates)
    samples = _screened(rng, loads, admitted, left, is_ventilated=is_ventilated)
    anchor = _anchor(rng, samples, left)
    course = COURSES[int(rng.choice(len(COURSES), p=list(SHARES.values())))]
    stops = None if anchor is None else min(left, anchor + float(rng.uniform(21.0, 28.0)))
    if anchor is not None and stops is not None:
        again = stops + float(rng.uniform(2.0, 7.0)) if rng.random() < 0.15 else None
        pieces, rise = course.pieces(rng, 1), max(0.2, float(rng.normal(1.0, 0.2)))
        loads = [
            replace(load, anchor=anchor, pieces=pieces, stops=stops, again=again, again_rise=rise) for load in loads
        ]
        samples = [one for one in samples if one.day < anchor]
        for load in loads if is_ventilated else loads[:1]:
            planned = np.arange(anchor, left, load.place.every_days)
            samples += _samples(rng, load, planned + rng.uniform(0.0, 3.0, len(planned)) / 24.0, left)
    untreated = NEVER if reactivates is None else ALONE if loads[0].turns else UNTREATED
    row = {
        "patient_id": name,
        "admitted": admitted,
        "left": left,
        "course": untreated if anchor is None else course.name,
        "anchor": anchor,
        "course_end": stops,
        "is_ventilated": is_ventilated,
        "condition": "immunosuppression" if is_suppressed else "previously_immunocompetent",
    }
    if reactivates is None:
        return _Person(row, samples, [], [])
    events = list(_events(name, loads, left, course, is_ventilated=is_ventilated))
    return _Person(row, samples, events, list(_untreated(name, loads, left)))


def _loads(rng: np.random.Generator, admitted: float, reactivates: float | None) -> list[Load]:
    """The untreated load in plasma and in BAL."""
    rise, shift = max(0.5, float(rng.normal(1.4, 0.3))), float(rng.normal(1.0, 0.4))
    turns, is_alone = float(rng.uniform(7.0, 12.0)), bool(rng.random() < 0.4)
    begins = np.inf if reactivates is None else admitted + reactivates
    turn = begins + turns if is_alone and reactivates is not None else None
    return [Load(PLASMA, 0.0, begins, rise, turn), Load(BAL, shift, begins, rise, turn)]


def _screened(
    rng: np.random.Generator, loads: list[Load], admitted: float, left: float, *, is_ventilated: bool
) -> list[Sample]:
    """The samples that would be taken if nobody were treated."""
    planned = np.arange(np.floor(admitted) + 0.5, left, 7.0)
    plasma = _samples(rng, loads[0], planned + rng.uniform(-3.0, 3.0, len(planned)) / 24.0, left)
    positive = [one.day for one in plasma if one.detection in ("quantified", "above_uloq")]
    if not positive or not is_ventilated:
        return plasma
    lavages = np.arange(min(positive) + TURNAROUND_DAYS + 1.0, left, 7.0)
    return plasma + _samples(rng, loads[1], lavages + rng.uniform(-3.0, 3.0, len(lavages)) / 24.0, left)


def _anchor(rng: np.random.Generator, samples: list[Sample], left: float) -> float | None:
    """The day of the first dose; None where no result asks for it in time."""
    wait = float(rng.uniform(6.0, 24.0)) / 24.0
    anchor = min((one.day for one in samples if one.is_high), default=np.inf) + TURNAROUND_DAYS + wait
    return anchor if anchor < left else None


def _samples(rng: np.random.Generator, load: Load, days: Numbers, left: float) -> list[Sample]:
    days = days[days < left]
    place, true = load.place, load.at(days)
    measured = 10.0 ** measured_log10(rng, true, place)
    is_detected = rng.random(len(days)) < 1.0 - 0.05 ** (10.0**true / place.lod)
    found = []
    for day, value, seen in zip(days, measured, is_detected, strict=True):
        is_quantified, is_above = place.lloq <= value <= place.uloq, value > place.uloq
        below = "below_lloq" if seen else "not_detected"
        detection = "above_uloq" if is_above else "quantified" if is_quantified else below
        found.append(Sample(float(day), place, detection, float(np.round(value)) if is_quantified else None))
    return found


def _events(name: str, loads: list[Load], left: float, course: Course, *, is_ventilated: bool) -> Iterator[Event]:
    """What somebody should be told of each compartment that is sampled."""
    for load in loads if is_ventilated else loads[:1]:
        where = load.place.name
        line = float(np.log10(TREATED_FROM[where]))
        yield from _above("rise, untreated", name, load, line, load.begins, min(left, load.anchor))
        if not np.isfinite(load.anchor):
            continue
        if course is NON_RESPONDER:
            yield _event(name, load, "no response", load.anchor, load.stops)
        if course is RISES_LATER and (turns := load.anchor + float(load.pieces[0][1][0])) < load.stops:
            yield _event(name, load, "rise on treatment", turns, load.stops)
        if load.again is not None:
            yield from _above("recurrence", name, load, line, load.again, left)


def _untreated(name: str, loads: list[Load], left: float) -> Iterator[Event]:
    for load in loads:
        line = 3.0 if load.place is PLASMA else float(np.log10(load.place.lloq))
        yield from _above("untreated", name, load, line, load.begins, min(left, load.anchor))
        if np.isfinite(load.anchor):
            yield from _above("untreated", name, load, line, load.stops, left)


def _above(kind: str, name: str, load: Load, line: float, begins: float, ends: float) -> Iterator[Event]:
    """The time in which the true load first is at or above the line, to an eighth of a day."""
    days = np.arange(begins, ends, 0.125)
    high = np.flatnonzero(load.at(days) >= line)
    if len(high):
        yield _event(name, load, kind, float(days[high[0]]), ends)


def _event(name: str, load: Load, kind: str, begins: float, ends: float) -> Event:
    highest = float(load.at(np.linspace(begins, ends, 200)).max())
    return Event(name, load.place.name, kind, begins, ends, highest)


def _moment(day: str | pl.Expr, where: pl.Expr | None = None) -> pl.Expr:
    """A day, in fractions since DAY_0, as a moment in whole minutes; null where `where` does not hold."""
    days = pl.col(day) if isinstance(day, str) else day
    minutes = (days * 1440.0).round().cast(pl.Int64) * timedelta(minutes=1)
    found = pl.lit(DAY_0).cast(pl.Datetime("us", "UTC")) + minutes
    return found if where is None else pl.when(where).then(found)
