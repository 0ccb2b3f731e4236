"""docs/installing.md and what stands beside the code for whoever installs, cites, reports or commits."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import yaml

import cmvmon
from cmvmon.cli import app
from cmvmon.cli.needs import NEEDS
from cmvmon.cli.sections import tree
from cmvmon.domain.extras import INCLUDED, MODULES
from tests.examples.environments import requirements_closure

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PAGE = (ROOT / "docs" / "installing.md").read_text(encoding="utf-8")
ROWS = [[cell.strip() for cell in row.strip("|").split("|")] for row in re.findall(r"^\|.+\|$", PAGE, re.M)][2:]


def test_each_extra_has_its_row_with_what_it_includes_and_commands_that_need_it() -> None:
    named = {re.findall(r"\[(\w+)\]", row[0])[0]: row for row in ROWS if "[" in row[0]}
    assert set(named) == {*MODULES, "all"}
    for extra in MODULES:
        assert tuple(re.findall(r"\[(\w+)\]", named[extra][0])[1:]) == INCLUDED.get(extra, ())
        # `demo` and `analyze` ask by their options.
        for command in set(re.findall(r"`([a-z]+)`", named[extra][2])) - {"demo"}:
            assert extra in NEEDS.get(command, ()), (extra, command)


def test_the_core_has_the_packages_and_the_commands_that_the_page_says() -> None:
    core = ROWS[0]
    assert core[1] == f"{len(requirements_closure(PROJECT['dependencies'])) + 1} packages"
    known = {name.split()[0] for commands in tree(app).values() for name, _ in commands}
    for command in re.findall(r"`([a-z]+)(?: list)?`", core[2]):
        assert command in known - set(NEEDS)


def test_the_wheel_that_is_named_is_that_of_this_version_and_links_lead_somewhere() -> None:
    for text in (PAGE, (ROOT / "README.md").read_text(encoding="utf-8")):
        assert set(re.findall(r"cmvmon-([\d.]+)-py3", text)) == {cmvmon.__version__}
    for file in ("docs/installing.md", "SECURITY.md"):
        text = (ROOT / file).read_text(encoding="utf-8")
        linked = re.findall(r"\]\((?!http)([^)#]+)\)", text)
        assert [path for path in linked if not (ROOT / file).parent.joinpath(path).exists()] == []


def test_the_version_and_the_licence_are_the_same_wherever_they_stand() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text(encoding="utf-8"))
    assert citation["version"] == PROJECT["version"] == cmvmon.__version__
    assert citation["license"] == PROJECT["license"]
    assert citation["authors"] == PROJECT["authors"]
    assert set(citation["keywords"]) <= set(PROJECT["keywords"])


def test_linux_is_said_aloud_and_no_address_is_named_that_does_not_exist() -> None:
    systems = [one for one in PROJECT["classifiers"] if one.startswith("Operating System")]
    assert systems == ["Operating System :: POSIX :: Linux"]
    assert "runs on Linux" in PAGE
    assert "urls" not in PROJECT


def test_a_hook_before_a_commit_calls_the_makefile_and_fetches_nothing() -> None:
    hooks = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    assert [repo["repo"] for repo in hooks["repos"]] == ["local"]
    entries = [hook["entry"].split() for hook in hooks["repos"][0]["hooks"]]
    assert entries
    assert all(make == "make" and target in targets for make, target in entries)
