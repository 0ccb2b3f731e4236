"""cmvmon as a tool of its own, where no index is reached: `uvx` runs it and `pipx` installs it, from a folder of wheels."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.demo_run import DemoRun
from tests.deploy import repacked
from tests.deploy.conftest import ROOT, alone
from tests.examples import environments
from tests.examples.environments import BIN

pytestmark = pytest.mark.long
PAGE = (ROOT / "docs" / "installing.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def wheels(place: Path) -> Path:
    """A folder with cmvmon's wheel and all that [prefect] and [board] ask for, as a hospital would carry it in."""
    _, folder = repacked.lock_and_wheels(place / "tools", ["prefect", "board"])
    shutil.move(environments.build("wheel", place / "tools" / "built"), folder)
    return folder


def named(program: str) -> tuple[str, str]:
    """How the page calls it: the wheel's name and its extras."""
    (call,) = re.findall(rf"^{program} (?:--from )?'\./(cmvmon-[^'\[]+\.whl)\[([^\]]+)\]'", PAGE, re.M)
    return call


def warm(packages: list[Path]) -> None:
    """As warm as the checkout: to compile takes a minute."""
    assert packages
    for package in packages:
        environments.as_warm_as_the_checkout(package)


def test_uvx_runs_the_demo_where_no_index_is_reached(wheels: Path, tmp_path: Path, demo_run: DemoRun) -> None:
    """With the extra that the demo needs; the page's own, [all], brings the cluster's client too."""
    name, extras = named("uvx")
    assert extras == "all"
    cache = tmp_path / "cache"
    options = ["--offline", "--no-index", "--no-config", "--find-links", str(wheels), "--python", sys.executable]
    uvx = [str(BIN / "uvx"), *options, "--from", f"{wheels / name}[prefect]", "cmvmon"]
    said = alone(*uvx, "--version", folder=tmp_path, UV_CACHE_DIR=str(cache))
    assert said.returncode == 0, said.stderr
    assert f"cmvmon {name.split('-')[1]}" in said.stdout
    warm([path.parent for path in cache.rglob("site-packages/cmvmon/__init__.py")])
    demo = alone(*uvx, "demo", folder=tmp_path, UV_CACHE_DIR=str(cache))
    assert demo.returncode == 0, demo.stderr
    assert demo.stdout == demo_run.said
    assert (tmp_path / "site" / "pages" / "ward.en.html").exists()


def test_uvx_says_what_is_missing_where_the_folder_lacks_a_wheel(wheels: Path, tmp_path: Path) -> None:
    """So the first test installs from that folder, and from nowhere else."""
    name, _ = named("uvx")
    lone = tmp_path / "lone"
    lone.mkdir()
    shutil.copy(wheels / name, lone)
    options = ["--offline", "--no-index", "--no-config", "--find-links", str(lone), "--python", sys.executable]
    said = alone(
        str(BIN / "uvx"), *options, "--from", str(lone / name), "cmvmon", "--version", folder=tmp_path, UV_CACHE_DIR=str(tmp_path / "cache")
    )  # fmt: skip
    assert said.returncode != 0
    assert "No solution found" in said.stderr or "not found" in said.stderr


def test_pipx_installs_a_command_where_no_index_is_reached(wheels: Path, tmp_path: Path) -> None:
    if importlib.util.find_spec("pipx") is None:
        pytest.skip("no pipx in this environment, so it was not tried")
    name, extras = named("pipx install")
    own = {
        "PIPX_HOME": str(tmp_path / "home"),
        "PIPX_BIN_DIR": str(tmp_path / "bin"),
        "PIPX_MAN_DIR": str(tmp_path / "man"),
    }
    own |= {
        "PIPX_DEFAULT_PYTHON": sys.executable,
        "UV_CACHE_DIR": str(tmp_path / "cache"),
    }  # it asks uv where there is one
    asked = ["install", f"--pip-args=--no-index --find-links={wheels}", f"{wheels / name}[{extras}]"]
    done = alone(sys.executable, "-m", "pipx", *asked, folder=tmp_path, **own)
    assert done.returncode == 0, done.stderr
    cmvmon = str(tmp_path / "bin" / "cmvmon")
    assert alone(cmvmon, "--version", folder=tmp_path).stdout == f"cmvmon {name.split('-')[1]}\n"
    doctor = alone(cmvmon, "doctor", folder=tmp_path).stdout
    (installed,) = re.findall(r"extras: installed: ([^;]+);", doctor)
    assert set(extras.split(",")) <= set(installed.split(", "))
    without = subprocess.run([cmvmon, "listen"], cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False)
    assert without.returncode == 2
    assert "feeds" in without.stderr
