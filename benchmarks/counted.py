"""`python -m benchmarks counted`: what an engine moves, counted on simulated wards: rows a result, and rows that come to the driver.

No speed is measured: the same patients and seed give the same figures on any machine.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from cmvmon.domain.rows import ASSAYS
from cmvmon.kinetics.concordance.tally import tallies
from cmvmon.kinetics.concordance.unit import part_of
from cmvmon.kinetics.noise.results_in_use import results_in_use
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.simulate import ward
from cmvmon.workbench.batch import has_both

DAYS, SEED = 60, 1


@dataclass(frozen=True)
class Counted:
    """A ward of `patients`, each with both blood and another compartment: rows of its tables, and of the unit's tally."""

    patients: int
    results: int
    courses: int
    stays: int
    tallied: int

    @property
    def rows_a_result(self) -> float:
        return (self.results + self.courses + self.stays) / self.results


def counted(patients: int) -> Counted:
    """Counts one ward, as it was known at its latest collection."""
    made, protocol = ward(patients, DAYS, SEED), Protocol.shipped()
    results = made.viral_load_results
    at = results["collected_at"].max()
    assert isinstance(at, datetime)
    used = results_in_use(results, ASSAYS.empty(), protocol=protocol, as_of=at)
    part = part_of(used, protocol=protocol, as_of=at)
    if part is None or not has_both(results):
        raise ValueError("no patient has both blood and another compartment")
    n_tallied = tallies(part.places, part.sums).height
    return Counted(patients, results.height, made.antiviral_courses.height, made.icu_stays.height, n_tallied)


def table(patients: Sequence[int]) -> str:
    """The counts of wards of so many patients, as markdown."""
    lines = [
        "| patients | results | courses | stays | rows a result | rows to the driver |",
        "|---|---|---|---|---|---|",
    ]
    for one in map(counted, patients):
        cells = (one.patients, one.results, one.courses, one.stays, f"{one.rows_a_result:.2f}", one.tallied)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    return "\n".join(lines)


def main(arguments: Sequence[str]) -> int:
    """Counts and prints."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks counted")
    parser.add_argument("--patients", type=int, nargs="+", default=[1000, 2000, 20_000])
    print(table(parser.parse_args(arguments).patients))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
