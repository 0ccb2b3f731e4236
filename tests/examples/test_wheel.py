"""What is installed from the wheel does what the checkout does: the demo and the doctor, in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from tests.demo_run import DemoRun
from tests.examples import environments
from tests.examples.environments import BIN, ROOT

pytestmark = pytest.mark.slow
ROOMS = ("flows", "dashboards", "data_contracts")


def run(command: list[str], folder: Path) -> str:
    return environments.run(command, folder).stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return environments.build("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that holds the wheel with every extra, and sees nothing of the checkout."""
    folder = tmp_path_factory.mktemp("installed") / "env"
    return environments.environment(folder, wheel, environments.closure(wheel, ["all"]))


def test_the_wheel_holds_the_example_beside_its_origin_and_says_that_it_is_typed(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    for name in (
        "examples/actg315/actg315_hiv_decay.csv",
        "examples/actg315/ORIGIN.md",
        "protocol/icu_cmv_2024.toml",
        "py.typed",
    ):
        assert f"cmvmon/{name}" in names


def test_the_wheel_holds_each_file_once_under_cmvmon_and_nothing_else_at_its_top(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert [name for name, n in Counter(names).items() if n > 1] == []
    tops = {name.partition("/")[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"cmvmon"}
    for room in ROOMS:
        ours = {
            path.relative_to(ROOT).as_posix()
            for path in (ROOT / room).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert {name.removeprefix("cmvmon/") for name in names if name.startswith(f"cmvmon/{room}/")} == ours != set()


def test_a_wheel_that_is_built_from_the_sdist_holds_the_same_files(wheel: Path, tmp_path: Path) -> None:
    with tarfile.open(environments.build("sdist", tmp_path)) as packed:
        packed.extractall(tmp_path, filter="data")
    (source,) = (path for path in tmp_path.iterdir() if path.is_dir())
    again = zipfile.ZipFile(environments.build("wheel", tmp_path / "again", source=source))
    once = zipfile.ZipFile(wheel)
    assert sorted((each.filename, each.CRC) for each in again.infolist()) == sorted(
        (each.filename, each.CRC) for each in once.infolist()
    )


def test_what_is_installed_is_not_the_checkout_and_has_one_name(installed: Path, tmp_path: Path) -> None:
    """Each room is a folder of the package; at the top nobody finds it, so that a site's own `flows` is a site's own."""
    script = """
import importlib.util, pkgutil, cmvmon
rooms = [cmvmon, *(importlib.import_module(f"cmvmon.{room}") for room in ("flows", "dashboards", "data_contracts"))]
print(*(room.__file__ for room in rooms))
names = [found.name for found in pkgutil.walk_packages(cmvmon.__path__, "cmvmon.") if ".migrations" not in found.name]
files = [importlib.util.find_spec(name).origin for name in names]
print(len(files), len(set(files)))
print(*(room for room in ("flows", "dashboards", "data_contracts", "benchmarks", "tests") if importlib.util.find_spec(room)))
"""
    places, counted, at_the_top = run([str(installed / "python"), "-P", "-c", script], tmp_path / "empty").split("\n")[
        :3
    ]
    for path in places.split():
        assert Path(path).is_relative_to(installed.parent)
        assert not Path(path).is_relative_to(ROOT)
    assert len(set(counted.split())) == 1
    assert at_the_top == ""


@pytest.mark.long
def test_who_warms_up_first_waits_for_no_compiler_afterwards(installed: Path, tmp_path: Path) -> None:
    """The kernels of the wheel lie where it is installed: the demo beside it finds them, and says nothing of compiling."""
    for kept in installed.parent.rglob("*.nb[ci]"):
        if not kept.resolve().is_relative_to(Path(sys.prefix)):
            kept.unlink()
    command = [str(installed / "cmvmon"), "warmup"]
    both = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=600)
    assert both.stdout.startswith("warm: the kernels are compiled")
    assert both.stderr.count("first run here: compiling") == 1
    demo = [str(installed / "cmvmon"), "demo", "--plain"]
    assert subprocess.run(demo, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=600).stderr == ""


@pytest.mark.long
def test_the_demo_under_prefect_prints_what_the_plain_one_prints(installed: Path, tmp_path: Path) -> None:
    plain = run([str(installed / "cmvmon"), "demo", "--plain"], tmp_path / "plain")
    assert run([str(installed / "cmvmon"), "demo"], tmp_path / "prefect") == plain


@pytest.mark.parametrize("command", [["demo", "--plain"], ["doctor"]], ids=["demo", "doctor"])
def test_a_command_prints_in_an_empty_folder_what_the_checkout_prints(
    command: list[str], installed: Path, tmp_path: Path, demo_run: DemoRun
) -> None:
    """The doctor looks at a site that does not exist: it says so, and makes none."""
    is_demo = command == ["demo", "--plain"]
    here = demo_run.said if is_demo else run([str(BIN / "cmvmon"), *command], tmp_path / "checkout")
    there = run([str(installed / "cmvmon"), *command], tmp_path / "wheel")
    assert there == here
    assert len(here.splitlines()) > 5
    if is_demo:
        pages = [{p.name for p in (site / "pages").iterdir()} for site in (demo_run.site, tmp_path / "wheel" / "site")]
        assert len(pages[0]) == len(pages[1]) > 1
    else:
        assert not os.path.exists(tmp_path / "wheel" / "site")
