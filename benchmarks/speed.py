"""Speed as ratios, peers beside us in one run: `python -m benchmarks [--series N] [--repeats N] [--write]`.

1. Kernel: one line through the quantified results of each series, `fit_lines` beside pandas `groupby.apply` with
   scipy's `linregress`, both on the same results, already in memory. Their slopes are compared: both did the work.
2. File to one row per series: a Parquet file of results, read and fitted, beside a bare polars read of that file.
3. File to `weekly_decline`, written to Parquet, beside the same bare read.

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
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import polars as pl
from scipy.stats import linregress

from benchmarks.line_prior import shipped_protocol
from benchmarks.timing import Timed, ratio, timed_together
from cmvmon.domain import words
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.domain.series import SERIES_KEY
from cmvmon.domain.versions import current_results
from cmvmon.kinetics import LineFits, fit_lines, treatment_courses, weekly_decline
from cmvmon.kinetics.censoring import with_limits
from cmvmon.protocol import Protocol
from cmvmon.simulate import Ward, ward

Offsets = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

SEED = 20_240_216
WATCH_DAYS = 56
RESULTS = Path(__file__).with_name("results.md")
_FIRST_FIT = (
    "import time, numpy as np; a = time.perf_counter()\n"
    "from cmvmon.kinetics import fit_lines; b = time.perf_counter()\n"
    "fit_lines([0, 2], [0.0, 1.0], [5.0, 4.0], [5.0, 4.0], 0.1); c = time.perf_counter()\n"
    "fit_lines([0, 2], [0.0, 1.0], [5.0, 4.0], [5.0, 4.0], 0.1); d = time.perf_counter()\n"
    "print(b - a, c - b - (d - c))"
)


@dataclass(frozen=True)
class Line:
    """One row of a printed table."""

    what: str
    ours: Timed
    peer: str
    theirs: Timed
    ratio: str


def by_series(results: pl.DataFrame, *columns: pl.Expr) -> tuple[pl.DataFrame, Offsets, list[Numbers]]:
    """Keys of the series, offsets into their rows, and per row `weeks` since the series began and each of `columns`.

    Rows are grouped, not sorted: `fit_lines` takes the results of a series in any order.
    """
    weeks = (pl.col("collected_at").dt.timestamp("us") / (7 * 86_400e6)).alias("weeks")
    grouped = (
        results.lazy()
        .select(*SERIES_KEY, weeks, *columns)
        .group_by(SERIES_KEY)
        .agg(pl.col("weeks") - pl.col("weeks").min(), pl.exclude(*SERIES_KEY, "weeks"))
        .sort(SERIES_KEY)
        .collect()
    )
    offsets = np.concatenate([[0], np.cumsum(grouped["weeks"].list.len().to_numpy())]).astype(np.int64)
    return grouped.select(SERIES_KEY), offsets, [column.explode().to_numpy() for column in grouped.drop(SERIES_KEY)]


def kernel(results: pl.DataFrame, *, repeats: int) -> tuple[Line, int, float]:
    """`fit_lines` beside pandas and scipy on the quantified results; how many series; the largest slope difference."""
    quantified = current_results(results).filter(detection=words.QUANTIFIED)
    enough = quantified.filter(pl.col("collected_at").n_unique().over(SERIES_KEY) >= 2)
    _, offsets, (weeks, load) = by_series(enough, pl.col("viral_load_iu_per_ml").log10())
    numbers = np.repeat(np.arange(len(offsets) - 1), np.diff(offsets))
    frame = pd.DataFrame({"series": numbers, "weeks": weeks, "load": load})

    def ours() -> LineFits:
        return fit_lines(offsets, weeks, load, load, 0.2)

    def theirs() -> pd.Series:
        slopes: pd.Series = frame.groupby("series")[["weeks", "load"]].apply(
            lambda one: -linregress(one["weeks"], one["load"]).slope
        )
        return slopes

    apart = float(np.abs(ours().decline - theirs().to_numpy()).max())
    times = timed_together({"ours": ours, "theirs": theirs}, repeats=repeats)
    peer = "pandas groupby.apply + scipy linregress"
    faster = ratio(times["theirs"], times["ours"])
    return Line("one line per series, kernel", times["ours"], peer, times["theirs"], faster), len(offsets) - 1, apart


def lines_of_file(path: Path, protocol: Protocol) -> pl.DataFrame:
    """One row per series of a Parquet file: the maximum-likelihood line through all its results, censored ones too."""
    sigma = pl.col("compartment").replace_strict(protocol.sigma_log10, default=None, return_dtype=pl.Float64)
    results = with_limits(current_results(pl.read_parquet(path)).with_columns(sigma_log10=sigma))
    series, offsets, (weeks, lo, hi, noise) = by_series(results, *map(pl.col, ("fit_lo", "fit_hi", "sigma_log10")))
    fits = fit_lines(offsets, weeks, lo, hi, noise)
    return series.with_columns(
        decline_log10_per_week=fits.decline,
        se_log10_per_week=fits.se_decline,
        n_results=fits.n,
        n_censored=fits.n_censored,
        status=pl.Series(fits.status),
    )


def weekly_of_file(results: Path, courses: Path, out: Path, protocol: Protocol) -> pl.DataFrame:
    """`weekly_decline` of a Parquet file of results and one of courses, written to `out`."""
    current = current_results(pl.read_parquet(results)).with_columns(sigma_log10=pl.lit(None, dtype=pl.Float64))
    as_of = current["collected_at"].max()
    if not isinstance(as_of, datetime):
        raise ValueError("the results have no collected_at; simulate more patients")
    clocks = treatment_courses(pl.read_parquet(courses), protocol=protocol, as_of=as_of)
    weekly = weekly_decline(current, clocks, protocol=protocol, as_of=as_of)
    weekly.write_parquet(out)
    return weekly


def files(simulated: Ward, folder: Path, *, repeats: int) -> tuple[list[Line], str]:
    """The two roads from a file, each beside a bare read of the results, and how much there was to do."""
    results, courses, out = (folder / f"{name}.parquet" for name in ("results", "courses", "weekly_decline"))
    kept = [*VIRAL_LOAD_RESULTS.exchanged, "reported_at"]  # what `analyze` reads, and what orders the versions
    simulated.viral_load_results.select(kept).write_parquet(results)
    simulated.antiviral_courses.write_parquet(courses)
    protocol = shipped_protocol()
    series, weekly = lines_of_file(results, protocol).height, weekly_of_file(results, courses, out, protocol).height

    def scan() -> pl.DataFrame:
        return pl.read_parquet(results)

    peer = "bare polars read of the same Parquet"
    table = []
    for what, run, rounds in (
        ("file to one row per series, line", lambda: lines_of_file(results, protocol), 5 * repeats),
        ("file to `weekly_decline`, line, written", lambda: weekly_of_file(results, courses, out, protocol), repeats),
    ):
        times = timed_together({"scan": scan, "ours": run}, repeats=rounds)
        table.append(Line(what, times["ours"], peer, times["scan"], ratio(times["ours"], times["scan"])))
    rows = simulated.viral_load_results.height
    return table, f"{rows} results, {series} series, {weekly} rows of `weekly_decline`."


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


def report(*, series: int, repeats: int, command: str) -> str:
    """The measured tables as markdown."""
    patients = max(1, series // 2)
    simulated = ward(patients, WATCH_DAYS, SEED)
    line, fitted, apart = kernel(simulated.viral_load_results, repeats=repeats)
    with tempfile.TemporaryDirectory() as folder:
        roads, counts = files(simulated, Path(folder), repeats=repeats)
    versions = (
        f"Python {platform.python_version()}, polars {pl.__version__}, numpy {np.__version__}, pandas {pd.__version__}"
    )
    return f"""# Speed, as ratios in one run

{datetime.now(UTC):%Y-%m-%d}; {os.cpu_count()} cores ({platform.machine()}), shared with other work; {versions}.
Command: `{command}`

A synthetic ward of {patients} patients, {WATCH_DAYS} days, seed {SEED}: {counts}
Median (lowest-highest) of {repeats} rounds, {5 * repeats} in the second row. The first ratio is peer over ours: how
many times faster we are. The others are ours over peer: how many bare reads the work costs.

| what | ours | peer | peer's time | ratio |
|---|---|---|---|---|
{chr(10).join(f"| {r.what} | {r.ours} | {r.peer} | {r.theirs} | {r.ratio} |" for r in (line, *roads))}

Kernel: {fitted} series with two quantified results or more; the slopes differ by at most {apart:.0e} log10 per week.

Left out of the ratios:
{chr(10).join(f"- {sentence}" for sentence in start_up())}
"""


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Speed as ratios, peers beside us.")
    parser.add_argument("--series", type=int, default=10_000, help="about how many series (two per patient)")
    parser.add_argument("--repeats", type=int, default=7, help="rounds in which every peer runs once")
    parser.add_argument("--write", action="store_true", help="also write benchmarks/results.md")
    options = parser.parse_args(arguments)
    command = f"python -m benchmarks --series {options.series} --repeats {options.repeats}"
    text = report(series=options.series, repeats=options.repeats, command=command)
    print(text)
    if options.write:
        RESULTS.write_text(text, encoding="utf-8")
    return 0
