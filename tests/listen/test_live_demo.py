"""`cmvmon demo --live`: a simulated hospital, a real listener on a real socket, a watch; it leaves nothing running."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx2
import pytest

from cmvmon.shell.incoming.inbox_moves import Moves
from tests.board import boards
from tests.calls import here
from tests.listen.listening import CMVMON, contents
from tests.servers import free_port
from tests.sites import rows

SHORT = ("--patients", "2", "--days", "3", "--days-per-hour", "1000000")
LIMIT_S = 600.0
ROOT = Path(__file__).parents[2]
PAGE, README = ROOT / "docs" / "feeds.md", ROOT / "README.md"


def environment(columns: str = "") -> dict[str, str]:
    """Ours, with a terminal of so many columns, or none."""
    ours = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "CMVMON_SITE")}
    return ours | ({"COLUMNS": columns} if columns else {})


def live(root: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(CMVMON), "demo", "--live", "--site", str(root), *options],
        capture_output=True, text=True, timeout=LIMIT_S, env=environment(),
    )  # fmt: skip


def at_work_on(root: Path) -> dict[int, str]:
    """The processes that name this site on their command line, and which program of ours each is."""
    found = {}
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = path.read_bytes().split(b"\0")
        except OSError:
            continue
        if str(root).encode() in words:
            found[int(path.parent.name)] = next(
                (word for word in ("listen", "board", "demo") if word.encode() in words), ""
            )
    return found


@dataclass(frozen=True)
class Running:
    """A live demo that has begun: what it said before that, and the processes that it started, by program."""

    process: subprocess.Popen[str]
    began: Sequence[str]
    started: Mapping[str, int]

    def reads_to(self, words: str) -> list[str]:
        """What it says until one line begins so."""
        assert self.process.stdout is not None
        said = []
        while line := self.process.stdout.readline():
            said.append(line)
            if line.startswith(words):
                return said
        raise AssertionError(f"it ended before it said {words!r}: {said[-3:]}")


@contextmanager
def running(root: Path, *options: str, columns: str = "") -> Iterator[Running]:
    """A live demo that has begun."""
    process = subprocess.Popen(
        [str(CMVMON), "demo", "--live", "--site", str(root), *options],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment(columns),
    )  # fmt: skip
    try:
        began = Running(process, (), {}).reads_to("day")
        started = {called: pid for pid, called in at_work_on(root).items() if pid != process.pid}
        yield Running(process, began, started)
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


def shown_on(page: Path) -> list[str]:
    """What a page shows of this demo, but for its command and what is left out."""
    command = "\n$ cmvmon demo --live --patients 2 --days 3\n"
    block = next(part for part in page.read_text("utf-8").split("```")[1::2] if command in part)
    return [line for line in block.partition(command)[2].splitlines() if line.strip() and line != "[...]"]


def masked(line: str) -> str:
    """The line without real seconds, the pace, the folder, port and password: these differ from run to run."""
    line = re.sub(r"in \d+\.\d s", "in N s", line)
    line = re.sub(r"days at \S+ an hour", "days at N an hour", line)
    line = re.sub(r"pages: \S*/pages/", "pages: SITE/pages/", line)
    line = re.sub(r"password of this demo: \S+", "password of this demo: WORD", line)
    return re.sub(r"127\.0\.0\.1:\d+", "127.0.0.1:N", line)


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
    assert at_work_on(root) == {}
    said = [masked(line) for line in done.stdout.splitlines()]
    for page in (PAGE, README):
        shown = [masked(line) for line in shown_on(page)]
        assert [line for line in shown if line not in said] == []
        assert [line for line in said if line in set(shown)] == shown


def test_what_the_readme_shows_of_it_stands_on_its_page_in_the_same_order() -> None:
    shown = shown_on(README)
    assert len(shown) >= 4
    assert [line for line in shown_on(PAGE) if line in set(shown)] == shown


@pytest.mark.slow
def test_ctrl_c_ends_the_demo_and_its_listener_and_says_what_stands(tmp_path: Path) -> None:
    root = tmp_path / "live"
    with running(root, "--patients", "2", "--days", "3", columns="50") as demo:
        process = demo.process
        assert set(demo.started) == {"listen", "board"}
        process.send_signal(signal.SIGINT)
        told, _ = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 0, told
        assert "stopped: sent" in told
        assert max(map(len, told.splitlines())) <= 50  # of a narrow terminal
        assert at_work_on(root) == {}


@pytest.mark.slow
def test_a_demo_that_is_killed_leaves_no_listener_and_no_board_behind_and_their_ports_are_free(tmp_path: Path) -> None:
    root = tmp_path / "live"
    with running(root, "--patients", "2", "--days", "3", "--port", str(port := free_port())) as demo:
        assert set(demo.started) == {"listen", "board"}
        (address,) = [line.split()[1] for line in demo.began if line.startswith("board: ")]
        ports = (port, urlsplit(address).port or 0)
        for one in ports:
            socket.create_connection(("127.0.0.1", one), timeout=5).close()
        demo.process.kill()
        demo.process.wait()
        boards.until(lambda: at_work_on(root) == {}, 15)
        for one in ports:
            with socket.socket() as again:
                again.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                again.bind(("127.0.0.1", one))


@pytest.mark.slow
def test_a_listener_that_dies_is_told_and_ends_the_demo(tmp_path: Path) -> None:
    root = tmp_path / "live"
    with running(root, "--patients", "2", "--days", "3") as demo:
        process = demo.process
        os.kill(demo.started["listen"], signal.SIGKILL)
        told, _ = process.communicate(timeout=LIMIT_S)
        assert process.returncode == 1, told
        assert "the listener ended with code -9" in told
        assert at_work_on(root) == {}


@pytest.mark.slow
def test_the_demo_opens_on_a_board_on_which_its_alerts_are_answered_at_its_own_clock_and_ends_it(
    tmp_path: Path,
) -> None:
    """By somebody made up, with the password that it prints; a board that dies is told, and the demo goes on."""
    root = tmp_path / "live"
    with running(root, "--patients", "4", "--days", "4", "--days-per-hour", "1000000") as demo:
        (address,) = [line.split()[1] for line in demo.began if line.startswith("board: ")]
        (password,) = [line.split()[-1] for line in demo.began if "password of this demo" in line]
        assert address.startswith("http://127.0.0.1:")
        assert (root / "board.passwords").stat().st_mode & 0o077 == 0
        assert password not in (root / "board.passwords").read_text("utf-8")
        browser = httpx2.Client(base_url=address, timeout=60)
        own = {"Sec-Fetch-Site": "same-origin"}
        form = {"name": "consult", "password": password}
        assert browser.get("/ward.en.html").headers["location"] == "sign-in.en.html"
        assert browser.post("/sign-in.en.html", data=form, headers=own).status_code == 303
        demo.reads_to("    alert opened")
        answered = ""
        while not answered:  # an alert may end between two looks at it
            ward = browser.get("/worklist.en.html").text
            assert "SYNTHETIC DATA" in ward
            for alert in re.findall(r"alert-([0-9a-f]{16})\.en", ward):
                page = browser.get(f"/alert-{alert}.en.html").text
                told = {"token": boards.token(page), "judged": boards.judged(page), "reason": "dealt_with"}
                done = browser.post(f"/acknowledge-{alert}.en.html", data=told, headers=own)
                answered = alert if done.status_code == 303 else answered
            demo.reads_to("day")
        (event,) = rows(
            root, f"SELECT changed_at, actor FROM alert_events WHERE alert_id = '{answered}' AND event = 'acknowledged'"
        )
        assert str(event[0]).startswith("2024-01-0"), "by the clock of the demo"
        assert event[1] == "C. Example (synthetic)"
        later = demo.reads_to("    alert ")
        assert later, "what happens to alerts later is told as before"
        os.kill(demo.started["board"], signal.SIGKILL)
        demo.reads_to("    NOT DONE the board ended with code -9; the demo goes on without it")
        demo.reads_to("day")
        demo.process.send_signal(signal.SIGINT)
        said, _ = demo.process.communicate(timeout=LIMIT_S)
        assert demo.process.returncode == 0, said
        assert at_work_on(root) == {}
    with pytest.raises(httpx2.TransportError):
        browser.get("/")


def test_a_port_that_is_taken_is_told_with_what_to_do(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = live(tmp_path / "live", *SHORT, "--port", str(taken.getsockname()[1]))
    assert done.returncode == 2
    assert "can't be listened at" in done.stderr
    assert "choose another port" in done.stderr
    assert at_work_on(tmp_path / "live") == {}


@pytest.mark.parametrize("holds", ["settings.toml", "a ward's notes.txt"])
def test_a_site_that_is_no_live_demos_is_left_as_it_is(tmp_path: Path, holds: str) -> None:
    root = tmp_path / "site"
    root.mkdir()
    (root / holds).write_text("demo = true\n" if holds.endswith("toml") else "of a ward\n", "utf-8")
    done = here("demo", "--live", *SHORT, site=root)
    assert done.returncode == 2
    assert "is left as it is" in done.stderr
    assert [path.name for path in root.iterdir()] == [holds]


def test_a_file_of_somebody_else_in_an_earlier_live_demos_site_is_not_thrown_away(tmp_path: Path) -> None:
    root = tmp_path / "live"
    root.mkdir()
    (root / "settings.toml").write_text('demo = "live"\n', "utf-8")
    (root / "thesis.docx").write_bytes(b"of years")
    done = here("demo", "--live", *SHORT, site=root)
    assert done.returncode == 2
    assert "thesis.docx" in done.stderr
    assert (root / "thesis.docx").read_bytes() == b"of years"


def test_an_option_of_the_live_demo_is_refused_without_it(tmp_path: Path) -> None:
    done = here("demo", "--plain", "--days", "3", site=tmp_path / "site")
    assert done.returncode == 2
    assert "--days belongs to --live" in done.stderr
    assert not (tmp_path / "site").exists()
