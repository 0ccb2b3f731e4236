"""Every alert and state of the case tables: its grounds, its sentences in order, and the results that it rests on (alerts_said.md).

A result is named by its compartment (and laboratory) and its place among the case's results, from 0. `make generate` writes
the table; whoever changes a rule reads there what its alerts say now.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cmvmon.rules import all_rules
from tests.rules.reading import Case, about, cases
from tests.rules.together import verdicts_of

TABLE = Path(__file__).parent / "alerts_said.md"
ALERTS = [case for rule in all_rules() for case in cases(rule.code) if case.verdict in ("alert", "state")]


def expected() -> dict[tuple[str, str], tuple[str, str, str]]:
    _, _, *lines = TABLE.read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return {(rule, name): (grounds, says, rests_on) for rule, name, grounds, says, rests_on in rows}


def evidence_of(case: Case) -> Mapping[str, Any]:
    found: Mapping[str, Any] = json.loads(verdicts_of(case).filter(about(case))["evidence"][0])
    return found


def said(case: Case) -> tuple[str, str, str]:
    evidence = evidence_of(case)
    results = " ".join(name.removeprefix("lab:").removesuffix(":cmv_dna") for name in evidence["result_ids"])
    return " ".join(evidence["grounds"]), " ".join(evidence["says"]), results or "-"


def table() -> str:
    """The text of alerts_said.md."""
    lines = [f"| {' | '.join((case.rule, case.name, *said(case)))} |" for case in ALERTS]
    return "\n".join(["| rule | case | grounds | sentences | rests on |", "|---|---|---|---|---|", *lines]) + "\n"


@pytest.mark.parametrize("case", ALERTS, ids=lambda case: f"{case.rule}: {case.name}")
def test_an_alert_names_its_grounds_its_sentences_and_the_results_that_it_rests_on(case: Case) -> None:
    assert said(case) == expected()[case.rule, case.name]


def test_the_table_holds_every_alert_of_the_cases_and_nothing_else() -> None:
    assert sorted(expected()) == sorted((case.rule, case.name) for case in ALERTS)
