"""Each call by which the listener gets something onto the disk fails once, and it is killed between the sync of each message and its answer.

The calls are those of one whole run, from its start to its end, as strace counts them, which it does by thread: a few of them here, all of
them among the long tests. Whatever fails, what was acknowledged is stored, and once all is well each message is acknowledged and stored once.
"""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.depth import LONG
from tests.full_logs import is_open
from tests.listen import listening
from tests.listen.listening import CMVMON, LIMIT_S, children, contents, result, sent, until
from tests.servers import free_port

pytestmark = pytest.mark.usefixtures("tracing")
WAYS = [(call, error) for call in ("pwrite64", "write", "ftruncate") for error in ("EIO", "ENOSPC")] + [("fdatasync", "EIO"), ("fsync", "EIO")]  # fmt: skip
MESSAGES = [f"n{number}" for number in range(4)]


@contextmanager
def at_work(root: Path, *before: str) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """A listener under the words of strace, and its port, which it may never open; its lines go to a file, for they may be lost."""
    port = free_port()
    (root / "listen.toml").write_text(f"port = {port}\n", "utf-8")
    with tempfile.TemporaryFile("w+") as words:
        command = [*before, str(CMVMON), "listen", "--site", str(root)]
        process = subprocess.Popen(command, stdout=words, stderr=words, text=True)
        try:
            until(lambda: process.poll() is not None or is_open(port))
            yield process, port
        finally:
            for one in (*children(process), process.pid) if process.poll() is None else ():
                os.kill(one, signal.SIGKILL)
            process.wait()


def acknowledged(port: int) -> list[str]:
    """Which of the messages are, each sent on a connection of its own; none any more once the listener has gone."""
    found = []
    for control in MESSAGES:
        try:
            answered = sent(port, result(control))
        except OSError:
            break
        found += [control] if answered == [("AA", control)] else []
    return found


def stop(process: subprocess.Popen[str]) -> int:
    """Ends the listener that strace runs, and gives its code."""
    for child in children(process):
        os.kill(child, signal.SIGTERM)
    return process.wait(LIMIT_S)


def strace(calls: str, *how: str, into: str = os.devnull) -> tuple[str, ...]:
    return ("strace", "-f", "-o", into, "-e", f"trace={calls}", *how)


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory, tracing: None) -> tuple[Path, Counter[str]]:
    """A site whose inbox is made, and how often the thread that makes most of them makes each call in a whole run."""
    root = listening.site(tmp_path_factory.mktemp("whole") / "site")
    with at_work(root) as (process, _):
        process.send_signal(signal.SIGTERM)
        assert process.wait(LIMIT_S) == 0
    counted = shutil.copytree(root, root.with_name("counted"))
    trace = root.with_name("trace")
    calls = ",".join({call for call, _ in WAYS} | {"sendto"})
    with at_work(counted, *strace(calls, into=str(trace))) as (process, port):
        assert acknowledged(port) == MESSAGES
        assert stop(process) == 0
    by_thread = Counter(re.findall(r"^(\d+) +(\w+)\(", trace.read_text(errors="replace"), re.M))
    return root, Counter({call: max(n for (_, of), n in by_thread.items() if of == call) for _, call in by_thread})


def stored(root: Path) -> Counter[str]:
    found = contents(root, "SELECT raw FROM messages")
    return Counter(bytes(row[0]).split(b"|")[9].decode() for row in found)  # type: ignore[arg-type]


def wrong_after(root: Path, answered: list[str]) -> list[str]:
    """What does not hold of a listener that acknowledged these and has gone, and of the next one."""
    wrong = []
    if not set(answered) <= set(stored(root)):
        wrong.append(f"acknowledged {answered}, stored {dict(stored(root))}")
    with at_work(root) as (process, port):
        if (again := acknowledged(port)) != MESSAGES:
            wrong.append(f"once all is well it acknowledges {again}")
        process.send_signal(signal.SIGTERM)
        process.wait(LIMIT_S)
    if stored(root) != Counter(MESSAGES):
        wrong.append(f"stored at last: {dict(stored(root))}")
    return wrong


@pytest.mark.parametrize(("call", "error"), WAYS, ids=lambda one: one)
def test_wherever_a_call_fails_nothing_acknowledged_is_lost_and_once_the_disk_is_well_each_message_is_there_once(
    call: str, error: str, prepared: tuple[Path, Counter[str]], tmp_path: Path
) -> None:
    whole, counts = prepared
    wrong, n = [], counts[call]
    assert n > 0, "this call is never made: nothing would be tried"
    for which in range(1, n + 1) if LONG else (n // 2 + 1,):
        root = shutil.copytree(whole, tmp_path / str(which))
        with at_work(root, *strace(call, "-e", f"inject={call}:error={error}:when={which}")) as (process, port):
            answered = acknowledged(port)
            code = stop(process)
        if code not in (0, 7) or (code == 0 and error == "EIO" and answered != MESSAGES and "sync" in call):
            wrong.append((which, f"it ended with {code}"))
        wrong += [(which, words) for words in wrong_after(root, answered)]
        shutil.rmtree(root)
    assert wrong == []


def test_killed_between_sync_and_answer_a_message_is_there_once_and_is_acknowledged_when_it_is_sent_again(
    prepared: tuple[Path, Counter[str]], tmp_path: Path
) -> None:
    """At the call by which the thread that has synced it wakes the one that answers."""
    whole, counts = prepared
    assert counts["sendto"] == len(MESSAGES)
    wrong, unanswered = [], []
    for which in range(1, len(MESSAGES) + 1):
        root = shutil.copytree(whole, tmp_path / str(which))
        with at_work(root, *strace("sendto", "-e", f"inject=sendto:signal=KILL:when={which}")) as (process, port):
            answered = acknowledged(port)
            process.wait(LIMIT_S)
        unanswered += [*(stored(root) - Counter(answered))]
        wrong += [(which, words) for words in wrong_after(root, answered)]
        shutil.rmtree(root)
    assert wrong == []
    assert unanswered == MESSAGES, "not each kill fell between a sync and its answer"
