"""The flows under a real Prefect server: the schedule really creates a run, and no run keeps a later one out."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cmvmon.flows.engine import quiet
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.run.nightly.night import nightly as plain_nightly
from cmvmon.shell.basis.lock import only_run
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.sites import day, text

AS_OF = day(21.5)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A Prefect server of our own on loopback, stopped by its own process id; yields its folder."""
    home = tmp_path_factory.mktemp("prefect")
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    os.environ["PREFECT_HOME"] = str(home)
    quiet(home)
    os.environ["PREFECT_API_URL"] = url = f"http://127.0.0.1:{port}/api"
    log = (home / "server.log").open("wb")
    process = subprocess.Popen(
        [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)],
        stdout=log,
        stderr=subprocess.STDOUT,
        env=os.environ | {"PREFECT_LOGGING_LEVEL": "DEBUG"},
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        _wait(lambda: urllib.request.urlopen(f"{url}/health", timeout=2).status == 200, 300)
        yield home
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()
        os.environ.pop("PREFECT_API_URL", None)


def _wait(ready: Any, limit_s: float) -> None:
    deadline = time.monotonic() + limit_s
    while time.monotonic() < deadline:
        try:
            if ready():
                return
        except OSError:
            pass  # not up yet: asked again until the deadline
        time.sleep(0.5)
    raise AssertionError(f"not ready in {limit_s} s")


async def _runs(deployment: str) -> list[Any]:
    from prefect.client.orchestration import get_client

    async with get_client() as client:
        found = await client.read_deployment_by_name(deployment)
        return [run for run in await client.read_flow_runs() if run.deployment_id == found.id]


def test_the_cron_deployment_creates_a_scheduled_run_at_half_past_five_local_time(server: Path, tmp_path: Path) -> None:
    from zoneinfo import ZoneInfo

    from cmvmon.flows.deployments import deployments

    for deployment in deployments(tmp_path, "Europe/Amsterdam"):
        deployment.apply(work_pool_name=None)
    _wait(lambda: asyncio.run(_runs("nightly/nightly")), 180)
    scheduled = [run for run in asyncio.run(_runs("nightly/nightly")) if run.expected_start_time > datetime.now(UTC)]
    assert scheduled
    for run in scheduled:
        local = run.expected_start_time.astimezone(ZoneInfo("Europe/Amsterdam"))
        assert (local.hour, local.minute) == (5, 30)
        assert run.parameters == {"root": str(tmp_path.resolve())}


def test_a_site_with_a_server_and_a_pool_of_its_own_deploys_both_and_an_event_makes_a_run(
    server: Path, tmp_path: Path
) -> None:
    """By flows/prefect.yaml and the command of the docs; the event is the relay's own, and that of another site makes none."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.actions import WorkPoolCreate

    from cmvmon.flows.relay import call

    async def pool() -> None:
        async with get_client() as client:
            await client.create_work_pool(WorkPoolCreate(name="icu", type="process"))

    asyncio.run(pool())
    site = str(tmp_path.resolve())
    given = {"CMVMON_SITE": site, "CMVMON_TIME_ZONE": "Europe/Amsterdam", "CMVMON_POOL": "icu"}
    words = ["--no-prompt", "deploy", "--all", "--prefect-file", "flows/prefect.yaml"]
    done = subprocess.run(
        [sys.executable, "-m", "prefect", *words], env=os.environ | given, cwd=Path(__file__).parents[2],
        capture_output=True, text=True, check=False, timeout=300,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr[-2000:]
    asyncio.run(call("a" * 64, tmp_path))
    asyncio.run(call("b" * 64, tmp_path / "another site"))
    _wait(lambda: asyncio.run(_runs("lab-feed/lab-feed")), 120)
    time.sleep(3)
    (run,) = asyncio.run(_runs("lab-feed/lab-feed"))
    assert run.parameters == {"root": site, "delivery_id": "a" * 64}
    assert run.work_pool_name == "icu"


def test_prefect_holds_no_limit_and_what_an_earlier_serve_left_behind_is_ended(server: Path, tmp_path: Path) -> None:
    """A limit's slot outlived the run that held it, and kept every later night out. Dead runs and those that were due while
    nobody was there are ended; the one that is due next stands."""
    from prefect.client.orchestration import get_client
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.states import Pending, Running, Scheduled

    from cmvmon.flows.deployments import deployments
    from cmvmon.flows.nightly import nightly
    from cmvmon.flows.runner import clear

    one = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
    where = {"root": str(tmp_path.resolve())}
    nightly.to_deployment(name="nightly", parameters=where, concurrency_limit=one).apply()  # as it was served before
    ids = [deployment.apply() for deployment in deployments(tmp_path, "Europe/Amsterdam")]

    async def left_and_cleared() -> tuple[list[str], list[str | None]]:
        async with get_client() as client:
            limits = [(await client.read_deployment(each)).global_concurrency_limit for each in ids]
            assert limits == [None, None]
            yesterday = Scheduled(scheduled_time=datetime.now(UTC) - timedelta(days=1))
            tomorrow = Scheduled(scheduled_time=datetime.now(UTC) + timedelta(days=1))
            runs = [await client.create_flow_run_from_deployment(ids[0], state=s) for s in (yesterday, tomorrow)]
            for state in (Running(), Pending()):
                dead = await client.create_flow_run_from_deployment(ids[0])
                await client.set_flow_run_state(dead.id, state, force=True)
                runs.append(dead)
            assert await clear(client, ids, tmp_path / "another site") == 0  # one server may serve several
            assert await clear(client, ids, tmp_path) == 3
            found = [await client.read_flow_run(run.id) for run in runs]
            return [run.state.type.value for run in found], [run.state.message for run in found]

    states, messages = asyncio.run(left_and_cleared())
    assert states == ["CANCELLED", "SCHEDULED", "CRASHED", "CRASHED"]
    assert "one night stands for all that were missed" in str(messages[0])


def test_a_run_that_hangs_is_ended_by_its_own_limit_of_time(server: Path, tmp_path: Path) -> None:
    from cmvmon.flows.lab_feed import lab_feed
    from cmvmon.flows.nightly import nightly
    from cmvmon.run.health.nights import ENDS_WITHIN

    assert nightly.timeout_seconds == lab_feed.timeout_seconds == ENDS_WITHIN.total_seconds()
    begun = time.monotonic()
    with only_run(tmp_path / ".nightly.lock"), pytest.raises(TimeoutError):
        nightly.with_options(timeout_seconds=2)(str(tmp_path), text(AS_OF))
    assert time.monotonic() - begun < 30


def test_the_flow_and_the_plain_command_give_the_same_rows_and_bytes(server: Path, tmp_path: Path) -> None:
    from cmvmon.flows.nightly import nightly

    one, two = tmp_path / "flow", tmp_path / "plain"
    sites.ward_of_three(one)
    (one / "page.key").write_bytes(b"0" * 64)  # the secret that names pages: the same for both
    shutil.copytree(one, two)
    nightly(str(one), text(AS_OF))
    plain_nightly(two, as_of=AS_OF)
    assert sites.everything(one) == sites.everything(two)
    assert sites.page_bytes(one) == sites.page_bytes(two)
    assert len(sites.page_bytes(one)) > 6


def test_a_night_that_other_runs_keep_out_for_too_long_says_so(
    server: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cmvmon.domain.errors import AlreadyRunning
    from cmvmon.flows.nightly import nightly
    from cmvmon.shell.work import opening

    monkeypatch.setattr(opening, "WAIT_S", 0.2)
    with only_run(tmp_path / ".nightly.lock"), pytest.raises(AlreadyRunning, match="another run is at work"):
        nightly(str(tmp_path), text(AS_OF))


def test_the_lab_feed_takes_in_one_landed_delivery_and_assesses_whom_it_touches(server: Path, tmp_path: Path) -> None:
    from cmvmon.flows.lab_feed import lab_feed

    sites.ward_of_three(tmp_path)
    plain_nightly(tmp_path, as_of=day(7.5))
    late = sites.drop(tmp_path, "viral_load_results", sites.falling("SYNTHETIC-LATE", 0.1), name="late.csv")
    with open_site(tmp_path) as opened:
        (landed,) = take_in_file(opened, late, feed="synthetic", table="viral_load_results", received_at=AS_OF)
    late.unlink()
    again = lab_feed(str(tmp_path), landed.delivery_id, text(AS_OF))
    assert again.assessed is not None  # taken in before, never assessed: its patients still are
    assert again.assessed.patients == 1
    assert sites.rows(tmp_path, "SELECT scope FROM assessments ORDER BY as_of") == [("all",), (landed.delivery_id,)]


NAMES = ("MARKEDFAKE-8841", "Markedfake Janssen", "123456782", "Markedfile_Jansen_1951")


def test_marked_fake_ids_and_names_reach_no_log_error_artifact_parameter_or_gx_result(
    server: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A delivery of marked ids, names in a column that nobody reads, every kind of record, and a table that breaks."""
    from cmvmon.flows.lab_feed import lab_feed
    from cmvmon.flows.nightly import nightly

    caplog.set_level("DEBUG")
    marked_id, name, number, file_name = NAMES
    lines = [
        *sites.falling(marked_id, 0.3),
        sites.result(marked_id, 5, f"ca. {number}"),
        sites.result(marked_id, 6, number, unit="?"),
    ]
    path = sites.drop(tmp_path, "viral_load_results", lines)
    header, *body = path.read_text().splitlines()
    path.write_text("\n".join([f"{header},patient_name", *(f"{line},{name}" for line in body)]))
    sites.drop(tmp_path, "antiviral_courses", [sites.course(marked_id), sites.course(marked_id, start=9, stop=8)])
    sites.drop(tmp_path, "icu_stays", [sites.stay(marked_id)])
    broken = sites.drop(tmp_path, "viral_load_results", [], name=f"{file_name}.csv")
    sites.drop(tmp_path, "viral_load_results", [], name=f"{file_name}.csv", feed="nowhere")
    (broken.parent / f"{file_name}.txt").write_text(marked_id)
    broken.write_text(f"{name};{marked_id}\n")
    said = [repr(nightly(str(tmp_path), text(AS_OF)))]
    late = sites.drop(tmp_path, "viral_load_results", [sites.result(marked_id, 20, 500)], name=f"{file_name}.2.csv")
    with open_site(tmp_path) as opened:
        (landed,) = take_in_file(opened, late, feed="synthetic", table="viral_load_results", received_at=day(22.2))
    delivery = landed.delivery_id
    said.append(repr(lab_feed(str(tmp_path), delivery, text(day(22.5)))))
    with sqlite3.connect(tmp_path / "cmvmon.sqlite") as connection:  # a row past our own checks breaks its contract
        connection.execute(
            "INSERT INTO icu_stays SELECT 99, stay_id, patient_id, admitted_at, admitted_at, ward, bed, '2026-03-01T00:00:00.000000Z', '2025-01-01T00:00:00.000000Z', ventilation_kind, affected_compartments, received_at, delivery_id, 'k', content, delivered, landed_at, feed, attempt, 99, is_withdrawn FROM icu_stays LIMIT 1"
        )
    sites.give_its_hash(tmp_path, "icu_stays")
    with pytest.raises(Exception, match="breaks its contract") as stopped:
        nightly(str(tmp_path), text(day(23.5)))
    said += [str(stopped.value), repr(stopped.value), caplog.text, *capfd.readouterr()]
    said += [path.read_bytes().decode("utf-8", "replace") for path in _files(server)]
    assert len(said) > 8
    assert any(b"nightly" in path.read_bytes() for path in _files(server))  # Prefect's own files were read
    for text_ in said:
        for mark in NAMES:
            assert mark not in text_
    ward = (tmp_path / "pages" / "ward.en.html").read_text()
    assert marked_id not in ward  # the halted assessment left no old list behind
    assert "assessment" in ward  # and it says so on its first line


def _files(home: Path) -> list[Path]:
    """Every file of Prefect's: its database (runs, parameters, states, artifacts, logs), storage, and the server's log."""
    time.sleep(3)  # logs are sent in batches
    return [path for path in home.rglob("*") if path.is_file()]
