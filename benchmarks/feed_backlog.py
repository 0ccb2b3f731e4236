"""A backlog of messages that wait in the inbox, taken in by a process of its own: `python -m benchmarks feed backlog`.

python -m benchmarks.feed_backlog SITE     takes in what waits there, and prints seconds, CPU seconds, MiB and counts
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

from cmvmon.run.deliveries.inbox_taking import take_in_inbox, waits
from cmvmon.shell.folder.site import Site
from cmvmon.shell.incoming.inbox import Inbox, Message, key_of
from cmvmon.shell.work.opening import held, open_site
from tests.listen import listening
from tests.listen.listening import result

ROOT = Path(__file__).resolve().parents[1]
_PATIENTS, _AT_ONCE = 500, 2000


def table(messages: int) -> str:
    """So many messages of one result each, of 500 patients: from the inbox to stored versions, imports and start counted apart."""
    with tempfile.TemporaryDirectory() as name:
        root = listening.site(Path(name) / "site")
        _fill(root, messages)
        command = [sys.executable, "-m", "benchmarks.feed_backlog", str(root)]
        said = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    wall, cpu, peak, accepted, others = (float(one) for one in said.split())
    return (
        "| messages | stored | not stored | seconds on the wall | seconds of CPU | messages a second of CPU | peak of the process |\n"
        "|---|---|---|---|---|---|---|\n"
        f"| {messages:,} | {accepted:,.0f} | {others:,.0f} | {wall:.1f} | {cpu:.1f} | {messages / cpu:,.0f} | {peak:.0f} MiB |"
    )


def _fill(root: Path, n: int) -> None:
    inbox = Inbox(root)
    at = datetime.now(UTC).isoformat(timespec="microseconds")
    for first in range(0, n, _AT_ONCE):
        raws = [(str(one), _message(one)) for one in range(first, min(n, first + _AT_ONCE))]
        inbox.store(
            [
                Message(raw, key_of("LIS", "EXAMPLE", control), at, b"answer", "example_hl7", "lis")
                for control, raw in raws
            ]
        )
    inbox.close()


def _message(number: int) -> bytes:
    return result(str(number), str(1000 + number)).replace(b"SYNTH-1^", f"SYNTH-{number % _PATIENTS}^".encode())


def _take_in(root: Path) -> None:
    with held(Site(root)), open_site(root) as opened:
        begun, used = time.monotonic(), time.process_time()
        counted = []
        while waits(root):
            done = take_in_inbox(opened, received_at=datetime.now(UTC))
            if done.faults:
                raise RuntimeError(str(done.faults[0]))
            counted += done.counted
        wall, cpu = time.monotonic() - begun, time.process_time() - used
    accepted = sum(one.accepted for one in counted)
    print(wall, cpu, _peak(), accepted, sum(one.received for one in counted) - accepted)


def _peak() -> float:
    """MiB that this process has held at most."""
    with open(f"/proc/{os.getpid()}/status", encoding="utf-8") as status:
        (held_kib,) = (line.split()[1] for line in status if line.startswith("VmHWM:"))
    return int(held_kib) / 1024


if __name__ == "__main__":
    _take_in(Path(sys.argv[1]))
