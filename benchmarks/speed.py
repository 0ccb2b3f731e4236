"""Speed as ratios, peers beside us in one run: `python -m benchmarks speed [--series N ...] [--repeats N] [--write]`.

1. Kernel: one line through the quantified results of each series, `fit_lines` beside pandas and scipy, statsmodels and R
   (where they are installed), all on the same results, already in memory. Their slopes are compared: all did the work.
2. File to one row per series: a Parquet file of results, read, its versions settled and fitted, beside a bare polars
   read of that file.
3. File to `weekly_decline`, written to Parquet, by each method, beside the same bare read; and each stage of it.
4. Peak memory of `cmvmon analyze`, in a process of its own (benchmarks/memory.py).

The input is a synthetic ward. Start-up of Python, imports and compilation are measured in processes of their own, and
reported apart. Absolute times say something about one machine only: compare ratios.
"""

from __future__ import annotations

import argparse
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl

from benchmarks import memory, peers
from benchmarks.peers import Line
from benchmarks.timing import ratio, timed_together
from cmvmon.domain import words
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.domain.series import SERIES_KEY
from cmvmon.domain.versions import current_results
from cmvmon.kinetics import fit_lines, treatment_courses, weekly_decline
from cmvmon.kinetics.inputs.limits import with_limits
from cmvmon.kinetics.weeks.weekly_decline import _kernel, _table
from cmvmon.kinetics.weeks.weekly_decline import kernel_input as kernel_rows
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.simulate import Ward, ward

Offsets = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

SEED = 20_240_216
WATCH_DAYS = 56
RESULTS = Path(__file__).with_name("results.md")
WHY = """Where a figure of the plan is not reached, and why. The least CPU times of 100,000 series, each of 5 to 15 runs (bare read:
38-42 ms), are the stricter measure: a bare read that other work disturbs makes a ratio look better than it is.

- File to one row per series (about 9 reads; reach 2): the read 1, versions 1.4, limits 2, rows of a series together 2,
  the fit 2.2. The fit alone is above the reach; the prototype that reached 2.3 knew no versions and no limits.
- File to `weekly_decline`, line (reach 12): the kernel takes 90-100 reads; with quantified results alone it takes 4.6. The
  rest is the quadrature of series with a limit: one week in five holds one.
- Bank kernel (about 20 reads; reach 12) and its file (reach 20): when it took 850 ms (now 790), quantiles were 285 of
  them (2.0 evaluations each), updates 230 (12 lines, where the plan counted 9), rates and P(> target) 90, P(rebound) 45,
  writing the numbers out 50, the rest, 150, was not taken apart.
- Limits, noise and order of rows: 7-9 reads (12-13 before); the write 4-6."""
_FIRST_FIT = (
    "import time, numpy as np; a = time.perf_counter()\n"
    "from cmvmon.kinetics import fit_lines; b = time.perf_counter()\n"
    "fit_lines([0, 2], [0.0, 1.0], [5.0, 4.0], [5.0, 4.0], 0.1); c = time.perf_counter()\n"
    "fit_lines([0, 2], [0.0, 1.0], [5.0, 4.0], [5.0, 4.0], 0.1); d = time.perf_counter()\n"
    "print(b - a, c - b - (d - c))"
)


def by_series(results: pl.DataFrame, *columns: str) -> tuple[pl.DataFrame, Offsets, list[Numbers]]:
    """Keys of the series, offsets into their rows, and per row `weeks` since the series began and each of `columns`.

    Rows are brought together by a hash of the key, in no order that means anything: `fit_lines` takes the results of a
    series in any order. That two of a million series share one of 2^64 hashes happens once in 30 million files.
    """
    mixed = pl.sum_horizontal(pl.col(name).hash(seed=place) for place, name in enumerate(SERIES_KEY))
    hashes = results.select(mixed).to_series()
    order = hashes.arg_sort().to_numpy()
    together = hashes.to_numpy()[order]
    first = np.flatnonzero(np.concatenate([[True], together[1:] != together[:-1]]))
    offsets = np.append(first, len(order)).astype(np.int64)
    microseconds = results["collected_at"].to_physical().to_numpy()[order]
    since = microseconds - np.repeat(np.minimum.reduceat(microseconds, first), np.diff(offsets))
    numbers = [results[name].to_numpy()[order] for name in columns]
    return results.select(SERIES_KEY)[order[first]], offsets, [since / (7 * 86_400e6), *numbers]


def kernel_input(results: pl.DataFrame) -> peers.Series:
    """The quantified results of every series that has two of them at different times."""
    quantified = current_results(results).filter(detection=words.QUANTIFIED)
    enough = quantified.filter(pl.col("collected_at").n_unique().over(SERIES_KEY) >= 2)
    _, offsets, (weeks, load) = by_series(enough.with_columns(load=pl.col("viral_load_iu_per_ml").log10()), "load")
    return peers.Series(offsets, weeks, load)


def lines_of_file(path: Path, protocol: Protocol) -> pl.DataFrame:
    """One row per series of a Parquet file: the maximum-likelihood line through all its results, censored ones too."""
    sigma = pl.col("compartment").replace_strict(protocol.sigma_log10, default=None, return_dtype=pl.Float64)
    results = current_results(pl.read_parquet(path))
    kinds = results.lazy().with_columns(pl.col("detection").cast(pl.Enum(words.DETECTION)), sigma_log10=sigma)
    limits = with_limits(kinds).select("fit_lo", "fit_hi", "sigma_log10").collect()  # what else it has is not computed
    series, offsets, (weeks, lo, hi, noise) = by_series(
        results.with_columns(limits.get_columns()), "fit_lo", "fit_hi", "sigma_log10"
    )
    fits = fit_lines(offsets, weeks, lo, hi, noise)
    return series.with_columns(
        decline_log10_per_week=fits.decline,
        se_log10_per_week=fits.se_decline,
        n_results=fits.n,
        n_censored=fits.n_censored,
        status=pl.Series(fits.status),
    )


def weekly_of_file(results: Path, courses: Path, out: Path, protocol: Protocol, method: str) -> pl.DataFrame:
    """`weekly_decline` of a Parquet file of results and one of courses, written to `out`."""
    current = current_results(pl.read_parquet(results)).with_columns(sigma_log10=pl.lit(None, dtype=pl.Float64))
    as_of = current["collected_at"].max()
    if not isinstance(as_of, datetime):
        raise ValueError("the results have no collected_at; simulate more patients")
    clocks = treatment_courses(pl.read_parquet(courses), protocol=protocol, as_of=as_of)
    weekly = weekly_decline(current, clocks, protocol=protocol, as_of=as_of, method=method)
    weekly.write_parquet(out)
    return weekly


def made(series: int, folder: Path) -> Ward:
    """A synthetic ward with about so many series, two per patient, as files in the folder."""
    simulated = ward(max(1, series // 2), WATCH_DAYS, SEED)
    kept = [
        *VIRAL_LOAD_RESULTS.exchanged,
        "reported_at",
        "received_at",
    ]  # what `analyze` reads, and what orders the versions
    simulated.viral_load_results.select(kept).write_parquet(folder / "viral_load_results.parquet")
    simulated.antiviral_courses.write_parquet(folder / "antiviral_courses.parquet")
    return simulated


def stages(results: Path, courses: Path, out: Path, protocol: Protocol, method: str) -> dict[str, Callable[[], object]]:
    """What `weekly_of_file` is made of, each stage with the outcome of those before it already in memory."""
    read = pl.read_parquet(results)
    current = current_results(read).with_columns(sigma_log10=pl.lit(None, dtype=pl.Float64))
    as_of = current["collected_at"].max()
    if not isinstance(as_of, datetime):
        raise ValueError("the results have no collected_at; simulate more patients")
    clocks = treatment_courses(pl.read_parquet(courses), protocol=protocol, as_of=as_of)
    given = kernel_rows(current, clocks, protocol=protocol, as_of=as_of, method=method)
    numbers, whole = _kernel(given, clocks, protocol)
    weekly = _table(numbers, whole, given, protocol, method)
    return {
        "versions settled": lambda: current_results(read),
        "courses and clocks": lambda: treatment_courses(pl.read_parquet(courses), protocol=protocol, as_of=as_of),
        "limits, noise, rows in order": lambda: kernel_rows(
            current, clocks, protocol=protocol, as_of=as_of, method=method
        ),
        f"kernel, {method}": lambda: _kernel(given, clocks, protocol),
        "words of the table": lambda: _table(numbers, whole, given, protocol, method),
        "the write": lambda: weekly.write_parquet(out),
    }


def files(folder: Path, *, repeats: int) -> tuple[list[Line], str]:
    """The roads from a file, each beside a bare read of the results, and how much there was to do."""
    results, courses = (folder / f"{name}.parquet" for name in ("viral_load_results", "antiviral_courses"))
    out, protocol = folder / "weekly_decline.parquet", Protocol.shipped()
    series = lines_of_file(results, protocol).height
    roads: dict[str, Callable[[], object]] = {
        f"file to one row per series, line, {series} series": lambda: lines_of_file(results, protocol)
    }
    for place, method in enumerate(words.METHOD):
        roads[f"file to `weekly_decline`, {method}, written, {series} series"] = partial(
            weekly_of_file, results, courses, out, protocol, method
        )
        parts = stages(results, courses, out, protocol, method)
        roads |= {f"- {name}": run for name, run in parts.items() if place == 0 or name.startswith("kernel")}
    peer, table = "bare polars read of the same Parquet", []
    for what, run in roads.items():
        both = {"scan": lambda: pl.read_parquet(results), "ours": run}
        times = timed_together(both, repeats=repeats, clock=time.process_time, warmed=True)
        table.append(Line(what, times["ours"], peer, times["scan"], ratio(times["ours"], times["scan"])))
    rows = pl.scan_parquet(results).select(pl.len()).collect().item()
    weeks = pl.scan_parquet(out).select(pl.len()).collect().item()
    return table, f"{rows} results, {series} series, {weeks} rows of `weekly_decline`"


def start_up() -> list[str]:
    """Seconds that the ratios leave out: importing, and the first fit without and with numba's cache on disk."""
    with tempfile.TemporaryDirectory() as cache:
        command = [sys.executable, "-c", _FIRST_FIT]
        told = {**os.environ, "NUMBA_CACHE_DIR": cache}
        said = [subprocess.run(command, env=told, check=True, capture_output=True, text=True).stdout for _ in range(2)]
    (imports, compiled), (_, cached) = (map(float, line.split()) for line in said)
    return [
        f"importing `cmvmon.kinetics`, polars and numpy with it: {imports:.2f} s;",
        f"the first fit of a process: {compiled:.1f} s when it has to compile, {cached:.1f} s from the cache on disk.",
    ]


def rounds_of(count: int, repeats: int) -> int:
    """Rounds for so many series: fewer where each takes minutes."""
    return max(1, min(repeats, 500_000 // count))


def report(*, series: list[int], repeats: int, command: str) -> Iterator[str]:
    """The measured tables as markdown, after each number of series."""
    table: list[Line] = []
    inputs, peaks, started = [], [], start_up()
    for place, count in enumerate(series):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            simulated = made(count, folder)
            if place == 0:
                rows, apart = peers.lines(kernel_input(simulated.viral_load_results), repeats=repeats)
                table += rows
            del simulated
            roads, counts = files(folder, repeats=rounds_of(count, repeats))
            table += roads
            inputs.append(f"{counts} (rounds: {rounds_of(count, repeats)})")
            peaks.append(f"- `analyze` on {counts}: {memory.peak_above_start(folder):.0f} MiB above its own start.")
        yield _text(table, inputs, peaks, started, apart, command)


def _text(
    table: list[Line], inputs: list[str], peaks: list[str], started: list[str], apart: float, command: str
) -> str:
    versions = (
        f"Python {platform.python_version()}, polars {pl.__version__}, numpy {np.__version__}, pandas {pd.__version__}"
    )
    return f"""# Speed, as ratios in one run

{datetime.now(UTC):%Y-%m-%d}; {os.cpu_count()} cores ({platform.machine()}), shared with other work; {versions}.
Command: `{command}`

Synthetic wards, {WATCH_DAYS} days, seed {SEED}: {"; ".join(inputs)}.
Median (lowest-highest) of the rounds. Kernel rows: the ratio is peer over ours, how many times faster we are, by the
clock on the wall. The others are ours over peer: how many bare reads the work costs, in CPU time of all threads, which
other work on the same cores disturbs least. `-` marks a part of the row above it.

| what | ours | peer | peer's time | ratio |
|---|---|---|---|---|
{chr(10).join(f"| {r.what} | {r.ours or ''} | {r.peer} | {r.theirs or ''} | {r.ratio} |" for r in table)}

Kernel: quantified results only, two or more a series; the slopes differ by at most {apart:.0e} log10 per week.

Peak memory, in a process of its own, above the same process after imports and loading of the kernels:
{chr(10).join(peaks)}

Left out of the ratios:
{chr(10).join(f"- {sentence}" for sentence in started)}

{WHY}
"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks speed", description="Speed as ratios, peers beside us.")
    parser.add_argument(
        "--series", type=int, nargs="+", default=[10_000], help="about how many series (two per patient)"
    )
    parser.add_argument("--repeats", type=int, default=7, help="rounds in which every peer runs once")
    parser.add_argument("--write", action="store_true", help="also write benchmarks/results.md")
    options = parser.parse_args(arguments)
    counts = " ".join(map(str, options.series))
    command = f"python -m benchmarks speed --series {counts} --repeats {options.repeats}"
    text = ""
    for text in report(series=options.series, repeats=options.repeats, command=command):
        if options.write:
            RESULTS.write_text(text, encoding="utf-8")
    print(text)
    return 0
