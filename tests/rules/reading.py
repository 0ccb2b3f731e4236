"""Reads the case tables of the rules: small tables that a clinician can read, in tests/rules/cases/<rule>.md.

A row tells one patient's course in the language of tests/patients.py: columns `results`, `courses`, `stays`; and where they
are told what was given (tests/exposures.py): `doses`, `kidney`, `born`, `beside`; what was measured (tests/measured.py): `levels`,
`labs`; and what was sampled (tests/sampling.py): `orders`, `pf`, `serology`, `limits`. `unread`: when a result came that could not
be used and waits (`d5`, `?` = not known when); `heard`: when the feeds of results, silent since, were last heard of
(`lab@d5`: that of one laboratory alone); `moved`: which way the results of many patients of the laboratory moved together, and since
when (`up d7`, `other up d7`: those of another one). It is about a compartment, a drug (`drug
foscarnet`), two (`drug foscarnet with citrate`), a count or value (`analyte platelets`), or the patient (`-`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import polars as pl

from cmvmon.assess import Assessment, assess
from cmvmon.domain.known import Known
from cmvmon.domain.moved_together import MovedTogether
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.shell.folder.protocol_files import Protocol
from tests import patients
from tests.exposures import with_exposure
from tests.measured import with_measured
from tests.patients import DAY_0, PATIENT
from tests.patients import moment as at
from tests.sampling import with_samples

__all__ = ["CASES", "DAY_0", "PATIENT", "Case", "about", "assessed", "at", "cases", "tables"]

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
    answered: str = "-"
    doses: str = "never"
    kidney: str = "never"
    born: str = "never"
    drug: str | None = None
    reports: str = "never"
    levels: str = "never"
    labs: str = "never"
    analyte: str | None = None
    orders: str = "never"
    pf: str = "never"
    serology: str = "never"
    limits: str = "never"
    beside: str = "never"
    other: str | None = None
    unread: str = "-"
    heard: str = "-"
    moved: str = "-"


def cases(rule: str) -> list[Case]:
    """The cases of one rule: of `<rule>.md`, and of `<rule>.<more>.md` where some need other columns."""
    return [case for path in sorted(CASES.glob(f"{rule}.*md")) for case in _of_file(rule, path)]


def _of_file(rule: str, path: Path) -> list[Case]:
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("|")]
    header, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    made = []
    for row in rows:
        cell = dict(zip(header, row, strict=True))
        kind, _, named = cell["about"].partition(" ")
        pair, analyte = (named if kind == of else "" for of in ("drug", "analyte"))
        drug, other = (part or None for part in pair.partition(" with ")[::2])
        made.append(
            Case(
                rule,
                cell["case"],
                cell["kind"],
                cell["results"],
                cell["courses"],
                cell["stays"],
                float(cell["as of day"]),
                None if cell["about"] == "-" or named else cell["about"].partition("@")[0],
                cell["about"].partition("@")[2] or None,
                cell["verdict"],
                cell["reason"] if cell["reason"] != "-" else None,
                int(cell["tier"]) if cell["tier"] != "-" else None,
                cell.get("hosts", "never"),
                cell.get("answered", "-"),
                *(cell.get(name, "never") for name in ("doses", "kidney", "born")),
                drug,
                *(cell.get(name, "never") for name in ("reports", "levels", "labs")),
                analyte or None,
                *(cell.get(name, "never") for name in ("orders", "pf", "serology", "limits")),
                cell.get("beside", "never"),
                other,
                *(cell.get(name, "-") for name in ("unread", "heard", "moved")),
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
    known = patients.known(
        case.results,
        courses=case.courses,
        stays=case.stays,
        hosts=case.hosts,
        answered=case.answered,
        reports=case.reports,
    )
    exposed = with_exposure(known, doses=case.doses, kidney=case.kidney, born=case.born, beside=case.beside)
    given = with_measured(exposed, levels=case.levels, labs=case.labs)
    told = with_samples(given, orders=case.orders, pf=case.pf, serology=case.serology, limits=case.limits)
    return _with_unread(told, case)


def _with_unread(known: Known, case: Case) -> Known:
    name = VIRAL_LOAD_RESULTS.name
    laboratory, _, heard = case.heard.rpartition("@")
    silent = {} if heard == "-" else {laboratory or name: at(float(heard.removeprefix("d")))}
    known = replace(known, **{"silent_laboratories" if laboratory else "silent": silent}, moved_together=_moved(case))
    if case.unread == "-":
        return known
    came = {} if case.unread == "?" else {PATIENT: at(float(case.unread.removeprefix("d")))}
    return replace(known, unread={name: frozenset({PATIENT})}, unread_until={name: came})


def _moved(case: Case) -> tuple[MovedTogether, ...]:
    if case.moved == "-":
        return ()
    *laboratory, way, since = case.moved.split()
    return (MovedTogether(*laboratory or ["lab"], "assay", way, at(float(since.removeprefix("d"))), 8, 10, 7),)


def about(case: Case) -> pl.Expr:
    """Which verdicts are about what the case is about."""
    mine = (pl.col("rule") == case.rule) & pl.col("compartment").eq_missing(pl.lit(case.compartment))
    mine &= pl.col("patient_id") == PATIENT  # a result may have gone to another
    told = {"laboratory": case.laboratory, "drug": case.drug, "other_drug": case.other, "analyte": case.analyte}
    for name, part in told.items():
        if part is not None:
            mine &= pl.col("subject").str.json_path_match(f"$.{name}") == part
    return mine
