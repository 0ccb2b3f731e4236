"""From a socket to the ward page: what is acknowledged is durable, is one delivery of its feed, and is shown."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cmvmon.run.nightly.night import nightly
from cmvmon.shell.incoming.inbox_moves import Moves
from tests.listen import listening
from tests.listen.listening import CMVMON, result, sent, started, until
from tests.sites import rows

NOW = datetime.now(UTC)
FIRST_S = 300.0  # a look that imports and compiles, on a machine that others use too
AT_REST_S = (
    8.0  # between its looks into the inbox (a quarter of a second) and a look: whatever else the machine has to do
)


def load(control: str, value: str, *, days_ago: float) -> bytes:
    at = NOW - timedelta(days=days_ago)
    return result(
        control, value, specimen="BAL", of_order="", collected=f"{at:%Y%m%d%H%M}+0000", reported=f"{at:%Y%m%d%H%M}+0000"
    )


def ward(root: Path) -> str:
    return (root / "pages" / "ward.en.html").read_text(encoding="utf-8")


def is_at_rest(pid: int) -> bool:
    """Whether no thread of it runs, wants to run, or waits for a disk. One that others keep from running is not at rest."""
    states = (one.read_text().rsplit(")", 1)[1].split()[0] for one in Path(f"/proc/{pid}/task").glob("*/stat"))
    return not set(states) & {"R", "D"}


def rested_s(pid: int, until_it: Callable[[float], bool]) -> float:
    """For how long it was at rest before that came true, which is asked with the seconds for which it rested without a break."""
    deadline, rested, in_a_row, at = time.monotonic() + FIRST_S, 0.0, 0.0, time.monotonic()
    while not until_it(in_a_row):
        assert time.monotonic() < deadline, f"not in {FIRST_S} s, of which it was at rest for {rested:.1f} s"
        time.sleep(0.02)
        before, at = at, time.monotonic()
        passed = min(at - before, 0.1) if is_at_rest(pid) else 0.0
        rested, in_a_row = rested + passed, in_a_row + passed if passed else 0.0
    return rested


@contextmanager
def watching(root: Path) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [str(CMVMON), "watch", "--site", str(root)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline().startswith("watching")
        yield process
        process.send_signal(signal.SIGTERM)
        process.wait(60)
    finally:
        if process.poll() is None:
            process.kill()
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def test_a_message_is_acknowledged_taken_in_and_on_the_ward_page_while_watch_runs(tmp_path: Path) -> None:
    """The second one comes when `watch` has looked, and it notices within seconds: its work may be slow on a busy machine, its rest may not."""
    root = listening.site(tmp_path / "site")
    with started(root) as listener:
        assert sent(listener.port, load("1", "850000", days_ago=8)) == [("AA", "1")]
        nightly(root)
        assert "850,000 IU/mL" in ward(root)
        with watching(root) as watch:
            assert sent(listener.port, load("2", "6200000", days_ago=2)) == [("AA", "2")]
            until(lambda: "6,200,000 IU/mL" in ward(root), FIRST_S)
            rested_s(watch.pid, lambda in_a_row: in_a_row > 1)  # that look is over
            assert sent(listener.port, load("3", "7300000", days_ago=1)) == [("AA", "3")]
            begun = time.monotonic()
            waited_s = rested_s(watch.pid, lambda _: "7,300,000 IU/mL" in ward(root))
            print(f"acknowledgement to page {time.monotonic() - begun:.1f} s, at rest for {waited_s:.1f} s of them")
            assert waited_s < AT_REST_S
        assert listener.stop() == 0
    (of_feed,) = Moves(root).state()
    assert (of_feed.feed, of_feed.stored, of_feed.moved, of_feed.waiting) == ("example_hl7", 3, 3, 0)
    assert rows(root, "SELECT count(*) FROM deliveries WHERE format = 'hl7'") == [(3,)]
    said = json.dumps(listener.said)
    assert "SYNTH" not in said
    assert "6200000" not in said
    assert "7300000" not in said
