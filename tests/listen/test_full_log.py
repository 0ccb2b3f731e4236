"""The log of a listener can't be written: its disk is full, or whoever read it has gone. Messages are answered as before."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests import disks
from tests.full_logs import is_open
from tests.listen import listening
from tests.listen.listening import CMVMON, LIMIT_S, connected, good, result, sent, started, until
from tests.servers import free_port

MANY = 120  # senders' files that can't be used, each told in a line: more than the disk of the log holds
MOST_LINES = 100  # of one event in a minute
DEAF = (
    "from cmvmon.run.listener import listening\n"
    "def broken(self, source): raise RuntimeError('planted')\n"
    "listening.Listener._is_expected = broken\n"
    "from cmvmon.cli import main; main()"
)


@contextmanager
def logging_to(root: Path, log: IO[str]) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A listener whose stdout and stderr are that file, and its port."""
    port = free_port()
    settings = root / "listen.toml"
    settings.write_text(settings.read_text("utf-8").replace("port = 0\n", f"port = {port}\n"), "utf-8")
    process = subprocess.Popen([str(CMVMON), "listen", "--site", str(root)], stdout=log, stderr=log, text=True)
    try:
        until(lambda: process.poll() is not None or is_open(port))
        assert process.poll() is None
        yield process, port
    finally:
        process.kill()
        process.wait()


def _unknown_sender(n: int) -> bytes:
    """A message that is kept apart and told of, with a code of its own for a line of its own."""
    return result(f"U{n}").replace(b"|P|2.5.1", b"|T|2.5.1")


def test_a_log_on_a_device_that_is_full_keeps_no_listener_from_its_work(tmp_path: Path) -> None:
    root = listening.site(tmp_path / "site")
    with open("/dev/full", "w") as full, logging_to(root, full) as (process, port):
        good(port, "1")
        assert sent(port, _unknown_sender(1))[0][0] == "AR"
        good(port, "2")
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) == 0


def test_whoever_read_the_log_may_go(tmp_path: Path) -> None:
    with started(listening.site(tmp_path / "site")) as listener:
        good(listener.port, "1")
        assert listener.process.stdout is not None
        reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "w") as gone, logging_to(tmp_path / "site", gone) as (process, port):
        good(port, "2")
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) == 0


def test_on_a_full_disk_of_the_log_messages_are_answered_and_once_there_is_room_it_says_how_many_lines_are_lost(
    tmp_path: Path,
) -> None:
    root = listening.site(tmp_path / "site")
    with disks.mounted(tmp_path / "log", "-o", "size=8k") as disk:
        ballast = disk / "ballast"
        ballast.write_bytes(b"x" * 4096)
        with (disk / "log").open("a") as log, logging_to(root, log) as (process, port):
            for n in range(MANY):
                (root / "senders" / f"broken{n}.toml").write_text("[", "utf-8")
            until(lambda: (disk / "log").stat().st_size == 4096)
            good(port, "1")
            good(port, "2")
            ballast.unlink()
            process.send_signal(signal.SIGTERM)
            assert process.wait(LIMIT_S) == 0
            lines = [line for line in (disk / "log").read_text("utf-8").splitlines() if line.startswith("{")]
    told = [json.loads(line) for line in lines if line.endswith("}")]
    assert len(told) == len(lines) - 1, "the line at which the disk was full is cut off, and ended before the next"
    (n_lost,) = (one["n"] for one in told if one["event"] == "lines_lost")
    assert n_lost > 50
    assert [one["event"] for one in told[-2:]] == ["lines_lost", "end"]
    assert len(told) - 1 + n_lost == 1 + MOST_LINES + 1  # that it listens, each broken file, and its end


def test_where_what_takes_connections_ends_by_an_error_the_listener_ends_and_says_so(tmp_path: Path) -> None:
    root = listening.site(tmp_path / "site")
    with started(root, program=(sys.executable, "-c", DEAF)) as listener:
        connected(listener.port).close()
        assert listener.process.wait(LIMIT_S) == 1
        assert "unexpected RuntimeError" in listener.told()
        assert listener.said[-1]["event"] == "end"
