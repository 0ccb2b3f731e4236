"""What is said of a ward of two_countries, and where two such wards differ by more than printing rounds away."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl

from cmvmon.domain.results import VERDICTS, WEEKLY_DECLINE
from cmvmon.facts import Facts, all_fact_tables, alongside, facts_at
from cmvmon.facts.beside import BESIDE
from cmvmon.facts.patients import PATIENTS
from cmvmon.rules import all_rules
from cmvmon.rules.context import context_of
from cmvmon.rules.judging import judge
from cmvmon.run.judging.assessing import assessed
from cmvmon.shell.alerts import alert_store, stored_results
from cmvmon.shell.work.opening import open_site
from tests.run.two_countries import AS_OF

ROUNDED = 0.01
AS_DELIVERED = {"values_beside": ("analyte_value", "unit")}
"""What the page shows as it was printed; the judged value stands beside it."""

Row = Mapping[str, Any]
Said = dict[str, list[Row]]


def facts_of(root: Path) -> Facts:
    """The facts of everybody at the moment of the ward's night."""
    with open_site(root) as opened:
        return assessed(opened, as_of=AS_OF, is_live=True).facts


def stored(root: Path) -> Said:
    """Verdicts, weekly decline and open alerts, as the night recorded them."""
    with open_site(root) as opened, opened.reading() as connection:
        found = {
            rows.name: stored_results.stored(connection, rows, as_of=AS_OF).select(*rows.schema).to_dicts()
            for rows in (VERDICTS, WEEKLY_DECLINE)
        }
        alerts = alert_store.alerts(connection)
    names = ("rule", "patient_id", "subject", "state", "tier", "opened_at", "evidence")
    told = [{name: alert[name] for name in names} for alert in alerts]
    return {**found, "alerts": sorted(told, key=lambda row: (row["rule"], row["subject"]))}


def judged(known: Facts) -> Said:
    """Everything that is judged and shown on what is known there: verdicts, every fact, and what stands beside them on the page."""
    facts = facts_at(known.prepared, protocol=known.protocol, as_of=AS_OF)
    shown = {"verdicts": judge(all_rules(), facts), **_facts(facts)}
    said = {name: _sorted(frame.drop(AS_DELIVERED.get(name, ()))) for name, frame in shown.items()}
    context = context_of(facts, sorted(facts.of(PATIENTS)["patient_id"]))
    return {**said, "context": [{"patient_id": who, "said": repr(lines)} for who, lines in context.items()]}


def _facts(facts: Facts) -> dict[str, pl.DataFrame]:
    tables = {name: facts.of(table.rows) for name, table in all_fact_tables().items()}
    return tables | {compute.__name__: facts.shared(compute) for compute in (*BESIDE, *alongside.ALONGSIDE)}


def _sorted(frame: pl.DataFrame) -> list[Row]:
    return sorted(frame.to_dicts(), key=lambda row: [repr(value) for value in row.values() if not _is_number(value)])


def _is_number(value: object) -> bool:
    return isinstance(value, float)


def are_alike(one: Any, other: Any) -> bool:
    """Whether two values are the same but for what printing rounds away."""
    if isinstance(one, float) and isinstance(other, float | int):
        return math.isclose(one, other, rel_tol=ROUNDED, abs_tol=1e-9)
    if isinstance(one, str) and isinstance(other, str) and one.startswith("{") and other.startswith("{"):
        return are_alike(json.loads(one), json.loads(other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(are_alike(one[name], other[name]) for name in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(are_alike, one, other))
    return bool(one == other)


def differences(one: Said, other: Said) -> list[str]:
    """Where two wards differ: the table with the patient and the column, no more than are worth reading."""
    assert one.keys() == other.keys()
    found = [name for name in one if len(one[name]) != len(other[name])]
    pairs = ((name, *both) for name in one for both in zip(one[name], other[name], strict=False))
    return found + [
        f"{name} {left.get('patient_id')} {left.get('rule', '')} {column}: {left[column]} / {right[column]}"
        for name, left, right in pairs
        for column in left
        if not are_alike(left[column], right[column])
    ]


def turned(one: Said, other: Said) -> set[str]:
    """The rules that say another thing of somebody."""
    said = [{(row["rule"], row["subject"]): _answer(row) for row in ward["verdicts"]} for ward in (one, other)]
    return {rule for rule, subject in said[0] if said[0][rule, subject] != said[1].get((rule, subject))}


def _answer(row: Row) -> tuple[Any, ...]:
    return row["verdict"], row["reason"], row["tier"]
