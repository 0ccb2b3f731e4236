"""A laboratory's line as its sender sees it: how many messages are acknowledged a second, and how long an answer takes.

The listener is a real process on loopback. What is acknowledged is set against how often this disk itself syncs, in the same run.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from cmvmon.feeds.mllp import END, framed
from tests.listen import listening
from tests.listen.listening import contents, result, started

_DISK_S = 0.5
_TICKS = os.sysconf("SC_CLK_TCK")


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


def acknowledged(seconds: float, rounds: int) -> str:
    """One message after the other on each of some connections, the two in turn; the median of the rounds."""
    lines = [
        "| connections | acknowledged/s | p50 ms | p99 ms | syncs/s of the disk | ratio (least-most) | listener's CPU a message |",
        "|---|---|---|---|---|---|---|",
    ]
    with tempfile.TemporaryDirectory() as name, started(listening.site(Path(name) / "site")) as listener:
        found: dict[int, list[tuple[float, float, float, float, float]]] = {1: [], 8: []}
        for n in (1, 8) * rounds:
            before, took, used = syncs_a_second(Path(name)), list[float](), cpu_s(listener.process.pid)
            end = time.monotonic() + seconds
            asyncio.run(_all_of_them(listener.port, n, end, took))
            disk, rate = (before + syncs_a_second(Path(name))) / 2, len(took) / seconds
            cpu_ms = 1000 * (cpu_s(listener.process.pid) - used) / len(took)
            found[n].append((rate, *_parts(took), disk, cpu_ms))
        listener.stop()
    for n, rows in found.items():
        rate, p50, p99, disk, cpu_ms = (median(each) for each in zip(*rows, strict=True))
        ratios = sorted(row[0] / row[3] for row in rows)
        lines.append(
            f"| {n} | {rate:.0f} | {p50:.1f} | {p99:.1f} | {disk:.0f} | {median(ratios):.2f} ({ratios[0]:.2f}-{ratios[-1]:.2f}) "
            f"| {cpu_ms:.2f} ms |"
        )
    return "\n".join(lines)


async def _all_of_them(port: int, n: int, end: float, took: list[float]) -> None:
    await asyncio.gather(*(_send(port, f"{end}-{one}", end, took) for one in range(n)))


async def _send(port: int, name: str, until_s: float, took: list[float]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    number = 0
    while time.monotonic() < until_s:
        begun = time.monotonic()
        await _answered(reader, writer, f"{name}-{number}")
        took.append(time.monotonic() - begun)
        number += 1
    writer.close()


async def _answered(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, control: str) -> None:
    writer.write(framed(result(control)))
    answer = await reader.readuntil(END)
    if b"MSA|AA|" not in answer:
        raise RuntimeError("a message was not acknowledged")


def steady(rate: float, seconds: float, connections: int = 4) -> str:
    """Messages at a steady rate, each due at its own moment: an answer's time counts from then, so that a stall is not hidden."""
    took = list[float]()
    with tempfile.TemporaryDirectory() as name, started(listening.site(Path(name) / "site")) as listener:
        begun, used = time.monotonic() + 0.2, cpu_s(listener.process.pid)

        async def one_line(first: int) -> None:
            reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
            for number in range(first, int(rate * seconds), connections):
                due = begun + number / rate
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                await _answered(reader, writer, str(number))
                took.append(time.monotonic() - due)
            writer.close()

        async def all_lines() -> None:
            await asyncio.gather(*(one_line(first) for first in range(connections)))

        asyncio.run(all_lines())
        used_s = cpu_s(listener.process.pid) - used
        listener.stop()
        slowest_store = max(float(str(line["slowest_ms"])) for line in listener.said if "slowest_ms" in line)
        ((stored,),) = contents(Path(name) / "site", "SELECT count(*) FROM messages")
    p50, p99 = _parts(took)
    slowest = 1000 * max(took)
    names = "messages/s | seconds | acknowledged | stored | p50 ms | p99 ms | slowest ms | slowest transaction ms | listener's CPU"
    cells = [
        f"{rate:g}",
        f"{seconds:.0f}",
        f"{len(took):,}",
        f"{stored:,}",
        f"{p50:.1f}",
        f"{p99:.1f}",
        f"{slowest:.0f}",
    ]
    cells += [f"{slowest_store:.0f}", f"{used_s / seconds:.1%}"]
    return f"| {names} |\n|{'---|' * len(cells)}\n| {' | '.join(cells)} |"


def _parts(took: Sequence[float]) -> tuple[float, float]:
    """The median and the 99th of a hundred, in ms."""
    ordered = sorted(took)
    p50, p99 = (1000 * ordered[min(int(len(ordered) * part), len(ordered) - 1)] for part in (0.5, 0.99))
    return p50, p99


def cpu_s(pid: int) -> float:
    """Seconds that a process has used, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text("ascii").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS
