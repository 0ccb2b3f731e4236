"""`cmvmon serve` from its start to its end, killed in the middle of a night on the way."""

from __future__ import annotations

import signal
import socket
import sqlite3
import subprocess
from pathlib import Path

import pytest

from cmvmon.shell.basis.lock import only_run
from tests import sites
from tests.flows.serving import CMVMON, Served, is_there, states, wait
from tests.sites import rows

WORK = "SELECT state, evidence FROM alert_events WHERE rule = 'operations' ORDER BY changed_at, sequence"


@pytest.fixture
def site(tmp_path: Path) -> Path:
    sites.ward_of_three(tmp_path)
    return tmp_path


def _status(site: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(CMVMON), "status", "--site", str(site)], capture_output=True, text=True, check=False, timeout=60
    )


def test_a_serve_that_is_killed_in_a_night_leaves_nothing_behind_and_blocks_no_later_night(
    site: Path, served: list[Served]
) -> None:
    with only_run(site / ".nightly.lock"):  # so that the night is in its middle for as long as this holds
        first = Served(site)
        served.append(first)
        assert first.line("last night none yet; next night ").endswith(("05:30+01:00", "05:30+02:00"))
        first.line("the night of ")
        wait(lambda: "RUNNING" in states(site) and "prefect.engine" in first.children())
        _only_its_own_children_reach_the_server(first)
        children = first.children()
        assert set(children) == {
            "cmvmon.flows.own_server",
            "cmvmon.flows.runner",
            "cmvmon.flows.relay",
            "prefect.engine",
        }
        first.process.kill()
        wait(lambda: not any(map(is_there, children.values())), 10)
        assert "RUNNING" in states(site)  # nobody could say that it had ended

    second = Served(site)
    served.append(second)
    second.line("the night of ")
    night = second.line("night as of ")
    assert "3 new deliveries, 0 refused, 0 files not read; 3 patients" in night
    assert states(site)[0] == "CRASHED"

    _ask_for_a_night(second)  # as the schedule does
    assert "0 new deliveries" in second.line("night as of ")

    with sqlite3.connect(site / "cmvmon.sqlite") as connection:  # a row past our own checks breaks its contract
        connection.execute(
            "INSERT INTO icu_stays SELECT 99, stay_id, patient_id, admitted_at, admitted_at, ward, bed, '2026-03-01T00:00:00.000000Z', '2025-01-01T00:00:00.000000Z', ventilation_kind, affected_compartments, received_at, delivery_id, 'k', content, delivered, landed_at, feed, attempt, 99, is_withdrawn FROM icu_stays LIMIT 1"
        )
    sites.give_its_hash(site, "icu_stays")
    _ask_for_a_night(second)
    assert "breaks its contract" in second.line("NOT DONE the night: ")
    assert rows(site, WORK)[-1][0] == "open"
    stopped = _status(site)
    assert stopped.returncode == 2
    assert "(`cmvmon serve` runs)" in stopped.stdout
    assert "NOT WELL     assessment: data do not keep the agreed promises" in stopped.stdout

    again = subprocess.run(
        [str(CMVMON), "serve", "--site", str(site)], capture_output=True, text=True, check=False, timeout=60
    )
    assert (again.returncode, "runs on this site already" in again.stderr) == (6, True)

    children = second.children()
    code, seconds = second.stop(signal.SIGTERM)
    assert code == 0
    assert seconds < 5
    assert second.line("stopped").startswith("stopped; no night is left undone")
    assert not any(map(is_there, children.values()))
    every = "\n".join(second.said)
    assert "Traceback" not in every
    assert every.count("\nnight as of ") == 2  # a good night leaves one line


def _only_its_own_children_reach_the_server(served: Served) -> None:
    """It listens on loopback, asks for a password, and that stands where no other user can read it."""
    given = served.environment("cmvmon.flows.runner")
    password, url = given["PREFECT_API_AUTH_STRING"], given["PREFECT_API_URL"]
    assert len(password) > 40
    assert served.environment("cmvmon.flows.own_server")["PREFECT_SERVER_API_AUTH_STRING"] == password
    assert url.startswith("http://127.0.0.1:")
    port = int(url.split(":")[2].split("/")[0])
    with socket.socket() as other, pytest.raises(OSError):
        other.connect((_address_of_this_machine(), port))
    body = {"deployments": {"name": {"any_": ["nightly"]}}}
    assert served.ask("/deployments/filter", body) == 401
    assert served.ask("/deployments/filter", body, password="cmvmon:guessed") == 401
    wait(lambda: isinstance(served.ask("/deployments/filter", body, password=password), list), 60)
    for pid in (served.process.pid, *served.children().values()):
        assert password not in Path(f"/proc/{pid}/cmdline").read_bytes().decode()
    home = served.site / ".prefect"
    assert home.stat().st_mode & 0o777 == 0o700
    for path in home.rglob("*"):
        assert password.encode() not in path.read_bytes(), path
    assert not any("127.0.0.1" in line for line in served.said)  # no page is promised


def _address_of_this_machine() -> str:
    """Another address than loopback, as another machine would use."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # nothing is sent
        except OSError:
            return "192.0.2.1"
        return str(probe.getsockname()[0])


def _ask_for_a_night(served: Served) -> None:
    password = served.environment("cmvmon.flows.runner")["PREFECT_API_AUTH_STRING"]
    body = {"deployments": {"name": {"any_": ["nightly"]}}}
    (deployment,) = served.ask("/deployments/filter", body, password=password)
    place = f"/deployments/{deployment['id']}/create_flow_run"
    wait(lambda: isinstance(served.ask(place, {}, password=password), dict), 60)  # 503 while its database is busy


def test_serve_stops_within_five_seconds_on_ctrl_c_in_the_middle_of_a_night(site: Path, served: list[Served]) -> None:
    with only_run(site / ".nightly.lock"):
        one = Served(site)
        served.append(one)
        wait(lambda: "prefect.engine" in one.children())
        children = one.children()
        code, seconds = one.stop(signal.SIGINT)
        assert (code, seconds < 5) == (0, True), seconds
        assert one.line("stopped") == "stopped; a night is left, which the next start makes up"
        assert not any(map(is_there, children.values()))
    assert "Traceback" not in "\n".join(one.said)
