"""What is imported is what is asked for: the core and each extra, in pyproject.toml, in the code's own table, in the commands."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from cmvmon.cli import app
from cmvmon.cli.needs import NEEDS, check
from cmvmon.cli.sections import tree
from cmvmon.domain import extras
from cmvmon.domain.errors import MissingExtra

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
ROOMS = ("flows", "dashboards", "data_contracts")  # the folders at the top that cmvmon links to
ALL = "all"
# Asked for without an import: a bound for Prefect (decision 0004), and data that Python finds by itself.
NOT_IMPORTED = {"prefect": {"fastapi", "sqlalchemy"}, "": {"tzdata"}}
# Reached through another library: SQLAlchemy finds its driver by the address of the database.
BY_OTHERS = {"psycopg"}


def asked(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(one).name) for one in requirements} - {"cmvmon"}


def distribution(module: str) -> str:
    (name,) = set(importlib.metadata.packages_distributions()[module])
    return canonicalize_name(name)


def imported() -> dict[str, set[str]]:
    """Every module from elsewhere that our code imports, at its top or within a function, and from which files."""
    found: dict[str, set[str]] = {}
    for folder in ("cmvmon", *ROOMS):
        for path in sorted((ROOT / folder).rglob("*.py")):
            for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
                names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
                names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
                for top in (
                    {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) - {"", "__future__"}
                ):
                    found.setdefault(top, set()).add(str(path.relative_to(ROOT)))
    return found


def test_our_code_imports_its_rooms_as_rooms_of_cmvmon() -> None:
    """`import dashboards` works in a checkout, and nowhere else."""
    assert {name: places for name, places in imported().items() if name in ROOMS} == {}
    of_tests = [
        path
        for folder in ("tests", "benchmarks")
        for path in (ROOT / folder).rglob("*.py")
        if re.search(rf"^\s*(from|import) ({'|'.join(ROOMS)})\b", path.read_text(encoding="utf-8"), re.M)
    ]
    assert of_tests == []


@pytest.mark.parametrize("room", ROOMS)
def test_a_room_is_a_link_that_git_keeps_as_a_link(room: str) -> None:
    link = ROOT / "cmvmon" / room
    assert link.is_symlink()
    assert link.readlink() == Path("..") / room
    listed = subprocess.run(
        ["git", "ls-files", "-s", f"cmvmon/{room}"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    if listed.returncode == 0:  # else this is no checkout
        assert listed.stdout.startswith("120000 ")


def test_every_library_that_is_imported_is_asked_for_by_the_core_or_by_the_extra_that_the_table_names() -> None:
    core = asked(PROJECT["dependencies"])
    for module in sorted(set(imported()) - {"cmvmon"}):
        extra = extras.extra_of(module)
        if extra is None:
            assert distribution(module) in core, f"{module}: {imported()[module]}"
    for extra, modules in extras.MODULES.items():
        of_extra = asked(PROJECT["optional-dependencies"][extra])
        assert {distribution(module) for module in modules} | NOT_IMPORTED.get(extra, set()) == of_extra, extra
        assert set(modules) - set(imported()) <= BY_OTHERS
    assert {distribution(m) for m in imported() if m != "cmvmon" and not extras.extra_of(m)} == core - NOT_IMPORTED[""]


def test_each_extra_includes_what_the_table_says_and_all_is_all_of_them() -> None:
    stated = PROJECT["optional-dependencies"]
    included = {
        extra: {name for text in texts for name in Requirement(text).extras if Requirement(text).name == "cmvmon"}
        for extra, texts in stated.items()
    }
    assert included.pop(ALL) == set(extras.MODULES)
    assert {extra: set(names) for extra, names in extras.INCLUDED.items()} == {e: n for e, n in included.items() if n}
    assert set(stated) == {*extras.MODULES, ALL}


def test_who_needs_an_extra_is_a_command_or_a_group_of_them() -> None:
    names = [name for commands in tree(app).values() for name, _ in commands]
    assert [need for need in NEEDS if not any(f"{name} ".startswith(f"{need} ") for name in names)] == []


@pytest.mark.parametrize(
    ("words", "needed"),
    [
        (["nightly"], "`cmvmon nightly` needs the extra [ward]"),
        (["board", "user", "add", "x"], "`cmvmon board` needs the extra [board]"),
        (["rules", "show", "x"], "`cmvmon rules show` needs the extra [ward]"),
        (["listen", "--site", "x"], "`cmvmon listen` needs the extra [feeds]"),
        (["nightly", "--help"], None),
        (["rules", "list"], None),
        (["analyze", "in"], None),
        (["no-such-command"], None),
    ],
)
def test_a_call_that_needs_what_is_not_installed_is_refused_and_its_help_is_not(
    words: list[str], needed: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in {name for modules in extras.MODULES.values() for name in modules}:
        monkeypatch.setitem(sys.modules, module, None)  # as where it is not installed
    if needed is None:
        check(words)
        return
    with pytest.raises(MissingExtra, match=re.escape(needed)) as refused:
        check(words)
    assert refused.value.exit_code == 2
    assert "\n" not in str(refused.value)


def test_an_extra_that_lacks_only_what_it_includes_is_lacking_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert extras.lacking("contracts") == extras.lacking("board") == ("pandas",)
    assert extras.not_there("board") == extras.lacking("feeds") == ()
    with pytest.raises(
        MissingExtra, match=r"^this needs the extras \[contracts\] and \[ward\], which are not installed"
    ):
        extras.require("this", "contracts", "ward", "feeds")
