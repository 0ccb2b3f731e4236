"""A row of the ward page says the same of a patient whether it reads all results or those that it needs."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest

from cmvmon.dashboards import sparkline
from cmvmon.dashboards.views import WardRow
from cmvmon.domain.results import ALERTS, VERDICTS
from cmvmon.run.pages import ward_rows
from cmvmon.run.ward.ward_list import WardList
from cmvmon.shell.folder.protocol_files import Protocol
from tests.pages import made_up
from tests.pages.made_up import AS_OF

ZONE = "Europe/Amsterdam"
SAID = ("nd", "<", ">", 40, 900, 901, 12_400, 3_000_000)
DAYS = (22, 22, 21.9, 20, 15, 8, 1, -20, -34, -34.5, -35, -60, -400, -1500)


def made(seed: int) -> pl.DataFrame:
    """Results of years and of the last weeks of some patients, several of one moment, assay or laboratory among them."""
    chance = random.Random(seed)
    rows = [
        made_up.result(
            chance.choice(DAYS),
            chance.choice(("plasma", "bal", "csf")),
            chance.choice(SAID),
            result_id=f"SYN-{n}",
            patient_id=f"SYNTHETIC-{chance.randint(1, 3)}",
            assay=chance.choice(("SYN-PCR", "SYN-PCR", "SYN-2")),
            result_status=chance.choice(("final", "final", "corrected", "preliminary")),
            is_conflicting=chance.random() < 0.1,
        )
        for n in range(chance.choice((1, 3, 12, 60)))
    ]
    return made_up.results(*rows)


def rows(results: pl.DataFrame) -> list[WardRow]:
    """What the page shows of each: of its course what is drawn."""
    patients = tuple(sorted(set(results["patient_id"])))
    watched = results.select("patient_id", "compartment").unique().filter(pl.col("compartment") == "bal")
    ward = WardList(patients, results, None, VERDICTS.empty(), watched)
    found = ward_rows.ward_rows(ward, ALERTS.empty(), protocol=Protocol.shipped(), as_of=AS_OF)
    return [replace(row, course=sparkline.recent(row.course, AS_OF, ZONE)) for row in found]


@pytest.mark.parametrize("first", range(0, 40, 10))
def test_what_a_row_does_not_read_would_not_change_it(first: int, monkeypatch: pytest.MonkeyPatch) -> None:
    of_seeds = [made(seed) for seed in range(first, first + 10)]
    of_all = [rows(results) for results in of_seeds]
    monkeypatch.setattr(ward_rows, "_MANY", 0)
    written = [rows(results) for results in of_seeds]
    assert written == of_all
    assert any(row.latest[0].way != "untold" for of_ward in written for row in of_ward if row.latest)


def test_of_years_of_results_a_row_reads_a_few() -> None:
    years = [made_up.result(-day, "plasma", 900 + day, result_id=f"SYN-{day}") for day in range(0, 1800, 14)]
    results = made_up.results(*years)
    read = ward_rows._read(results, Protocol.shipped(), AS_OF)
    since = AS_OF - timedelta(weeks=sparkline.WEEKS, days=1)
    assert read.height == results.filter(pl.col("collected_at") >= since).height <= 5
    old = made_up.results(*years[40:])
    assert ward_rows._read(old, Protocol.shipped(), AS_OF).height == 2, (
        "the newest, and the load that it is compared with"
    )
