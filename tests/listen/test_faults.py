"""What the world does to a listener: killed, stopped, a disk that is full or fails; nothing acknowledged is lost, nothing doubled."""

from __future__ import annotations

import os
import random
import re
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from cmvmon.feeds.mllp import framed
from tests import allowed
from tests.listen import listening
from tests.listen.laboratory import Laboratory
from tests.listen.listening import (
    CMVMON,
    END,
    Listener,
    answers,
    children,
    code_and_id,
    connected,
    contents,
    good,
    result,
    sent,
    started,
    until,
)

SYNCED = ("-f", "-s", "3000", "-e", "trace=fdatasync,fsync,recvfrom,sendto")
NOT_DURABLE = (
    "import sys; from cmvmon.shell.incoming.inbox import Inbox; Inbox._synchronous = staticmethod(lambda: 0); "
    "from cmvmon.cli import main; main()"
)


traced = pytest.mark.usefixtures("tracing")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return listening.site(tmp_path / "site")


def stored(root: Path) -> Counter[str]:
    """How often each MSH-10 is in the inbox."""
    found = contents(root, "SELECT raw FROM messages")
    return Counter(bytes(row[0]).split(b"|")[9].decode() for row in found)  # type: ignore[arg-type]


@pytest.mark.parametrize("by", [signal.SIGTERM, signal.SIGINT])
def test_who_stops_it_gets_what_came_stored_and_acknowledged_and_code_0(root: Path, by: signal.Signals) -> None:
    with started(root) as listener, connected(listener.port) as at, connected(listener.port) as idle:
        at.sendall(b"".join(framed(result(str(n))) for n in range(300)))
        answered = at.recv(1 << 16)
        listener.process.send_signal(by)
        assert listener.process.wait(20) == 0
        while more := at.recv(1 << 20):
            answered += more
        assert idle.recv(10) == b""
        assert listener.said[-1]["event"] == "end"
    acknowledged = [code_and_id(one.removeprefix(b"\x0b")) for one in answered.split(END)[:-1]]
    assert answered.endswith(END)  # none of them was cut off
    assert acknowledged == [("AA", str(n)) for n in range(len(acknowledged))]
    assert len(acknowledged) >= 1
    assert stored(root) == Counter(control for _, control in acknowledged)
    assert len(acknowledged) == listener.said[-1]["stored"]


def test_it_runs_without_what_judges_or_shows(root: Path) -> None:
    """By the modules that a real process has imported until it acknowledged a message and ended."""
    with started(root, sys.executable, "-X", "importtime") as listener:
        good(listener.port)
        assert listener.stop() == 0
        told = listener.told()
    imported = {
        line.rsplit("|", 1)[1].strip().split(".")[0] for line in told.splitlines() if line.startswith("import time:")
    }
    assert {"cmvmon", "sqlite3", "asyncio"} <= imported
    assert not imported & {
        "prefect",
        "great_expectations",
        "plotly",
        "polars",
        "pandas",
        "numpy",
        "numba",
        "sqlalchemy",
        "alembic",
    }


def test_its_lines_hold_counts_and_codes_and_nothing_of_a_message(root: Path) -> None:
    secret = result("SECRETID", "4711.5", number="SECRETNO").replace(b"SYNTH-1", b"SECRETPATIENT")
    with started(root) as listener:
        sent(
            listener.port, secret, secret, secret.replace(b"4711.5", b"4712"), secret.replace(b"|P|2.5.1", b"|T|2.5.1")
        )
        with connected(listener.port) as at:
            at.sendall(b"SECRET" + framed(secret[3:]))
            assert at.recv(10) == b""
        assert listener.stop() == 0
        lines = str(listener.said) + listener.told()
    assert "SECRET" not in lines
    assert "471" not in lines
    assert listener.said[-1]["event"] == "end"
    counts = {
        name: listener.said[-1][name]
        for name in ("received", "stored", "duplicates", "id_reused", "refused", "no_header")
    }
    assert counts == {"received": 5, "stored": 2, "duplicates": 1, "id_reused": 1, "refused": 1, "no_header": 1}


def test_killed_again_and_again_it_loses_nothing_acknowledged_and_doubles_nothing(root: Path) -> None:
    chance, laboratory, kills = random.Random(7), Laboratory(800), 0
    while laboratory.waiting:
        with started(root) as listener:
            threads = [threading.Thread(target=laboratory.send, args=(listener.port,)) for _ in range(2)]
            for thread in threads:
                thread.start()
            if kills < 5:
                time.sleep(chance.uniform(0.0, 0.05))
                listener.process.kill()
                kills += 1
            for thread in threads:
                thread.join(30)
        assert kills < 6
        found = stored(root)
        assert not laboratory.acknowledged - set(found)
        assert not [one for one, n in found.items() if n > 1]
    assert set(stored(root)) == laboratory.acknowledged == {str(n) for n in range(800)}
    assert kills == 5


def _acknowledged_unsynced(trace: str) -> tuple[int, int]:
    """How many messages were acknowledged, and how many of them before a sync had ended after they had come."""
    came: dict[str, bool] = {}
    n = unsynced = 0
    for line in trace.splitlines():
        if "recvfrom" in line and "MSH|" in line:
            came |= dict.fromkeys(re.findall(r"\|ORU\^R01\^ORU_R01\|(\w+)\|", line), False)
        elif "sync" in line and re.search(r"\) += 0$", line):
            came = dict.fromkeys(came, True)
        elif "sendto" in line:
            for control in re.findall(r"MSA\|AA\|(\w+)", line):
                n += 1
                unsynced += not came.pop(control)
    return n, unsynced


def _trace(root: Path, folder: Path, *program: str) -> tuple[int, int]:
    trace = folder / "trace"
    with started(root, "strace", "-o", str(trace), *SYNCED, program=program or (str(CMVMON),)) as listener:
        with connected(listener.port) as at:
            for number in range(40):
                at.sendall(framed(result(f"n{number}")))
                answers(at, 1)
        _end_traced(listener)
    return _acknowledged_unsynced(trace.read_text())


def _end_traced(listener: Listener) -> None:
    """Ends the listener that strace runs, by its own process id; strace ends with it."""
    (child,) = children(listener.process)
    os.kill(child, signal.SIGTERM)
    listener.process.wait(20)


@traced
def test_a_message_is_on_the_disk_before_it_is_acknowledged(root: Path, tmp_path: Path) -> None:
    assert _trace(root, tmp_path) == (40, 0)


@traced
def test_the_same_look_finds_a_listener_that_does_not_sync(root: Path, tmp_path: Path) -> None:
    n, unsynced = _trace(root, tmp_path, sys.executable, "-c", NOT_DURABLE)
    assert n == 40
    assert unsynced > 30


def failing(calls: str, how: str) -> tuple[str, ...]:
    """The beginning of a command under which those system calls fail, as strace words it."""
    return ("strace", "-o", "/dev/null", "-f", "-e", f"trace={calls}", "-e", f"inject={calls}:{how}")


@pytest.fixture
def injected(root: Path) -> Iterator[Path]:
    with started(root):  # so that the inbox is made
        pass
    return root


@traced
@pytest.mark.parametrize(
    ("call", "which"),
    [*(("fdatasync", n) for n in (4, 5, 7)), *(("pwrite64", n) for n in (60, 64, 71))],
)  # the first ones are those of the start, in another thread
def test_after_a_sync_or_a_write_that_fails_it_acknowledges_nothing_more_and_ends(
    injected: Path, call: str, which: int
) -> None:
    root = injected
    inject = failing(call, f"error=EIO:when={which}")
    found: list[tuple[str, str]] = []
    with started(root, *inject) as listener:
        try:
            for number in range(12):
                found += sent(listener.port, result(f"n{number}"))
        except OSError:
            pass
        assert listener.process.wait(20) == 7
        assert "can't be written or synced" in listener.told()
    good_ones = [control for code, control in found if code == "AA"]
    assert 0 < len(good_ones) < 12
    assert all(code == "AE" for code, control in found if control not in good_ones)
    assert set(good_ones) <= set(stored(root))
    with started(root) as listener:
        assert [sent(listener.port, result(f"n{n}")) for n in range(12)] == [[("AA", f"n{n}")] for n in range(12)]
    assert stored(root) == Counter(f"n{n}" for n in range(12))


@traced
def test_where_the_first_sync_fails_it_does_not_start(injected: Path) -> None:
    inject = failing("fdatasync,fsync", "error=EIO:when=1")
    with started(injected, *inject) as listener:
        assert listener.process.wait(20) == 7
        assert listener.said == [] or listener.said[-1]["event"] == "end"


@traced
def test_a_full_disk_is_ae_until_there_is_room_again(injected: Path) -> None:
    root = injected
    inject = failing("pwrite64", "error=ENOSPC:when=60..66")
    with started(root, *inject) as listener:
        found = [sent(listener.port, result(f"n{number}"))[0] for number in range(30)]
        until(lambda: [one for one in listener.events("not_stored") if one["code"] == "full"])
        assert {code for code, _ in found} == {"AA", "AE"}
        assert found[-1][0] == "AA"
        not_stored = [control for code, control in found if code == "AE"]
        assert not set(not_stored) & set(stored(root))
        assert [sent(listener.port, result(one))[0] for one in not_stored] == [("AA", one) for one in not_stored]
        _end_traced(listener)
    assert stored(root) == Counter(f"n{n}" for n in range(30))


def test_where_no_file_can_be_opened_any_more_those_who_are_connected_go_on(tmp_path: Path) -> None:
    if not allowed.may_limit():
        allowed.missing("PRLIMIT")
    root = listening.site(tmp_path / "site", connections_of_one_source=200)
    with started(root, "prlimit", "--nofile=32:32") as listener:
        with connected(listener.port) as first:
            first.sendall(framed(result("1")))
            assert code_and_id(answers(first, 1)[0]) == ("AA", "1")
            flood = [connected(listener.port) for _ in range(60)]
            until(lambda: listener.events("not_accepted"))
            first.sendall(framed(result("2")))
            assert code_and_id(answers(first, 1)[0]) == ("AA", "2")
            until(
                lambda: listener.events("senders_not_read")
            )  # nor can their files be looked at: they hold as they were
            first.sendall(framed(result("3")))
            assert code_and_id(answers(first, 1)[0]) == ("AA", "3")
            for one in flood:
                one.close()
        good(listener.port)
        assert listener.stop() == 0


def test_a_damaged_inbox_is_not_listened_into(injected: Path) -> None:
    root = injected
    with started(root) as listener:
        sent(listener.port, *(result(f"n{n}") for n in range(100)))
        assert listener.stop() == 0
    path = root / "inbox.sqlite"
    data = path.read_bytes()
    path.write_bytes(data[:12_288] + b"\xee" * 8192 + data[20_480:])
    with started(root) as listener:
        assert listener.process.wait(20) == 7
        assert "inbox.sqlite is damaged" in listener.told()
