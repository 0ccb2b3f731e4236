"""The services of deploy/systemd: each starts a command that exists, as a user without rights, and writes in the site alone."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer._click.exceptions import ClickException
from typer.testing import CliRunner

from cmvmon.cli import app
from tests.deploy.called import is_taken

ROOT = Path(__file__).parents[2]
UNITS = sorted((ROOT / "deploy" / "systemd").iterdir())
SERVICES = [path for path in UNITS if path.suffix == ".service"]
PROGRAM = "/opt/cmvmon/current/bin/cmvmon"
SITE = "/srv/cmvmon"
HARDENED = {
    "User": "cmvmon",
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "ReadWritePaths": SITE,
    "PrivateTmp": "yes",
    "PrivateDevices": "yes",
    "CapabilityBoundingSet": "",
    "AmbientCapabilities": "",
    "SystemCallArchitectures": "native",
    "UMask": "0027",
}
ANALYZE = shutil.which("systemd-analyze")


def keys(unit: Path) -> dict[str, list[str]]:
    """Each key of a unit with all that it is set to."""
    found: dict[str, list[str]] = {}
    for line in unit.read_text(encoding="utf-8").splitlines():
        if "=" in line and not line.startswith("#"):
            key, _, value = line.partition("=")
            found.setdefault(key, []).append(value)
    return found


def analyzed(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    if ANALYZE is None:
        pytest.skip("no systemd-analyze on this machine, so the units were not tried with it")
    return subprocess.run([ANALYZE, *words], cwd=folder, capture_output=True, text=True, check=False, timeout=60)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units with the program of these tests in place of the one that is not installed on this machine."""
    folder = tmp_path_factory.mktemp("units")
    for unit in UNITS:
        text = unit.read_text(encoding="utf-8").replace(PROGRAM, str(Path(sys.executable).with_name("cmvmon")))
        (folder / unit.name).write_text(text, encoding="utf-8")
    return folder


@pytest.fixture
def site(tmp_path: Path) -> Path:
    done = CliRunner().invoke(app, ["init", str(tmp_path / "site")])
    assert done.exit_code == 0
    return tmp_path / "site"


def test_there_is_a_unit_for_each_program_that_runs_until_it_is_stopped_and_for_the_night() -> None:
    names = {path.name for path in UNITS}
    assert {"cmvmon-watch.service", "cmvmon-listen.service", "cmvmon-board.service"} < names
    assert {"cmvmon-nightly.service", "cmvmon-nightly.timer", "cmvmon-warmup.service"} < names


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_what_a_service_starts_is_a_command_with_options_that_exist(unit: Path, site: Path) -> None:
    (line,) = keys(unit)["ExecStart"]
    program, *words = line.split()
    assert program == PROGRAM
    assert is_taken(words, site=site, named=SITE)
    assert words[0] == unit.stem.removeprefix("cmvmon-")


def test_a_command_or_an_option_that_does_not_exist_would_be_found(site: Path) -> None:
    for words in (["wacth"], ["watch", "--sites", "x"], ["init"], ["watch", "--site"]):
        with pytest.raises(ClickException):
            assert is_taken(words, site=site, named=SITE), words


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_has_no_rights_but_to_write_in_the_site(unit: Path) -> None:
    found = keys(unit)
    assert {key: found.get(key) for key in HARDENED} == {key: [value] for key, value in HARDENED.items()}
    assert set(found["RestrictAddressFamilies"][0].split()) <= {"AF_UNIX", "AF_INET", "AF_INET6"}
    assert found["SystemCallFilter"] == ["@system-service", "~@privileged"]
    assert "NUMBA_CACHE_DIR=/var/cache/cmvmon/kernels" in found["Environment"][0].split()
    assert found["CacheDirectory"] == ["cmvmon"]


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_a_service_that_fails_is_started_again_but_not_for_ever(unit: Path) -> None:
    found = keys(unit)
    if unit.stem == "cmvmon-warmup":  # its failure is said by those that come after it
        return
    assert found["Restart"] == ["on-failure"]
    assert found["StartLimitBurst"]
    assert found["StartLimitIntervalSec"]


def test_nothing_is_promised_that_the_program_can_not_do() -> None:
    """A watchdog would kill what does not tell that it lives; memory that may not be both written and run, the kernels."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "cmvmon").rglob("*.py"))
    assert "NOTIFY_SOCKET" not in code
    for unit in SERVICES:
        assert not {"WatchdogSec", "MemoryDenyWriteExecute"} & set(keys(unit))
        assert keys(unit)["Type"] in (["exec"], ["oneshot"])


def test_no_secret_stands_in_a_unit_and_one_that_is_passed_on_may_be_missing() -> None:
    """A credential without a path is looked for in the credential store, and is no fault where it is not there."""
    for unit in SERVICES:
        assert not re.search(
            r"password\s*=|secret\s*=", unit.read_text(encoding="utf-8").replace("password_file", ""), re.I
        )
        for credential in keys(unit).get("LoadCredential", []):
            assert re.fullmatch(r"cmvmon\.[a-z.]+", credential)


def test_systemd_itself_finds_no_fault_in_any_unit(here: Path) -> None:
    done = analyzed("verify", "--man=no", *(str(here / unit.name) for unit in UNITS), folder=here)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_systemd_finds_the_fault_in_a_unit_that_has_one(here: Path, tmp_path: Path) -> None:
    text = (here / "cmvmon-watch.service").read_text(encoding="utf-8")
    (tmp_path / "cmvmon-watch.service").write_text(text.replace("ProtectSystem=strict", "ProtectSystem=strictly"))
    done = analyzed("verify", "--man=no", str(tmp_path / "cmvmon-watch.service"), folder=tmp_path)
    assert "Failed to parse protect system value" in done.stderr


@pytest.mark.parametrize("unit", SERVICES, ids=lambda unit: unit.name)
def test_systemd_rates_each_service_as_little_exposed(unit: Path, here: Path) -> None:
    """On its scale from 0 to 10; a service without any of this has 9.6."""
    done = analyzed("security", "--offline=true", "--threshold=20", unit.name, folder=here)
    if "Unknown option" in done.stderr or "unrecognized option" in done.stderr:
        pytest.skip("this systemd-analyze rates no file that is not loaded (250 or later does)")
    (exposure,) = re.findall(r"exposure level for .*: ([\d.]+)", done.stdout)
    assert done.returncode == 0, f"{exposure} of 10"
    assert float(exposure) <= 2.0
