"""One new result of one patient, from stored bytes to pages written: `python -m benchmarks live`. Warm, one process.

By the number of patients, and by the number of past deliveries and alerts.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from datetime import datetime, timedelta
from pathlib import Path

from benchmarks import made_site
from benchmarks.timing import Timed
from cmvmon.run.daytime.feed import lab_feed
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.folder.landing import land
from cmvmon.shell.folder.site import Site
from tests import sites

ONE_RESULT = lab_feed  # (root, delivery id, as_of=...): what brings one landed delivery to the pages
_TABLE = "viral_load_results"


def delivered(root: Path, number: int, at_day: float) -> tuple[str, datetime]:
    """One new result, its bytes stored: the id of the delivery, and when it came."""
    now = sites.day(at_day) + timedelta(hours=6)
    landed = land(
        Site(root).landing,
        made_site.new_result(number, at_day),
        feed="synthetic",
        table=_TABLE,
        form="csv",
        file_name=f"new-{at_day}.csv",
        landed_at=now,
        is_history=False,
    )
    return landed.delivery_id, now


def measured(patients: int, past: int, *, repeats: int) -> Timed:
    """Seconds of each of `repeats` new results of different patients, after one that is not counted."""
    with tempfile.TemporaryDirectory() as name:
        root = Path(name) / "site"
        made_site.fill(root, patients)
        nightly(root, as_of=made_site.NIGHT)
        if past:
            made_site.plant_past(root, past, until=made_site.NIGHT)
        seconds = []
        for round_ in range(repeats + 1):
            delivery, now = delivered(root, round_ % patients, 29.0 + round_ / 24.0)
            begun = time.perf_counter()
            done = ONE_RESULT(root, delivery, as_of=now)
            seconds.append(time.perf_counter() - begun)
            if done.published is None or not done.published.written:
                raise RuntimeError("a new result changed no page: there is nothing to measure")
        return Timed(tuple(seconds[1:]))


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks live", description="One new result of one patient, to the pages written."
    )
    parser.add_argument("--patients", type=int, nargs="+", default=[24, 500])
    parser.add_argument("--past", type=int, nargs="+", default=[10, 10_000, 100_000], help="past deliveries and alerts")
    parser.add_argument("--repeats", type=int, default=7)
    options = parser.parse_args(arguments)
    print("| patients | past deliveries and alerts | one new result: median (least-most) |")
    print("|---|---|---|")
    runs = [(patients, 0) for patients in options.patients] + [(options.patients[0], past) for past in options.past]
    for patients, past in runs:
        print(f"| {patients} | {past} | {measured(patients, past, repeats=options.repeats)} |", flush=True)
    return 0
