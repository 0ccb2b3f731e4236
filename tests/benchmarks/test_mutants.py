"""The mutants: each is one change of the judging code, seen by whoever imports it, and never written over a file."""

from __future__ import annotations

import ast
import importlib
import sys
from pathlib import Path

import pytest

from benchmarks import mutants
from benchmarks.mutating import Mutant, in_place_of_its_module, judged, mutants_of

SOURCE = '''"""A docstring: 1 < 2."""
LIMIT: int | None = 2


def fires(a: float, b: int | None) -> bool:
    return not (a <= LIMIT and b is not None) or a.is_null() + 1
'''


def test_every_mutant_is_one_change_and_a_docstring_and_an_annotation_are_left_alone() -> None:
    found = mutants_of(SOURCE, file="cmvmon/rules/made_up.py")
    whole = ast.unparse(ast.parse(SOURCE))
    assert len({mutant.text for mutant in found} | {whole}) == len(found) + 1
    assert all(mutant.text.splitlines()[0] == whole.splitlines()[0] for mutant in found)
    assert all("a: float, b: int | None" in mutant.text and "LIMIT: int | None" in mutant.text for mutant in found)
    assert sorted({mutant.line for mutant in found}) == [2, 6]
    changed = " ".join(mutant.change for mutant in found)
    for said in ("`2` -> `3`", "`a <= LIMIT` -> `a < LIMIT`", "is not None` -> `b is None`", "is_not_null"):
        assert said in changed


def test_a_dropped_negation_gives_the_value_itself() -> None:
    (mutant,) = mutants_of("x = not y", file="m.py")
    names: dict[str, object] = {"y": False}
    exec(mutant.text, names)
    assert names["x"] is False


def test_who_imports_a_module_meanwhile_gets_the_mutant_and_afterwards_what_is_written() -> None:
    path = Path(mutants.ROOT) / "cmvmon" / "rules" / "suppressed.py"
    text = path.read_text(encoding="utf-8")
    kept = {name: module for name, module in sys.modules.items() if name.startswith(("cmvmon", "tests"))}
    try:
        with in_place_of_its_module(Mutant("cmvmon/rules/suppressed.py", 1, "", text + "\nPLANTED = 1\n")):
            assert importlib.import_module("cmvmon.rules.suppressed").PLANTED == 1
        with in_place_of_its_module(None):
            assert not hasattr(importlib.import_module("cmvmon.rules.suppressed"), "PLANTED")
    finally:
        sys.modules.update(kept)
    assert path.read_text(encoding="utf-8") == text


def test_tests_that_are_gone_do_not_count_as_passed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "test_nothing.py").write_text("", encoding="utf-8")
    assert not judged(tmp_path, ["test_nothing.py"])


def test_the_table_counts_by_file_and_names_every_survivor_with_its_place() -> None:
    one, two, three = (Mutant("cmvmon/rules/a.py", line, f"change {line}", str(line)) for line in (3, 5, 9))
    text = mutants.report([one, two, three], {mutants.key(one): "killed", mutants.key(two): "survived"})
    assert "| cmvmon/rules/a.py | 3 | 2 | 1 | 1 |" in text
    assert "| all | 3 | 2 | 1 | 1 |" in text
    assert "- `cmvmon/rules/a.py:5` change 5" in text
    assert "change 9" not in text
