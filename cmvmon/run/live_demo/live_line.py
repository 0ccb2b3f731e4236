"""A program of our own in a process of its own, as the live demo needs two of them; and a line by MLLP to the listener.

Rule of this file: whatever happens, the process that was started here is ended here, by its own id; where we are killed it ends itself
(`cmvmon.shell.basis.lifeline`).
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, Queue
from threading import Thread
from time import monotonic
from typing import IO

from cmvmon.domain.errors import CmvmonError
from cmvmon.feeds.mllp import Frame, Framer, framed

ADDRESS = "127.0.0.1"
_STARTS_WITHIN_S, _ENDS_WITHIN_S, _ANSWERS_WITHIN_S = 60.0, 10.0, 30.0
_LOOKS_EVERY_S = 0.1
# Nothing of ours is read in before it is tied to this process.
_PROGRAM = f"""
from cmvmon.shell.basis.lifeline import end_with_parent
end_with_parent(within_s={_ENDS_WITHIN_S})
import sys
from cmvmon.cli import main
sys.argv[0] = "cmvmon"
sys.exit(main())
"""


class ProgramEnded(CmvmonError):
    """The program did not start, ended by itself, or answers no more. Holds its last words, and its code as the command's."""

    def __init__(self, message: str, code: int | None) -> None:
        super().__init__(message)
        self.exit_code = code if code and code > 0 else CmvmonError.exit_code


@dataclass(frozen=True)
class Answer:
    """An acknowledgement: MSA-1, and why where it says so (a code of ours, such as `message_type_not_agreed`)."""

    code: str
    why: str


class Program:
    """`cmvmon listen` or `cmvmon board` at work on a site. `called`: in words."""

    def __init__(self, called: str, process: subprocess.Popen[str], words: IO[str]) -> None:
        self.called, self._process, self._words = called, process, words
        self.port = 0

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def is_running(self) -> bool:
        return self._process.poll() is None

    def ended(self) -> ProgramEnded:
        """What is to be said of one that runs no more, or does not answer: its code and the last thing that it said."""
        code = self._process.poll()
        self._words.seek(0)
        said = [line for line in self._words.read().splitlines() if line.strip()]
        how = "does not answer" if code is None else f"ended with code {code}"
        return ProgramEnded(f"the {self.called} {how}{': ' + said[-1].removeprefix('cmvmon: ') if said else ''}", code)

    def wait_for_port(self, said: Queue[dict[str, object]]) -> None:
        """Waits until it listens. Raises ProgramEnded."""
        until = monotonic() + _STARTS_WITHIN_S
        while monotonic() < until:
            with suppress(Empty):
                line = said.get(timeout=_LOOKS_EVERY_S)
                self.port = int(str(line["port"]))
                return
            if not self.is_running and said.empty():
                break
        raise self.ended()

    def stop(self) -> None:
        """Lets it end as an operator would, and ends it where it does not. It gives up nothing that it acknowledged."""
        if self.is_running:
            self._process.terminate()
            try:
                self._process.wait(_ENDS_WITHIN_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
        self._process.wait()
        if self._process.stdin is not None:
            self._process.stdin.close()


@contextmanager
def program(root: Path, command: str, *, called: str) -> Iterator[Program]:
    """`cmvmon COMMAND` on that site, until the block ends, however it does. Raises ProgramEnded where it can't listen.

    It is in a session of its own: Ctrl-C reaches us alone, and we end it when what is under way is done.
    """
    with tempfile.TemporaryFile("w+") as words:
        process = subprocess.Popen(
            [sys.executable, "-P", "-c", _PROGRAM, command, "--site", str(root)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=words, text=True, start_new_session=True,
        )  # fmt: skip
        said: Queue[dict[str, object]] = Queue()
        reader = Thread(target=_read, args=(process.stdout, said), daemon=True)
        reader.start()
        running = Program(called, process, words)
        try:
            running.wait_for_port(said)
            yield running
        finally:
            running.stop()
            reader.join(_ENDS_WITHIN_S)


def listener(root: Path) -> AbstractContextManager[Program]:
    """`cmvmon listen` on that site."""
    return program(root, "listen", called="listener")


def _read(lines: IO[str], said: Queue[dict[str, object]]) -> None:
    """Reads all that it says, so that it is never kept waiting, and keeps where it listens."""
    with lines:
        for line in lines:
            with suppress(ValueError):
                told = json.loads(line)
                if told.get("event") == "listening":
                    said.put(told)


def send(running: Program, message: bytes) -> Answer:
    """Sends one message on a connection of its own and gives its answer. Raises ProgramEnded where none comes."""
    framer = Framer()
    try:
        with socket.create_connection((ADDRESS, running.port), timeout=_ANSWERS_WITHIN_S) as line:
            line.sendall(framed(message))
            while more := line.recv(1 << 16):
                framer.receive(more)
                for event in framer.events():
                    if isinstance(event, Frame):
                        return _answer(event.data)
    except OSError:
        pass
    raise running.ended()


def _answer(data: bytes) -> Answer:
    found = next((line.split("|") for line in data.decode("latin-1").split("\r") if line.startswith("MSA|")), [])
    return Answer(*(found[place] if place < len(found) else "" for place in (1, 3)))
