"""A synthetic ward on disk: the tables as analysts exchange them, the laboratory's delivery, and the truth."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.errors import SiteError
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.feeds.delivery_text import write_delivery
from cmvmon.feeds.laboratory import Laboratory
from cmvmon.shell.basis.files import write_atomically
from cmvmon.shell.folder.site import Site
from cmvmon.simulate import DEFAULT_SCENARIO, SCENARIOS, START, Ward, ward
from cmvmon.simulate.bedside import bedside

SYNTHETIC = "synthetic"  # the laboratory file that ships with the package
_README = """Everything in this folder is synthetic: made by `cmvmon simulate`, of no patient and no laboratory.

viral_load_results.parquet, antiviral_courses.csv, icu_stays.csv   what `cmvmon analyze` reads
delivery.csv        the same results as the laboratory `synthetic` would send them (`cmvmon ingest --feed synthetic`)
truth.parquet       what the loads truly did
"""
_BEDSIDE_README = """
doses_given.csv, kidney_function.csv, renal_replacement.csv, birth_dates.csv, host_status.csv, resistance_reports.csv
                    what is written at the bedside, in the columns of docs/tables.md (`--bedside`)
"""


@dataclass(frozen=True)
class Simulated:
    """How many rows each file holds."""

    patients: int
    rows: Mapping[str, int]


def simulate(
    patients: int,
    days: int,
    seed: int,
    *,
    out: Path,
    root: Path,
    scenario: str = DEFAULT_SCENARIO,
    with_bedside: bool = False,
) -> Simulated:
    """Writes a ward of `patients` over `days` to `out`. The same arguments give the same bytes.

    `with_bedside`: also the tables of `cmvmon.simulate.bedside`, with doses by the protocol of the site at `root`.

    Raises CmvmonError: an argument out of limits or an unknown scenario. SiteError: `out` is a file.
    """
    made = ward(patients, days, seed, scenario)
    if out.exists() and not out.is_dir():
        raise SiteError(f"{out.name} is a file; name a folder with --out")
    out.mkdir(parents=True, exist_ok=True)
    made.viral_load_results.select(VIRAL_LOAD_RESULTS.exchanged).write_parquet(out / "viral_load_results.parquet")
    made.truth.write_parquet(out / "truth.parquet")
    beside = bedside_of(made, days=days, seed=seed, root=root) if with_bedside else {}
    for name, text in delivered_texts(made, synthetic_laboratory(root), beside).items():
        write_atomically(out / ("delivery.csv" if name == VIRAL_LOAD_RESULTS.name else f"{name}.csv"), text.encode())
    write_atomically(out / "README.txt", (_readme(scenario) + (_BEDSIDE_README if beside else "")).encode())
    rows = {
        VIRAL_LOAD_RESULTS.name: made.viral_load_results.height,
        ANTIVIRAL_COURSES.name: made.antiviral_courses.height,
        ICU_STAYS.name: made.icu_stays.height,
        "truth": made.truth.height,
        **{table.name: frame.height for table, frame in beside.items()},
    }
    return Simulated(patients, rows)


def _readme(scenario: str) -> str:
    if scenario == DEFAULT_SCENARIO:
        return _README
    return f"{_README}\nScenario {scenario}: {SCENARIOS[scenario].says}.\n"


def bedside_of(made: Ward, *, days: int, seed: int, root: Path) -> dict[RowType, pl.DataFrame]:
    """The bedside tables of a ward of `days` from `START`, by row type, with doses by the protocol of the site at `root`."""
    return bedside(made, seed=seed, until=START + timedelta(days=days), doses=Site(root).protocol().doses)


def delivered_texts(
    made: Ward, laboratory: Laboratory, beside: Mapping[RowType, pl.DataFrame] = MappingProxyType({})
) -> dict[str, str]:
    """Each table as a hospital would deliver it, as CSV text by table name. `beside`: its bedside tables."""
    return {
        VIRAL_LOAD_RESULTS.name: write_delivery(made.viral_load_results, laboratory),
        ANTIVIRAL_COURSES.name: exchange_csv(made.antiviral_courses, ANTIVIRAL_COURSES),
        ICU_STAYS.name: exchange_csv(made.icu_stays, ICU_STAYS),
        **{table.name: exchange_csv(frame, table) for table, frame in beside.items()},
    }


def synthetic_laboratory(root: Path) -> Laboratory:
    """The laboratory file `synthetic`. Raises SiteError when the package lacks it."""
    laboratory = Site(root).laboratory(SYNTHETIC)
    if laboratory is None:
        raise SiteError("the laboratory file synthetic.toml is missing from the package; install cmvmon again")
    return laboratory


def exchange_csv(frame: pl.DataFrame, row_type: RowType) -> str:
    """A table in our own columns, as CSV text."""
    return frame.select(row_type.exchanged).write_csv(datetime_format="%Y-%m-%dT%H:%M:%SZ")
