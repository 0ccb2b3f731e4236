"""What is installed from the wheel does what the checkout does: the demo and the doctor, in an empty folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.slow


def run(command: list[str], folder: Path, **environment: str) -> str:
    """What the command prints, with nothing of this process's environment but what is given."""
    folder.mkdir(exist_ok=True)
    done = subprocess.run(
        command,
        cwd=folder,
        env={"PATH": "/usr/bin:/bin", "HOME": str(folder), "LANG": "C.UTF-8", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment that holds the wheel, and sees the dependencies but not the checkout."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True, timeout=300)
    (wheel,) = folder.glob("*.whl")
    venv.create(folder / "env", with_pip=False)
    site = Path(sysconfig.get_path("purelib", vars={"base": str(folder / "env"), "platbase": str(folder / "env")}))
    ours = sysconfig.get_path("purelib")
    # A path alone: .pth files of that folder, such as the checkout's own, are not read.
    (site / "dependencies.pth").write_text(f"{ours}\n", encoding="utf-8")
    uv = Path(sys.executable).parent / "uv"
    python = folder / "env" / "bin" / "python"
    run(
        [str(uv), "pip", "install", "--offline", "--no-deps", "--no-cache", "--python", str(python), str(wheel)], folder
    )
    _as_warm_as_the_checkout(site / "cmvmon")
    return folder / "env" / "bin"


def _as_warm_as_the_checkout(package: Path) -> None:
    """The kernels that were compiled for the checkout are those of the same files elsewhere: to compile them takes a minute."""
    for kept in (ROOT / "cmvmon").rglob("*.nb[ci]"):
        source = kept.parents[1] / f"{kept.name.partition('.')[0]}.py"
        there = package / kept.relative_to(ROOT / "cmvmon")
        there.parent.mkdir(exist_ok=True)
        shutil.copy(kept, there)
        copied = package / source.relative_to(ROOT / "cmvmon")
        assert copied.read_bytes() == source.read_bytes()
        os.utime(copied, ns=(source.stat().st_atime_ns, source.stat().st_mtime_ns))  # by which a kernel is known


def test_the_wheel_holds_the_example_beside_its_origin_and_says_that_it_is_typed(installed: Path) -> None:
    (wheel,) = installed.parents[1].glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    for name in ("examples/actg315/actg315_hiv_decay.csv", "examples/actg315/ORIGIN.md", "protocol/icu_cmv_2024.toml"):
        assert f"cmvmon/{name}" in names


def test_what_is_installed_is_not_the_checkout(installed: Path, tmp_path: Path) -> None:
    script = "import cmvmon, cmvmon.flows as f, cmvmon.dashboards as d; print(cmvmon.__file__, f.__file__, d.__file__)"
    for path in run([str(installed / "python"), "-c", script], tmp_path / "empty").split():
        assert Path(path).is_relative_to(installed.parent)
        assert not Path(path).is_relative_to(ROOT)


@pytest.mark.long
def test_who_warms_up_first_waits_for_no_compiler_afterwards(installed: Path, tmp_path: Path) -> None:
    """The kernels of the wheel lie where it is installed: the demo beside it finds them, and says nothing of compiling."""
    for kept in installed.parent.rglob("*.nb[ci]"):
        kept.unlink()
    command = [str(installed / "cmvmon"), "warmup"]
    both = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=600)
    assert both.stdout.startswith("warm: the kernels are compiled")
    assert both.stderr.count("first run here: compiling") == 1
    demo = [str(installed / "cmvmon"), "demo", "--plain"]
    assert subprocess.run(demo, cwd=tmp_path, capture_output=True, text=True, check=True, timeout=600).stderr == ""


@pytest.mark.parametrize("command", [["demo", "--plain"], ["doctor"]], ids=["demo", "doctor"])
def test_a_command_prints_in_an_empty_folder_what_the_checkout_prints(
    command: list[str], installed: Path, tmp_path: Path
) -> None:
    """The doctor looks at a site that does not exist: it says so, and makes none."""
    here = run([str(Path(sys.executable).parent / "cmvmon"), *command], tmp_path / "checkout")
    there = run([str(installed / "cmvmon"), *command], tmp_path / "wheel")
    assert there == here
    assert len(here.splitlines()) > 5
    if command == ["demo", "--plain"]:
        pages = [{p.name for p in (tmp_path / name / "site" / "pages").iterdir()} for name in ("checkout", "wheel")]
        assert len(pages[0]) == len(pages[1]) > 1
    else:
        assert not os.path.exists(tmp_path / "wheel" / "site")
