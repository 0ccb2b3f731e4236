"""A first night and a second, unchanged one: `python -m benchmarks night [--patients 500]`. One process, kernels loaded."""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks import made_site
from cmvmon.run.nightly.night import nightly

ONE_NIGHT = nightly  # (root, as_of=...): take in, assess, publish


def seconds_of(root: Path, as_of: datetime) -> tuple[float, float]:
    """(seconds on the wall, CPU seconds) of one night."""
    wall, cpu = time.perf_counter(), time.process_time()
    ONE_NIGHT(root, as_of=as_of)
    return time.perf_counter() - wall, time.process_time() - cpu


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks night", description="The first night of a site and a second, unchanged one."
    )
    parser.add_argument("--patients", type=int, default=500)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as name:
        warm, root = Path(name) / "warm", Path(name) / "site"
        made_site.fill(warm, 3)
        ONE_NIGHT(warm, as_of=made_site.NIGHT)
        made_site.fill(root, options.patients)
        first = seconds_of(root, made_site.NIGHT)
        second = seconds_of(root, made_site.NIGHT + timedelta(days=1))
        again = seconds_of(root, made_site.NIGHT + timedelta(days=1))
    print(f"{options.patients} patients; seconds on the wall (CPU)")
    for what, (wall, cpu) in (
        ("first night", first),
        ("the next night, nothing new", second),
        ("that night again, at the same moment", again),
    ):
        print(f"  {what}: {wall:.2f} ({cpu:.2f}), {wall / first[0]:.2f} of the first")
    return 0
