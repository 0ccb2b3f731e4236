"""`cmvmon demo --live`: a simulated hospital, a real listener on a real socket, a watch; it leaves nothing running."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from cmvmon.shell.incoming.inbox_moves import Moves
from tests.listen.listening import CMVMON, contents
from tests.sites import rows

SHORT = ("--patients", "2", "--days", "3", "--days-per-hour", "1000000")
LIMIT_S = 600.0
PAGE = Path(__file__).parents[2] / "docs" / "feeds.md"


def environment(columns: str = "") -> dict[str, str]:
    """Ours, with a terminal of so many columns, or none."""
    ours = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "CMVMON_SITE")}
    return ours | ({"COLUMNS": columns} if columns else {})


def live(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(CMVMON), "demo", "--live", "--site", str(root), *options],
        capture_output=True, text=True, timeout=LIMIT_S, env=environment(),
    )  # fmt: skip


def at_work_on(root: Path) -> list[int]:
    """The processes that name this site on their command line."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if str(root).encode() in words:
            found.append(int(path.parent.name))
    return found


@contextmanager
def running(root: Path, *options: str, columns: str = "") -> Iterator[tuple[subprocess.Popen[str], Sequence[int]]]:
    """A live demo that has begun, and the processes that it started."""
    process = subprocess.Popen(
        [str(CMVMON), "demo", "--live", "--site", str(root), *options],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(columns),
    )  # fmt: skip
    try:
        assert process.stdout is not None
        while not (line := process.stdout.readline()).startswith("day"):
            assert line, "it ended before it sent anything"
        yield process, [pid for pid in at_work_on(root) if pid != process.pid]
    finally:
        for pid in at_work_on(root):
            os.kill(pid, signal.SIGKILL)
        process.wait()
        if process.stdout is not None:
            process.stdout.close()


def numbers(text: str, line: str) -> dict[str, int]:
    """`word number` of the first line that begins so."""
    said = next(one for one in text.splitlines() if one.startswith(line))
    return {word: int(number) for word, number in re.findall(r"([A-Za-z]+) (\d+)\b", said.split(";")[0])}


def shown_on_the_page() -> list[str]:
    """What docs/feeds.md shows of this demo, but for its command and what is left out."""
    block = next(part for part in PAGE.read_text("utf-8").split("```") if "demo --live" in part.partition("\n$ ")[2])
    lines = block.strip().splitlines()[1:]
    assert lines[0] == "$ cmvmon demo --live --patients 2 --days 3"
    return [line for line in lines[1:] if line != "[...]"]


def masked(line: str) -> str:
    """The line without real seconds, the pace, and the folder: these differ from run to run."""
    line = re.sub(r"in \d+\.\d s", "in N s", line)
    line = re.sub(r"days at \S+ an hour", "days at N an hour", line)
    return re.sub(r"pages: \S*/pages/", "pages: SITE/pages/", line)


@pytest.mark.slow
def test_what_the_simulated_hospital_sends_is_accepted_set_apart_or_ignored_and_nothing_is_left_running(
    tmp_path: Path,
) -> None:
    root = tmp_path / "live"
    done = live(root, *SHORT)
    assert done.returncode == 0, done.stderr
    for kind in ("sample", "result", "correction", "withdrawal", "merge", "broken", "course"):
        assert re.search(rf"^day +\d \d\d:\d\d  {kind} ", done.stdout, re.M), kind
    over = numbers(done.stdout, "over: sent")
    assert over["sent"] == over["AA"] + over["AR"]
    assert over["AR"] == 1  # the appointment: stored, and never taken in
    records = numbers(done.stdout, "records received")
    assert records["received"] == sum(records[name] for name in ("accepted", "quarantined", "duplicates", "ignored"))
    assert records["quarantined"] == 1  # the number that can't be read
    ((taken,),) = contents(root, "SELECT count(*) FROM messages WHERE feed IS NOT NULL")
    assert taken == over["AA"]
    assert [(one.stored, one.waiting) for one in Moves(root).state() if one.feed] == [(over["AA"], 0)]
    assert sum(n for (n,) in rows(root, "SELECT received FROM deliveries")) == records["received"]
    assert rows(root, "SELECT DISTINCT is_history FROM deliveries") == [(False,)]  # each is known since it came
    last = re.findall(r"^day .*  result .* (\d+) IU/mL.*on the page", done.stdout, re.M)[-1]
    pages = " ".join(page.read_text("utf-8") for page in (root / "pages").rglob("*.html"))
    assert f"{int(last):,}" in pages
    assert at_work_on(root) == []
    said = [masked(line) for line in done.stdout.splitlines()]
    shown = [masked(line) for line in shown_on_the_page()]
    assert [line for line in shown if line not in said] == []
    assert [line for line in said if line in set(shown)] == shown


@pytest.mark.slow
def test_ctrl_c_ends_the_demo_and_its_listener_and_says_what_stands(tmp_path: Path) -> None:
    root = tmp_path / "live"
    with running(root, "--patients", "2", "--days", "3", columns="50") as (process, started):
        assert len(started) == 1
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 0, told
        assert "stopped: sent" in told
        assert max(map(len, told.splitlines())) <= 50  # of a narrow terminal
        assert at_work_on(root) == []


@pytest.mark.slow
def test_a_listener_that_dies_is_told_and_ends_the_demo(tmp_path: Path) -> None:
    root = tmp_path / "live"
    with running(root, "--patients", "2", "--days", "3") as (process, started):
        (listener,) = started
        os.kill(listener, signal.SIGKILL)
        told, _ = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 1, told
        assert "the listener ended with code -9" in told
        assert at_work_on(root) == []


def test_a_port_that_is_taken_is_told_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = live(tmp_path / "live", *SHORT, "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "can't be listened at" in done.stderr
    assert "choose another port" in done.stderr
    assert at_work_on(tmp_path / "live") == []


@pytest.mark.parametrize("holds", ["settings.toml", "a ward's notes.txt"])
def test_a_site_that_is_no_live_demos_is_left_as_it_is(tmp_path: Path, holds: str) -> None:
    root = tmp_path / "site"
    root.mkdir()
    (root / holds).write_text("demo = true\n" if holds.endswith("toml") else "of a ward\n", "utf-8")
    done = live(root, *SHORT)
    assert done.returncode == 2
    assert "is left as it is" in done.stderr
    assert [path.name for path in root.iterdir()] == [holds]


def test_a_file_of_somebody_else_in_an_earlier_live_demos_site_is_not_thrown_away(tmp_path: Path) -> None:
    root = tmp_path / "live"
    root.mkdir()
    (root / "settings.toml").write_text('demo = "live"\n', "utf-8")
    (root / "thesis.docx").write_bytes(b"of years")
    done = live(root, *SHORT)
    assert done.returncode == 2
    assert "thesis.docx" in done.stderr
    assert (root / "thesis.docx").read_bytes() == b"of years"


def test_an_option_of_the_live_demo_is_refused_without_it(tmp_path: Path) -> None:
    done = subprocess.run(
        [str(CMVMON), "demo", "--plain", "--days", "3", "--site", str(tmp_path / "site")],
        capture_output=True, text=True, timeout=LIMIT_S,
    )  # fmt: skip
    assert done.returncode == 2
    assert "--days belongs to --live" in done.stderr
    assert not (tmp_path / "site").exists()
