"""What is installed is pinned and hashed: the program, what builds it, what its developers need, each in a lock of its own."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
NAMES = ("requirements.lock", "requirements-build.lock", "requirements-dev.lock")
LOCKS = {name: (ROOT / name).read_text(encoding="utf-8") for name in NAMES}
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def pins(lock: str) -> dict[str, str]:
    """By name, the version and when it holds; of one name several may stand there for several systems."""
    found = re.findall(r"^([a-z0-9-]+)==(\S+)( ; [^\\]+?)? \\$", LOCKS[lock], re.M)
    return {f"{name}{when}": version for name, version, when in found}


def names(wanted: list[str]) -> set[str]:
    return {re.split(r"[\[<>=!~ ;]", one)[0].lower().replace("_", "-") for one in wanted}


@pytest.mark.parametrize("lock", NAMES)
def test_every_line_of_a_lock_is_one_version_with_its_hashes_and_no_host(lock: str) -> None:
    entries = [part for part in re.split(r"\n(?=[a-zA-Z])", LOCKS[lock]) if not part.startswith("#")]
    assert len(entries) == len(pins(lock))
    assert [part.split()[0] for part in entries if "--hash=sha256:" not in part] == []
    assert "://" not in LOCKS[lock]


@pytest.mark.parametrize(
    ("lock", "wanted"),
    [
        ("requirements.lock", PROJECT["project"]["dependencies"]),
        *(("requirements.lock", wanted) for wanted in PROJECT["project"]["optional-dependencies"].values()),
        ("requirements-build.lock", [*PROJECT["dependency-groups"]["build"], *PROJECT["build-system"]["requires"]]),
        ("requirements-dev.lock", [*PROJECT["dependency-groups"]["dev"], *PROJECT["dependency-groups"]["docs"]]),
    ],
)
def test_what_the_project_names_stands_in_its_lock(lock: str, wanted: list[str]) -> None:
    assert names(wanted) - {"cmvmon"} - {pin.split(" ")[0] for pin in pins(lock)} == set()


def test_one_name_has_one_version_in_every_lock_and_no_tool_is_in_the_programs_own() -> None:
    program, build, dev = map(pins, NAMES)
    assert [name for name in build.keys() & dev.keys() if build[name] != dev[name]] == []
    for other in (build, dev):
        assert [name for name in program.keys() & other.keys() if program[name] != other[name]] == []
    tools = names([one for group in PROJECT["dependency-groups"].values() for one in group])
    of_extras = [one for wanted in PROJECT["project"]["optional-dependencies"].values() for one in wanted]
    of_program = [*PROJECT["project"]["dependencies"], *of_extras]
    assert tools & set(program) <= names(of_program) | {"scipy"}  # which great-expectations needs too


def test_the_makefile_installs_nothing_but_what_a_lock_holds_and_this_project() -> None:
    lines = (ROOT / "Makefile").read_text(encoding="utf-8").splitlines()
    installs = [line for line in lines if re.search(r"\$\(PIP\)|uv pip (install|sync)", line)]
    assert len(installs) == 5
    assert [
        line
        for line in installs
        if "--require-hashes" not in line and "--no-deps --no-build-isolation -e ." not in line
    ] == []
