"""`python -m benchmarks engines`: `cmvmon analyze` on an engine beside the same without one, as whole commands in one run.

With `--remote sail` the engine starts in the process of the command: its peak is that of the driver, the engine and all its workers at
once. With `--remote spark` Spark itself starts here (`make spark`), with two workers: the command, the server and its workers are
processes of their own, and each is measured. The made-up tables are those of `analyze`. With `--bytes` what a run keeps between its
steps is measured too.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from threading import Event, Thread

import polars as pl

from benchmarks.analyze import COMMAND, Spent, process
from benchmarks.made_tables import AS_OF, RESULTS_EACH, made_tables
from cmvmon.workbench.engines import SAIL, SPARK
from tests import spark

WRITTEN = Path(__file__).with_name("engines.md")
_KEEP = """
from cmvmon.workbench.engines import places
places.Folder.drop = lambda self, name: None
"""
_TABLES = ("weekly_decline", "verdicts", "concordance", "quarantined")
_COLUMNS = (
    *("engine", "parts", "wall, s", "CPU, s", "CPU, s per million results", "ratio of CPU", "peak of the command, MiB"),
    *("of the server", "of a worker"),
)
_LOOKS_EACH_S = 0.25


def main(arguments: Sequence[str]) -> int:
    """Measures, prints, and with `--write` adds the table to its page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks engines")
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--partitions", type=int, nargs="+", default=[2, 16])
    parser.add_argument("--remote", default=SAIL, help="sail or spark, which start here, or sc://HOST:PORT")
    parser.add_argument("--heap", default="2g", help="of a Spark that starts here")
    parser.add_argument("--bytes", action="store_true", help="measure what is kept between the steps, too")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args(arguments)
    if given.remote == SPARK and (why := spark.why_not()) is not None:
        print(why, file=sys.stderr)
        return 1
    text = measured(given.series, given.partitions, given.remote, heap=given.heap, is_weighed=given.bytes)
    print(text)
    if given.write:
        with WRITTEN.open("a", encoding="utf-8") as page:
            page.write(f"\n{text}")
    return 0


@dataclass
class Engine:
    """What an engine's own processes took, as they were looked at four times a second: CPU seconds, and the most MiB of each."""

    server: spark.Connect | None = None
    seconds: dict[int, float] = field(default_factory=dict)
    peaks: dict[int, float] = field(default_factory=dict)

    def look(self) -> None:
        for pid in [] if self.server is None else [self.server.pid, *self.server.workers()]:
            self.seconds[pid] = max(self.seconds.get(pid, 0.0), spark.cpu_s(pid))
            self.peaks[pid] = max(self.peaks.get(pid, 0.0), spark.peak_mib(pid))

    @property
    def server_mib(self) -> float | None:
        return None if self.server is None else self.peaks.get(self.server.pid)

    @property
    def worker_mib(self) -> float | None:
        """The most that one worker held."""
        return max((mib for pid, mib in self.peaks.items() if self.server and pid != self.server.pid), default=None)


@contextmanager
def engine(remote: str, heap: str) -> Iterator[tuple[str, Engine]]:
    """The address of the engine, and what its own processes take while the block lasts; nothing is known of one that is elsewhere."""
    if remote != SPARK:
        yield remote, Engine()
        return
    with tempfile.TemporaryDirectory() as folder, spark.connect_server(Path(folder), heap=heap) as server:
        seen, is_over = Engine(server), Event()

        def keep_looking() -> None:
            while not is_over.wait(_LOOKS_EACH_S):
                seen.look()

        looking = Thread(target=keep_looking, daemon=True)
        looking.start()
        try:
            yield server.address, seen
        finally:
            is_over.set()
            looking.join()


def measured(series: int, partitions: Sequence[int], remote: str, *, heap: str, is_weighed: bool) -> str:
    """The table of one size."""
    source = made_tables(series)
    results = series * RESULTS_EACH
    with tempfile.TemporaryDirectory() as folder:
        local = _analyze(source, Path(folder) / "local")
        lines = [
            f"`python -m benchmarks engines --series {series} --remote {remote}` ({datetime.now(UTC):%Y-%m-%d}; {results:,} results)",
            "",
            f"| {' | '.join(_COLUMNS)} |",
            f"|{'---|' * len(_COLUMNS)}",
            _row("none", "", local, local, results, Engine()),
        ]
        for n in partitions:
            out = Path(folder) / f"engine-{n}"
            with engine(remote, heap) as (address, seen):
                there = _analyze(source, out, "--engine", SPARK, "--remote", address, "--partitions", str(n))
                seen.look()
            lines.append(_row("Sail" if remote == SAIL else "Spark", str(n), there, local, results, seen))
            _must_equal(Path(folder) / "local", out)
            shutil.rmtree(out)
        lines += ["", "Every table has the same rows, whatever their order."]
        if is_weighed:
            out = Path(folder) / "weighed"
            with engine(remote, heap) as (address, _):
                _analyze(source, out, "--engine", SPARK, "--remote", address, first=_KEEP)
            lines += ["", *_weights(source, out, results)]
    return "\n".join(lines) + "\n"


def _analyze(source: Path, out: Path, *more: str, first: str = "") -> Spent:
    words = ["analyze", str(source), "--out", str(out), "--as-of", AS_OF.isoformat(), *more]
    return process(f"import sys\n{first}\n{COMMAND}", *words)


def _row(engine: str, parts: str, spent: Spent, local: Spent, results: int, seen: Engine) -> str:
    cpu = spent.cpu + sum(seen.seconds.values())
    memory = " | ".join("" if mib is None else f"{mib:.0f}" for mib in (spent.peak, seen.server_mib, seen.worker_mib))
    each = cpu / results * 1e6
    return f"| {engine} | {parts} | {spent.wall:.1f} | {cpu:.1f} | {each:.1f} | {cpu / local.cpu:.2f} | {memory} |"


def _must_equal(here: Path, there: Path) -> None:
    """Raises RuntimeError where a table differs: by the number of its rows and the sum of their hashes, for which no table is held."""
    for name in _TABLES:
        ours = pl.scan_parquet(here / f"{name}.parquet")
        theirs = pl.scan_parquet(there / f"{name}.parquet" / "*.parquet")
        schema = ours.collect_schema()
        if _content(ours, schema) != _content(theirs.select(schema.names()).cast(schema), schema):
            raise RuntimeError(f"{name} differs: there is no point in a ratio")


def _content(rows: pl.LazyFrame, schema: pl.Schema) -> tuple[object, ...]:
    texts = [name for name, kind in schema.items() if isinstance(kind, pl.Categorical | pl.Enum)]
    hashed = pl.struct(pl.all()).hash(seed=0)
    found = rows.with_columns(pl.col(texts).cast(pl.String)).select(
        pl.len(), (hashed // 2**32).sum().alias("high"), (hashed % 2**32).sum().alias("low")
    )
    return found.collect(engine="streaming").row(0)


def _weights(source: Path, out: Path, results: int) -> list[str]:
    """What stands on disk at the end, in bytes a result: what came, what was kept between, what was written."""
    sizes = {"IN": _size(source)} | {path.name.removesuffix(".parquet"): _size(path) for path in sorted(out.iterdir())}
    lines = ["| kept | bytes a result |", "|---|---|"]
    return [*lines, *(f"| {name} | {size / results:.0f} |" for name, size in sizes.items())]


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
