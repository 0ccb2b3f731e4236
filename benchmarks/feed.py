"""Messages of a laboratory's line, from the socket to the page: `python -m benchmarks feed [PART ...]`, each a table.

    parsed          one message read, by ours and by two others
    acknowledged    messages made durable and answered, against the syncs of this disk
    steady          how long an answer takes at a steady rate
    page            from the answer to the page, while `cmvmon watch` runs
    prefect         the same while `cmvmon serve` runs, and what of it is Prefect's own
    backlog         messages that wait, taken in
    kills           `kill -9` at random (benchmarks/feed_kills.py); leaves a line a site in benchmarks/feed_kills.jsonl

`--write` puts each table into benchmarks/feed.md under its heading.
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hl7
from hl7apy.parser import parse_message

from benchmarks import feed_backlog, feed_kills, feed_line, feed_prefect
from cmvmon.feeds.hl7.parsing import parsed
from cmvmon.feeds.hl7.reader import RawMessage, Reader
from cmvmon.run.nightly.night import nightly
from tests.listen import listening
from tests.listen.listening import CMVMON, result, sent, started, until

WRITTEN, LOG = Path(__file__).with_name("feed.md"), Path(__file__).with_name("feed_kills.jsonl")
_FIRST = 1_000_001  # the load of the first new result; the next is one more
PARTS = ("parsed", "acknowledged", "steady", "page", "prefect", "backlog", "kills")


def parsed_rates(n: int) -> str:
    """One message of a result, read by ours and by two others, in turn."""
    data = result("1")

    def ours() -> None:
        reader = Reader()
        reader.receive(data)
        reader.end()
        for event in reader.events():
            if isinstance(event, RawMessage):
                parsed(event, encoding="utf-8")

    readers: dict[str, tuple[Callable[[], object], int]] = {
        "cmvmon": (ours, n),
        "hl7": (lambda: hl7.parse(data.decode()), max(n // 5, 20)),
        "hl7apy": (lambda: parse_message(data.decode()), max(n // 50, 20)),
    }
    found: dict[str, list[float]] = {name: [] for name in readers}
    for _ in range(3):
        for name, (read, times) in readers.items():
            begun = time.process_time()
            for _ in range(times):
                read()
            found[name].append(times / (time.process_time() - begun))
    lines = ["| reader | messages a second of CPU, three runs in turn | cmvmon's in its own |", "|---|---|---|"]
    for name, rates in found.items():
        times_ours = [ours / rate for ours, rate in zip(found["cmvmon"], rates, strict=True)]
        lines.append(f"| {name} | {', '.join(f'{rate:,.0f}' for rate in rates)} | {sorted(times_ours)[1]:.1f} |")
    return "\n".join(lines)


def _load(control: str, value: int, patient: int, ago: timedelta) -> bytes:
    at = f"{datetime.now(UTC) - ago:%Y%m%d%H%M}+0000"
    message = result(control, str(value), specimen="BAL", of_order="", collected=at, reported=at)
    return message.replace(b"SYNTH-1^", f"SYNTH-{patient}^".encode())


def to_the_page(patients: int, repeats: int) -> str:
    """From the acknowledgement of a single result until a page shows it, while `cmvmon watch` runs."""
    with tempfile.TemporaryDirectory() as name, started(root := listening.site(Path(name) / "site")) as listener:
        for patient in range(patients):
            sent(listener.port, *_before(patient))
        nightly(root)
        watch = subprocess.Popen([str(CMVMON), "watch", "--site", str(root)], stdout=subprocess.DEVNULL)
        try:
            took = []
            for number in range(repeats + 1):
                sent(listener.port, _new(number, number % patients))
                begun = time.monotonic()
                until(lambda number=number: _is_shown(root, number), 120)
                took.append(time.monotonic() - begun)
                if not number:  # the first finds everything cold
                    used_s = feed_line.cpu_s(watch.pid)
                time.sleep(random.uniform(0.5, 2.0))
            used_s = feed_line.cpu_s(watch.pid) - used_s
        finally:
            watch.send_signal(signal.SIGTERM)
            watch.wait(60)
        listener.stop()
    took = sorted(took[1:])
    at = [took[min(int(len(took) * part), len(took) - 1)] for part in (0.5, 0.99)]
    return f"| {patients} | {len(took)} | {at[0]:.2f} s | {at[1]:.2f} s | {used_s / len(took):.2f} s |"


def _before(patient: int) -> list[bytes]:
    return [_load(f"{patient}-{n}", 10 ** (6 - n), patient, timedelta(days=21 - 7 * n)) for n in range(3)]


def _new(number: int, patient: int) -> bytes:
    return _load(f"new-{number}", _FIRST + number, patient, timedelta(hours=1))


def _is_shown(root: Path, number: int) -> bool:
    """Whether the ward page, on which the newest load of each patient stands, shows it."""
    return f"{_FIRST + number:,}" in (root / "pages" / "ward.en.html").read_text("utf-8")


def pages(patients: list[int], repeats: int) -> str:
    head = (
        "| patients | results | acknowledgement to page: p50 | p99 | CPU of `watch` a result |\n|---|---|---|---|---|\n"
    )
    return head + "\n".join(to_the_page(n, repeats) for n in patients)


def by_prefect(patients: list[int], repeats: int) -> str:
    rows = (feed_prefect.by_prefect(n, repeats, before=_before, new=_new, is_shown=_is_shown) for n in patients)
    return "\n".join([feed_prefect.HEAD, *rows])


def write(part: str, command: str, table: str) -> None:
    """Puts the table into the page under the heading of its part, with when and how it was made."""
    text = WRITTEN.read_text("utf-8")
    load = f"{os.getloadavg()[2]:.0f} processes at work on {os.cpu_count()} cores"
    machine = f"{platform.machine()}, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}, {load}"
    made = f"<!-- {part} -->\n`{command}` ({machine})\n\n{table}\n<!-- end -->"
    found = re.subn(rf"<!-- {part} -->\n.*?<!-- end -->", lambda _: made, text, flags=re.DOTALL)
    if found[1] != 1:
        raise RuntimeError(f"{WRITTEN.name} has no place for {part}")
    WRITTEN.write_text(found[0], "utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks feed", description="Messages, from the socket to the page."
    )
    parser.add_argument("what", nargs="*", help=", ".join(PARTS))
    parser.add_argument("--seconds", type=float, default=2.0, help="of each row of `acknowledged`")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--messages", type=int, default=5000, help="of `parsed`")
    parser.add_argument("--rate", type=float, default=50.0, help="messages a second of `steady`")
    parser.add_argument("--minutes", type=float, default=1.0, help="of `steady`")
    parser.add_argument("--patients", type=int, nargs="+", default=[24], help="of `page` and `prefect`")
    parser.add_argument("--repeats", type=int, default=30, help="results of `page` and `prefect`")
    parser.add_argument("--backlog", type=int, default=100_000, help="messages of `backlog`")
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--write", action="store_true", help="also write the tables into benchmarks/feed.md")
    given = sys.argv[1:] if arguments is None else arguments
    options = parser.parse_args(given)
    unknown = [what for what in options.what if what not in PARTS]
    if unknown:
        print(f"{unknown[0]} is none of {', '.join(PARTS)}", file=sys.stderr)
        return 2
    code = 0
    for what in options.what or PARTS[:-1]:
        if what == "kills":
            total = feed_kills.kills(options.kills, LOG if options.write else None)
            code, table = int(bool(total.lost or total.doubled)), feed_kills.table(total)
        else:
            table = {
                "parsed": lambda: parsed_rates(options.messages),
                "acknowledged": lambda: feed_line.acknowledged(options.seconds, options.rounds),
                "steady": lambda: feed_line.steady(options.rate, options.minutes * 60),
                "page": lambda: pages(options.patients, options.repeats),
                "prefect": lambda: by_prefect(options.patients, options.repeats),
                "backlog": lambda: feed_backlog.table(options.backlog),
            }[what]()
        print(f"{table}\n", flush=True)
        if options.write:
            ours = [one for one in given if one not in PARTS]
            write(what, " ".join(["python -m benchmarks feed", what, *ours]), table)
    return code
