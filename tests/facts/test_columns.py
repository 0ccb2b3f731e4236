"""What the columns of facts promise of their values, at the very limits."""

from __future__ import annotations

import ast
from pathlib import Path

import polars as pl
import pytest

from cmvmon.domain.columns import Column, RowType, split_by_promises
from cmvmon.facts import columns


@pytest.mark.parametrize(
    ("column", "kept", "broken"),
    [
        (columns.count("x", "Made up."), [0, 7], [-1]),
        (columns.load("x", "Made up.", "none"), [0.0, 0.5, 1e12], [-0.5]),
        (columns.log10("x", "Made up.", "none"), [-20.0, 20.0], [-20.5, 20.5]),
        (columns.one_of("x", ("a", "b"), "Made up."), ["a", "b"], ["c"]),
    ],
)
def test_a_value_outside_of_what_a_fact_can_be_breaks_its_promise(
    column: Column, kept: list[object], broken: list[object]
) -> None:
    rows = RowType("made_up", "Made up.", ("n",), (columns.count("n", "Made up."), column))
    frame = pl.DataFrame({"n": range(len(kept) + len(broken)), "x": [*kept, *broken]}, schema=rows.schema)
    good, bad = split_by_promises(frame, rows)
    assert (good["x"].to_list(), bad.height) == (kept, len(broken))


def test_what_is_told_of_a_patient_is_to_the_last_bit_the_same_however_many_others_there_are() -> None:
    """Polars divides one row, and multiplies many by the reciprocal: 300 / 88.42 differs between the two."""
    alone, many = pl.DataFrame({"x": [300.0]}), pl.DataFrame({"x": [300.0] * 5})
    told = columns.by_constant(pl.col("x"), 88.42)
    assert alone.select(told)["x"].unique().to_list() == many.select(told)["x"].unique().to_list()


def test_no_fact_divides_its_rows_by_a_constant_in_another_way() -> None:
    found = [
        f"{path.name}:{node.lineno}"
        for path in sorted(Path(columns.__file__).parent.glob("*.py"))
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div) and _is_constant(node.right)
        if not _is_constant(node.left) and path.name != "columns.py"
    ]
    assert found == []


def _is_constant(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) or (isinstance(node, ast.Name) and node.id.lstrip("_").isupper())
