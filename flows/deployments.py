"""When the flows run, and how many at once. No logic."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cmvmon.domain.errors import SiteError
from cmvmon.shell.site import Site
from flows.engine import quiet

NIGHTLY_CRON = "30 5 * * *"
_SERVER_STARTS_WITHIN_S = 120.0


def serve(root: Path) -> None:
    """Serves the schedules until stopped, on the server that PREFECT_API_URL names, else on one of its own (loopback)."""
    quiet(root)
    time_zone = Site(root).prepare().settings().time_zone
    with _server():
        from prefect import serve as prefect_serve

        print(f"nightly at 05:30 {time_zone}, one at a time; stop with Ctrl-C", flush=True)  # noqa: T201
        prefect_serve(*deployments(root, time_zone))


def deployments(root: Path, time_zone: str) -> list[Any]:
    """The night on its schedule, and the lab feed to be run by hand; of each one run at a time, a second is refused."""
    from prefect.client.schemas.objects import ConcurrencyLimitConfig, ConcurrencyLimitStrategy
    from prefect.schedules import Cron

    from flows.lab_feed import lab_feed
    from flows.nightly import nightly

    one = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.CANCEL_NEW)
    queue = ConcurrencyLimitConfig(limit=1, collision_strategy=ConcurrencyLimitStrategy.ENQUEUE)
    where = {"root": str(root.resolve())}
    return [
        nightly.to_deployment(
            name="nightly",
            schedules=[Cron(NIGHTLY_CRON, timezone=time_zone)],
            parameters=where,
            concurrency_limit=one,
        ),
        lab_feed.to_deployment(name="lab-feed", parameters=where, concurrency_limit=queue),
    ]


@contextmanager
def _server() -> Iterator[None]:
    """A Prefect server on loopback while the schedules are served, unless one is named already."""
    if os.environ.get("PREFECT_API_URL"):
        yield
        return
    port = _free_port()
    url = f"http://127.0.0.1:{port}/api"
    command = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)]
    # A server that inherits an ignored SIGINT never stops: give it the default back.
    process = subprocess.Popen(
        command,
        stdout=subprocess.DEVNULL,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    try:
        _wait_for(f"{url}/health", process)
        os.environ["PREFECT_API_URL"] = url
        yield
    finally:
        os.environ.pop("PREFECT_API_URL", None)
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + _SERVER_STARTS_WITHIN_S
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise SiteError(
                "Prefect's server did not start; set PREFECT_API_URL to one that runs, or use `cmvmon nightly`"
            )
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            time.sleep(0.5)
    raise SiteError(
        f"Prefect's server was not ready in {_SERVER_STARTS_WITHIN_S:.0f} s; use `cmvmon nightly` meanwhile"
    )


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
