"""`cmvmon serve`: Prefect's server and its runner as children, and a look at the store now and then. Imports no Prefect.

The children end with this process, however it ends, and this process looks at the store itself: a night that did not run is
told though Prefect says nothing.
"""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from threading import Event

from cmvmon.domain.errors import CmvmonError, SiteError
from cmvmon.flows.engine import quiet
from cmvmon.run.health import at_work
from cmvmon.run.health.nights import Nights, nights
from cmvmon.shell.folder.site import Site
from cmvmon.telling import notify_file, out_file

_SERVER_STARTS_WITHIN_S = 120.0
_ENDS_WITHIN_S = 2.5  # after that a child is killed
_LOOKS_EVERY_S = 0.5
_LOOKS_AT_NIGHTS_EVERY_S = 60.0
_TELLS_EVERY_S = 300.0  # quiet hours, the digest's hour and new tries, where no `cmvmon watch` looks more often
Process = subprocess.Popen[bytes]


def serve(root: Path, *, stop: Event) -> Iterator[str]:
    """Serves the schedule of the site until `stop` is set, and gives what is to be said, line by line.

    On the server that PREFECT_API_URL names; without it, on one of its own: on loopback, with a password that is made at each
    start and known to its children alone. The night says itself what it came to.

    Raises AlreadyRunning where this site is served already, SiteError where Prefect does not start or one of its parts ends.
    """
    site = Site(root).prepare()
    with at_work.only_one(root, at_work.SERVE), _children() as started:
        quiet(root)
        yield from _at_the_start(nights(root))
        environment = os.environ | {"PYTHONSAFEPATH": "1"}
        if not os.environ.get("PREFECT_API_URL"):
            environment = _start_server(site, environment, started, stop)
        if not stop.is_set():
            environment = environment | {"CMVMON_SERVED": "1"}
            started["runner"] = _child("cmvmon.flows.runner", str(root.resolve()), environment)
            started["relay"] = _child("cmvmon.flows.relay", str(root.resolve()), environment)
            yield "serving, one step at a time; stop with Ctrl-C"
        yield from _until(stop, started, environment, root)
    yield _at_the_end(root)


def _at_the_start(found: Nights) -> Iterator[str]:
    last = "none yet" if found.last is None else _minute(found.last.astimezone(found.due.tzinfo))
    yield f"last night {last}; next night {_minute(found.next_due)}"
    if found.is_to_be_made_up:
        yield f"the night of {_minute(found.due)} did not run: it is made up now"


def _until(stop: Event, started: dict[str, Process], environment: dict[str, str], root: Path) -> Iterator[str]:
    """Waits, and looks now and then whether a night is missing that should have ended. Says what it can't see once."""
    looked_at, told, said = time.monotonic(), None, ""
    told_people_at = looked_at
    while not stop.wait(_LOOKS_EVERY_S):
        for name in ("server", "runner"):
            if name in started and started[name].poll() is not None:
                raise SiteError(
                    f"Prefect's {name} ended by itself (code {started[name].returncode}); start `cmvmon serve` again, or use "
                    "`cmvmon nightly` meanwhile"
                )
        if time.monotonic() - told_people_at >= _TELLS_EVERY_S:
            told_people_at = time.monotonic()
            _tell_people(started, environment, root)
        if time.monotonic() - looked_at < _LOOKS_AT_NIGHTS_EVERY_S:
            continue
        if started["relay"].poll() is not None:  # the nights go on without it, and take in what it did not
            yield f"NOT DONE what comes by day: its part ended by itself (code {started['relay'].returncode}); it is started again"
            started["relay"] = _child("cmvmon.flows.relay", str(root.resolve()), environment)
        looked_at, words = time.monotonic(), ""
        try:
            found = nights(root)
            if found.is_overdue(is_served=True) and told != found.due:
                told = found.due
                started["missing"] = _child("cmvmon.flows.missing", str(root.resolve()), environment)
        except CmvmonError as error:
            words = str(error)
        if words != said and words:
            yield words
        said = words


def _tell_people(started: dict[str, Process], environment: dict[str, str], root: Path) -> None:
    """Starts a child that does, where the site tells anybody and the last one has ended."""
    before = started.get("telling")
    if (before is None or before.poll() is not None) and any(
        (root / name).exists() for name in (notify_file.NAME, out_file.NAME)
    ):
        started["telling"] = _child("cmvmon.flows.telling", str(root.resolve()), environment)


def _at_the_end(root: Path) -> str:
    """Whether a night is left to be made up."""
    try:
        is_left = nights(root).is_to_be_made_up
    except CmvmonError:
        return "stopped"
    return "stopped; a night is left, which the next start makes up" if is_left else "stopped; no night is left undone"


def _start_server(site: Site, environment: dict[str, str], started: dict[str, Process], stop: Event) -> dict[str, str]:
    """Starts Prefect's server on loopback; returns the environment by which the runner reaches it. The password stands in
    the environment of the two, which no other user can read, and nowhere else."""
    home = Path(environment["PREFECT_HOME"])
    home.mkdir(parents=True, exist_ok=True)
    if home == (site.root / ".prefect").resolve():
        home.chmod(0o700)
    password = f"cmvmon:{secrets.token_urlsafe(32)}"
    with socket.socket() as bound, (home / "server.log").open("wb") as log:
        bound.bind(("127.0.0.1", 0))
        bound.listen()
        url = f"http://127.0.0.1:{bound.getsockname()[1]}/api"
        reached = environment | {"PREFECT_API_URL": url, "PREFECT_API_AUTH_STRING": password}
        # No page of Prefect's: nobody knows the password, and `cmvmon status` says what there is to say.
        own = reached | {"PREFECT_SERVER_API_AUTH_STRING": password, "PREFECT_SERVER_UI_ENABLED": "false"}
        started["server"] = _child(
            "cmvmon.flows.own_server", str(bound.fileno()), own, passes=bound.fileno(), log=log.fileno()
        )
    _wait_for(f"{url}/health", started["server"], stop)
    return reached


def _child(
    module: str, argument: str, environment: dict[str, str], *, passes: int | None = None, log: int | None = None
) -> Process:
    """A child in a group of its own, which ends with this process (cmvmon.shell.basis.lifeline)."""
    return subprocess.Popen(
        [sys.executable, "-m", module, argument],
        stdin=subprocess.PIPE,
        stdout=log,
        stderr=log,
        env=environment,
        pass_fds=() if passes is None else (passes,),
        start_new_session=True,
    )


@contextmanager
def _children() -> Iterator[dict[str, Process]]:
    """The children by name. At the end they are asked to end, with all that they started; what does not is killed."""
    started: dict[str, Process] = {}
    try:
        yield started
    finally:
        for process in started.values():
            _signal(process, signal.SIGTERM)
        deadline = time.monotonic() + _ENDS_WITHIN_S
        while any(_is_there(process) for process in started.values()) and time.monotonic() < deadline:
            time.sleep(0.02)
        for process in started.values():
            _signal(process, signal.SIGKILL)
            process.wait()
            if process.stdin is not None:
                process.stdin.close()


def _is_there(process: Process) -> bool:
    """Whether the child, or anything that it started, is still there."""
    process.poll()
    return _signal(process, 0)


def _signal(process: Process, number: int) -> bool:
    """Sends it to the child and all that it started; whether there was anything."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return False
    return True


def _wait_for(url: str, process: Process, stop: Event) -> None:
    deadline = time.monotonic() + _SERVER_STARTS_WITHIN_S
    while time.monotonic() < deadline and not stop.is_set():
        if process.poll() is not None:
            raise SiteError(
                "Prefect's server did not start (see server.log in its folder); set PREFECT_API_URL to one that runs, or use "
                "`cmvmon nightly`"
            )
        try:
            with urllib.request.urlopen(url, timeout=2) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, TimeoutError, ConnectionError):
            stop.wait(_LOOKS_EVERY_S)
    if not stop.is_set():
        raise SiteError(
            f"Prefect's server was not ready in {_SERVER_STARTS_WITHIN_S:.0f} s; use `cmvmon nightly` meanwhile"
        )


def _minute(moment: datetime) -> str:
    return moment.isoformat(sep=" ", timespec="minutes")
