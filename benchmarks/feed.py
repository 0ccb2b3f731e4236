"""Messages of a laboratory's line, from the socket to the page: `python -m benchmarks feed [acknowledged|parsed|page|kills]`.

The listener and `cmvmon watch` are real processes on loopback. What is acknowledged is set against how often this disk itself syncs,
in the same run.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import hl7
from hl7apy.parser import parse_message

from cmvmon.feeds.hl7.parsing import parsed
from cmvmon.feeds.hl7.reader import RawMessage, Reader
from cmvmon.feeds.mllp import END, framed
from cmvmon.run.night import nightly
from tests.listen import listening
from tests.listen.laboratory import Laboratory
from tests.listen.listening import CMVMON, contents, result, sent, started, until

_DISK_S = 1.0


def syncs_a_second(folder: Path) -> float:
    """How often the disk of that folder syncs a block that is added to a file."""
    handle = os.open(folder / "syncs", os.O_CREAT | os.O_WRONLY)
    n, begun = 0, time.monotonic()
    try:
        while time.monotonic() - begun < _DISK_S:
            os.pwrite(handle, b"x" * 4096, n * 4096)
            os.fdatasync(handle)
            n += 1
    finally:
        os.close(handle)
    return n / (time.monotonic() - begun)


async def _send(port: int, name: str, until_s: float, took: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    number = 0
    while time.monotonic() < until_s:
        begun = time.monotonic()
        writer.write(framed(result(f"{name}-{number}")))
        answer = await reader.readuntil(END)
        if b"MSA|AA|" not in answer:
            raise RuntimeError("a message was not acknowledged")
        took.append(time.monotonic() - begun)
        number += 1
    writer.close()


def acknowledged(seconds: float, rounds: int) -> None:
    """One message after the other on each of some connections."""
    print("| connections | acknowledged/s | p50 ms | p99 ms | syncs/s of the disk | ratio |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name, started(listening.site(Path(name) / "site")) as listener:
        for connections in (1, 8) * rounds:
            before, took = syncs_a_second(Path(name)), list[float]()

            async def all_of_them(n: int = connections, took: list[float] = took) -> None:
                end = time.monotonic() + seconds
                await asyncio.gather(*(_send(listener.port, f"{end}-{one}", end, took) for one in range(n)))

            asyncio.run(all_of_them())
            disk, rate = (before + syncs_a_second(Path(name))) / 2, len(took) / seconds
            took.sort()
            p50, p99 = (1000 * took[int(len(took) * part)] for part in (0.5, 0.99))
            print(
                f"| {connections} | {rate:.0f} | {p50:.1f} | {p99:.1f} | {disk:.0f} | {rate / disk:.2f} |", flush=True
            )
        listener.stop()


def parsed_rates(n: int) -> None:
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
        "hl7": (lambda: hl7.parse(data.decode()), n),
        "hl7apy": (lambda: parse_message(data.decode()), max(n // 50, 20)),
    }
    print("| reader | messages/s, three runs in turn |\n|---|---|")
    found: dict[str, list[str]] = {name: [] for name in readers}
    for _ in range(3):
        for name, (read, times) in readers.items():
            begun = time.perf_counter()
            for _ in range(times):
                read()
            found[name].append(f"{times / (time.perf_counter() - begun):,.0f}")
    for name, rates in found.items():
        print(f"| {name} | {', '.join(rates)} |")


def _load(control: str, value: int, patient: int, ago: timedelta) -> bytes:
    at = f"{datetime.now(UTC) - ago:%Y%m%d%H%M}+0000"
    message = result(control, str(value), specimen="BAL", of_order="", collected=at, reported=at)
    return message.replace(b"SYNTH-1^", f"SYNTH-{patient}^".encode())


def to_the_page(patients: int, repeats: int) -> None:
    """From the acknowledgement of a single result until a page shows it, while `cmvmon watch` runs."""
    with tempfile.TemporaryDirectory() as name, started(root := listening.site(Path(name) / "site")) as listener:
        for patient in range(patients):
            before = (_load(f"{patient}-{n}", 10 ** (6 - n), patient, timedelta(days=21 - 7 * n)) for n in range(3))
            sent(listener.port, *before)
        nightly(root)
        watch = subprocess.Popen([str(CMVMON), "watch", "--site", str(root)], stdout=subprocess.DEVNULL)
        try:
            took = []
            for number in range(repeats + 1):
                value = 1_000_001 + number
                sent(listener.port, _load(f"new-{number}", value, number % patients, timedelta(hours=1)))
                begun = time.monotonic()
                until(lambda shown=f"{value:,}": _is_shown(root, shown), 60)
                took.append(time.monotonic() - begun)
                time.sleep(random.uniform(0.5, 2.0))
        finally:
            watch.send_signal(signal.SIGTERM)
            watch.wait(60)
        listener.stop()
    took = sorted(took[1:])
    at = [took[min(int(len(took) * part), len(took) - 1)] for part in (0.5, 0.99)]
    print(f"| {patients} | {len(took)} | {at[0]:.2f} s | {at[1]:.2f} s |", flush=True)


def _is_shown(root: Path, text: str) -> bool:
    return any(text in path.read_text("utf-8") for path in (root / "pages").glob("*.en.html"))


def kills(times: int) -> int:
    """The listener killed at random while two connections send; what was not acknowledged is sent again."""
    chance, laboratory, done = random.Random(), Laboratory(0), 0
    with tempfile.TemporaryDirectory() as name:
        root = listening.site(Path(name) / "site")
        while done < times or laboratory.waiting:
            if done < times:
                first = len(laboratory.acknowledged) + len(laboratory.waiting)
                laboratory.waiting += [str(number) for number in range(first, first + 200)]
            with started(root) as listener:
                threads = [threading.Thread(target=laboratory.send, args=(listener.port,)) for _ in range(2)]
                for thread in threads:
                    thread.start()
                if done < times:
                    time.sleep(chance.uniform(0.0, 0.2))
                    listener.process.kill()
                    done += 1
                for thread in threads:
                    thread.join(60)
        found = contents(root, "SELECT raw FROM messages")
        stored = Counter(bytes(row[0]).split(b"|")[9].decode() for row in found)  # type: ignore[call-overload]
    lost, doubled = len(laboratory.acknowledged - set(stored)), sum(n > 1 for n in stored.values())
    print(
        f"{done} kills, {len(laboratory.acknowledged)} acknowledged, {lost} of them lost, {doubled} doubled", flush=True
    )
    return 1 if lost or doubled else 0


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks feed", description="Messages, from the socket to the page."
    )
    parser.add_argument("what", nargs="*", default=["acknowledged", "parsed", "page"])
    parser.add_argument("--seconds", type=float, default=5.0, help="of each row of `acknowledged`")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--messages", type=int, default=5000, help="of `parsed`")
    parser.add_argument("--patients", type=int, nargs="+", default=[24])
    parser.add_argument("--repeats", type=int, default=30, help="results of `page`")
    parser.add_argument("--kills", type=int, default=200)
    options = parser.parse_args(arguments)
    code = 0
    for what in options.what:
        if what == "acknowledged":
            acknowledged(options.seconds, options.rounds)
        elif what == "parsed":
            parsed_rates(options.messages)
        elif what == "page":
            print("| patients | results | acknowledgement to page: p50 | p99 |\n|---|---|---|---|")
            for patients in options.patients:
                to_the_page(patients, options.repeats)
        elif what == "kills":
            code = max(code, kills(options.kills))
        else:
            print(f"{what} is none of acknowledged, parsed, page, kills", file=sys.stderr)
            return 2
    return code
