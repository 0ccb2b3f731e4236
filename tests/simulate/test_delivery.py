"""The synthetic ward goes through the front door: written as its laboratory delivers, and read back the same."""

from __future__ import annotations

from datetime import timedelta
from importlib import resources
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal

from cmvmon.domain.tables import BY_NAME
from cmvmon.feeds.delivery_text import write_delivery
from cmvmon.feeds.laboratory import Laboratory, read_laboratory
from cmvmon.feeds.part import Part
from cmvmon.ingest import ingest
from cmvmon.simulate import SCENARIOS, START, ward
from cmvmon.workbench.simulation import simulate, synthetic_laboratory

DAYS = 60
FILLED_BY_CMVMON = ("received_at", "delivered_value", "delivered_unit", "delivery_id")


def taken_in(text: str, table: str, laboratory: Laboratory | None) -> Part:
    landed = START + timedelta(days=DAYS)
    (part,) = ingest(
        text.encode(),
        feed="synthetic",
        table=table,
        laboratory=laboratory,
        delivery_id="0" * 64,
        received_at=landed,
        landed_at=landed,
        history=True,
    ).parts
    return part


def test_every_result_is_accepted_and_read_back_the_same() -> None:
    text = resources.files("cmvmon.feeds").joinpath("labs/synthetic.toml").read_text(encoding="utf-8")
    laboratory = read_laboratory(text, name="synthetic")
    results = ward(300, DAYS, seed=7).viral_load_results
    assert "above_uloq" in results["detection"].to_list()
    intake = taken_in(write_delivery(results, laboratory), "viral_load_results", laboratory)
    assert (intake.refused, intake.quarantined.height, intake.ignored) == (None, 0, 0)
    delivered = [name for name in results.columns if name not in FILLED_BY_CMVMON]
    assert_frame_equal(intake.accepted.select(delivered), results.select(delivered))


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_is_written_and_taken_in_whole(scenario: str, tmp_path: Path) -> None:
    """Also where a second assay comes in: the laboratory file knows it."""
    done = simulate(15, DAYS, 7, out=tmp_path, root=tmp_path / "site", scenario=scenario)
    laboratory = synthetic_laboratory(tmp_path / "site")
    intake = taken_in((tmp_path / "delivery.csv").read_text(encoding="utf-8"), "viral_load_results", laboratory)
    assert (intake.refused, intake.quarantined.height, intake.accepted.height) == (
        None,
        0,
        done.rows["viral_load_results"],
    )
    said = (tmp_path / "README.txt").read_text(encoding="utf-8")
    assert said.startswith("Everything in this folder is synthetic")
    assert (f"Scenario {scenario}: " in said) == (scenario != "ward")


@pytest.mark.parametrize("table", ["antiviral_courses", "icu_stays"])
def test_courses_and_stays_are_accepted_as_they_are_exchanged(table: str) -> None:
    columns = BY_NAME[table].exchanged
    frame = getattr(ward(100, DAYS, seed=7), table).select(columns)
    intake = taken_in(frame.write_csv(datetime_format="%Y-%m-%dT%H:%M:%SZ"), table, None)
    assert (intake.refused, intake.quarantined.height) == (None, 0)
    assert_frame_equal(intake.accepted.select(columns), frame)
