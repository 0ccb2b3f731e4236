"""The mutants: each is one change of the judging code, seen by whoever imports it, and never written over a file."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks import mutants
from benchmarks.equivalent import EQUIVALENT
from benchmarks.mutants import Answer
from benchmarks.mutating import Mutant, mutants_of

FILES = {str(path.relative_to(mutants.ROOT)): path for room in mutants.ROOMS for path in mutants.ROOT.glob(room)}


def mutants_in(file: str) -> list[Mutant]:
    """Those of one file of the rooms; to make those of all of them takes a minute."""
    return mutants_of(FILES[file].read_text(encoding="utf-8"), file=file)


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


def test_every_mutant_of_the_rooms_is_one_of_a_file_of_theirs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        mutants, "ROOMS", ("cmvmon/rules/s*.py", "data_contracts/promises.py", "cmvmon/no_such_room/*.py")
    )
    files = [*sorted(file for file in FILES if file.startswith("cmvmon/rules/s")), "data_contracts/promises.py"]
    assert mutants.every_mutant() == [mutant for file in files for mutant in mutants_in(file)]
    assert len(files) > 1


def test_a_dropped_negation_gives_the_value_itself() -> None:
    (mutant,) = mutants_of("x = not y", file="m.py")
    names: dict[str, object] = {"y": False}
    exec(mutant.text, names)
    assert names["x"] is False


def test_who_imports_a_module_meanwhile_gets_the_mutant_and_afterwards_what_is_written() -> None:
    """In a process of its own: a process that has imported half of the project anew judges nothing any more."""
    path = Path(mutants.ROOT) / "cmvmon" / "rules" / "suppressed.py"
    text = path.read_text(encoding="utf-8")
    program = (
        "import importlib, sys; from benchmarks.mutating import Mutant, in_place_of_its_module\n"
        "for mutant in (Mutant('cmvmon/rules/suppressed.py', 1, '', sys.stdin.read()), None):\n"
        "    with in_place_of_its_module(mutant):\n"
        "        print(getattr(importlib.import_module('cmvmon.rules.suppressed'), 'PLANTED', 0))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=mutants.ROOT,
        input=text + "\nPLANTED = 1\n",
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.stdout.split() == ["1", "0"], done.stderr
    assert path.read_text(encoding="utf-8") == text


def test_a_room_that_is_kept_is_still_a_part_of_the_project_when_all_else_is_imported_anew() -> None:
    """Otherwise a test that says `cmvmon.feeds.__file__` fails on every mutant but the first, and all count as killed."""
    program = (
        "import cmvmon.feeds; from benchmarks.mutating import in_place_of_its_module\n"
        "with in_place_of_its_module(None):\n"
        "    import cmvmon; print(cmvmon.feeds.__name__)"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=mutants.ROOT, capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "cmvmon.feeds", done.stderr


TESTS = """
import time
def test_fast(): pass
def test_wrong(): assert 1 + 1 == 3
def test_named_made_up(): assert []
def test_slow():
    until = time.process_time() + 0.3  # patience is counted in CPU seconds: sleep takes none
    while time.process_time() < until: pass
def test_after_it(): assert False
"""


def test_the_first_test_that_fails_is_named_and_those_about_the_file_come_first(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text(TESTS, encoding="utf-8")

    def failing(**given: object) -> str | None:
        return _inside(tmp_path, ["test_it.py"], **given)

    assert failing() == "test_it.py::test_wrong"
    assert failing(about="named_made_up") == "test_it.py::test_named_made_up"
    assert failing(before=["test_it.py::test_after_it"]) == "test_it.py::test_after_it"


def test_what_passes_passes_and_no_further_test_is_begun_when_the_time_is_over(tmp_path: Path) -> None:
    text = TESTS.replace("1 + 1 == 3", "True").replace("assert []", "pass")
    (tmp_path / "test_it.py").write_text(text, encoding="utf-8")
    assert _inside(tmp_path, ["test_it.py"], seconds=0.2) is None
    assert _inside(tmp_path, ["test_it.py"]) == "test_it.py::test_after_it"
    (tmp_path / "test_it.py").write_text(text.replace("False", "True"), encoding="utf-8")
    assert _inside(tmp_path, ["test_it.py"]) is None


def test_a_test_file_that_cannot_be_imported_is_told_apart_from_a_test_that_fails(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("import no_such_module", encoding="utf-8")
    assert _inside(tmp_path, ["test_it.py"]) == "test_it.py (can't be imported)"


def test_tests_that_are_gone_do_not_count_as_passed(tmp_path: Path) -> None:
    (tmp_path / "test_it.py").write_text("", encoding="utf-8")
    assert _inside(tmp_path, ["test_it.py"]) == "pytest ended with 5"


def _inside(root: Path, tests: list[str], **given: object) -> str | None:
    """`first_failing` in a process of its own: pytest does not run inside itself."""
    asked = f"first_failing(Path({str(root)!r}), {tests!r}, **{given!r})"
    program = f"from pathlib import Path; from benchmarks.mutating import first_failing; print({asked})"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=mutants.ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return None if done.stdout.strip() == "None" else done.stdout.strip()


@pytest.mark.parametrize(
    ("file", "change", "test"),
    [
        (
            "cmvmon/rules/suppressed.py",
            "`2` -> `3`",
            "tests/rules/test_suppressed_needs_two.py::test_the_second_result_decides",
        ),
        (  # in a folder that is no package
            "data_contracts/promises.py",
            "`self.at_least - frame.height` -> `self.at_least + frame.height`",
            "tests/contracts/test_promises.py::test_the_rows_that_are_lacking_are_counted",
        ),
    ],
)
def test_a_known_mutant_is_killed_by_the_test_of_its_file_and_the_source_as_written_is_not(
    file: str, change: str, test: str
) -> None:
    (mutant,) = (each for each in mutants_in(file) if each.change == change)
    program = (
        "import sys, json; from benchmarks.mutating import *; from benchmarks.mutants import *\n"
        f"for mutant in (None, Mutant({file!r}, 1, '', sys.stdin.read())):\n"
        "    with in_place_of_its_module(mutant):\n"
        f"        print(first_failing(ROOT, [{test.partition('::')[0]!r}]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=mutants.ROOT,
        input=mutant.text,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    as_written, changed = done.stdout.splitlines()
    assert as_written == "None"
    assert changed.startswith(test)


def test_the_table_counts_by_file_and_names_every_survivor_with_its_place() -> None:
    one, two, three = (Mutant("cmvmon/rules/a.py", line, f"change {line}", str(line)) for line in (3, 5, 9))
    answers = {mutants.key(one): Answer("killed", "a test"), mutants.key(two): Answer("survived")}
    text = mutants.report([one, two, three], answers)
    assert "| cmvmon/rules/a.py | 3 | 1 | 1 | 0 | 1 |" in text
    assert "| all | 3 | 1 | 1 | 0 | 1 |" in text
    assert "Killed: 1 of 2 that were tried and are not equivalent (50.0%); those tried are a random sample" in text
    assert "95% interval 9.5% to 90.5% (" in text
    assert "not tried: 1." in text
    whole = mutants.report([one, two], answers)
    assert "Killed: 1 of 2 that were tried and are not equivalent (50.0%); not tried: 0." in whole
    assert "- `cmvmon/rules/a.py:5` change 5" in text
    assert "change 9" not in text


def test_an_equivalent_is_counted_apart_only_while_it_survives() -> None:
    named = {file for file in FILES if any(file.endswith(why.file) for why in EQUIVALENT)}
    every = [mutant for file in sorted(named) for mutant in mutants_in(file)]
    for why in EQUIVALENT:
        assert any(why.is_about(mutant) for mutant in every), f"no such mutant: {why}"
        assert why.reason
    (mutant, *_) = (mutant for mutant in every if mutants.reason_of(mutant))
    for answer, standing in (("survived", "equivalent"), ("killed", "killed")):
        assert mutants.standing(mutant, {mutants.key(mutant): Answer(answer)}) == standing
    assert "| 1 | 0 | 0 | 1 | 0 |" in mutants.report([mutant], {mutants.key(mutant): Answer("survived")})
