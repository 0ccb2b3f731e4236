"""Reads the case tables of the rules: small tables that a clinician can read, in tests/rules/cases/<rule>.md.

A row tells one patient's course in the language of tests/patients.py: columns `results`, `courses`, `stays`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib import resources
from pathlib import Path

from cmvmon.assess import Assessment, assess
from cmvmon.domain.known import Known
from cmvmon.protocol import Protocol, read_protocol
from cmvmon.rules import needed_numbers
from tests import patients
from tests.patients import DAY_0, PATIENT
from tests.patients import moment as at

__all__ = ["CASES", "DAY_0", "PATIENT", "Case", "assessed", "at", "cases", "shipped_protocol", "tables"]

CASES = Path(__file__).parent / "cases"


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


@cache
def shipped_protocol() -> Protocol:
    """The protocol that ships with the package."""
    folder = resources.files("cmvmon.protocol")
    text = folder.joinpath("icu_cmv_2024.toml").read_text(encoding="utf-8")
    priors = {
        file.name.removesuffix(".toml"): file.read_text(encoding="utf-8")
        for file in folder.joinpath("priors").iterdir()
        if file.name.endswith(".toml")
    }
    return read_protocol(text, name="icu_cmv_2024.toml", rules=needed_numbers(), priors=priors)


@cache
def assessed(case: Case, *, protocol: Protocol | None = None) -> Assessment:
    """The whole assessment of the case's patient; computed once, however many tests look at it."""
    return assess(tables(case), protocol=protocol or shipped_protocol(), as_of=at(case.as_of_day))


def tables(case: Case) -> Known:
    """The case's tables, as they would come from a store."""
    return patients.known(case.results, courses=case.courses, stays=case.stays)
