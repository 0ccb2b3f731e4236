"""What else is written of the patients of `benchmarks.unit_year`: transplants, prophylaxis, second drugs, deaths; nothing of cmvmon.

Drawn after the loads and the bedside, from streams of its own: no load, no course and no dose of ganciclovir depends on it.
Written before any result was looked at. Where no source is named it is an assumption. What it assumes of transplants,
prophylaxis, second drugs, deaths:

- Of the immunosuppressed 25 % have a solid organ transplant and 15 % a stem cell transplant. Of each the serostatus is stated: of
  organs D+/R- 20 %, D+/R+ 35 %, D-/R+ 25 %, D-/R- 20 % (about as in registries of kidney and lung); of stem cells recipient
  positive 65 %.
- Valganciclovir as prophylaxis, of who has no letermovir, until treatment begins or the stay ends: 60 % of transplanted patients
  whose CMV stays away, 10 % of those whose CMV reactivates (prophylaxis works; breakthrough is rare). It began 14 to 90 days
  (uniform) before the stay. The label's 900 mg a day, by tube, by the clearance of the morning (450 mg a day below 60, every
  other day below 40, twice a week below 25 mL/min, none below 10), in three of four; the others keep the dose of their first day.
  2 % of doses are missed.
- Of letermovir as prophylaxis 480 mg are given each day; 2 % are missed.
- Of who has such prophylaxis and was never treated: weight, clearance and counts each morning as of the treated
  (`unit_year_bedside.py`). On valganciclovir neutrophils fall by 8 % a day in 10 % (its label: neutrophils below 0.5 in about 1
  in 20); of stem cell transplants one in four has neutrophils of 0.1 to 0.5 and platelets of 10 to 40 x 10^9/L all the stay (not
  engrafted).
- Foscarnet is added to ganciclovir 14 to 18 days (uniform) after the first dose, in 30 % of non-responders and 3 % of others who
  still have it, until treatment ends: the label's dose of the morning, 50 mg/kg a day where it has none. Cidofovir in its place
  in one of five: 5 mg/kg a week. The load is not changed by either.
- Of what is asked of resistance a report comes after normal(14, 4) days, at least 6, and not after the 8 days of the bedside's
  rows.
- 10 % of all patients, and 25 % of those whose CMV reactivates, die at the end of their stay. (ICU mortality of all patients in
  the Netherlands is about one in ten; with CMV reactivation cohorts give one in four to one in two.)
"""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from benchmarks.unit_year_bedside import MORNING, Bedside, course, moment
from benchmarks.unit_year_doses import FOSCARNET, Kidney

ASSUMED = "What it assumes of transplants, prophylaxis, second drugs, deaths:"
ORGAN, STEM_CELLS = "solid_organ_transplant", "stem_cell_transplant"
VALGANCICLOVIR = ((60.0, 450.0, 24.0, 2), (40.0, 450.0, 24.0, 1), (25.0, 450.0, 48.0, 1), (10.0, 450.0, 84.0, 1))
ON_CIDOFOVIR_H = 168.0
REPORT_DAYS = (14.0, 4.0, 6.0)
Row = dict[str, Any]


def add_context(made: Bedside, patients: pl.DataFrame, seed: int, *, non_responder: str, never: str) -> None:
    """Adds its rows to `made`. `non_responder`, `never`: what `course` says of one, and of who has no CMV."""
    letermovir = {row["patient_id"] for row in made.rows["antiviral_courses"] if row["drug"] == "letermovir"}
    kidneys = _kidneys(made)
    for row in patients.iter_rows(named=True):
        rng = np.random.default_rng([seed, zlib.crc32(row["patient_id"].encode()), 4])
        is_away = row["course"] == never
        host = _host(made, row, rng)
        _deaths(made, row, rng, share=0.10 if is_away else 0.25)
        _prophylaxis(made, row, rng, host, kidneys, has_letermovir=row["patient_id"] in letermovir, is_away=is_away)
        if row["anchor"] is not None:
            _second_drug(made, row, rng, kidneys[row["patient_id"]], is_non_responder=row["course"] == non_responder)
    _reports_late(made, seed)


def _kidneys(made: Bedside) -> dict[str, Kidney]:
    """Of who has a clearance on record: as the bedside drew it."""
    found: dict[str, list[Row]] = {}
    for row in made.rows["kidney_function"]:
        found.setdefault(str(row["patient_id"]), []).append(row)
    day_of = {name: [_day(row["measured_at"]) for row in rows] for name, rows in found.items()}
    return {
        name: Kidney(
            float(rows[0]["weight_kg"]), tuple(day_of[name]), tuple(float(row["kidney_value"]) for row in rows)
        )
        for name, rows in found.items()
    }


def _day(at: Any) -> float:
    return float((at - moment(0.0)) / timedelta(days=1))


def _host(made: Bedside, row: Mapping[str, Any], rng: np.random.Generator) -> str | None:
    drawn, serostatus = rng.random(), rng.random()
    if row["condition"] != "immunosuppression" or drawn >= 0.40:
        return None
    host = ORGAN if drawn < 0.25 else STEM_CELLS
    about = {"patient_id": row["patient_id"], "test": "statement", "sampled_at": moment(row["admitted"])}
    made.add("host_status", patient_id=row["patient_id"], condition=host, stated_at=moment(row["admitted"]))
    donor, recipient = (serostatus < 0.55, 0.20 <= serostatus < 0.80) if host == ORGAN else (None, serostatus < 0.65)
    for of_whom, is_positive in (("recipient", recipient), ("donor", donor)):
        if is_positive is not None:
            says = "positive" if is_positive else "negative"
            made.add("cmv_serology", **about, of_whom=of_whom, serology_result=says)
    return host


def _deaths(made: Bedside, row: Mapping[str, Any], rng: np.random.Generator, *, share: float) -> None:
    if rng.random() < share:
        at = moment(row["left"])
        made.add("deaths", patient_id=row["patient_id"], died_at=at, says="died", stated_at=at)


def _prophylaxis(
    made: Bedside,
    row: Mapping[str, Any],
    rng: np.random.Generator,
    host: str | None,
    kidneys: dict[str, Kidney],
    *,
    has_letermovir: bool,
    is_away: bool,
) -> None:
    who, admitted = str(row["patient_id"]), float(row["admitted"])
    until = float(row["left"] if row["anchor"] is None else row["anchor"])
    given = rng.random() < (0.60 if is_away else 0.10) and host is not None and not has_letermovir
    began, is_adapted, is_falling = admitted - rng.uniform(14.0, 90.0), rng.random() < 0.75, rng.random() < 0.10
    not_engrafted = host == STEM_CELLS and rng.random() < 0.25
    if not given and not has_letermovir:
        return
    if who not in kidneys:
        kidneys[who] = _mornings_of(made, who, rng, row, falls=0.08 * (given and is_falling), is_low=not_engrafted)
    if has_letermovir:
        for day in np.arange(admitted, until, 1.0):
            _dose(made, who, rng, "letermovir", float(day), 480.0, kidneys[who].weight_kg)
        return
    course(made, who, "valganciclovir", "prophylaxis", began, until, dose=None, every_h=24.0)
    made.rows["antiviral_courses"][-1]["route"] = "enteral"
    day = admitted
    while day < until:
        label = _label(kidneys[who].at(day if is_adapted else admitted))
        if label is None:
            day += 1.0
            continue
        tablet, every_h, tablets = label
        _dose(made, who, rng, "valganciclovir", day, tablet * tablets, kidneys[who].weight_kg)
        day += every_h / 24.0


def _label(clearance: float) -> tuple[float, float, int] | None:
    return next(((mg, hours, tablets) for least, mg, hours, tablets in VALGANCICLOVIR if clearance >= least), None)


def _dose(
    made: Bedside, who: str, rng: np.random.Generator, drug: str, day: float, dose_mg: float, weight_kg: float
) -> None:
    is_missed = bool(rng.random() < 0.02)
    made.add(
        "doses_given",
        patient_id=who,
        drug=drug,
        indication="prophylaxis",
        administered="missed" if is_missed else "given",
        given_at=moment(day),
        dose_mg=None if is_missed else dose_mg,
        route="enteral",
        dosing_weight_kg=weight_kg,
    )


def _mornings_of(
    made: Bedside, who: str, rng: np.random.Generator, row: Mapping[str, Any], *, falls: float, is_low: bool
) -> Kidney:
    """Weight, clearance and counts of each morning of who was never treated."""
    admitted, left = float(row["admitted"]), float(row["left"])
    weight = float(np.round(np.clip(rng.normal(80.0, 15.0), 45.0, 140.0)))
    first, growth = np.exp(rng.normal(np.log(70.0), 0.5)), rng.normal(0.0, 0.04)
    neutrophils, platelets = np.exp(rng.normal(np.log(6.0), 0.5)), np.exp(rng.normal(np.log(180.0), 0.5))
    if is_low:
        neutrophils, platelets = rng.uniform(0.1, 0.5), rng.uniform(10.0, 40.0)
    days = np.arange(np.ceil(admitted - MORNING) + MORNING, left, 1.0)
    days = days if len(days) else np.array([admitted])
    scatter = np.exp(rng.normal(0.0, 0.05, len(days)))
    values = np.round(np.clip(first * np.exp(growth * (days - admitted)) * scatter, 5.0, 200.0))
    for day, value in zip(days, values, strict=True):
        about = {"patient_id": who, "measured_at": moment(float(day)), "weight_kg": weight}
        made.add("kidney_function", **about, method="cockcroft_gault", kidney_value=float(value), unit="mL/min")
        if rng.random() < 0.05:
            continue
        factor = float(np.exp(-falls * (day - admitted)))
        for analyte, count, least in (("neutrophils", neutrophils, 0.05), ("platelets", platelets, 5.0)):
            made.add(
                "laboratory_values",
                patient_id=who,
                analyte=analyte,
                sampled_at=moment(float(day)),
                analyte_value=round(max(float(count) * (factor if analyte == "neutrophils" else 1.0), least), 2),
                unit="10^9/L",
            )
    return Kidney(weight, tuple(map(float, days)), tuple(map(float, values)))


def _second_drug(
    made: Bedside, row: Mapping[str, Any], rng: np.random.Generator, kidney: Kidney, *, is_non_responder: bool
) -> None:
    who, stops = str(row["patient_id"]), float(row["course_end"])
    day = float(row["anchor"]) + float(rng.uniform(14.0, 18.0))
    is_added, is_cidofovir = rng.random() < (0.30 if is_non_responder else 0.03), rng.random() < 0.20
    has_foscarnet = any(
        one["patient_id"] == who and one["drug"] == "foscarnet" for one in made.rows["antiviral_courses"]
    )
    if not is_added or has_foscarnet or day >= stops:
        return
    drug = "cidofovir" if is_cidofovir else "foscarnet"
    mg_per_kg, every_h = _second_dose(kidney, day, is_cidofovir=is_cidofovir)
    course(made, who, drug, "treatment", day, stops, dose=mg_per_kg, every_h=every_h)
    while day < stops:
        mg_per_kg, every_h = _second_dose(kidney, day, is_cidofovir=is_cidofovir)
        made.add(
            "doses_given",
            patient_id=who,
            drug=drug,
            indication="treatment",
            administered="given",
            given_at=moment(day),
            dose_mg=round(mg_per_kg * kidney.weight_kg),
            route="iv",
            dosing_weight_kg=kidney.weight_kg,
        )
        day += every_h / 24.0


def _second_dose(kidney: Kidney, day: float, *, is_cidofovir: bool) -> tuple[float, float]:
    if is_cidofovir:
        return 5.0, ON_CIDOFOVIR_H
    value = kidney.at(day) / kidney.weight_kg
    return next((dose, hours) for least, dose, hours in FOSCARNET if value > least)


def _reports_late(made: Bedside, seed: int) -> None:
    mean, sd, least = REPORT_DAYS
    for row in made.rows.get("resistance_reports", ()):
        rng, asked = np.random.default_rng([seed, zlib.crc32(str(row["patient_id"]).encode()), 5]), row["requested_at"]
        if row["finding"] != "requested" and isinstance(asked, datetime):
            row["reported_at"] = asked + timedelta(minutes=round(1440.0 * max(least, float(rng.normal(mean, sd)))))
