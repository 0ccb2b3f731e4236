"""A real listener in a process of its own, on loopback and a port that is free; it is ended by its own process id."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from cmvmon.feeds.mllp import framed
from tests.feeds.hl7_texts import message, order

CMVMON = Path(sys.executable).parent / "cmvmon"
LIMIT_S = 20.0
END = b"\x1c\r"


@dataclass
class Listener:
    """A listener that runs: its process, its port, and the lines that it has said."""

    process: subprocess.Popen[str]
    words: IO[str]
    port: int = 0
    said: list[dict[str, object]] = field(default_factory=list)

    def events(self, name: str) -> list[dict[str, object]]:
        return [line for line in list(self.said) if line["event"] == name]

    def wait_for(self, name: str) -> dict[str, object]:
        until(lambda: self.events(name))
        return self.events(name)[0]

    def told(self) -> str:
        """What it has written on stderr."""
        self.words.seek(0)
        return self.words.read()

    def stop(self) -> int:
        """Ends it as an operator does, and returns its code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(LIMIT_S)


def until(ready: object, limit_s: float = LIMIT_S) -> None:
    deadline = time.monotonic() + limit_s
    while not ready():  # type: ignore[operator]
        assert time.monotonic() < deadline, f"not ready in {limit_s} s"
        time.sleep(0.02)


def sender(root: Path, name: str = "lis", **keys: object) -> None:
    """The file of a sender on loopback that sends results as LIS of EXAMPLE."""
    given: dict[str, object] = {
        "feed": "example_hl7", "sending_application": "LIS", "sending_facility": "EXAMPLE", "types": ["ORU"], "addresses": ["127.0.0.1"],
        "processing": ["P"], "versions": ["2.5.1"],
    }  # fmt: skip
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in (given | keys).items() if value is not None]
    (root / "senders").mkdir(parents=True, exist_ok=True)
    (root / "senders" / f"{name}.toml").write_text("".join(lines), "utf-8")


def settings(root: Path, text: str = "", **limits: float) -> None:
    root.mkdir(parents=True, exist_ok=True)
    of_limits = "".join(f"{key} = {value}\n" for key, value in limits.items())
    (root / "listen.toml").write_text(f"port = 0\n{text}\n[limits]\n{of_limits}", "utf-8")


def site(root: Path, text: str = "", **limits: float) -> Path:
    """A folder that a listener can be started on."""
    settings(root, text, **limits)
    sender(root)
    return root


@contextmanager
def started(root: Path, *before: str, program: Sequence[str] = (str(CMVMON),)) -> Iterator[Listener]:
    """A listener at work, under the words of another program where some are given (`before`), or by another `program`."""
    words = tempfile.TemporaryFile("w+")  # noqa: SIM115 - it is closed below
    process = subprocess.Popen(
        [*before, *program, "listen", "--site", str(root)], stdout=subprocess.PIPE, stderr=words, text=True
    )
    listener = Listener(process, words)

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            listener.said.append(json.loads(line))

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        until(lambda: listener.events("listening") or process.poll() is not None)
        if process.poll() is None:
            listener.port = int(str(listener.events("listening")[0].get("port", 0)))
        yield listener
    finally:
        for one in (*children(process), process.pid) if process.poll() is None else ():
            os.kill(one, signal.SIGKILL)
        process.wait()
        thread.join(LIMIT_S)
        if process.stdout is not None:
            process.stdout.close()
        words.close()


def children(process: subprocess.Popen[str]) -> list[int]:
    """The processes that it runs, as one that traces does: it goes without them."""
    found = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    return [int(one) for one in found.read_text().split()] if found.exists() else []


def connected(port: int) -> socket.socket:
    return socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)


def result(control: str, value: str = "12000", **told: str) -> bytes:
    """A message of one result, of which the number is the control id's."""
    given = {"number": f"F{control}"} | told
    return "".join(f"{segment}\r" for segment in message(*order(value, **given), control=control)).encode()


def answers(at: socket.socket, n: int) -> list[bytes]:
    """The next n acknowledgements, out of their frames."""
    found = b""
    while found.count(END) < n:
        more = at.recv(1 << 16)
        if not more:
            break
        found += more
    parts = found.split(END)
    assert all(part.startswith(b"\x0b") for part in parts[:-1])
    return [part[1:] for part in parts[:-1]]


def code_and_id(answer: bytes) -> tuple[str, str]:
    """MSA-1 and MSA-2."""
    fields = next(line for line in answer.decode("latin-1").split("\r") if line.startswith("MSA")).split("|")
    return fields[1], fields[2]


def sent(port: int, *messages: bytes, n: int | None = None) -> list[tuple[str, str]]:
    """What messages are answered that are sent in one write, on a connection of their own."""
    with connected(port) as at:
        at.sendall(b"".join(map(framed, messages)))
        return [code_and_id(one) for one in answers(at, len(messages) if n is None else n)]


def good(port: int, control: str = "GOOD") -> None:
    """A good message is acknowledged, whatever came before it, within five seconds of a machine that others use too."""
    begun = time.monotonic()
    assert sent(port, result(control)) == [("AA", control)]
    assert time.monotonic() - begun < 5


def contents(root: Path, query: str) -> Sequence[tuple[object, ...]]:
    """Rows of the inbox."""
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(f"file:{root / 'inbox.sqlite'}?mode=ro", uri=True)) as connection:
        return connection.execute(query).fetchall()
