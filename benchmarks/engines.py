"""`python -m benchmarks engines`: `cmvmon analyze` on an engine beside the same without one, as whole commands in one run.

The engine is Sail, which starts in the process of the command: its peak is that of the driver, the engine and all its workers at
once. The made-up tables are those of `analyze`. With `--bytes` what a run keeps between its steps is measured too.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.analyze import COMMAND, Spent, process
from benchmarks.made_tables import AS_OF, RESULTS_EACH, made_tables

WRITTEN = Path(__file__).with_name("engines.md")
_KEEP = """
from cmvmon.workbench.engines import places
places.Folder.drop = lambda self, name: None
"""
_TABLES = ("weekly_decline", "verdicts", "concordance", "quarantined")


def main(arguments: Sequence[str]) -> int:
    """Measures, prints, and with `--write` adds the table to its page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks engines")
    parser.add_argument("--series", type=int, default=100_000)
    parser.add_argument("--partitions", type=int, nargs="+", default=[2, 16])
    parser.add_argument("--remote", default="sail")
    parser.add_argument("--bytes", action="store_true", help="measure what is kept between the steps, too")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args(arguments)
    text = measured(given.series, given.partitions, given.remote, is_weighed=given.bytes)
    print(text)
    if given.write:
        with WRITTEN.open("a", encoding="utf-8") as page:
            page.write(f"\n{text}")
    return 0


def measured(series: int, partitions: Sequence[int], remote: str, *, is_weighed: bool) -> str:
    """The table of one size."""
    source = made_tables(series)
    results = series * RESULTS_EACH
    with tempfile.TemporaryDirectory() as folder:
        local = _analyze(source, Path(folder) / "local")
        lines = [
            f"`python -m benchmarks engines --series {series}` ({datetime.now(UTC):%Y-%m-%d}; {results:,} results)",
            "",
            "| engine | parts | wall, s | CPU, s | CPU, s per million results | ratio of CPU | peak of the process, MiB |",
            "|---|---|---|---|---|---|---|",
            _row("none", "", local, local, results),
        ]
        for n in partitions:
            out = Path(folder) / f"engine-{n}"
            there = _analyze(source, out, "--engine", "spark", "--remote", remote, "--partitions", str(n))
            lines.append(_row("Sail" if remote == "sail" else "Spark", str(n), there, local, results))
            _must_equal(Path(folder) / "local", out)
            shutil.rmtree(out)
        lines += ["", "Every table has the same rows, sorted by key."]
        if is_weighed:
            out = Path(folder) / "weighed"
            _analyze(source, out, "--engine", "spark", "--remote", remote, first=_KEEP)
            lines += ["", *_weights(source, out, results)]
    return "\n".join(lines) + "\n"


def _analyze(source: Path, out: Path, *more: str, first: str = "") -> Spent:
    words = ["analyze", str(source), "--out", str(out), "--as-of", AS_OF.isoformat(), *more]
    return process(f"import sys\n{first}\n{COMMAND}", *words)


def _row(engine: str, parts: str, spent: Spent, local: Spent, results: int) -> str:
    each = spent.cpu / results * 1e6
    return f"| {engine} | {parts} | {spent.wall:.1f} | {spent.cpu:.1f} | {each:.1f} | {spent.cpu / local.cpu:.2f} | {spent.peak:.0f} |"


def _must_equal(here: Path, there: Path) -> None:
    """Raises RuntimeError where a table differs."""
    import polars as pl

    for name in _TABLES:
        ours = pl.read_parquet(here / f"{name}.parquet")
        theirs = pl.read_parquet(there / f"{name}.parquet" / "*.parquet").select(ours.columns).cast(ours.schema)
        if not theirs.sort(ours.columns).equals(ours.sort(ours.columns)):
            raise RuntimeError(f"{name} differs: there is no point in a ratio")


def _weights(source: Path, out: Path, results: int) -> list[str]:
    """What stands on disk at the end, in bytes a result: what came, what was kept between, what was written."""
    sizes = {"IN": _size(source)} | {path.name.removesuffix(".parquet"): _size(path) for path in sorted(out.iterdir())}
    lines = ["| kept | bytes a result |", "|---|---|"]
    return [*lines, *(f"| {name} | {size / results:.0f} |" for name, size in sizes.items())]


def _size(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
