"""One made-up ward in the files of a Dutch and of an American hospital: `ward.md` holds what is measured, the TOML files how each writes.

What has one unit everywhere (mg of a dose, kg, mL/min) is told below, in the small languages of tests/patients.py and tests/exposures.py.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from shutil import copytree
from typing import Any
from zoneinfo import ZoneInfo

from cmvmon.domain import kidney_function, laboratory_values
from tests import exposures, patients, sites

HERE = Path(__file__).parent
AS_OF = patients.moment(6.5)
FEED = "hospital"
RESULTS, KIDNEY, LEVELS, VALUES, OXYGENATION, HOSTS, DOSES, COURSES, STAYS = TABLES = (
    "viral_load_results", "kidney_function", "drug_levels", "laboratory_values", "oxygenation", "host_status", "doses_given",
    "antiviral_courses", "icu_stays",
)  # fmt: skip
IMMUNOCOMPETENT = "previously_immunocompetent d-5-"
OTHERWISE = {
    "courses": {
        **dict.fromkeys(("MOVED", "NOT-MOVED", "LEVEL-AT", "DOSE-LOW", "DOSE-AT", "EGFR"), "ganciclovir d0-"),
        **dict.fromkeys(("ANC-LOW", "ANC-AT", "ANC-LOW-K", "ANC-AT-K"), "ganciclovir d0-"),
        **dict.fromkeys(("PLT-LOW", "PLT-AT", "PLT-LOW-UL", "PLT-AT-UL"), "ganciclovir d0-"),
        **dict.fromkeys(("FOS-1", "FOS-2"), "foscarnet d0-"),
        **dict.fromkeys(("CDV-HIGH", "CDV-BELOW"), "cidofovir d0-"),
    },
    "doses": {
        **dict.fromkeys(("MOVED", "NOT-MOVED", "LEVEL-AT", "EGFR"), "ganciclovir 5 q12 d0-d6.5"),
        "DOSE-LOW": "ganciclovir 275mg q12 d0-d6.5",
        "DOSE-AT": "ganciclovir 285mg q12 d0-d6.5",
        "FOS-1": "foscarnet 60 q8 d0-d6.5",
    },
    "kidney": {
        **dict.fromkeys(("MOVED", "NOT-MOVED", "LEVEL-AT", "DOSE-LOW", "DOSE-AT"), "cg 80 d0-d7"),
        "EGFR": "egfr/1.9 80 d0-d7",
        "FOS-1": "label 1.5 d0-d7",
        "FOS-2": "label 0.35 d0-d7",
        **dict.fromkeys(("CDV-HIGH", "CDV-BELOW"), "cg 90 d0-d7; measured 95 d3"),
    },
    "hosts": {
        **dict.fromkeys(("COPIES-AT", "COPIES-BELOW", "US-COPIES-AT"), IMMUNOCOMPETENT),
        **dict.fromkeys(("LOG-COPIES-AT", "LOG-COPIES-LOW"), IMMUNOCOMPETENT),
        **dict.fromkeys(("PF-SAME", "PF-BETTER"), "covid_19 d-1-"),
    },
}
VENTILATED = "d-5- none ~d0-"


@dataclass(frozen=True)
class Measured:
    """One sample, and what the laboratory of each country prints of it: value and unit, parted by the first blank."""

    patient: str
    what: str
    day: float
    printed: Mapping[str, str]


@dataclass(frozen=True)
class Country:
    """How the hospital of a country writes: its two TOML files, which are those of the site."""

    name: str

    @cached_property
    def files(self) -> dict[str, dict[str, Any]]:
        return {
            kind: tomllib.loads((HERE / self.name / kind / f"{FEED}.toml").read_text("utf-8"))
            for kind in ("labs", "tables")
        }

    def text(self, table: str, rows: Iterable[Mapping[str, object]]) -> bytes:
        """A file of that table in the country's headers, words, numbers, times and encoding."""
        file = self.files["labs" if table == RESULTS else "tables"]
        own = file if table == RESULTS else file[table]
        columns, words = own["columns"], own.get("words", {})
        out = io.StringIO()
        writer = csv.writer(out, delimiter=file["separator"], lineterminator="\n")
        writer.writerow(columns.values())
        for row in rows:
            writer.writerow([self._cell(row.get(name), words.get(name, {}), file) for name in columns])
        return out.getvalue().encode(file["encoding"])

    def _cell(self, value: object, words: Mapping[str, list[str]], file: Mapping[str, Any]) -> str:
        if isinstance(value, datetime):
            return value.astimezone(ZoneInfo(file["time_zone"])).strftime(file["time_formats"][0])
        if isinstance(value, float):
            return f"{value:g}".replace(".", file["numbers"]["decimal"])
        return "" if value is None else words.get(str(value), [str(value)])[0]


DUTCH, AMERICAN = COUNTRIES = (Country("dutch"), Country("american"))


def measured() -> list[Measured]:
    """The lines of `ward.md`, one for each day."""
    lines = [line for line in (HERE / "ward.md").read_text("utf-8").splitlines() if line.startswith("|")][2:]
    found = []
    for line in lines:
        patient, what, days, dutch, american = (cell.strip() for cell in line.strip("|").split("|"))
        first, _, last = days.partition(" to ")
        for day in [float(first)] if not last else range(int(first), int(last) + 1):
            found.append(Measured(patient, what, float(day), {DUTCH.name: dutch, AMERICAN.name: american}))
    return found


def rows(country: Country) -> dict[str, list[dict[str, object]]]:
    """By table what is delivered: our columns, the value and the unit as the country's laboratory prints them."""
    found: dict[str, list[dict[str, object]]] = {table: [] for table in TABLES}
    for one in measured():
        table, row = _row(one, *one.printed[country.name].split(" ", 1))
        found[table].append({"patient_id": one.patient, **row})
    for table, row in _otherwise():
        found[table].append(row)
    return found


def site(root: Path, country: Country, *, without: Iterable[str] = ()) -> Path:
    """A site of that country whose drop folder holds the ward."""
    copytree(HERE / country.name, root, dirs_exist_ok=True)
    for table, delivered in rows(country).items():
        if table not in without:
            put(root / "drop" / FEED / table / "one.csv", country.text(table, delivered))
    return root


def put(path: Path, data: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    sites.lain_still(path)


def _row(one: Measured, value: str, unit: str) -> tuple[str, dict[str, object]]:
    at, what = patients.moment(one.day), one.what
    if what in ("plasma", "bal"):
        specimen, number = {"bal": "BAL"}.get(what, what), f"{one.patient}-{what}-{one.day:g}"
        told = {"specimen": specimen, "accession_number": number, "reported_at": patients.moment(one.day + 0.2)}
        return RESULTS, {**told, "value": value, "unit": unit, "collected_at": at}
    if what == kidney_function.CREATININE:
        return KIDNEY, {"method": what, "measured_at": at, "kidney_value": value, "unit": unit}
    if what == "pao2/fio2":
        return OXYGENATION, {"measured_at": at, "pao2_fio2_ratio": value, "ratio_unit": unit}
    if what == "cd4":  # the unit is in the head of the column
        return HOSTS, {"condition": "hiv_aids", "stated_at": at, "cd4_cells_per_ul": value}
    if what.startswith("level "):
        return LEVELS, {"drug": what.removeprefix("level "), "sampled_at": at, "level_value": value, "unit": unit}
    if what not in laboratory_values.ANALYTES:
        raise ValueError(f"ward.md measures {what}, of which no table is known here")
    return VALUES, {"analyte": what, "sampled_at": at, "analyte_value": value, "unit": unit}


def _otherwise() -> Iterator[tuple[str, dict[str, object]]]:
    """What is the same in both countries but for headers, words, numbers and times."""
    everyone = sorted({one.patient for one in measured()} | {name for told in OTHERWISE.values() for name in told})
    for patient in everyone:
        said = {kind: told.get(patient, "never") for kind, told in OTHERWISE.items()}
        stay = VENTILATED if patient.startswith("PF-") else "d-5- none"
        of_courses, of_hosts = patients.courses_frame(said["courses"]), patients.hosts_frame(said["hosts"])
        told: tuple[tuple[str, Iterable[Mapping[str, Any]]], ...] = (
            (STAYS, patients.stays_frame(stay).to_dicts()),  # type: ignore[union-attr]
            (COURSES, [] if of_courses is None else of_courses.to_dicts()),
            (HOSTS, [] if of_hosts is None else of_hosts.to_dicts()),
            (DOSES, exposures.dose_rows(said["doses"], patient)),
            (KIDNEY, exposures.kidney_rows(said["kidney"], patient)),
        )
        for table, rows_of in told:
            for row in rows_of:
                own = {"stay_id": f"stay-{patient}"} if table == STAYS else {}
                yield table, {**row, "patient_id": patient, **own}
