"""How fast the board is: the ward page over real sockets, for many readers at once, unchanged and while alerts are answered.

`python -m benchmarks board --patients 500 --readers 20 --requests 50`. Each page is in the audit log before it is sent, so the figures
hold the disk's share. A reader waits for one page before he asks for the next, and rests `--rest-s` between two.
"""

from __future__ import annotations

import argparse
import json
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

import httpx2

from benchmarks import made_site
from cmvmon.run.answers import answering
from cmvmon.run.asking import queries
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.boards import board_files
from tests.servers import free_port

_PASSWORD = "a password of this measurement"
_OWN = {"Sec-Fetch-Site": "same-origin"}
_ANSWERS_EVERY_S = 3.0
REACH_S = {"unchanged": 0.1, f"an answer every {_ANSWERS_EVERY_S:g} s": 0.25}
"""Below what the p99 of a page must lie, in seconds; while somebody answers every page is made anew."""


def main(arguments: Sequence[str]) -> int:
    """Makes the site, measures twice, prints a table; 1, with what it was, where a p99 reaches `REACH_S`."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks board", description=__doc__)
    parser.add_argument("--patients", type=int, default=500)
    parser.add_argument("--readers", type=int, default=20)
    parser.add_argument("--requests", type=int, default=50)
    parser.add_argument("--rest-s", type=float, default=1.0)
    told = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "site"
        made_site.fill(root, told.patients)
        nightly(root, as_of=made_site.NIGHT)
        _people(root, told.readers)
        with _board(root) as address:
            begun = time.perf_counter()
            n_bytes = len(_signed_in(address, 0).get("/ward.en.html").content)
            print(
                f"board: {told.patients} patients, {told.readers} readers, {told.requests} pages each, {n_bytes / 1000:.0f} kB a page"
            )
            print(f"first page after the start: {time.perf_counter() - begun:.2f} s")
            quiet, answering_too = REACH_S
            found = {quiet: _measured(address, told.readers, told.requests, told.rest_s)}
            print(_row(quiet, found[quiet]))
            with _answering(root):
                found[answering_too] = _measured(address, told.readers, told.requests, told.rest_s)
            print(_row(answering_too, found[answering_too]))
    missed = beyond({name: _p99(seconds) for name, seconds in found.items()})
    print("".join(f"BEYOND ITS REACH: {one}\n" for one in missed) or "all within their reach")
    return int(bool(missed))


def beyond(p99_s: dict[str, float]) -> list[str]:
    """Each p99 that reaches its limit, in words; `p99_s`: seconds by the name of `REACH_S`."""
    return [
        f"p99 {1000 * p99_s[name]:.0f} ms ({name}), not below {1000 * reach:.0f} ms"
        for name, reach in REACH_S.items()
        if p99_s[name] >= reach
    ]


def _people(root: Path, readers: int) -> None:
    people = "".join(f'[people.reader-{i}]\nrole = "consultant"\n' for i in range(readers))
    board_files.write_board_text(root, f'[listen]\nport = {free_port()}\n\n[identity]\nby = "passwords"\n\n{people}')
    for i in range(readers):
        board_files.set_password(root, f"reader-{i}", _PASSWORD)


@contextmanager
def _board(root: Path) -> Iterator[str]:
    """The board as `cmvmon board` starts it; stopped by its own process id."""
    command = [str(Path(sys.executable).parent / "cmvmon"), "board", "--site", str(root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        port = json.loads(process.stdout.readline())["port"]
        threading.Thread(target=lambda: [None for _ in process.stdout or ()], daemon=True).start()
        yield f"http://127.0.0.1:{port}"
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(timeout=30)


def _signed_in(address: str, reader: int) -> httpx2.Client:
    client = httpx2.Client(base_url=address, timeout=120)
    form = {"name": f"reader-{reader}", "password": _PASSWORD}
    if client.post("/sign-in.en.html", data=form, headers=_OWN).status_code != 303:
        raise SystemExit("a reader could not sign in")
    return client


def _measured(address: str, readers: int, requests: int, rest_s: float) -> list[float]:
    """Seconds of every page of every reader."""
    clients = [_signed_in(address, i) for i in range(readers)]
    clients[0].get("/ward.en.html")
    seconds: list[float] = []

    def read(client: httpx2.Client, begins_after_s: float) -> None:
        time.sleep(begins_after_s)
        for _ in range(requests):
            begun = time.perf_counter()
            answer = client.get("/ward.en.html")
            seconds.append(time.perf_counter() - begun)
            if answer.status_code != 200 or not re.search("SYNTHETIC-0001", answer.text):
                raise SystemExit("a page was not the ward's")
            time.sleep(rest_s)

    threads = [threading.Thread(target=read, args=(one, i * rest_s / readers)) for i, one in enumerate(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(seconds) != readers * requests:
        raise SystemExit("a reader did not get all of his pages")
    return seconds


@contextmanager
def _answering(root: Path) -> Iterator[None]:
    """Meanwhile somebody answers an alert every few seconds on the command line, so that every page is made anew."""
    stop = threading.Event()
    waiting = [alert["alert_id"] for alert in queries.listed_alerts(root, every=False, lang="en")]

    def answer() -> None:
        for alert_id in waiting:
            if stop.wait(_ANSWERS_EVERY_S):
                return
            answering.acknowledge(root, alert_id, reason="dealt_with", note=None, actor="benchmark")

    thread = threading.Thread(target=answer)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def _row(name: str, seconds: Sequence[float]) -> str:
    cuts = quantiles(seconds, n=100)
    ms = [value * 1000 for value in (cuts[49], cuts[94], cuts[98], max(seconds))]
    return f"{name:26} pages {len(seconds):5}  p50 {ms[0]:6.1f} ms  p95 {ms[1]:6.1f} ms  p99 {ms[2]:6.1f} ms  worst {ms[3]:6.1f} ms"


def _p99(seconds: Sequence[float]) -> float:
    return quantiles(seconds, n=100)[98]
