"""`cmvmon serve` as a process of its own for tests: what it says, its children, and Prefect's API as its children reach it."""

from __future__ import annotations

import json
import os
import queue
import signal
import sqlite3
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

CMVMON = Path(sys.executable).parent / "cmvmon"


class Served:
    """One start of `cmvmon serve` on a site, without anything of Prefect in its environment."""

    def __init__(self, site: Path) -> None:
        self.site = site
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
        self.process = subprocess.Popen(
            [str(CMVMON), "serve", "--site", str(site)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env=kept,
        )
        self.said: list[str] = []
        self._lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.rstrip("\n"))

    def line(self, beginning: str, limit_s: float = 120) -> str:
        """The next line that begins so; those before it are kept in `said`."""
        deadline = time.monotonic() + limit_s
        while True:
            line = self._lines.get(timeout=max(deadline - time.monotonic(), 0.01))
            self.said.append(line)
            if line.startswith(beginning):
                return line

    def children(self) -> dict[str, int]:
        """Its children and theirs, by what they are."""
        found, above = {}, [self.process.pid]
        while above:
            parent = above.pop()
            listed = Path(f"/proc/{parent}/task/{parent}/children")
            for pid in listed.read_text().split() if listed.exists() else []:
                words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
                found[words[2].decode() if len(words) > 2 else words[0].decode()] = int(pid)
                above.append(int(pid))
        return found

    def environment(self, child: str) -> dict[str, str]:
        """What that child was given; only this user can read it."""
        given = Path(f"/proc/{self.children()[child]}/environ").read_bytes().split(b"\0")
        return dict(entry.decode().split("=", 1) for entry in given if b"=" in entry)

    def ask(self, path: str, body: Any = None, *, password: str | None = None) -> Any:
        """What Prefect's API answers; an HTTP status where it refuses."""
        url = self.environment("cmvmon.flows.runner")["PREFECT_API_URL"]
        headers = {"Content-Type": "application/json"}
        if password is not None:
            headers["Authorization"] = f"Basic {b64encode(password.encode()).decode()}"
        data = None if body is None else json.dumps(body).encode()
        try:
            with urllib.request.urlopen(urllib.request.Request(url + path, data, headers), timeout=20) as answer:
                return json.loads(answer.read())
        except urllib.error.HTTPError as refused:
            return refused.code

    def stop(self, number: int = signal.SIGTERM) -> tuple[int, float]:
        """The exit code, and how many seconds it took."""
        begun = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(timeout=30)
        return code, time.monotonic() - begun

    def put_away(self) -> None:
        """Ends it if it is still there; its children end with it."""
        self.process.kill()
        self.process.wait()


def states(site: Path) -> list[str]:
    """The states of the runs that are due by now, as Prefect's own database holds them."""
    file = site / ".prefect" / "prefect.db"
    if not file.exists():
        return []
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True, timeout=20)
    try:
        query = "SELECT state_type FROM flow_run WHERE state_type != 'SCHEDULED' ORDER BY created"
        return [state for (state,) in connection.execute(query)]
    except sqlite3.OperationalError:
        return []  # its tables are still being made
    finally:
        connection.close()


def wait(ready: Callable[[], object], limit_s: float = 120) -> None:
    deadline = time.monotonic() + limit_s
    while not ready():
        if time.monotonic() > deadline:
            raise AssertionError(f"not ready in {limit_s} s")
        time.sleep(0.1)


def is_there(pid: int) -> bool:
    """Whether that process is at work; one that has ended and waits for its parent is not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"
