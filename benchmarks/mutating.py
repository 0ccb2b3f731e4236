"""Small changes of Python source, one at a time, and the means to run tests on one of them without writing a file."""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.abc
import importlib.machinery
import io
import math
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# What a test run must import anew for a mutant to be seen: everything but the rooms below the judging code.
KEPT = ("cmvmon.domain", "cmvmon.kinetics", "cmvmon.feeds", "cmvmon.protocol", "cmvmon.simulate", "cmvmon.text")
TESTS = str(Path(__file__).parents[1] / "tests")
RELOADED = ("cmvmon", "tests")
_COMPARED: dict[type[ast.cmpop], type[ast.cmpop]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In,
}  # fmt: skip
_COMPUTED: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd,
}  # fmt: skip
_CALLED = {
    "is_null": "is_not_null", "is_not_null": "is_null", "min": "max", "max": "min", "first": "last", "last": "first",
    "any": "all", "all": "any", "any_horizontal": "all_horizontal", "all_horizontal": "any_horizontal",
    "min_horizontal": "max_horizontal", "max_horizontal": "min_horizontal",
}  # fmt: skip


@dataclass(frozen=True)
class Mutant:
    """One changed source.

    Attributes:
        file: from the project's root.
        line: of the change; `code` is that line as written, with the next one where it is a decorator.
        change: what was changed into what; `nth`: of how many such changes before it on the same line.
        text: the whole changed source.
    """

    file: str
    line: int
    change: str
    text: str
    code: str = ""
    nth: int = 0


def mutants_of(source: str, *, file: str) -> list[Mutant]:
    """Every mutant of that source, in the order of its lines.

    Comparisons, boolean and arithmetic operators, `not` and `~`, numbers, truths and paired methods are swapped. Docstrings,
    annotations and texts are left alone.
    """
    found = []
    lines = [*source.splitlines(), ""]
    seen: Counter[tuple[int, str]] = Counter()
    for number in range(len(list(_changes(ast.parse(source))))):
        tree = ast.parse(source)
        node, apply = list(_changes(tree))[number]
        before = ast.unparse(node)
        line = node.lineno
        change = f"`{before}` -> `{apply()}`"
        text = ast.unparse(ast.fix_missing_locations(tree))
        code = lines[line - 1].strip()
        code += f" {lines[line].strip()}" if code.startswith("@") else ""
        found.append(Mutant(file, line, change, text, code, seen[line, change]))
        seen[line, change] += 1
    return sorted(found, key=lambda mutant: mutant.line)


@contextlib.contextmanager
def in_place_of_its_module(mutant: Mutant | None) -> Iterator[None]:
    """Whoever imports the mutant's module meanwhile gets the mutant. Modules above the judging code are imported anew."""
    for name in [name for name in sys.modules if _is_imported_anew(name)]:
        del sys.modules[name]
    _put_back_what_is_kept()
    if mutant is None:
        yield
        return
    finder = _Finder(mutant)
    sys.meta_path.insert(0, finder)
    try:
        yield
    finally:
        sys.meta_path.remove(finder)


def _is_imported_anew(name: str) -> bool:
    """Also a file of tests in a folder that is no package: pytest imports it under its bare name."""
    if name.partition(".")[0] in RELOADED:
        return not name.startswith(KEPT)
    return str(getattr(sys.modules[name], "__file__", None) or "").startswith(TESTS)


def _put_back_what_is_kept() -> None:
    """A room that is kept is a part of its package again, as it is where Python imports it itself (`cmvmon.feeds`)."""
    for name, module in list(sys.modules.items()):
        if name in KEPT:
            package, _, part = name.rpartition(".")
            setattr(importlib.import_module(package), part, module)


def first_failing(
    root: Path,
    tests: Sequence[str],
    *,
    before: Sequence[str] = (),
    about: str = "",
    seconds: float = math.inf,
    is_slow_too: bool = False,
) -> str | None:
    """The first of these tests that does not pass, in this process; None where all of them pass.

    Args:
        seconds: of CPU; no further test is begun so long after all of them were collected. What else the machine does counts nothing.
        before: names of tests that are run first, in this order.
        about: the tests whose name holds this word come next, then the files that hold it, then the others as they are.
        is_slow_too: tests that are marked slow count as well; with `seconds`, only as many as there is time for.
    A test file that can't be imported is named itself. No test at all is a failure, too.
    """
    import pytest

    os.chdir(root)
    watch = _Watch(before, about, seconds)
    left_out = "not browser and not prefect" + ("" if is_slow_too else " and not slow")
    words = ["-x", "-q", "-p", "no:cacheprovider", "-m", left_out, "-k", "not postgresql", *tests]
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        ended = pytest.main(words, plugins=[watch])
    has_passed = ended == pytest.ExitCode.OK or (watch.is_out_of_time and watch.failed is None)
    return None if has_passed else watch.failed or f"pytest ended with {ended}"


class _Watch:
    """A plugin of pytest: it orders the tests, and remembers the one that failed."""

    def __init__(self, before: Sequence[str], about: str, seconds: float) -> None:
        self._before = {name: place for place, name in enumerate(before)}
        self._about, self._seconds, self._until = about, seconds, math.inf
        self.failed: str | None = None
        self.is_out_of_time = False

    def pytest_collection_modifyitems(self, items: list[Any]) -> None:
        """Files stay together, so that what a file prepares once is prepared once. The time counts from here: collecting may
        take longer than a test."""
        self._until = time.process_time() + self._seconds
        files = {name: place for place, name in enumerate(dict.fromkeys(item.path for item in items))}
        holds = {file for file in files if self._about and self._about in file.read_text(encoding="utf-8")}
        last = len(self._before)

        def place(item: Any) -> tuple[int, bool, bool, int]:
            is_named = bool(self._about) and self._about in item.nodeid
            return self._before.get(item.nodeid, last), not is_named, item.path not in holds, files[item.path]

        items.sort(key=place)

    def pytest_runtest_protocol(self, item: Any) -> bool | None:
        """True: the test is dealt with, and is not begun."""
        if time.process_time() <= self._until:
            return None
        self.is_out_of_time = True
        item.session.shouldstop = "no time is left"
        return True

    def pytest_runtest_logreport(self, report: Any) -> None:
        if report.failed and self.failed is None:
            self.failed = report.nodeid

    def pytest_collectreport(self, report: Any) -> None:
        if report.failed and self.failed is None:
            self.failed = f"{report.nodeid} (can't be imported)"


class _Finder(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    def __init__(self, mutant: Mutant) -> None:
        self._mutant = mutant
        named = mutant.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")
        # A folder that cmvmon links to (data_contracts) is imported as a room of it.
        self._name = named if named.partition(".")[0] in RELOADED else f"cmvmon.{named}"

    def find_spec(self, fullname: str, path: object, target: object = None) -> importlib.machinery.ModuleSpec | None:
        if fullname != self._name:
            return None
        found = importlib.machinery.PathFinder.find_spec(fullname, path)  # type: ignore[arg-type]
        if found is not None:
            found.loader = self
        return found

    def exec_module(self, module: object) -> None:
        code = compile(self._mutant.text, self._mutant.file, "exec")
        exec(code, vars(module))


def _changes(tree: ast.Module) -> Iterator[tuple[ast.expr, Callable[[], str]]]:
    """Each place that can be changed, with the act that changes it and returns the new expression's text."""
    for node in _judging(tree):
        if isinstance(node, ast.Compare):
            for index, operator in enumerate(node.ops):
                if type(operator) in _COMPARED:
                    yield node, _swap_compared(node, index)
        elif isinstance(node, ast.BoolOp):
            yield node, _set(node, "op", ast.Or() if isinstance(node.op, ast.And) else ast.And())
        elif isinstance(node, ast.BinOp) and type(node.op) in _COMPUTED:
            yield node, _set(node, "op", _COMPUTED[type(node.op)]())
        elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not | ast.Invert):
            yield node, _drop_negation(node)
        elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
            yield node, _set(node, "value", not node.value)
        elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
            yield node, _set(node, "value", node.value + 1)
        elif isinstance(node, ast.Attribute) and node.attr in _CALLED:
            yield node, _set(node, "attr", _CALLED[node.attr])


def _judging(tree: ast.AST) -> Iterator[ast.expr]:
    """Every expression that computes; not what stands in an annotation."""
    for name, value in ast.iter_fields(tree):
        if name in ("annotation", "returns"):
            continue
        for child in value if isinstance(value, list) else [value]:
            if isinstance(child, ast.AST):
                if isinstance(child, ast.expr):
                    yield child
                yield from _judging(child)


def _set(node: ast.expr, name: str, value: object) -> Callable[[], str]:
    def apply() -> str:
        setattr(node, name, value)
        return ast.unparse(node)

    return apply


def _swap_compared(node: ast.Compare, index: int) -> Callable[[], str]:
    def apply() -> str:
        node.ops[index] = _COMPARED[type(node.ops[index])]()
        return ast.unparse(node)

    return apply


def _drop_negation(node: ast.UnaryOp) -> Callable[[], str]:
    """`not x` and `~x` become `x`, written as a second negation, which leaves the place in the tree as it is."""

    def apply() -> str:
        kept = node.operand
        double = ast.UnaryOp(op=node.op, operand=kept)
        node.operand = double  # negated twice: the value itself
        return ast.unparse(kept)

    return apply
