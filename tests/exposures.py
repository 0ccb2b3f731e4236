"""What was given to a made-up patient, and how the kidneys were, in the small language of tests/patients.py.

    doses     `ganciclovir 5 q12 d0-d14` (5 mg/kg of 70 kg every 12 hours, the first on day 0, the last before day 14),
              `ganciclovir 5 q12 d0-` (on and on), `valganciclovir 900mg q12 d0-` (mg), `... !d3 !d3.5` (missed then),
              `ganciclovir(prophylaxis) 5 q24 d0-`, `ganciclovir@? 5 q12 d0-` (dosing weight not known),
              two joined by `;`, `-` (delivered, none), `never`
    kidney    `cg 80 d0-` (Cockcroft-Gault 80 mL/min, every day from day 0 on), `measured 80 d3` (once), `label 1.4 d0-`
              (mL/min/kg), `egfr 60 d0-` (no body surface), `egfr/1.9 60 d0-` (body surface 1.9 m2), `umol 133 d0-`,
              `mgdl 1.5 d0-` (creatinine), `cvvhdf d3-d6` (renal replacement), `cvvhdf/citrate d3-d6` (with its anticoagulant), joined by `;`, `never`
    beside    `P01CX01 iv d3-d5` (another drug by ATC code and route), `J01DH51 ? d3-` (route not known, runs), joined by `;`,
              `-` (delivered, none), `never`
    born      `1961-05-30`, `never`

Values of kidney function are of an hour after the full day. All synthetic.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import polars as pl

from cmvmon.domain.birth_dates import BIRTH_DATES
from cmvmon.domain.co_medication import CO_MEDICATION
from cmvmon.domain.columns import RowType
from cmvmon.domain.doses_given import DOSES_GIVEN
from cmvmon.domain.kidney_function import KIDNEY_FUNCTION
from cmvmon.domain.known import Known
from cmvmon.domain.renal_replacement import MODALITIES, RENAL_REPLACEMENT
from tests.patients import PATIENT, moment

WEIGHT_KG = 70.0
LAST_DAY = 70.0
_METHODS = {
    "cg": ("cockcroft_gault", "mL/min"),
    "measured": ("measured_urinary_crcl", "mL/min"),
    "label": ("foscarnet_label", "mL/min/kg"),
    "egfr": ("egfr_per_1_73_m2", "mL/min/1.73m2"),
    "umol": ("creatinine", "umol/L"),
    "mgdl": ("creatinine", "mg/dL"),
}


def with_exposure(
    known: Known,
    *,
    doses: str = "never",
    kidney: str = "never",
    born: str = "never",
    beside: str = "never",
    patient: str = PATIENT,
) -> Known:
    """The same with these tables; each that is `never` was never delivered."""
    said: dict[RowType, pl.DataFrame | None] = {
        DOSES_GIVEN: _frame(DOSES_GIVEN, doses, list(dose_rows(doses, patient))),
        KIDNEY_FUNCTION: _frame(KIDNEY_FUNCTION, kidney, list(kidney_rows(kidney, patient))),
        RENAL_REPLACEMENT: _frame(RENAL_REPLACEMENT, kidney, list(replacement_rows(kidney, patient))),
        CO_MEDICATION: _frame(CO_MEDICATION, beside, list(beside_rows(beside, patient))),
        BIRTH_DATES: _frame(BIRTH_DATES, born, [{"patient_id": patient, "born_on": born, "stated_at": moment(-30)}]),
    }
    delivered = {rows.name: frame for rows, frame in said.items() if frame is not None}
    return replace(known, tables={**known.tables, **delivered})


def dose_rows(text: str, patient: str) -> Iterator[Mapping[str, Any]]:
    """Each dose that was given or missed."""
    for part in _parts(text):
        name, amount, often, span, *missed = part.split()
        drug, _, intent = name.partition("(")
        drug, _, weight = drug.partition("@")
        start, stop = _span(span)
        missed_on = {round(float(day.removeprefix("!d")) * 24) for day in missed}
        every_h = float(often.removeprefix("q"))
        in_mg = float(amount.removesuffix("mg")) * (1.0 if amount.endswith("mg") else WEIGHT_KG)
        hours = start * 24
        while hours < stop * 24 - 1e-6:
            was_missed = round(hours) in missed_on
            yield {
                "patient_id": patient,
                "drug": drug,
                "indication": intent.rstrip(")") or "treatment",
                "administered": "missed" if was_missed else "given",
                "given_at": moment(hours / 24),
                "dose_mg": None if was_missed else in_mg,
                "route": "iv",
                "dosing_weight_kg": None if weight == "?" else WEIGHT_KG,
            }
            hours += every_h


def kidney_rows(text: str, patient: str) -> Iterator[Mapping[str, Any]]:
    """Each value of kidney function: one, or one a day."""
    for part in _parts(text):
        name, *said = part.split()
        method, _, surface = name.partition("/")
        if method in MODALITIES:
            continue
        value, span = said
        is_one = "-" not in span.removeprefix("d-")
        start, stop = (float(span.removeprefix("d")),) * 2 if is_one else _span(span)
        for day in range(int(stop - start) + 1 if is_one else int(stop - start)):
            yield {
                "patient_id": patient,
                "method": _METHODS[method][0],
                "measured_at": moment(start + day + 1 / 24),
                "kidney_value": float(value),
                "unit": _METHODS[method][1],
                "body_surface_m2": float(surface) if surface else None,
            }


def replacement_rows(text: str, patient: str) -> Iterator[Mapping[str, Any]]:
    """Each period of renal replacement."""
    for part in _parts(text):
        name, *said = part.split()
        modality, _, anticoagulant = name.partition("/")
        if modality in MODALITIES:
            yield {
                "patient_id": patient,
                "modality": modality,
                "anticoagulant": anticoagulant or None,
                **_period(said[0]),
            }


def beside_rows(text: str, patient: str) -> Iterator[Mapping[str, Any]]:
    """Each other drug."""
    for part in _parts(text):
        code, route, span = part.split()
        yield {"patient_id": patient, "atc_code": code, "route": None if route == "?" else route, **_period(span)}


def _period(text: str) -> Mapping[str, Any]:
    start, stop = re.fullmatch(r"d(-?[\d.]+)-(?:d(-?[\d.]+))?", text).groups()  # type: ignore[union-attr]
    return {"started_at": moment(float(start)), "stopped_at": None if stop is None else moment(float(stop))}


def _parts(text: str) -> list[str]:
    return [] if text in ("-", "never") else [part.strip() for part in text.split(";")]


def _span(text: str) -> tuple[float, float]:
    start, stop = re.fullmatch(r"d(-?[\d.]+)-(?:d(-?[\d.]+))?", text).groups()  # type: ignore[union-attr]
    return float(start), LAST_DAY if stop is None else float(stop)


def _frame(rows: RowType, text: str, found: list[Mapping[str, Any]]) -> pl.DataFrame | None:
    if text == "never":
        return None
    return rows.conform(pl.DataFrame(found, infer_schema_length=None) if found else rows.empty())
