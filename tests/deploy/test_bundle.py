"""An offline bundle: installed where there is no route, refused with one changed byte, and never half installed."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy import bundle
from tests.deploy.conftest import alone, install

LOCK = (bundle.ROOT / "requirements.lock").read_text(encoding="utf-8")


def copied(made: Path, to: Path) -> Path:
    """The bundle again, each file a link, for a test that replaces some of them."""
    return Path(shutil.copytree(made, to, copy_function=os.link))


def everything(folder: Path) -> set[tuple[str, int, int]]:
    return {(str(path), path.lstat().st_mtime_ns, path.lstat().st_size) for path in folder.rglob("*")}


def with_a_changed_byte(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.unlink()
    file.write_bytes(content)


def shortened(file: Path) -> None:
    content = file.read_bytes()
    file.unlink()
    file.write_bytes(content[: len(content) // 2])


FAULTS: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "a changed byte in a wheel": ("wheels/apprise-*.whl", with_a_changed_byte, "differs from its hash"),
    "a changed byte in our own wheel": ("wheels/cmvmon-*.whl", with_a_changed_byte, "differs from its hash"),
    "a truncated wheel": ("wheels/babel-*.whl", shortened, "differs from its hash"),
    "an empty wheel": ("wheels/jinja2-*.whl", lambda file: (file.unlink(), file.touch()), "differs from its hash"),
    "a wheel that is gone": ("wheels/alembic-*.whl", Path.unlink, "is missing or can not be read"),
    "a changed list of what to install": ("requirements.txt", with_a_changed_byte, "differs from its hash"),
    "a changed list of hashes": (
        "SHA256SUMS",
        lambda file: (text := file.read_text(), file.unlink(), file.write_text("x" + text)),
        "SHA256SUMS has a line that is no hash",
    ),
    "a wheel that is not of it": (
        "wheels/plotly-*.whl",
        lambda file: file.with_name("plotly-99.0-py3-none-any.whl").write_bytes(file.read_bytes()),
        "plotly-99.0-py3-none-any.whl is not of this bundle",
    ),
}


@pytest.mark.long
@pytest.mark.parametrize("fault", FAULTS)
def test_a_bundle_that_is_not_as_it_was_made_is_refused_by_name_and_nothing_is_left(
    fault: str, made: Path, tmp_path: Path
) -> None:
    pattern, spoil, words = FAULTS[fault]
    spoilt = copied(made, tmp_path / "bundle")
    (file,) = spoilt.glob(pattern)
    spoil(file)
    done = install(spoilt, tmp_path / "opt")
    assert done.returncode == 2
    assert words in done.stderr
    assert (file.name in done.stderr) == ("differs" in words or "missing" in words or file.name == "SHA256SUMS")
    assert "nothing was installed" in done.stderr
    assert done.stdout == ""
    assert not (tmp_path / "opt").exists()


@pytest.mark.long
def test_a_changed_bundle_leaves_an_installation_as_it_was(installed: Path, made: Path, tmp_path: Path) -> None:
    spoilt = copied(made, tmp_path / "bundle")
    with_a_changed_byte(next(spoilt.glob("wheels/apprise-*.whl")))
    before = everything(installed)
    assert install(spoilt, installed).returncode == 2
    assert everything(installed) == before


@pytest.mark.long
def test_what_goes_wrong_after_the_hashes_leaves_an_installation_as_it_was(
    installed: Path, made: Path, tmp_path: Path
) -> None:
    """A bundle that was made wrong: every hash is right, and a package that another one needs is not in it."""
    wrong = copied(made, tmp_path / "bundle")
    (wheel,) = wrong.glob("wheels/jinja2-*.whl")
    wheel.unlink()
    for name in ("requirements.txt", "SHA256SUMS"):
        text = (wrong / name).read_text()
        (wrong / name).unlink()
        if name == "requirements.txt":
            text = re.sub(r"^jinja2==.*\n", "", text, flags=re.M)
        (wrong / name).write_text(text if name == "requirements.txt" else bundle.sums(wrong))
    link = os.readlink(installed / "current")
    done = install(wrong, installed, "--no-warm-up")
    assert done.returncode != 0
    assert f"cmvmon was not installed; {installed} is as it was" in done.stderr
    assert os.readlink(installed / "current") == link
    assert [path.name for path in (installed / "releases").iterdir()] == [Path(link).name]
    assert not (installed / ".installing").exists()


@pytest.mark.long
def test_without_a_route_it_is_installed_warm_and_the_demo_and_the_doctor_run(installed: Path, tmp_path: Path) -> None:
    cmvmon = str(installed / "current" / "bin" / "cmvmon")
    warmed = alone(cmvmon, "warmup", folder=tmp_path)
    assert warmed.stdout.startswith("warm: the kernels are compiled and kept on disk")
    demo = alone(cmvmon, "demo", "--plain", folder=tmp_path)
    assert demo.returncode == 0, demo.stderr[-2000:]
    assert "pages: site/pages/index.html" in demo.stdout
    assert demo.stderr == ""  # compiled already
    doctor = alone(cmvmon, "doctor", folder=tmp_path)
    assert doctor.returncode in (0, 2, 3)
    assert "extras: installed: contracts, ward; not installed: prefect" in doctor.stdout
    lacking = alone(cmvmon, "board", folder=tmp_path)
    assert lacking.returncode == 2
    assert "needs the extra [board]" in lacking.stderr


@pytest.mark.long
def test_a_second_run_makes_nothing_anew_and_another_bundle_takes_its_place_in_one_step(
    installed: Path, made: Path, tmp_path: Path
) -> None:
    first = os.readlink(installed / "current")
    whole = (installed / first / ".whole").stat().st_mtime_ns
    again = install(made, installed)
    assert again.returncode == 0
    assert "is installed already" in again.stdout
    assert (installed / first / ".whole").stat().st_mtime_ns == whole

    newer = copied(made, tmp_path / "bundle")
    (newer / "deploying.md").unlink()
    (newer / "deploying.md").write_text("another release\n")
    (newer / "SHA256SUMS").unlink()
    (newer / "SHA256SUMS").write_text(bundle.sums(newer))
    upgraded = install(newer, installed, "--no-warm-up")
    assert upgraded.returncode == 0, upgraded.stderr
    second = os.readlink(installed / "current")
    assert second != first
    assert f"may be removed when nothing runs from it: {installed / first}" in upgraded.stdout
    for release in (first, second):  # what runs from the old one still finds its files
        version = subprocess.run(
            [installed / release / "bin" / "cmvmon", "--version"], capture_output=True, check=False
        )
        assert version.returncode == 0
    assert install(made, installed).returncode == 0  # and back
    assert os.readlink(installed / "current") == first


@pytest.mark.long
@pytest.mark.parametrize("was_there", [False, True], ids=["a new folder", "an empty one"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["stopped", "killed outright"])
def test_one_that_is_stopped_half_way_leaves_nothing_and_one_that_is_killed_says_what_to_do(
    number: signal.Signals, was_there: bool, made: Path, tmp_path: Path
) -> None:
    into = tmp_path / "opt"
    if was_there:
        into.mkdir()
    command = ["sh", str(made / "install.sh"), "--no-warm-up", str(into)]
    environment = {"PATH": "/usr/bin:/bin", "PYTHON": sys.executable}
    process = subprocess.Popen(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    )
    deadline = time.monotonic() + 120
    while not list(into.glob("releases/*/bin/python")) and process.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, number)
    assert process.wait(timeout=60) != 0
    if number == signal.SIGTERM:
        assert into.exists() == was_there
        assert not was_there or list(into.iterdir()) == []
    else:
        again = install(made, into)
        assert again.returncode == 2
        assert f"rmdir {into}/.installing" in again.stderr
        assert not (into / "current").exists()


@pytest.mark.long
@pytest.mark.parametrize("kind", ["file", "folder of somebody else", "link to nowhere"])
def test_what_is_not_its_own_is_never_written_into(kind: str, made: Path, tmp_path: Path) -> None:
    into = tmp_path / "opt"
    if kind == "file":
        into.write_text("theirs")
    elif kind == "link to nowhere":
        into.symlink_to(tmp_path / "nowhere")
    else:
        into.mkdir()
        (into / "theirs").touch()
    before = everything(tmp_path)
    done = install(made, into)
    assert done.returncode == 2
    assert "nothing was installed" in done.stderr
    assert everything(tmp_path) == before


@pytest.mark.long
def test_another_python_than_that_of_its_wheels_is_refused_in_words(made: Path, tmp_path: Path) -> None:
    other = copied(made, tmp_path / "bundle")
    (other / "bundle.txt").unlink()
    (other / "bundle.txt").write_text((made / "bundle.txt").read_text().replace("python 3.", "python 2."))
    (other / "SHA256SUMS").unlink()
    (other / "SHA256SUMS").write_text(bundle.sums(other))
    done = install(other, tmp_path / "opt")
    assert done.returncode == 2
    assert "this bundle is for Python 2." in done.stderr
    assert not (tmp_path / "opt").exists()


@pytest.mark.long
def test_two_at_once_do_not_work_in_one_folder(installed: Path, made: Path) -> None:
    (installed / ".installing").mkdir()
    try:
        done = install(made, installed)
        assert done.returncode == 2
        assert "another install.sh is at work" in done.stderr
        assert (installed / ".installing").exists()
    finally:
        (installed / ".installing").rmdir()


@pytest.mark.long
def test_no_text_of_the_bundle_names_a_host_and_its_list_is_sorted_and_whole(made: Path) -> None:
    lines = (made / "SHA256SUMS").read_text().splitlines()
    files = [line[66:] for line in lines]
    assert files == sorted(path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file())[1:]
    for name in ("install.sh", "bundle.txt", "requirements.txt", "SHA256SUMS"):
        text = (made / name).read_text()
        assert not re.search(r"://|index-url|\b\w+\.(org|com|net|io)\b", text), name


def test_the_extras_of_a_bundle_are_the_lock_without_what_only_others_need() -> None:
    import tomllib

    project = tomllib.loads((bundle.ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    stanzas = bundle.locked(LOCK)
    assert len(stanzas) == len(re.findall(r"^[a-z0-9-]+==", LOCK, re.M))

    def names(*extras: str) -> set[str]:
        return {one.name for one in bundle.selected(stanzas, bundle.asked_for(project, extras))}

    assert names("all") == {one.name for one in stanzas}
    assert names() < names("ward") < names(*bundle.EXTRAS) < names("all")
    assert {"pysail", "pyspark-client"} <= names("all") - names(*bundle.EXTRAS)
    assert "prefect" not in names("ward", "board", "feeds")
    with pytest.raises(SystemExit, match=r"no extra \[wards\]"):
        bundle.asked_for(project, ["wards"])
