"""The container's image, built from a bundle by the command that the page shows, and run as the page says: by podman, without a network."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy import bundle
from tests import allowed, sites
from tests.deploy import base_image
from tests.deploy.podman import Podman, podman
from tests.upgrades import before

PAGE = (Path(__file__).parents[2] / "docs" / "deploying.md").read_text(encoding="utf-8")
(BUILD,) = re.findall(r"^podman (build .*)$", PAGE, re.M)
(RUN,) = re.findall(r"^podman (run .*)$", PAGE, re.M)
BASE = re.findall(r"BASE=(\S+)", BUILD)[0]
IMAGE = RUN.split()[-2]
USER = 10001
_WITHIN_S = 1800.0  # to compile takes a minute, and a quarter of an hour on a machine that has much else to do
pytestmark = pytest.mark.long


@pytest.fixture(scope="module")
def engine(made: Path) -> Iterator[Podman]:
    """Podman, with the image that the page's command makes of the bundle."""
    if not allowed.may_contain():
        allowed.missing("PODMAN")
    if (why := base_image.why_not()) is not None:
        allowed.missing("PODMAN", why)
    with podman(Path(tempfile.mkdtemp(prefix="cmvmon-podman-", dir="/var/tmp"))) as run:  # 6 GB: not in memory
        run("import", "--quiet", str(base_image.TAR), BASE)
        run(*shlex.split(BUILD), folder=made)
        yield run


def started(engine: Podman, name: str, *, volume: str = "site", image: str = IMAGE) -> None:
    """A container by the page's command, with a name, a volume and an image that may be others."""
    words = [word.replace("site:/site", f"{volume}:/site").replace(IMAGE, image) for word in RUN.split()]
    engine(words[0], "--name", name, *words[1:])


def until(engine: Podman, name: str, what: str) -> None:
    """Waits until its health check says so, or until that stands in what it has said."""
    deadline = time.monotonic() + _WITHIN_S
    while True:
        if what == "healthy" and engine.try_("healthcheck", "run", name).returncode == 0:
            return
        if what != "healthy" and what in said(engine, name):
            return
        assert engine("inspect", "--format", "{{.State.Running}}", name) == "true", said(engine, name)
        assert time.monotonic() < deadline, said(engine, name)
        time.sleep(0.5)


def said(engine: Podman, name: str) -> str:
    done = engine.try_("logs", name)
    return done.stdout + done.stderr


def stopped(engine: Podman, name: str) -> int:
    """Its exit code when it was asked to stop; 137 if it had to be killed. A busy machine gets longer than the page's minute: what was
    taken in is held against its contract before a watch ends."""
    engine("stop", "--time", "600", name)
    return int(engine("inspect", "--format", "{{.State.ExitCode}}", name))


def owned(volume: Path) -> None:
    for path in [volume, *volume.rglob("*")]:
        if ".cache" not in path.parts:
            os.chown(path, USER, USER)


def test_the_image_says_what_the_containerfile_says_and_holds_no_bundle(engine: Podman) -> None:
    (image,) = json.loads(engine("image", "inspect", IMAGE))
    config = image["Config"]
    assert (config["User"], config["Entrypoint"], config["Cmd"]) == (
        f"{USER}:{USER}",
        ["/opt/cmvmon/entrypoint.sh"],
        ["watch"],
    )
    assert list(config["Volumes"]) == ["/site"]
    assert image["Healthcheck"]["Test"] == ["CMD", "/opt/cmvmon/health.sh", "watch"]
    listed = engine("run", "--rm", "--entrypoint", "ls", IMAGE, "/")
    assert "site" in listed.split()
    assert "bundle" not in listed.split()


def test_it_starts_healthy_and_keeps_its_data_over_a_restart_and_another_image(
    engine: Podman, made: Path, tmp_path: Path
) -> None:
    started(engine, "first")
    assert engine.try_("healthcheck", "run", "first").returncode == 1  # it compiles
    until(engine, "first", "healthy")
    volume = engine.volume("site")
    sites.laboratories(volume, "synthetic")
    sites.ward_of_three(volume)
    owned(volume)
    deadline = time.monotonic() + 300
    while not any(b"SYNTHETIC-SLOW" in page for page in sites.page_bytes(volume).values()):
        assert time.monotonic() < deadline, said(engine, "first")
        time.sleep(0.5)
    for file in ("/x", "/opt/cmvmon/x"):
        assert "Read-only file system" in engine.try_("exec", "first", "touch", file).stderr
    assert re.findall(r"^Cap\w+:\t(\w+)$", engine("exec", "first", "cat", "/proc/1/status"), re.M) == ["0" * 16] * 5
    assert (
        engine("inspect", "--format", "{{.Config.StopTimeout}}", "first") == re.findall(r"--stop-timeout (\d+)", RUN)[0]
    )
    assert stopped(engine, "first") == 0
    rows, pages = sites.rows(volume, "SELECT count(*) FROM viral_load_results"), sites.page_bytes(volume)
    assert rows != [(0,)]

    engine("start", "first")
    until(engine, "first", "healthy")
    assert stopped(engine, "first") == 0
    assert said(engine, "first").count("compiling the kernels") == 1
    assert sites.rows(volume, "SELECT count(*) FROM viral_load_results") == rows
    engine("rm", "first")

    newer = Path(shutil.copytree(made, tmp_path / "newer", copy_function=os.link))
    for name, text in (("deploying.md", "another release\n"), ("SHA256SUMS", None)):
        (newer / name).unlink()
        (newer / name).write_text(text or bundle.sums(newer), "utf-8")
    engine(*shlex.split(BUILD.replace(IMAGE, "cmvmon:next")), folder=newer)
    started(engine, "second", image="cmvmon:next")
    until(engine, "second", "healthy")
    releases = {
        name: engine("run", "--rm", "--entrypoint", "ls", name, "/opt/cmvmon/releases")
        for name in (IMAGE, "cmvmon:next")
    }
    assert releases[IMAGE] != releases["cmvmon:next"]
    assert stopped(engine, "second") == 0
    assert sites.rows(volume, "SELECT count(*) FROM viral_load_results") == rows
    assert sites.page_bytes(volume).keys() == pages.keys()


def test_one_that_is_stopped_while_it_compiles_ends_at_once_and_its_next_start_goes_on(engine: Podman) -> None:
    """The shell is process 1 then, for which a signal does nothing unless it is trapped: an engine would wait, and kill it."""
    started(engine, "early", volume="early")
    until(engine, "early", "compiling the kernels")
    assert stopped(engine, "early") == 143
    assert (engine.volume("early") / "settings.toml").is_file()
    engine("start", "early")
    until(engine, "early", "healthy")
    assert stopped(engine, "early") == 0


@pytest.mark.parametrize(("option", "user"), [("--volume=theirs:/site:ro", USER), ("--user=12345:12345", 12345)])
def test_a_volume_that_can_not_be_written_is_said_in_words_and_nothing_is_started(
    engine: Podman, option: str, user: int
) -> None:
    done = engine.try_("run", "--rm", "--read-only", "--tmpfs", "/tmp", "--cap-drop", "all", option, IMAGE, "watch")
    assert done.returncode == 2
    assert f"/site can not be written by user {user}:{user}; nothing was started" in done.stderr


@pytest.mark.parametrize("commit", before.MOVED)
def test_a_site_that_an_earlier_program_made_is_taken_over_by_the_image(
    commit: str, engine: Podman, tmp_path: Path
) -> None:
    old = before.site(commit, tmp_path / "site", server=None)
    was = before.tables(old)["viral_load_results"]
    engine("volume", "create", "before")
    volume = engine.volume("before")
    shutil.copytree(old, volume, dirs_exist_ok=True)
    owned(volume)
    if engine.try_("volume", "exists", "site").returncode == 0:  # with kernels of the same image: a minute less
        subprocess.run(["cp", "-a", str(engine.volume("site") / ".cache"), str(volume)], check=True)
    started(engine, "later", volume="before")
    until(engine, "later", "healthy")
    assert stopped(engine, "later") == 0
    now = before.tables(volume)["viral_load_results"]
    assert len(now) == len(was) > 0
