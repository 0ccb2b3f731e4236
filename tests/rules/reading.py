"""Reads the case tables of the rules: small tables that a clinician can read, in tests/rules/cases/<rule>.md.

A row tells one patient's course in a short form, days counted from day 0 = 2026-03-01 08:00 UTC:
    results   `bal d0 1000000, d7 <200; plasma d0 nd`    value, `<LLOQ` (detected), `nd` (not detected), `>ULOQ`, `clash`;
              `9000~300` (reported as 9,000, corrected to 300), `nd?` (not detected, limits of the assay not known)
    courses   `ganciclovir d0-d14`, `ganciclovir d0-` (runs), `ganciclovir(prophylaxis) d0-`, `ganciclovir(?) d0-`
              (intent unknown), `-` (table delivered, no row), `never` (table never delivered)
    stays     `d-3- bal` (open; stated affected), `d-3-d20`, `d-3- none` (stated none), `never`
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import polars as pl

from cmvmon.assess import Assessment, assess
from cmvmon.domain.known import Known
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.shell.protocol_files import Protocol

CASES = Path(__file__).parent / "cases"
DAY_0 = datetime(2026, 3, 1, 8, tzinfo=UTC)
PATIENT = "SYNTHETIC-0001"
LIMITS = dict.fromkeys(("plasma", "whole_blood", "serum"), (17.5, 35.0, 10000000.0)) | {"bal": (100.0, 200.0, 1e8)}


@dataclass(frozen=True)
class Case:
    """One row of a case table."""

    rule: str
    name: str
    kind: str
    results: str
    courses: str
    stays: str
    as_of_day: float
    compartment: str | None
    verdict: str
    reason: str | None
    tier: int | None


def cases(rule: str) -> list[Case]:
    """The cases of one rule."""
    lines = [line for line in (CASES / f"{rule}.md").read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    made = []
    for row in rows:
        cell = dict(zip(header, row, strict=True))
        made.append(
            Case(
                rule,
                cell["case"],
                cell["kind"],
                cell["results"],
                cell["courses"],
                cell["stays"],
                float(cell["as of day"]),
                cell["about"] if cell["about"] != "-" else None,
                cell["verdict"],
                cell["reason"] if cell["reason"] != "-" else None,
                int(cell["tier"]) if cell["tier"] != "-" else None,
            )
        )
    return made


def assessed(case: Case, *, protocol: Protocol | None = None) -> Assessment:
    """The whole assessment of the case's patient."""
    return assess(tables(case), protocol=protocol or Protocol.shipped(), as_of=at(case.as_of_day))


def tables(case: Case) -> Known:
    """The case's tables, as they would come from a store."""
    return Known.of(
        {
            VIRAL_LOAD_RESULTS: _results(case.results),
            ANTIVIRAL_COURSES: _courses(case.courses),
            ICU_STAYS: _stays(case.stays),
        }
    )


def at(day: float) -> datetime:
    """The moment of a day of the case."""
    return DAY_0 + timedelta(days=day)


def _results(text: str) -> pl.DataFrame:
    rows = []
    for series in filter(None, (part.strip() for part in text.split(";"))):
        if series == "-":
            continue
        name, samples = series.split(" ", 1)
        compartment, _, laboratory = name.partition("@")
        lod, lloq, uloq = LIMITS.get(compartment, LIMITS["bal"])
        for number, sample in enumerate(samples.split(",")):
            day, value = sample.split()
            for version, (said, status) in enumerate(_versions(value)):
                known = not said.endswith("?")
                rows.append(
                    {
                        "result_id": f"lab:{name}{number}:cmv_dna",
                        "patient_id": PATIENT,
                        "compartment": compartment,
                        "laboratory": laboratory or "lab",
                        "assay": "assay",
                        "collected_at": at(float(day.removeprefix("d"))),
                        "result_status": status,
                        "detection": _detection(said),
                        "viral_load_iu_per_ml": _load(said),
                        "lod_iu_per_ml": lod if known else None,
                        "lloq_iu_per_ml": lloq if known else None,
                        "uloq_iu_per_ml": uloq if known else None,
                        "delivered_value": f"{value}{version}",
                    }
                )
    return VIRAL_LOAD_RESULTS.conform(
        pl.DataFrame(rows, infer_schema_length=None) if rows else VIRAL_LOAD_RESULTS.empty()
    )


def _versions(value: str) -> list[tuple[str, str]]:
    """What was reported under one number, with its status, in order."""
    if value == "clash":
        return [("1000", "final"), ("2000", "final")]
    first, _, corrected = value.partition("~")
    return [(first, "final"), (corrected, "corrected")] if corrected else [(first, "final")]


def _detection(value: str) -> str:
    return {"n": "not_detected", "<": "below_lloq", ">": "above_uloq"}.get(value[0], "quantified")


def _load(value: str) -> float | None:
    return float(value) if value[0].isdigit() else None


def _span(text: str) -> tuple[datetime, datetime | None]:
    start, stop = re.fullmatch(r"d(-?[\d.]+)-(?:d(-?[\d.]+))?", text).groups()  # type: ignore[union-attr]
    return at(float(start)), None if stop is None else at(float(stop))


def _courses(text: str) -> pl.DataFrame | None:
    if text == "never":
        return None
    rows = []
    for part in text.split(";") if text != "-" else ():
        drug, span = part.split()
        name, _, intent = drug.partition("(")
        started, stopped = _span(span)
        indication = {"": "treatment", "?": None}.get(intent.rstrip(")"), intent.rstrip(")"))
        rows.append(
            {
                "patient_id": PATIENT,
                "drug": name,
                "indication": indication,
                "route": "iv",
                "started_at": started,
                "stopped_at": stopped,
            }
        )
    return ANTIVIRAL_COURSES.conform(
        pl.DataFrame(rows, infer_schema_length=None) if rows else ANTIVIRAL_COURSES.empty()
    )


def _stays(text: str) -> pl.DataFrame | None:
    if text == "never":
        return None
    rows = []
    for number, part in enumerate(text.split("/") if text != "-" else ()):
        span, _, stated = part.strip().partition(" ")
        admitted, discharged = _span(span)
        rows.append(
            {
                "stay_id": f"stay-{number}",
                "patient_id": PATIENT,
                "admitted_at": admitted,
                "discharged_at": discharged,
                "affected_compartments": stated.replace("+", ";") or None,
            }
        )
    return ICU_STAYS.conform(pl.DataFrame(rows, infer_schema_length=None) if rows else ICU_STAYS.empty())
