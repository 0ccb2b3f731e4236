"""Every row of the catalogue of faults has its tests by name, or says why it has none; a test that is named exists."""

from __future__ import annotations

import ast
import tomllib
from functools import cache
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
ROWS = tomllib.loads((Path(__file__).parent / "rows.toml").read_text("utf-8"))


@cache
def defined_in(file: str) -> frozenset[str]:
    """The tests of a file, by name."""
    path = TESTS / file
    if not path.exists():
        return frozenset()
    found = ast.walk(ast.parse(path.read_text("utf-8")))
    return frozenset(one.name for one in found if isinstance(one, ast.FunctionDef) and one.name.startswith("test_"))


def test_every_row_from_1_to_130_is_there_once_in_order() -> None:
    assert list(ROWS) == [str(number) for number in range(1, 131)]


@pytest.mark.parametrize("number", ROWS)
def test_a_row_names_tests_that_exist_or_says_why_there_is_none(number: str) -> None:
    row = ROWS[number]
    assert set(row) in ({"fault", "tests"}, {"fault", "tests", "open"}, {"fault", "not"})
    assert all(row[name] for name in row)
    for test in row.get("tests", ()):
        file, name = test.split("::")
        assert name in defined_in(file), test
