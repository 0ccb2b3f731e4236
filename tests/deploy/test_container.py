"""The container's steps in plain folders of the same content, by another user than owns the program; and what compose.yaml says.

No container engine is needed: what the Containerfile copies lies beside an installation of the bundle, and is started as it says.
"""

from __future__ import annotations

import os
import pwd
import re
import shutil
import signal
import stat
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
import yaml

from cmvmon.shell.folder.site import Site
from tests import postgresql, sites
from tests.deploy import contained
from tests.deploy.called import is_taken

ROOT = Path(__file__).parents[2]
PARTS = ROOT / "deploy" / "container"
COMPOSE: dict[str, Any] = yaml.safe_load((PARTS / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: one for name, one in SERVICES.items() if one.get("image", "").startswith("cmvmon:")}
CONTAINERFILE = (PARTS / "Containerfile").read_text(encoding="utf-8")
_STARTS_WITHIN_S = 900.0
_LONGEST_STOP_S = max(
    int(seconds)
    for unit in (ROOT / "deploy" / "systemd").glob("*.service")
    for seconds in re.findall(r"^TimeoutStopSec=(\d+)$", unit.read_text(encoding="utf-8"), re.M)
)


@pytest.fixture(scope="module")
def nobody() -> pwd.struct_passwd:
    if (reason := contained.why_not()) is not None:
        pytest.skip(reason)
    return pwd.getpwnam("nobody")


@pytest.fixture(scope="module")
def program(installed: Path) -> Path:
    """/opt/cmvmon as the Containerfile makes it: the installation, and beside it what starts and asks it."""
    for name in ("entrypoint.sh", "health.sh"):
        shutil.copy(PARTS / name, installed / name)
    return installed


@pytest.fixture
def volume(place: Path, nobody: pwd.struct_passwd, request: pytest.FixtureRequest) -> Iterator[Path]:
    folder = place / f"volume-{abs(hash(request.node.name))}"
    folder.mkdir(mode=0o750)
    os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    yield folder
    shutil.rmtree(folder)


def given(volume: Path, **more: str) -> dict[str, str]:
    """The environment of the container: no home, and nothing of this process's own."""
    return {
        "PATH": "/usr/sbin:/usr/bin:/bin",
        "HOME": "/nonexistent",
        "LANG": "C.UTF-8",
        "CMVMON_SITE": str(volume),
        **more,
    }


def asked(program: Path, script: str, *words: str, volume: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        contained.command(program, [str(program / script), *words], kept=_kept(volume)),
        env=given(volume, **more), cwd="/", capture_output=True, text=True, check=False, timeout=_STARTS_WITHIN_S,
    )  # fmt: skip


@contextmanager
def started(program: Path, *words: str, volume: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        contained.command(program, [str(program / "entrypoint.sh"), *words], kept=_kept(volume)),
        env=given(volume), cwd="/", stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True,
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(timeout=30)


def _kept(volume: Path) -> Path:
    kept = volume.parent / "kept"
    kept.mkdir(exist_ok=True)
    return kept


def healthy(program: Path, process: subprocess.Popen[str], volume: Path) -> None:
    deadline = time.monotonic() + _STARTS_WITHIN_S
    while (told := asked(program, "health.sh", "watch", volume=volume)).returncode != 0:
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, told.stdout
        time.sleep(1)
    assert told.stdout == "cmvmon watch is at work\n"


def stopped(process: subprocess.Popen[str]) -> str:
    """What it said until it was stopped as an engine stops it."""
    process.send_signal(signal.SIGTERM)
    said, _ = process.communicate(timeout=_STARTS_WITHIN_S)  # what was taken in is held against its contract first
    assert process.returncode == 0, said
    return said


def everything(folder: Path) -> set[tuple[str, int, int]]:
    return {(str(path), path.lstat().st_mtime_ns, path.lstat().st_size) for path in folder.rglob("*")}


@pytest.mark.long
def test_it_starts_on_an_empty_volume_is_healthy_and_keeps_its_data_over_a_restart(
    program: Path, volume: Path, nobody: pwd.struct_passwd
) -> None:
    before = everything(program)
    assert asked(program, "health.sh", "watch", volume=volume).returncode == 1
    with started(program, "watch", volume=volume) as process:
        healthy(program, process, volume)
        sites.laboratories(volume, "synthetic")
        sites.ward_of_three(volume)
        for path in [volume, *volume.rglob("*")]:
            if ".cache" not in path.parts:
                os.chown(path, nobody.pw_uid, nobody.pw_gid)
        _until_pages_show(volume, "SYNTHETIC-SLOW", process)
        said = stopped(process)
    assert said.count("compiling the kernels") == 1
    assert "settings.toml" in {path.name for path in volume.iterdir()}
    assert list((volume / ".cache" / "kernels").rglob("*.nbi"))
    told = asked(program, "health.sh", "watch", volume=volume)
    assert (told.returncode, told.stdout) == (1, "cmvmon watch does not run on this site\n")
    rows = sites.rows(volume, "SELECT count(*) FROM viral_load_results")
    pages = sites.page_bytes(volume)

    with started(program, "watch", volume=volume) as process:
        healthy(program, process, volume)
        again = stopped(process)
    assert "compiling" not in again
    assert sites.rows(volume, "SELECT count(*) FROM viral_load_results") == rows != [(0,)]
    assert sites.page_bytes(volume).keys() == pages.keys()
    assert everything(program) == before  # the program's folder was never written


def _until_pages_show(volume: Path, patient: str, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 300
    while not any(patient in page.decode() for page in sites.page_bytes(volume).values()):
        assert process.poll() is None, process.communicate()[0]
        assert time.monotonic() < deadline, "no page after five minutes"
        time.sleep(0.5)


@pytest.mark.long
def test_a_volume_that_can_not_be_written_is_said_in_words_and_nothing_is_started(
    program: Path, place: Path, nobody: pwd.struct_passwd
) -> None:
    theirs = place / "theirs"
    theirs.mkdir(mode=0o755)
    done = asked(program, "entrypoint.sh", volume=theirs)
    assert done.returncode == 2
    assert f"{theirs} can not be written by user {nobody.pw_uid}:" in done.stderr
    assert list(theirs.iterdir()) == []


@pytest.mark.long
@pytest.mark.parametrize("content", [None, ""], ids=["missing", "empty"])
def test_a_secret_that_is_not_there_is_said_by_its_file_before_anything_starts(
    content: str | None, program: Path, volume: Path, place: Path
) -> None:
    secret = place / "store_password"
    if content is not None:
        secret.write_text(content)
        secret.chmod(0o644)
    done = asked(program, "entrypoint.sh", "status", volume=volume, PGPASSWORD_FILE=str(secret))
    secret.unlink(missing_ok=True)
    assert done.returncode == 2
    assert f"PGPASSWORD_FILE names {secret}" in done.stderr
    assert list(volume.iterdir()) == []


@pytest.mark.long
def test_the_program_finds_a_secret_and_no_sentence_shows_it(
    program: Path, volume: Path, place: Path, tmp_path: Path
) -> None:
    """By a folder with a program that prints what it was given, in the place of cmvmon."""
    stand_in = place / "stand-in"
    (stand_in / "releases" / "one" / "bin").mkdir(parents=True)
    (stand_in / "current").symlink_to("releases/one")
    shutil.copy(PARTS / "entrypoint.sh", stand_in)
    shutil.copy("/usr/bin/env", stand_in / "current" / "bin" / "prefect")
    (stand_in / "current" / "bin" / "prefect").write_text("#!/bin/sh\nenv\n")
    secret = place / "secret"
    secret.write_text("it's $(a) 'secret' \\n\n")
    secret.chmod(0o644)
    done = asked(
        stand_in, "entrypoint.sh", "prefect-server", volume=volume, PREFECT_SERVER_API_AUTH_STRING_FILE=str(secret)
    )
    assert "PREFECT_SERVER_API_AUTH_STRING=it's $(a) 'secret' \\n\n" in done.stdout
    assert "AUTH_STRING_FILE" not in done.stdout


def test_an_engine_waits_as_long_for_the_end_of_a_step_as_systemd_does() -> None:
    page = (ROOT / "docs" / "deploying.md").read_text(encoding="utf-8")
    assert re.findall(r"^podman run .*--stop-timeout (\d+) ", page, re.M) == [str(_LONGEST_STOP_S)]


def test_the_containerfile_runs_as_a_number_and_copies_what_the_bundle_has() -> None:
    assert re.findall(r"^USER (\d+):(\d+)$", CONTAINERFILE, re.M) == [("10001", "10001")]
    assert 'VOLUME ["/site"]' in CONTAINERFILE
    assert not re.search(r"://|^ADD|curl|wget|pip install", CONTAINERFILE, re.M)
    for script in re.findall(r"/bundle/container/([\w.]+)", CONTAINERFILE):
        assert (PARTS / script).stat().st_mode & stat.S_IXUSR
    for line in re.findall(r'^(?:ENTRYPOINT|HEALTHCHECK .*CMD) \["/opt/cmvmon/([\w.]+)"', CONTAINERFILE, re.M):
        assert f"/bundle/container/{line}" in CONTAINERFILE


@pytest.mark.parametrize("name", OURS)
def test_each_service_of_compose_starts_something_that_exists_without_rights(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    service = OURS[name]
    words = service["command"]
    if words in (["prefect-server"], ["prepare"]):
        assert words[0] in (PARTS / "entrypoint.sh").read_text(encoding="utf-8")
    else:
        Site(tmp_path).prepare()
        monkeypatch.setenv("CMVMON_SITE", str(tmp_path))
        assert is_taken(words, site=tmp_path, named="")
        assert service["healthcheck"]["test"] == ["CMD", "/opt/cmvmon/health.sh", *words]  # not left to the image
    assert service["read_only"] is True
    assert service["stop_grace_period"] == f"{_LONGEST_STOP_S}s"
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert service["user"] == "10001:10001"
    assert all(volume.split(":")[:2] == ["site", "/site"] for volume in service.get("volumes", []))


def test_no_password_stands_in_compose_and_every_secret_is_a_file_that_somebody_uses() -> None:
    declared = COMPOSE["secrets"]
    assert all(one == {"file": f"secrets/{name}"} for name, one in declared.items())
    used = {secret for service in SERVICES.values() for secret in service.get("secrets", [])}
    assert used == set(declared)
    for name, service in SERVICES.items():
        environment: Mapping[str, str] = service.get("environment", {})
        for key, value in environment.items():
            if re.search(r"PASSWORD|AUTH|SECRET|KEY", key):
                assert key.endswith("_FILE"), (name, key)
                assert value.removeprefix("/run/secrets/") in service["secrets"], (name, key)
            assert not re.search(r"://[^/]*:[^/]*@", value), (name, key)


def test_only_the_listener_and_the_proxy_are_reached_from_outside_and_what_is_named_exists() -> None:
    assert {name for name, one in SERVICES.items() if "ports" in one} == {"listener", "proxy"}
    assert {name for name, one in SERVICES.items() if "site:/site" in one.get("volumes", [])} == set(OURS) - {"prefect"}
    for service in SERVICES.values():
        assert set(service.get("depends_on", {})) <= set(SERVICES)
        assert set(service["networks"]) <= set(COMPOSE["networks"]) if "networks" in service else True
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert (PARTS / source).exists() if source.startswith(".") else source in COMPOSE["volumes"]
    proxy = (PARTS / "proxy" / "cmvmon.conf").read_text(encoding="utf-8")
    assert f"http://{SERVICES['board']['networks']['to-board']['ipv4_address']}:8741/" in proxy
    removed = set(re.findall(r"RequestHeader unset (\S+)", proxy))
    assert set(re.findall(r"RequestHeader set (\S+)", proxy)) <= removed
    for secret in re.findall(r"/run/secrets/(\w+)", proxy):
        assert secret in SERVICES["proxy"]["secrets"]


def test_the_database_gets_a_user_for_each_program_who_may_not_see_the_other_one(
    server: postgresql.Server, tmp_path: Path
) -> None:
    if shutil.which("psql") is None:
        pytest.skip("no psql on this machine, so the database's first script was not tried")
    secrets = {"STORE_PASSWORD_FILE": 'it\'s "one" \\ $x', "PREFECT_DATABASE_PASSWORD_FILE": "two"}
    paths = {name: tmp_path / name for name in secrets}
    for name, path in paths.items():
        path.write_text(secrets[name] + "\n", encoding="utf-8")
    admin = f"host={server.folder} user=cmvmon dbname=postgres"
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute("CREATE ROLE owner SUPERUSER LOGIN")
    script = (PARTS / "database.sh").read_text(encoding="utf-8").replace("made cmvmon ", "made cmvmon_site ")
    done = subprocess.run(
        ["sh", "-c", script],
        env={"PATH": os.environ["PATH"], "PGHOST": str(server.folder), "POSTGRES_USER": "owner", **{k: str(v) for k, v in paths.items()}},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    try:
        with psycopg.connect(admin, autocommit=True) as connection:
            kept = dict(
                connection.execute(
                    "SELECT rolname, rolpassword FROM pg_authid WHERE rolpassword IS NOT NULL"
                ).fetchall()
            )
            assert {name for name in kept if kept[name].startswith("SCRAM-SHA-256")} == {"cmvmon_site", "prefect"}
            may = connection.execute("SELECT has_database_privilege('prefect', 'cmvmon_site', 'CONNECT')").fetchone()
            assert may == (False,)
    finally:
        with psycopg.connect(admin, autocommit=True) as connection:
            for statement in (
                "DROP DATABASE cmvmon_site",
                "DROP DATABASE prefect",
                "DROP ROLE cmvmon_site",
                "DROP ROLE prefect",
                "DROP ROLE owner",
            ):
                connection.execute(statement.encode())
