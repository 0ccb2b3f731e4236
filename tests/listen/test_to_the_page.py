"""From a socket to the ward page: what is acknowledged is durable, is one delivery of its feed, and is shown."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cmvmon.run.nightly.night import nightly
from cmvmon.shell.incoming.inbox_moves import Moves
from tests.listen import listening
from tests.listen.listening import CMVMON, result, sent, started, until
from tests.sites import rows

NOW = datetime.now(UTC)


def load(control: str, value: str, *, days_ago: float) -> bytes:
    at = NOW - timedelta(days=days_ago)
    return result(
        control, value, specimen="BAL", of_order="", collected=f"{at:%Y%m%d%H%M}+0000", reported=f"{at:%Y%m%d%H%M}+0000"
    )


def ward(root: Path) -> str:
    return (root / "pages" / "ward.en.html").read_text(encoding="utf-8")


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
    root = listening.site(tmp_path / "site")
    with started(root) as listener:
        assert sent(listener.port, load("1", "850000", days_ago=8)) == [("AA", "1")]
        nightly(root)
        assert "850,000 IU/mL" in ward(root)
        with watching(root):
            assert sent(listener.port, load("2", "6200000", days_ago=1)) == [("AA", "2")]
            begun = time.monotonic()
            until(lambda: "6,200,000 IU/mL" in ward(root), 60)
            print(f"acknowledgement to page {time.monotonic() - begun:.1f} s")
        assert listener.stop() == 0
    (of_feed,) = Moves(root).state()
    assert (of_feed.feed, of_feed.stored, of_feed.moved, of_feed.waiting) == ("example_hl7", 2, 2, 0)
    assert rows(root, "SELECT count(*) FROM deliveries WHERE format = 'hl7'") == [(2,)]
    said = json.dumps(listener.said)
    assert "SYNTH" not in said
    assert "6200000" not in said
