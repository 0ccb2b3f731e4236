"""`kill -9` at random while messages are taken in, thousands of times: what was acknowledged is stored, once.

The programs are the real ones, forked off a process that has them loaded, so that a kill costs a fork and not a start. Each round
starts the listener on a site, sends messages on two connections, and kills the listener at a moment by chance; in some rounds what
takes messages out of the inbox into the store is at work beside it, and is killed too. What was not acknowledged is sent again. After
`OF_A_SITE` kills the rest is sent and taken in undisturbed, inbox and store are counted, and the next site begins. Each site is a line
of the log, so that a run may be stopped and goes on where it was.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import select
import shutil
import signal
import socket
import sqlite3
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event
from typing import Any

from benchmarks.feed_forks import LIMIT_S, ended, forked, told
from cmvmon.feeds.mllp import END, framed
from cmvmon.run.deliveries.inbox_taking import take_in_inbox, waits
from cmvmon.run.deliveries.intake import take_in_drop
from cmvmon.run.listener.listening import listen
from cmvmon.shell.folder.site import Site
from cmvmon.shell.work.opening import held, open_site
from tests.listen import listening
from tests.listen.listening import code_and_id, result

OF_A_SITE = 100
_LATEST_KILL_S, _LATEST_KILL_TAKING_IN_S = 0.06, 0.25  # after its start was told
_SHARE_TAKING_IN = 0.12  # of the rounds, in which what takes in is killed as well
_AT_ONCE = 4  # messages that one connection sends without waiting


@dataclass
class Counts:
    """What became of some kills. `lost`: acknowledged, and not once in inbox and store; `doubled`: more than once in either."""

    kills: int = 0
    kills_taking_in: int = 0
    acknowledged: int = 0
    sent_again: int = 0
    lost: int = 0
    doubled: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(*(a + b for a, b in zip(vars(self).values(), vars(other).values(), strict=True)))


@dataclass
class _Site:
    """One site, and what its laboratory still has to send."""

    root: Path
    chance: random.Random
    waiting: list[str] = field(default_factory=list)
    acknowledged: set[str] = field(default_factory=set)
    n_made: int = 0
    counts: Counts = field(default_factory=Counts)

    def round(self, *, kills: bool) -> None:
        """A listener from its start to its kill, or until nothing waits any more."""
        is_taking_in = kills and self.chance.random() < _SHARE_TAKING_IN
        taking_in = told(lambda tell: _keep_taking_in(self.root, tell))[0] if is_taking_in else None
        pid, port = told(lambda tell: _listen(self.root, tell))
        at = time.monotonic()
        kill_at = at + (self.chance.uniform(0, _LATEST_KILL_S) if kills else LIMIT_S)
        then = at + self.chance.uniform(0, _LATEST_KILL_TAKING_IN_S)
        try:
            self._send(port, kill_at, lambda: os.kill(pid, signal.SIGKILL if kills else signal.SIGTERM))
            if taking_in is not None:
                time.sleep(max(0.0, then - time.monotonic()))
        finally:
            ended(pid, by=signal.SIGKILL if kills else None)
            if taking_in is not None:
                ended(taking_in, by=signal.SIGKILL)
        self.counts.kills += kills + is_taking_in
        self.counts.kills_taking_in += is_taking_in

    def _send(self, port: int, until_s: float, kill: Callable[[], None]) -> None:
        """Sends on two connections until that moment, then kills, and hears what had been answered before."""
        lines = {}
        with suppress(OSError):
            for _ in range(2):
                lines[socket.create_connection(("127.0.0.1", port), timeout=LIMIT_S)] = _Line()
        is_killed = False
        try:
            for at, line in lines.items():
                self._more(at, line)
            while lines:
                left = until_s - time.monotonic()
                if not is_killed and (left <= 0 or not (self.waiting or any(line.open for line in lines.values()))):
                    kill()
                    is_killed = True
                ready, _, _ = select.select(list(lines), [], [], LIMIT_S if is_killed else max(left, 0.0))
                if is_killed and not ready:
                    raise RuntimeError("a listener that was killed keeps its connections")
                for at in ready:
                    if not self._hear(at, lines[at]):
                        self._put_back(lines.pop(at))
                        at.close()
                    elif not is_killed:
                        self._more(at, lines[at])
        finally:
            if not is_killed:
                kill()
            for at, line in lines.items():
                self._put_back(line)
                at.close()

    def _more(self, at: socket.socket, line: _Line) -> None:
        while len(line.open) < _AT_ONCE and self.waiting:
            line.open.append(self.waiting.pop())
            with suppress(OSError):  # it is heard as the end of the line
                at.sendall(framed(result(line.open[-1], str(1000 + int(line.open[-1])))))

    def _hear(self, at: socket.socket, line: _Line) -> bool:
        """Whether the line goes on."""
        try:
            data = at.recv(1 << 16)
        except OSError:
            return False
        line.heard += data
        *whole, line.heard = line.heard.split(END)
        for answer in whole:
            code, control = code_and_id(answer[1:])
            if code != "AA":
                raise RuntimeError(f"a good message was answered {code}")
            self.acknowledged.add(control)
            line.open.remove(control)
        return bool(data)

    def _put_back(self, line: _Line) -> None:
        self.counts.sent_again += len(line.open)
        self.waiting += line.open

    def make(self, n: int) -> None:
        """New messages to be sent."""
        self.waiting += [str(number) for number in range(self.n_made, self.n_made + n)]
        self.n_made += n

    def count(self) -> Counts:
        """Everything is sent and taken in; then what was acknowledged is looked for."""
        while self.waiting:
            self.round(kills=False)
        pid = forked(lambda: _take_in(self.root))
        ended(pid, by=None)
        raws = _column(self.root / "inbox.sqlite", "SELECT raw FROM messages")
        in_inbox = Counter(raw.split(b"|")[9].decode() for raw in raws)
        accessions = _column(self.root / "cmvmon.sqlite", "SELECT accession_number FROM viral_load_results")
        in_store = Counter(one.removeprefix("F") for one in accessions)
        made = {str(number) for number in range(self.n_made)}
        if self.acknowledged != made:
            raise RuntimeError("a message was never acknowledged")
        self.counts.acknowledged = len(made)
        self.counts.lost = sum(not in_inbox[one] or not in_store[one] for one in made)
        self.counts.doubled = sum(max(in_inbox[one], in_store[one]) > 1 for one in made)
        return self.counts


@dataclass
class _Line:
    """One connection of the laboratory: what it has sent and not heard of, and the bytes of an answer that is not whole."""

    open: list[str] = field(default_factory=list)
    heard: bytes = b""


def _listen(root: Path, tell: Callable[[int], None]) -> None:
    """The listener, which tells its port."""
    stop = Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())

    def say(facts: dict[str, object]) -> None:
        if facts["event"] == "listening":
            tell(int(str(facts["port"])))

    listen(root, stop=stop, say=say)


def _keep_taking_in(root: Path, tell: Callable[[int], None]) -> None:
    """Out of the inbox into the store, over and over, until it is killed."""
    with held(Site(root)), open_site(root) as opened:
        tell(0)
        while True:
            if waits(root):
                take_in_inbox(opened, received_at=datetime.now(UTC))
            time.sleep(0.001)


def _take_in(root: Path) -> None:
    """What a night takes in: what waits in the inbox, and what landed and was not judged."""
    with held(Site(root)), open_site(root) as opened:
        faults = take_in_drop(opened, received_at=datetime.now(UTC)).faults
    if faults:
        raise RuntimeError(str(faults[0]))


def _column(path: Path, query: str) -> list[Any]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return [row[0] for row in connection.execute(query)]


def killed(times: int, seed: int, folder: Path) -> Counts:
    """That many kills on one site, which is made in the folder and thrown away."""
    of_site = _Site(listening.site(folder / f"killed-{seed}"), random.Random(seed))
    try:
        ended(forked(lambda: _take_in(of_site.root)), by=None)  # its database is made
        while of_site.counts.kills < times:
            of_site.make(8)
            of_site.round(kills=True)
        return of_site.count()
    finally:
        shutil.rmtree(of_site.root)


def kills(times: int, log: Path | None) -> Counts:
    """Kills until so many stand in the log; all that stands there, of this run and of those before it. Without a log, of this run."""
    before = [] if log is None or not log.exists() else log.read_text("utf-8").splitlines()
    total = sum((_counts(json.loads(line)) for line in before), Counts())
    with tempfile.TemporaryDirectory() as name:
        while total.kills < times:
            seed, begun = secrets.randbits(32), time.monotonic()
            found = killed(min(OF_A_SITE, times - total.kills), seed, Path(name))
            total += found
            line = {
                "at": f"{datetime.now(UTC):%Y-%m-%dT%H:%MZ}",
                "seed": seed,
                "seconds": round(time.monotonic() - begun),
            }
            if log is not None:
                with log.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(line | vars(found)) + "\n")
    return total


def _counts(line: dict[str, int]) -> Counts:
    return Counts(**{name: line[name] for name in vars(Counts())})


def table(total: Counts) -> str:
    """The counts as a table of Markdown."""
    names: Iterable[str] = ("kills", "of them while taking in", "acknowledged", "sent again", "lost", "doubled")
    return f"| {' | '.join(names)} |\n|{'---|' * 6}\n| {' | '.join(f'{n:,}' for n in vars(total).values())} |"
