"""What is written at the bedside of the made-up unit of `benchmarks.unit_year`; nothing of cmvmon is imported.

Drawn beside the loads, from streams of its own: no load and no course of ganciclovir depends on it. What it assumes at the bedside:

- Everybody has a date of birth (age normal(62, 14), 18 to 90). 10 % of the ventilated have COVID-19, with a PaO2/FiO2 each morning of
  exp(normal(log 140, 0.25)) mmHg that changes by normal(1, 3) % a day. 15 % of the immunosuppressed have letermovir as prophylaxis
  until they are treated or leave.
- Of who is treated: weight normal(80, 15) kg, 45 to 140; a Cockcroft-Gault clearance each morning, exp(normal(log 70, 0.5)) mL/min on
  the first day, changing by normal(0, 4) % a day, with 5 % of scatter, 5 to 200; 15 % have CVVHDF with citrate from the second
  day of treatment for 3 to 8 days (uniform). 10 % are switched to foscarnet 7 to 14 days after the first dose (uniform).
- The dose is the label's for that morning's clearance, in three of four; the others keep that of their first day. 10 % have half of it
  from day 3 to day 9. 2 % of doses are missed.
- Neutrophils exp(normal(log 6, 0.5)), platelets exp(normal(log 180, 0.5)) x 10^9/L and ionised calcium normal(1.15, 0.05) mmol/L each
  morning, 5 % of mornings without; in 10 % neutrophils and platelets fall by a fifth each day of treatment. 30 % have a trough of
  exp(normal(log 1.5, 0.6)) mg/L half an hour before the first dose from day 5, 12 and 19 on.
- Other drugs for the whole stay: imipenem 10 %, intravenous pentamidine 2 %, mycophenolate 15 %, co-trimoxazole 20 %,
  paracetamol 80 %.
- A genotype of UL97 and UL54 is asked for on day 16 of treatment, of 7 in 10 non-responders and 1 in 20 others who are still there,
  and reported 8 days later; of 3 in 10 of the non-responders' it names UL97 A594V.
- An alert about a result is acknowledged exp(normal(log 6, 0.8)) hours after the result is known.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

import numpy as np
import polars as pl

from benchmarks.alert_patients import DAY_0
from benchmarks.unit_year_doses import Dose, DoseEvent, Kidney, Plan, off_the_label

ASSUMED = "What it assumes at the bedside:"
OTHER_DRUGS = (
    ("J01DH51", "iv", 0.10),
    ("P01CX01", "iv", 0.02),
    ("L04AA06", "oral", 0.15),
    ("J01EE01", "oral", 0.20),
    ("N02BE01", "oral", 0.80),
)
MORNING = 0.25  # of a day: 06:00
Row = dict[str, object]


@dataclass
class Bedside:
    """Rows by name of delivered table, and the true events of doses."""

    rows: dict[str, list[Row]] = field(default_factory=dict)
    events: list[DoseEvent] = field(default_factory=list)

    def add(self, table: str, **row: object) -> None:
        """One row of that table."""
        self.rows.setdefault(table, []).append(row)

    def frames(self) -> dict[str, pl.DataFrame]:
        """By name of table."""
        return {table: pl.DataFrame(rows, infer_schema_length=None) for table, rows in self.rows.items()}


def bedside(patients: pl.DataFrame, seed: int, *, non_responder: str) -> Bedside:
    """Of every row of `Year.patients`; the same for the same seed. `non_responder`: what `course` says of one."""
    made = Bedside()
    for row in patients.iter_rows(named=True):
        rng = np.random.default_rng([seed, zlib.crc32(row["patient_id"].encode()), 1])
        _of_everybody(made, row, rng)
        if row["anchor"] is not None:
            _of_the_treated(made, row, rng, is_non_responder=row["course"] == non_responder)
    return made


def answered(results: pl.DataFrame, seed: int) -> pl.DataFrame:
    """`result_id`, `answered_at`: when whoever had to know of a result has acknowledged the alert about it."""
    hours = np.exp(np.random.default_rng([seed, 2]).normal(np.log(6.0), 0.8, results.height))
    after = pl.Series(hours * 60.0).round().cast(pl.Int64) * timedelta(minutes=1)
    return results.select("result_id", answered_at=pl.col("known_at") + after)


def _of_everybody(made: Bedside, row: Mapping[str, object], rng: np.random.Generator) -> None:
    who, admitted, left = str(row["patient_id"]), _number(row["admitted"]), _number(row["left"])
    age = float(np.clip(rng.normal(62.0, 14.0), 18.0, 90.0))
    born = date(DAY_0.year, DAY_0.month, 1) - timedelta(days=age * 365.25)
    made.add("birth_dates", patient_id=who, born_on=born.isoformat(), stated_at=moment(admitted))
    made.add("host_status", patient_id=who, condition=row["condition"], stated_at=moment(admitted))
    for atc_code, route, share in OTHER_DRUGS:
        if rng.random() < share:
            times = {"started_at": moment(admitted), "stopped_at": moment(left)}
            made.add("co_medication", patient_id=who, atc_code=atc_code, route=route, **times)
    if row["condition"] == "immunosuppression" and rng.random() < 0.15:
        until = left if row["anchor"] is None else _number(row["anchor"])
        course(made, who, "letermovir", "prophylaxis", admitted, until, dose=None, every_h=24.0)
    if row["is_ventilated"] and rng.random() < 0.10:
        made.add("host_status", patient_id=who, condition="covid_19", stated_at=moment(admitted))
        first, growth = np.exp(rng.normal(np.log(140.0), 0.25)), rng.normal(0.01, 0.03)
        for day in _mornings(admitted, left):
            ratio = float(np.clip(first * np.exp(growth * (day - admitted)), 40.0, 500.0))
            made.add(
                "oxygenation", patient_id=who, measured_at=moment(day), pao2_fio2_ratio=round(ratio), ratio_unit="mmHg"
            )


def _of_the_treated(
    made: Bedside, row: Mapping[str, object], rng: np.random.Generator, *, is_non_responder: bool
) -> None:
    who, admitted, left = str(row["patient_id"]), _number(row["admitted"]), _number(row["left"])
    anchor, stops = _number(row["anchor"]), _number(row["course_end"])
    kidney = _kidney_values(made, who, rng, admitted, left)
    replaced = (0.0, 0.0)
    if rng.random() < 0.15 and anchor + 2.0 < left:
        replaced = (anchor + 2.0, min(left, anchor + 2.0 + float(rng.uniform(3.0, 8.0))))
        times = {"started_at": moment(replaced[0]), "stopped_at": moment(replaced[1])}
        made.add(
            "renal_replacement",
            patient_id=who,
            modality="cvvhdf",
            effluent_ml_per_h=2000.0,
            anticoagulant="citrate",
            **times,
        )
    switch = anchor + float(rng.uniform(7.0, 14.0))
    # Not below 0.5 mL/min/kg: the label has little of foscarnet there, and nothing below 0.4.
    is_switched = bool(rng.random() < 0.10) and switch < stops and kidney.at(switch) / kidney.weight_kg > 0.5
    drugs = [("ganciclovir", anchor, switch if is_switched else stops)]
    drugs += [("foscarnet", switch, stops)] if is_switched else []
    plan = Plan(
        kidney, replaced, is_adapted=bool(rng.random() < 0.75), is_halved=bool(rng.random() < 0.10), anchor=anchor
    )
    given: list[Dose] = []
    for drug, begins, ends in drugs:
        doses = list(plan.doses(drug, begins, ends))
        course(made, who, drug, "treatment", begins, ends, dose=doses[0].mg_per_kg, every_h=doses[0].every_h)
        given += doses
    for dose in given:
        is_missed = bool(rng.random() < 0.02)
        made.add(
            "doses_given",
            patient_id=who,
            drug=dose.drug,
            indication="treatment",
            administered="missed" if is_missed else "given",
            given_at=moment(dose.day),
            dose_mg=None if is_missed else round(dose.mg_per_kg * kidney.weight_kg),
            route="iv",
            dosing_weight_kg=kidney.weight_kg,
        )
    made.events += off_the_label(who, given, stops)
    _counts(made, who, rng, admitted, left, anchor)
    _levels(made, who, rng, [dose.day for dose in given if dose.drug == "ganciclovir"], anchor)
    if anchor + 16.0 < left and rng.random() < (0.7 if is_non_responder else 0.05):
        _genotype(made, who, anchor + 16.0, is_changed=is_non_responder and bool(rng.random() < 0.3))


def _kidney_values(made: Bedside, who: str, rng: np.random.Generator, admitted: float, left: float) -> Kidney:
    weight = float(np.round(np.clip(rng.normal(80.0, 15.0), 45.0, 140.0)))
    first, growth = np.exp(rng.normal(np.log(70.0), 0.5)), rng.normal(0.0, 0.04)
    days = tuple(_mornings(admitted, left)) or (admitted,)
    scatter = np.exp(rng.normal(0.0, 0.05, len(days)))
    values = np.round(np.clip(first * np.exp(growth * (np.array(days) - admitted)) * scatter, 5.0, 200.0))
    for day, value in zip(days, values, strict=True):
        about = {"measured_at": moment(day), "weight_kg": weight}
        made.add(
            "kidney_function",
            patient_id=who,
            method="cockcroft_gault",
            kidney_value=float(value),
            unit="mL/min",
            **about,
        )
    return Kidney(weight, days, tuple(map(float, values)))


def _counts(made: Bedside, who: str, rng: np.random.Generator, admitted: float, left: float, anchor: float) -> None:
    neutrophils, platelets = np.exp(rng.normal(np.log(6.0), 0.5)), np.exp(rng.normal(np.log(180.0), 0.5))
    calcium, is_falling = rng.normal(1.15, 0.05), rng.random() < 0.10
    for day in _mornings(admitted, left):
        falls = np.exp(-0.2 * max(0.0, day - anchor)) if is_falling else 1.0
        values = (("neutrophils", neutrophils * falls), ("platelets", platelets * falls), ("ionised_calcium", calcium))
        for analyte, value in values if rng.random() >= 0.05 else ():
            unit = "mmol/L" if analyte == "ionised_calcium" else "10^9/L"
            made.add(
                "laboratory_values",
                patient_id=who,
                analyte=analyte,
                sampled_at=moment(day),
                analyte_value=round(
                    float(max(value, 0.05 if analyte == "neutrophils" else 5.0 if analyte == "platelets" else 0.0)), 2
                ),
                unit=unit,
            )


def _levels(made: Bedside, who: str, rng: np.random.Generator, doses: list[float], anchor: float) -> None:
    if rng.random() >= 0.30:
        return
    for day in (5.0, 12.0, 19.0):
        before = next((when for when in doses if when >= anchor + day), None)
        if before is not None:
            value = round(float(np.exp(rng.normal(np.log(1.5), 0.6))), 2)
            about = {"level_kind": "trough", "level_value": value, "unit": "mg/L"}
            made.add("drug_levels", patient_id=who, drug="ganciclovir", sampled_at=moment(before - 1.0 / 48.0), **about)


def _genotype(made: Bedside, who: str, asked: float, *, is_changed: bool) -> None:
    about = {"patient_id": who, "request_id": f"{who}-G1", "method": "genotype", "requested_at": moment(asked)}
    made.add("resistance_reports", **about, finding="requested")
    for gene in ("UL97", "UL54"):
        has_one = is_changed and gene == "UL97"
        made.add(
            "resistance_reports",
            **about,
            gene=gene,
            finding="mutation" if has_one else "no_mutation_found",
            mutation="A594V" if has_one else None,
            reported_at=moment(asked + 8.0),
        )


def course(
    made: Bedside,
    who: str,
    drug: str,
    indication: str,
    begins: float,
    ends: float,
    *,
    dose: float | None,
    every_h: float,
) -> None:
    """One row of `antiviral_courses`."""
    times = {"started_at": moment(begins), "stopped_at": moment(ends)}
    ordered = {"dose_mg_per_kg": dose, "interval_h": every_h, "route": "iv"}
    made.add("antiviral_courses", patient_id=who, drug=drug, indication=indication, **times, **ordered)


def _mornings(begins: float, ends: float) -> Iterator[float]:
    day = float(np.ceil(begins - MORNING)) + MORNING
    while day < ends:
        yield day
        day += 1.0


def _number(value: object) -> float:
    return float(str(value))


def moment(day: float) -> datetime:
    """A day, in fractions since DAY_0, as a moment in whole minutes."""
    return DAY_0 + timedelta(minutes=round(day * 1440.0))
