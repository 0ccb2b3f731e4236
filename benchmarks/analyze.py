"""The command that people type: `python -m benchmarks analyze` measures `cmvmon analyze` as a whole process, in scans.

A scan reads every column of the results file with polars and collects it, the first thing in a process of its own. The
command's start is taken off: that of the interpreter and its imports, or of the whole command on one patient, which also
reads the compiled kernels from disk. With `--planted` it is also measured with so many rules more, copies of the shipped
ones in turn: what an added rule costs. The weekly table alone is measured by both methods beside it, warm.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import polars as pl

from benchmarks.made_tables import AS_OF, RESULTS_EACH, made_tables
from benchmarks.speed import weekly_of_file
from cmvmon.domain import words
from cmvmon.shell.folder.protocol_files import Protocol

ROOT = Path(__file__).resolve().parents[1]
WRITTEN = Path(__file__).with_name("analyze.md")
# What a child holds at most it tells itself: Linux hands the parent's `ru_maxrss` on to it, but not VmHWM.
_AT_END = """
import atexit, os, sys
@atexit.register
def tell():
    with open("/proc/self/status") as status, open(os.environ["CMVMON_BENCHMARK_PEAK"], "w") as told:
        told.write(next(line.split()[1] for line in status if line.startswith("VmHWM:")))
"""
COMMAND = "from cmvmon.cli import main; sys.argv[0] = 'cmvmon'; main()"
_PLANTED = "from benchmarks.planted import plant; plant({})\n"
_START = "import cmvmon.cli, cmvmon.workbench.analysis, pyarrow.parquet, cmvmon.kinetics.weeks.kernel"
_SCAN = """
import sys, time, polars as pl
wall, cpu = time.perf_counter(), time.process_time()
pl.scan_parquet(sys.argv[1]).collect()
print(time.perf_counter() - wall, time.process_time() - cpu)
"""


@dataclass(frozen=True)
class Spent:
    """What something took: seconds by the clock on the wall, CPU seconds of all threads, and MiB held at most."""

    wall: float
    cpu: float
    peak: float = 0.0

    def less(self, start: Spent) -> Spent:
        """Without what the start took; the peak stays."""
        return Spent(self.wall - start.wall, self.cpu - start.cpu, self.peak)


def process(code: str, *arguments: str) -> Spent:
    """What a process of this interpreter takes, from its start to its end. Raises RuntimeError when it fails."""
    with tempfile.NamedTemporaryFile("r") as told:
        begun = time.perf_counter()
        child = subprocess.Popen(
            [sys.executable, "-c", f"{_AT_END}\n{code}", *arguments],
            cwd=ROOT,
            stdout=subprocess.DEVNULL,
            env={**os.environ, "CMVMON_BENCHMARK_PEAK": told.name},
        )
        _, status, usage = os.wait4(child.pid, 0)
        wall = time.perf_counter() - begun
        child.returncode = os.waitstatus_to_exitcode(status)
        if child.returncode != 0:
            raise RuntimeError(f"the measured process ended with exit code {child.returncode}: run it by hand")
        return Spent(wall, usage.ru_utime + usage.ru_stime, int(told.read()) / 1024.0)


def scan(results: Path) -> Spent:
    """The first polars scan of a process."""
    said = subprocess.run(
        [sys.executable, "-c", _SCAN, str(results)], check=True, capture_output=True, text=True
    ).stdout
    wall, cpu = map(float, said.split())
    return Spent(wall, cpu)


def here(run: Callable[[], object]) -> Spent:
    """What a call in this process takes."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def least(spent: Sequence[Spent]) -> Spent:
    """The least of each: what other work on the machine disturbs least."""
    return Spent(min(s.wall for s in spent), min(s.cpu for s in spent), max(s.peak for s in spent))


@dataclass(frozen=True)
class Measured:
    """One number of series: a scan, two starts, the command, that with `n_planted` rules more, and the weekly table by method."""

    series: int
    scan: Spent
    start: Spent
    one_patient: Spent
    command: Spent
    weekly: dict[str, Spent]
    planted: Spent | None = None
    n_planted: int = 0

    def lines(self) -> list[str]:
        """Rows of the table: seconds, and how many scans they are."""
        whole, start, one = self.command, self.start, self.one_patient
        rows = [
            ("bare polars scan", self.scan),
            ("start: interpreter and imports", start),
            ("`cmvmon analyze` of one patient, whole", one),
            ("**`cmvmon analyze`, whole, less interpreter and imports**", whole.less(start)),
            ("**`cmvmon analyze`, whole, less that of one patient**", whole.less(one)),
            *((f"file to `weekly_decline`, {method}, written", spent) for method, spent in self.weekly.items()),
        ]
        if self.planted is not None:
            more = self.planted.less(whole)
            each = Spent(more.wall / self.n_planted, more.cpu / self.n_planted, self.planted.peak)
            rows.append((f"each of {self.n_planted} rules more", each))
        return [
            f"| {self.series} | {what} | {spent.wall:.3g} | {spent.cpu:.3g} | {spent.wall / self.scan.wall:.1f} "
            f"| {spent.cpu / self.scan.cpu:.1f} | {f'{spent.peak:.0f} MiB' if spent.peak else ''} |"
            for what, spent in rows
        ]


def measure(series: int, *, repeats: int, planted: int = 0) -> Measured:
    """Every peer once a round, the least of the rounds; one round before them is not counted."""
    folder = made_tables(series)
    results, courses = (folder / f"{name}.parquet" for name in ("viral_load_results", "antiviral_courses"))
    protocol = Protocol.shipped()
    spent: defaultdict[str, list[Spent]] = defaultdict(list)
    with tempfile.TemporaryDirectory() as name:
        out, table = Path(name) / "out", Path(name) / "weekly_decline.parquet"
        options = ("--out", str(out), "--replace", "--as-of", AS_OF.isoformat())
        for _ in range(repeats + 1):
            for _ in range(3):
                spent["scan"].append(scan(results))
            spent["start"].append(process(_START))
            spent["one"].append(process(COMMAND, "analyze", str(made_tables(1)), *options))
            spent["whole"].append(process(COMMAND, "analyze", str(folder), *options))
            if planted:
                spent["planted"].append(process(_PLANTED.format(planted) + COMMAND, "analyze", str(folder), *options))
            for method in words.METHOD:
                spent[method].append(here(partial(weekly_of_file, results, courses, table, protocol, method)))
    found = {what: least(rounds[len(rounds) // (repeats + 1) :]) for what, rounds in spent.items()}
    weekly = {method: found[method] for method in words.METHOD}
    return Measured(
        series, found["scan"], found["start"], found["one"], found["whole"], weekly, found.get("planted"), planted
    )


def report(measured: Sequence[Measured], command: str) -> str:
    """The table as markdown."""
    lines = [line for one in measured for line in one.lines()]
    versions = f"Python {platform.python_version()}, polars {pl.__version__}"
    return f"""# `cmvmon analyze`, in scans

{datetime.now(UTC):%Y-%m-%d}; {os.cpu_count()} cores ({platform.machine()}), shared with other work; {versions}.
Command: `{command}`

Made-up tables (`benchmarks/made_tables.py`): {RESULTS_EACH} results a series, every fourth censored, one compartment a
patient, with courses and stays. Every rule, concordance included. Least of the rounds. Peak: of the whole process.

A scan reads every column of the results file with polars and collects it, the first thing in a process of its own,
imports left out. That is the unit of the two columns of scans.

| series | what | wall, s | CPU, s | scans, wall | scans, CPU | peak |
|---|---|---|---|---|---|---|
{chr(10).join(lines)}
"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks analyze", description="`cmvmon analyze` as a whole process, in scans."
    )
    parser.add_argument("--series", type=int, nargs="+", default=[100_000], help="how many series, one a patient")
    parser.add_argument("--repeats", type=int, default=3, help="rounds in which each is measured once")
    parser.add_argument("--planted", type=int, default=0, help="also with so many rules more, to see what one costs")
    parser.add_argument("--write", action="store_true", help="also write benchmarks/analyze.md")
    options = parser.parse_args(arguments)
    counts = " ".join(map(str, options.series))
    measured = [measure(count, repeats=options.repeats, planted=options.planted) for count in options.series]
    given = f"--series {counts} --repeats {options.repeats} --planted {options.planted}"
    text = report(measured, f"python -m benchmarks analyze {given}")
    if options.write:
        WRITTEN.write_text(text, encoding="utf-8")
    print(text)
    return 0
