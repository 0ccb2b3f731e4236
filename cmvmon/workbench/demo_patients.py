"""The demo's hand-made patients as rows of the delivered tables: so that every rule alerts on somebody.

To add a patient for a rule: one entry in `demo_patients.toml`, beside this file, whose head says how one is written. A table
that has no short way there takes its rows as they stand, in its own columns, with days in place of moments. Nothing here
names a rule or a new table.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib import resources
from typing import Any

import polars as pl

from cmvmon.domain import compartments, doses_given, host_status, kidney_function, laboratory_values, words
from cmvmon.domain.birth_dates import BIRTH_DATES
from cmvmon.domain.columns import Kind, RowType
from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.doses_given import DOSES_GIVEN
from cmvmon.domain.errors import ProgramError
from cmvmon.domain.host_status import HOST_STATUS
from cmvmon.domain.kidney_function import KIDNEY_FUNCTION
from cmvmon.domain.laboratory_values import LABORATORY_VALUES
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.feeds.laboratory import Laboratory
from cmvmon.protocol.doses import MG_PER_KG
from cmvmon.simulate.stays import WARD

_GIVEN = re.compile(r"(\w+) ([\d.]+) (mg/kg|mg) q([\d.]+)h (-?[\d.]+?)\.\.(-?[\d.]+)?(?: (\w+))?(?:!(\w+))?")
_SPAN = re.compile(r"(-?[\d.]+?)(?:\.\.(-?[\d.]+)?)?")
_BORN_ON, _WEIGHT_KG, _CLEARANCE, _HOST = "1961-05-30", 80.0, 95.0, host_status.IMMUNOCOMPETENT
# Each morning the same, in 10^9/L and mmol/L, where an entry does not say otherwise.
_COUNTS = {
    laboratory_values.NEUTROPHILS: (6.1, laboratory_values.E9_PER_L),
    laboratory_values.PLATELETS: (205.0, laboratory_values.E9_PER_L),
    laboratory_values.IONISED_CALCIUM: (1.14, laboratory_values.MMOL_PER_L),
}
_UMOL_TIMES_ML = 7_000.0  # a creatinine that goes with the clearance: shown, and sets no band
_ASSAY, _REPORTED_AFTER_H, _KIDNEY_HOUR = "synthetic-pcr", 9.0, 5.0
_UNREADABLE = "?"
_OF_ENTRY = (
    "shows", "says", "stay", "ventilated", "affected", "host", "born_on", "weight_kg", "clearance", "given", "ordered", "answer",
    *_COUNTS,
)  # fmt: skip


@dataclass(frozen=True)
class Answer:
    """What somebody says of the alert of a rule on a patient of the demo. `until`: of a snooze."""

    patient_id: str
    rule: str
    said: str
    reason: str
    note: str
    by: str
    until: datetime | None


@dataclass(frozen=True)
class DemoPatients:
    """Those patients. `shows`: by patient, the rules that they are there for; `rows`: their rows by delivered table; `unreadable`: the
    accession numbers of results that are delivered in a unit that the laboratory's file does not name."""

    shows: Mapping[str, tuple[str, ...]]
    rows: Mapping[RowType, pl.DataFrame]
    answers: tuple[Answer, ...]
    unreadable: frozenset[str]


def demo_patients(as_of: datetime, laboratory: Laboratory) -> DemoPatients:
    """Everybody in `demo_patients.toml`, with days counted to `as_of`; results as that laboratory's assay reports them.

    Raises ProgramError where an entry can't be read: it names the entry and what to mend.
    """
    text = resources.files("cmvmon.workbench").joinpath("demo_patients.toml").read_text(encoding="utf-8")
    entries = tomllib.loads(text)
    found: dict[RowType, list[Mapping[str, Any]]] = {}
    for place, (name, entry) in enumerate(entries.items(), 1):
        reader = _Entry(name, entry, as_of, laboratory, bed=f"D-{place:02}")
        for table, row in reader.rows():
            found.setdefault(table, []).append(row)
    return DemoPatients(
        {_patient(name): tuple(entry["shows"]) for name, entry in entries.items()},
        {table: _frame(table, rows) for table, rows in found.items()},
        tuple(_answer(name, entry["answer"], as_of) for name, entry in entries.items() if "answer" in entry),
        frozenset(number for name, entry in entries.items() for number in _unreadable(name, entry)),
    )


def _frame(table: RowType, rows: list[Mapping[str, Any]]) -> pl.DataFrame:
    if strangers := sorted({name for row in rows for name in row} - set(table.schema)):
        raise ProgramError(f"demo_patients.toml: {table.name} has no column {', '.join(strangers)}; see docs/tables.md")
    return table.conform(pl.DataFrame(rows, schema_overrides=table.schema, infer_schema_length=None))


def _patient(name: str) -> str:
    return f"SYNTHETIC-{name}"


def _unreadable(name: str, entry: Mapping[str, Any]) -> Iterator[str]:
    for compartment in sorted(entry.keys() & set(compartments.NAMES)):
        for number, told in enumerate(entry[compartment].split(", "), 1):
            if told.endswith(_UNREADABLE):
                yield _accession(name, compartment, number)


def _accession(name: str, compartment: str, number: int) -> str:
    return f"DEMO-{name}-{compartment.upper()}-{number}"


def _answer(name: str, told: Mapping[str, Any], as_of: datetime) -> Answer:
    until = as_of + timedelta(days=told["until"]) if "until" in told else None
    return Answer(_patient(name), told["rule"], told["said"], told["reason"], told["note"], told["by"], until)


@dataclass(frozen=True)
class _Entry:
    """One entry of the file, and what it says of each table."""

    name: str
    entry: Mapping[str, Any]
    as_of: datetime
    laboratory: Laboratory
    bed: str

    @property
    def patient(self) -> dict[str, Any]:
        return {"patient_id": _patient(self.name)}

    @property
    def weight_kg(self) -> float:
        return float(self.entry.get("weight_kg", _WEIGHT_KG))

    def at(self, day: float | str) -> datetime:
        return self.as_of + timedelta(minutes=round(float(day) * 1440))

    def rows(self) -> Iterator[tuple[RowType, Mapping[str, Any]]]:
        """Every row, with its table. Raises ProgramError for a key that stands for nothing."""
        admitted, discharged = self._span(self.entry["stay"])
        breathing, _, kind = self.entry.get("ventilated", "").partition("@")
        ventilated = self._span(breathing) if breathing else (None, None)
        yield (
            ICU_STAYS,
            self.patient
            | {
                "stay_id": f"{_patient(self.name)}:stay-1",
                "admitted_at": admitted,
                "discharged_at": discharged,
                "ward": WARD,
                "bed": self.bed,
                "ventilation_started_at": ventilated[0],
                "ventilation_stopped_at": ventilated[1],
                "ventilation_kind": kind or None,
                "affected_compartments": self.entry.get("affected"),
            },
        )
        yield BIRTH_DATES, self.patient | {"born_on": self.entry.get("born_on", _BORN_ON), "stated_at": admitted}
        for condition in filter(None, self.entry.get("host", _HOST).split(";")):
            yield HOST_STATUS, self.patient | {"condition": condition, "stated_at": admitted}
        died = (self.at(told["died_at"]) for told in self.entry.get("deaths", ()) if told.get("died_at") is not None)
        yield from self._mornings(admitted, min(filter(None, (discharged, *died)), default=self.as_of))
        for text in self.entry.get("given", ()):
            yield from self._given(text)
        for text in self.entry.get("ordered", ()):
            yield next(self._given(text))
        for key, told in self.entry.items():
            if key in compartments.NAMES:
                yield from self._results(key, told)
            elif key in BY_NAME:
                yield from ((BY_NAME[key].rows, self._row(BY_NAME[key].rows, row)) for row in told)
            elif key not in _OF_ENTRY:
                raise ProgramError(
                    f"demo_patients.toml: {self.name} has the key {key}, which is no compartment and no delivered table"
                )

    def _span(self, text: str) -> tuple[datetime, datetime | None]:
        found = self._read(_SPAN, text)
        return self.at(found[1]), self.at(found[2]) if found[2] else None

    def _read(self, pattern: re.Pattern[str], text: str) -> re.Match[str]:
        found = pattern.fullmatch(text)
        if found is None:
            raise ProgramError(
                f"demo_patients.toml: {self.name} says {text!r}; the head of the file shows how to write it"
            )
        return found

    def _row(self, table: RowType, told: Mapping[str, Any]) -> Mapping[str, Any]:
        moments = {column.name for column in table.columns if column.kind is Kind.MOMENT}
        return self.patient | {name: self.at(value) if name in moments else value for name, value in told.items()}

    def _mornings(self, admitted: datetime, until: datetime) -> Iterator[tuple[RowType, Mapping[str, Any]]]:
        value = float(self.entry.get("clearance", _CLEARANCE))
        measured_at = admitted.replace(hour=0, minute=0) + timedelta(hours=_KIDNEY_HOUR)
        while (measured_at := measured_at + timedelta(days=1)) <= until:
            for method, unit, number, weight in (
                (kidney_function.COCKCROFT_GAULT, kidney_function.ML_PER_MIN, value, self.weight_kg),
                (kidney_function.CREATININE, kidney_function.UMOL_PER_L, round(_UMOL_TIMES_ML / value, 0), None),
            ):
                yield (
                    KIDNEY_FUNCTION,
                    self.patient
                    | {
                        "method": method,
                        "measured_at": measured_at,
                        "kidney_value": number,
                        "unit": unit,
                        "weight_kg": weight,
                    },
                )
            for analyte, (usual, unit) in _COUNTS.items():
                sampled = {"analyte": analyte, "sampled_at": measured_at, "unit": unit}
                yield (
                    LABORATORY_VALUES,
                    self.patient | sampled | {"analyte_value": float(self.entry.get(analyte, usual))},
                )

    def _given(self, text: str) -> Iterator[tuple[RowType, Mapping[str, Any]]]:
        """The course, then each of its doses until it ends, or until now."""
        found = self._read(_GIVEN, text)
        drug, dose, every_h = found[1], float(found[2]), float(found[4])
        started, stopped = self.at(found[5]), self.at(found[6]) if found[6] else None
        by_weight = found[3] == MG_PER_KG
        shared = self.patient | {
            "drug": drug,
            "indication": found[7] or words.INDICATION[0],
            "route": "iv" if by_weight else "oral",
        }
        yield (
            ANTIVIRAL_COURSES,
            shared
            | {
                "dose_mg_per_kg": dose if by_weight else None,
                "dose_mg": None if by_weight else dose,
                "interval_h": every_h,
                "started_at": started,
                "stopped_at": stopped,
                "stop_reason": found[8],
            },
        )
        given_at = started
        while given_at < (stopped or self.as_of):
            yield (
                DOSES_GIVEN,
                shared
                | {
                    "administered": doses_given.GIVEN,
                    "given_at": given_at,
                    "dose_mg": dose * self.weight_kg if by_weight else dose,
                    "dosing_weight_kg": self.weight_kg,
                },
            )
            given_at += timedelta(hours=every_h)

    def _results(self, compartment: str, text: str) -> Iterator[tuple[RowType, Mapping[str, Any]]]:
        for number, (day, told) in enumerate((part.split() for part in text.split(", ")), 1):
            collected = self.at(day)
            said, _, withdrawn = told.removesuffix(_UNREADABLE).partition("~")
            value, _, other = said.partition("@")
            name = other or _ASSAY
            reported = collected + timedelta(hours=_REPORTED_AFTER_H)
            assay = self.laboratory.assay_table.row(name, compartment, collected.date())
            if assay is None:
                raise ProgramError(
                    f"demo_patients.toml: the synthetic laboratory measures nothing in {compartment} by {name}"
                )
            accession = _accession(self.name, compartment, number)
            states = {"nd": words.NOT_DETECTED, "<": words.BELOW_LLOQ, ">": words.ABOVE_ULOQ}
            detection = states.get(value if value == "nd" else value[0], words.QUANTIFIED)
            row = self.patient | {
                "result_id": f"{self.laboratory.laboratory}:{accession}:cmv_dna",
                "accession_number": accession,
                "compartment": compartment,
                "laboratory": self.laboratory.laboratory,
                "assay": name,
                "collected_at": collected,
                "reported_at": reported,
                "result_status": words.FINAL,
                "detection": detection,
                "viral_load_iu_per_ml": float(value) if detection == words.QUANTIFIED else None,
                "lod_iu_per_ml": assay.lod_iu_per_ml,
                "lloq_iu_per_ml": assay.lloq_iu_per_ml,
                "uloq_iu_per_ml": assay.uloq_iu_per_ml,
            }
            yield VIRAL_LOAD_RESULTS, row
            if withdrawn:
                yield VIRAL_LOAD_RESULTS, row | {"result_status": words.WITHDRAWN, "reported_at": self.at(withdrawn)}
