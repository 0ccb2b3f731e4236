"""Reads the case tables of the rules: small tables that a clinician can read, in tests/rules/cases/<rule>.md.

A row tells one patient's course in the language of tests/patients.py: columns `results`, `courses`, `stays`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from cmvmon.assess import Assessment, assess
from cmvmon.domain.known import Known
from cmvmon.shell.protocol_files import Protocol
from tests import patients
from tests.patients import DAY_0, PATIENT
from tests.patients import moment as at

__all__ = ["CASES", "DAY_0", "PATIENT", "Case", "assessed", "at", "cases", "tables"]

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
    laboratory: str | None
    verdict: str
    reason: str | None
    tier: int | None
    hosts: str = "never"
    reports: str = "never"


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
                cell["about"].partition("@")[0] if cell["about"] != "-" else None,
                cell["about"].partition("@")[2] or None,
                cell["verdict"],
                cell["reason"] if cell["reason"] != "-" else None,
                int(cell["tier"]) if cell["tier"] != "-" else None,
                cell.get("hosts", "never"),
                cell.get("reports", "never"),
            )
        )
    return made


def assessed(case: Case, *, protocol: Protocol | None = None) -> Assessment:
    """The whole assessment of the case's patient; under the shipped protocol computed once, however many tests look at it."""
    if protocol is None:
        return _assessed(case)
    return assess(tables(case), protocol=protocol, as_of=at(case.as_of_day))


@cache
def _assessed(case: Case) -> Assessment:
    return assess(tables(case), protocol=_shipped(), as_of=at(case.as_of_day))


@cache
def _shipped() -> Protocol:
    return Protocol.shipped()


def tables(case: Case) -> Known:
    """The case's tables, as they would come from a store."""
    return patients.known(case.results, courses=case.courses, stays=case.stays, hosts=case.hosts, reports=case.reports)
