"""The polars promises and Great Expectations say the same of every row of every table."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cmvmon.data_contracts.batch import pandas_batch
from cmvmon.data_contracts.engine import great_expectations, loaded
from cmvmon.data_contracts.gate import contract_texts, gate, live_gate
from cmvmon.data_contracts.mapper import expectation
from cmvmon.data_contracts.reading import read_contract
from cmvmon.domain.columns import Kind, split_by_promises
from cmvmon.domain.constraints import Between, Constraint, OneOf
from cmvmon.domain.delivered import NAMES as DELIVERED
from cmvmon.domain.tables import BY_NAME, TABLES
from tests.contracts.mutations import NEVER_ALONE, label, mutations
from tests.contracts.valid_tables import AS_OF, bare, full, references, table_of
from tests.depth import examples

NAMES = [table.name for table in TABLES]
ALL = [(table.name, constraint) for table in TABLES for constraint in table.constraints]


def rows_that_gx_flags(table: str, frame: pl.DataFrame) -> list[set[int]]:
    """For each one-row rule of the contract as committed: the numbers of the rows that Great Expectations flags."""
    rules = read_contract(contract_texts(table)[0]).rules
    asked = [expectation(rule, as_of=AS_OF) for rule in rules]
    for place, each in enumerate(asked):
        each.meta = {"place": place}
    suite = great_expectations().ExpectationSuite(name="every row", expectations=asked)
    flagged: dict[int, set[int]] = {}
    for result in loaded(pandas_batch(frame)).validate(suite, result_format={"result_format": "COMPLETE"}).results:
        assert "unexpected_count" in result.result or frame.is_empty(), result.exception_info
        indexes = set(result.result.get("unexpected_index_list") or [])
        assert len(indexes) == result.result.get("unexpected_count", 0)
        flagged[result.expectation_config.meta["place"]] = indexes
    return [flagged[place] for place in range(len(rules))]


def rows_that_polars_flags(table: str, frame: pl.DataFrame) -> list[set[int]]:
    numbered = frame.with_row_index("row number")
    return [set(numbered.filter(~c.holds())["row number"]) for c in BY_NAME[table].constraints]


@pytest.mark.parametrize(
    ("table", "constraint"), ALL, ids=lambda value: value if isinstance(value, str) else label(value)
)
def test_every_promise_has_a_mutation(table: str, constraint: Constraint) -> None:
    assert mutations(table, constraint) or label(constraint) in NEVER_ALONE.get(table, {}), (
        f"say in tests/contracts/mutations.py how a row of {table} breaks: {constraint.sentence}"
    )


@pytest.mark.parametrize("table", NAMES)
def test_a_mutation_breaks_its_own_promise_in_its_own_row_and_nothing_else(table: str) -> None:
    """One table of all mutations, with valid rows between them; both engines must flag row by row what was broken."""
    constraints = BY_NAME[table].constraints
    rows, broken_by = [full(table), bare(table)], [set[str](), set[str]()]
    for constraint in constraints:
        for row in mutations(table, constraint):
            rows += [row, full(table)]
            broken_by += [{label(constraint)}, set()]
    for name, (row, besides) in NEVER_ALONE.get(table, {}).items():
        rows.append(row)
        broken_by.append({name, besides})
    frame = table_of(table, rows)
    wanted = [{n for n, labels in enumerate(broken_by) if label(c) in labels} for c in constraints]
    assert rows_that_polars_flags(table, frame) == wanted
    assert rows_that_gx_flags(table, frame) == wanted


# Tables that are taken in. The computed ones have a column `reason` of their own and never pass through intake.
@pytest.mark.parametrize("table", [*DELIVERED, "assays"])
def test_intake_sets_apart_exactly_the_mutated_rows_with_the_promises_code(table: str) -> None:
    for constraint in BY_NAME[table].constraints:
        for row in mutations(table, constraint):
            frame = table_of(table, [full(table), row, bare(table)])
            kept, apart = split_by_promises(frame, BY_NAME[table])
            assert kept.equals(pl.concat([frame[:1], frame[2:]])), label(constraint)
            assert apart.drop("reason", "column").equals(frame[1:2]), label(constraint)
            assert apart["reason"].to_list() == [constraint.code]
            assert apart["column"].to_list() == [constraint.columns[0]]


@pytest.mark.parametrize("table", NAMES)
def test_a_valid_table_passes_the_gate_with_no_warning(table: str) -> None:
    frame = table_of(table, [full(table), bare(table), full(table)])
    report = gate(table, frame, as_of=AS_OF, references=references(table, frame))
    assert (report.passed, report.broken, report.warnings) == (True, (), ())


@pytest.mark.parametrize("table", ["assays"])
def test_the_gate_names_the_one_promise_that_a_mutation_breaks(table: str) -> None:
    """The gate's own run, one mutation at a time; the rows are counted by polars."""
    for constraint in BY_NAME[table].constraints:
        row = mutations(table, constraint)[0]
        frame = table_of(table, [full(table), row, bare(table)])
        report = gate(table, frame, as_of=AS_OF, references=references(table, frame))
        found = [(breach.name, breach.column, breach.sentence, breach.n_rows) for breach in report.broken]
        assert found == [(constraint.code, constraint.columns[0], constraint.sentence, 1)]
        assert not report.passed


@pytest.mark.parametrize("table", ["viral_load_results", "icu_stays", "weekly_decline", "verdicts"])
def test_the_gate_counts_all_mutations_together_as_polars_does(table: str) -> None:
    constraints = BY_NAME[table].constraints
    frame = table_of(table, [full(table), *(row for c in constraints for row in mutations(table, c))])
    report = gate(table, frame, as_of=AS_OF, references=references(table, frame))
    assert live_gate(table, frame, as_of=AS_OF, references=references(table, frame)) == report
    counted = [len(rows) for rows in rows_that_polars_flags(table, frame)]
    one_row = {(c.code, c.sentence): n for c, n in zip(constraints, counted, strict=True) if n}
    found = {(b.name, b.sentence): b.n_rows for b in report.broken if not b.name.startswith("duplicate_")}
    assert found == one_row


def _cells(table: str, column: str) -> st.SearchStrategy[Any]:
    """Any cell of that column's type: valid ones, near misses and nonsense, and null."""
    kind = BY_NAME[table].column(column).kind
    own = [row[column] for row in (full(table), bare(table))]
    listed = [
        value for c in BY_NAME[table].constraints if isinstance(c, OneOf) and c.column == column for value in c.values
    ]
    if kind is Kind.NUMBER:
        limits = [
            x
            for c in BY_NAME[table].constraints
            if isinstance(c, Between) and c.column == column
            for x in (c.at_least, c.at_most, c.above)
            if x is not None
        ]
        near = [y for x in limits for y in (x, math.nextafter(x, -math.inf), math.nextafter(x, math.inf))]
        return st.sampled_from([*own, *near, None]) | st.floats(allow_nan=True, allow_infinity=True)
    if kind is Kind.INTEGER:
        return st.sampled_from([*own, None]) | st.integers(-3, 5) | st.integers(-(2**63), 2**63 - 1)
    if kind is Kind.MOMENT:
        edges = [datetime(1990, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC), datetime(1, 1, 1, tzinfo=UTC)]
        return st.sampled_from([*own, *edges, None]) | st.datetimes(timezones=st.just(UTC))
    if kind is Kind.TRUTH:
        return st.sampled_from([True, False, None])
    spaces = st.text(" \t\n\r\x0b\x1c\x1f\x85\xa0\u180e\u2003\u2028\u200b\u3000;a", max_size=6)
    return st.sampled_from([*own, *listed, "none", "bal;csf", "bal;", None]) | spaces | st.text(max_size=5)


@pytest.mark.parametrize("table", NAMES)
def test_both_engines_agree_on_random_tables(table: str) -> None:
    """Row by row and promise by promise, on cells drawn at random, several per row.

    One pair is left out: two numbers in one row that are both without a finite value. Then NaN and infinity can't be
    told apart in pandas, and their order may be judged otherwise; each still breaks its own promise of being finite.
    """
    columns = [column.name for column in BY_NAME[table].columns]
    change = st.lists(st.sampled_from(columns), max_size=5, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: _cells(table, name) for name in names})
    )
    starts = st.sampled_from([full(table), bare(table)])
    rows = st.lists(st.tuples(starts, change), min_size=1, max_size=40)

    @settings(
        max_examples=examples(1, 3),
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(rows)
    def agree(drawn: list[tuple[dict[str, Any], dict[str, Any]]]) -> None:
        changed = [start | cells for start, cells in drawn if _is_told_apart(cells)]
        frame = BY_NAME[table].conform(pl.DataFrame(changed, schema=BY_NAME[table].schema))
        assert rows_that_gx_flags(table, frame) == rows_that_polars_flags(table, frame)

    agree()


def _is_told_apart(cells: dict[str, Any]) -> bool:
    return sum(isinstance(value, float) and not math.isfinite(value) for value in cells.values()) < 2
