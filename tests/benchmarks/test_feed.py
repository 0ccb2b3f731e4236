"""The benchmark of a laboratory's line kills, counts and prints: a short run of what runs thousands of times for its page."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def printed(*arguments: str) -> list[list[str]]:
    """The rows of the table that a part prints, without its head."""
    command = [sys.executable, "-m", "benchmarks", "feed", *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240, check=True)
    rows = [line for line in done.stdout.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in row.strip("|").split("|")] for row in rows[2:]]


@pytest.mark.slow
def test_killed_at_random_while_messages_are_taken_in_nothing_acknowledged_is_lost_or_doubled() -> None:
    """Listener and intake are killed; at the end each message is once in the inbox and once in the store."""
    ((kills, _, acknowledged, _, lost, doubled),) = printed("kills", "--kills", "12")
    assert int(kills) >= 12
    assert int(acknowledged) > 0
    assert (lost, doubled) == ("0", "0")


@pytest.mark.slow
def test_a_backlog_is_stored_whole() -> None:
    ((messages, stored, others, *_),) = printed("backlog", "--backlog", "300")
    assert (messages, stored, others) == ("300", "300", "0")
