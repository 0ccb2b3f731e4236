"""A program at work whose log can't be written: stdout and stderr are a device that is always full."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import OperationalError

from tests.calls import CMVMON
from tests.sites import rows

LIMIT_S = 120.0


@contextmanager
def at_work_with_a_full_log(command: str, site: Path) -> Iterator[subprocess.Popen[str]]:
    """`cmvmon COMMAND` on that site; it ends as it should when it is told to."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    with open("/dev/full", "w") as full:
        process = subprocess.Popen(
            [str(CMVMON), command, "--site", str(site)], stdout=full, stderr=full, text=True, env=kept
        )
    try:
        yield process
        process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()


def wait(process: subprocess.Popen[str], ready: Callable[[], bool]) -> None:
    """Until that is so, while it is at work."""
    deadline = time.monotonic() + LIMIT_S
    while not ready():
        assert process.poll() is None, f"it ended with {process.returncode}"
        assert time.monotonic() < deadline, "not so in time"
        time.sleep(0.2)


def judged(site: Path) -> set[object]:
    """Who was judged so far."""
    if not (site / "cmvmon.sqlite").exists():  # it would be made
        return set()
    try:
        return {patient for (patient,) in rows(site, "SELECT patient_id FROM assessed_patients")}
    except OperationalError:  # the database is being made
        return set()


def is_open(port: int) -> bool:
    """Whether somebody listens there."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5).close()
    except ConnectionError:
        return False
    return True
