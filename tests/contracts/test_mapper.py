"""What the mapper can't hold a table to, it refuses: nothing that a contract says is dropped in silence."""

from __future__ import annotations

import polars as pl
import pytest

from cmvmon.data_contracts.batch import pandas_batch
from cmvmon.data_contracts.engine import validate
from cmvmon.data_contracts.gate import contract_texts
from cmvmon.data_contracts.mapper import anchored, expectation, expectations
from cmvmon.data_contracts.odcs import contract_text
from cmvmon.data_contracts.reading import Rule, merged, read_contract
from cmvmon.domain.columns import RowType
from cmvmon.domain.conditional import BetweenInUnit
from cmvmon.domain.constraints import Between, OrderedWhen
from cmvmon.domain.errors import ContractBroken
from cmvmon.domain.tables import BY_NAME, TABLES
from tests.contracts.valid_tables import AS_OF

RESULTS, WHOLE = contract_texts("viral_load_results")

# What is changed, the text it replaces (its first place), by what.
REFUSED = [
    ("another version of the standard", RESULTS, "apiVersion: v3.1.0", "apiVersion: v3.2.0"),
    ("another kind of document", RESULTS, "kind: DataContract", "kind: DataProduct"),
    ("a section of the standard that we do not read", RESULTS, "status: active", "status: active\nservers: []"),
    ("another kind of table", RESULTS, "physicalType: table", "physicalType: topic"),
    ("a key of a table", RESULTS, "  properties:", "  relationships: []\n  properties:"),
    ("a key of a column", RESULTS, "    required: true", "    required: true\n    unique: true"),
    ("options of a type", RESULTS, "    required: true", "    required: true\n    logicalTypeOptions: {maxLength: 3}"),
    ("another type", RESULTS, "logicalType: string", "logicalType: date"),
    ("another physical type", RESULTS, "physicalType: str\n", "physicalType: text\n"),
    (
        "required without its rule",
        RESULTS,
        "metric: nullValues",
        "metric: invalidValues\n      arguments: {pattern: a}",
    ),
    ("a rule without required", RESULTS, "required: true", "required: false"),
    ("a key without a position", RESULTS, "    primaryKeyPosition: 1\n", ""),
    ("a key that is none", RESULTS, "    primaryKey: true\n    primaryKeyPosition: 1\n", "    primaryKey: false\n"),
    ("a position of no key", RESULTS, "    primaryKey: true\n", ""),
    ("a told property", RESULTS, "property: unit", "property: allowedFor"),
    ("another metric", RESULTS, "metric: nullValues", "metric: missingValues"),
    ("another comparison", RESULTS, "mustBe: 0", "mustBeLessThan: 5"),
    ("another number of rows", RESULTS, "mustBe: 0", "mustBe: 1"),
    ("false for zero", RESULTS, "mustBe: 0", "mustBe: false"),
    ("another measure", RESULTS, "unit: rows", "unit: percent"),
    ("another argument", RESULTS, "        pattern:", "        format:"),
    ("a second argument", RESULTS, "        pattern:", "        validValues: [a]\n        pattern:"),
    ("a pattern that engines read differently", RESULTS, r"pattern: \s*\S(?:.*\S)?\s*", r"pattern: \w+"),
    ("another type of rule", RESULTS, "type: library", "type: text"),
    ("SQL", RESULTS, "type: custom", "type: sql"),
    ("another engine", RESULTS, "engine: cmvmon", "engine: soda"),
    ("another severity", RESULTS, "severity: error", "severity: info"),
    ("a schedule", RESULTS, "severity: error", "severity: error\n      schedule: 0 20 * * *"),
    ("another rule of ours", RESULTS, "rule: between", "rule: within"),
    ("a table's rule on a column", RESULTS, "rule: between", "rule: ordered"),
    ("a parameter of a rule", RESULTS, "        finite: true", "        finite: true\n        below: 3.0"),
    ("a rule without its parameter", RESULTS, "        finite: true\n", ""),
    ("a number that need not be finite", RESULTS, "finite: true", "finite: false"),
    ("a limit in words", RESULTS, "above: 0.0", "above: none"),
    ("a truth in words", RESULTS, "strict: true", "strict: 'yes'"),
    ("a moment without an offset", RESULTS, "earliest: '1990-01-01T00:00:00Z'", "earliest: '1990-01-01T00:00:00'"),
    ("a moment in words", RESULTS, "earliest: '1990-01-01T00:00:00Z'", "earliest: long ago"),
    ("one word for a list", RESULTS, "values:\n      - quantified", "values: quantified"),
    ("a key that stands there twice", RESULTS, "status: active", "status: active\nstatus: draft"),
    ("a column that stands there twice", RESULTS, "- name: patient_id", "- name: result_id"),
    ("text that is not YAML", RESULTS, "kind: DataContract", "kind: ]["),
    ("an SLA that no rule keeps", WHOLE, "property: freshness", "property: latency"),
    ("an SLA with another number", WHOLE, "value: 48", "value: 24"),
    ("an SLA of another element", WHOLE, "element: viral_load_results.received_at", "element: viral_load_results.x"),
    ("a key of an SLA", WHOLE, "driver: operational", "scheduler: cron"),
    ("a count that is not one", WHOLE, "mustBeGreaterOrEqualTo: 1", "mustBeGreaterOrEqualTo: 0.5"),
    ("another comparison of a count", WHOLE, "mustBeGreaterOrEqualTo: 1", "mustBeGreaterThan: 1"),
    ("a share of doubles", WHOLE, "mustBe: 0", "mustBe: 0\n    method: reconciliation"),
    ("freshness in days", WHOLE, "within_hours: 48", "within_days: 2"),
    ("a rule that is a list", WHOLE, "rule: fresh", "rule: [fresh]"),
]


@pytest.mark.parametrize(("text", "old", "new"), [case[1:] for case in REFUSED], ids=[case[0] for case in REFUSED])
def test_a_contract_that_says_more_than_we_can_hold_to_is_refused(text: str, old: str, new: str) -> None:
    assert old in text
    with pytest.raises(ContractBroken) as refused:
        expectations(text.replace(old, new, 1), as_of=AS_OF)
    assert "can't map" in str(refused.value) or "twice" in str(refused.value) or "not YAML" in str(refused.value)


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_every_rule_of_every_contract_becomes_one_expectation(table: RowType) -> None:
    """Two for each column (it exists, it has its type), and one for each rule, in order."""
    for text in contract_texts(table.name):
        contract, asked = read_contract(text), expectations(text, as_of=AS_OF)
        assert len(asked) == 2 * len(contract.columns) + len(contract.rules)


def test_a_contract_of_another_table_is_refused() -> None:
    with pytest.raises(ContractBroken, match="can't map the table 'viral_load_results'"):
        merged([read_contract(RESULTS)], "verdicts")


def test_a_rule_about_a_column_that_does_not_exist_is_refused() -> None:
    wrong = read_contract(WHOLE.replace("properties: [result_id]", "properties: [resultid]"))
    with pytest.raises(ContractBroken, match="can't map the column resultid"):
        merged([read_contract(RESULTS), wrong], "viral_load_results")


def test_a_primary_key_that_no_rule_keeps_is_refused() -> None:
    with pytest.raises(ContractBroken, match="can't map the primary key"):
        merged([read_contract(RESULTS)], "viral_load_results")


def test_a_constraint_of_a_new_type_can_not_be_left_out_of_the_contract() -> None:
    class Prime:
        columns = ("treatment_week",)
        code = "not_prime"
        sentence = "treatment_week is prime"

    table = BY_NAME["weekly_decline"]
    with pytest.raises(ContractBroken, match="Prime"):
        contract_text(RowType(table.name, table.description, table.key, table.columns, (Prime(),)))  # type: ignore[arg-type]


@pytest.mark.parametrize("pattern", [r"\d+", r"\w", r"\bplasma\b", "[a-z]+", "(?i)plasma", r"(?=a)a", r"a\Z", r"(a)\1"])
def test_a_pattern_that_engines_may_read_differently_is_refused(pattern: str) -> None:
    with pytest.raises(ContractBroken, match="can't map the pattern"):
        anchored(pattern)


def test_moments_that_are_equal_keep_an_order_and_a_number_at_a_limit_is_inside_it_unless_it_must_lie_above() -> None:
    asked = expectation(Rule("r", "s", "error", OrderedWhen("a", "b", "w", ("x",), "c")), as_of=AS_OF)
    assert asked.or_equal is True
    limits = {
        Between("a", at_least=1.0): (1.0, False),
        Between("a", above=1.0): (1.0, True),
        Between("a", at_least=1.0, above=1.0): (1.0, True),
        Between("a", at_least=2.0, above=1.0): (2.0, False),
    }
    for promise, (least, is_strict) in limits.items():
        asked = expectation(Rule("r", "s", "error", promise), as_of=AS_OF)
        assert (asked.min_value, bool(asked.strict_min)) == (least, is_strict), promise


def test_a_count_of_none_is_left_out_where_it_is_allowed_and_of_one_is_asked() -> None:
    promise = BetweenInUnit("v", 10.0, 90.0, "k", ("neutrophils",), "u", ("/uL",), "c", or_zero=True)
    asked = expectation(Rule("r", "s", "error", promise), as_of=AS_OF)
    rows = pl.DataFrame({"v": [0.0, 1.0, 10.0], "k": ["neutrophils"] * 3, "u": ["/uL"] * 3})
    answers = {n: validate(pandas_batch(rows[n : n + 1]), [asked]).success for n in range(rows.height)}
    assert answers == {0: True, 1: False, 2: True}
