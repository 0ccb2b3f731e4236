"""What is written at the bedside of a synthetic ward: it keeps every promise, follows the courses, and moves no load."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from cmvmon.domain.birth_dates import BIRTH_DATES
from cmvmon.domain.columns import RowType
from cmvmon.domain.doses_given import DOSES_GIVEN
from cmvmon.domain.host_status import HOST_STATUS, IMMUNOCOMPETENT
from cmvmon.domain.kidney_function import COCKCROFT_GAULT, KIDNEY_FUNCTION
from cmvmon.domain.renal_replacement import RENAL_REPLACEMENT
from cmvmon.domain.resistance_reports import RESISTANCE_REPORTS
from cmvmon.feeds.part import Part
from cmvmon.ingest import ingest
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.simulate import START, Ward, ward
from cmvmon.simulate.bedside import bedside
from cmvmon.workbench.simulation import exchange_csv, simulate

DAYS, SEED = 42, 5
UNTIL = START + timedelta(days=DAYS)


@pytest.fixture(scope="module")
def made() -> Ward:
    return ward(120, DAYS, SEED)


@pytest.fixture(scope="module")
def tables(made: Ward) -> dict[RowType, pl.DataFrame]:
    return bedside(made, seed=SEED, until=UNTIL, doses=Protocol.shipped().doses)


def taken_in(table: RowType, frame: pl.DataFrame) -> Part:
    (part,) = ingest(
        exchange_csv(frame, table).encode(),
        feed="synthetic",
        table=table.name,
        laboratory=None,
        delivery_id="0" * 64,
        received_at=UNTIL,
        landed_at=UNTIL,
        history=True,
    ).parts
    return part


def test_every_row_is_taken_in_as_a_hospital_would_deliver_it(tables: dict[RowType, pl.DataFrame]) -> None:
    for table, frame in tables.items():
        part = taken_in(table, frame)
        assert (table.name, part.refused, part.quarantined.height) == (table.name, None, 0)
        assert part.accepted.height == frame.height > 0, table.name


def test_nothing_is_known_before_it_happened(tables: dict[RowType, pl.DataFrame]) -> None:
    starts = {DOSES_GIVEN: "given_at", KIDNEY_FUNCTION: "measured_at", RENAL_REPLACEMENT: "started_at"}
    for table, starts_at in (starts | {RESISTANCE_REPORTS: "requested_at"}).items():
        assert tables[table].filter(pl.col(starts_at) > UNTIL).is_empty(), table.name
    assert tables[RESISTANCE_REPORTS].filter(pl.col("reported_at") > UNTIL).is_empty()


def test_everybody_has_a_date_of_birth_a_host_and_a_clearance_each_day(
    made: Ward, tables: dict[RowType, pl.DataFrame]
) -> None:
    patients = set(made.icu_stays["patient_id"])
    assert set(tables[BIRTH_DATES]["patient_id"]) == set(tables[HOST_STATUS]["patient_id"]) == patients
    sound = tables[HOST_STATUS].filter(pl.col("condition") == IMMUNOCOMPETENT)["patient_id"].n_unique()
    assert sound > 0.7 * len(patients)
    values = tables[KIDNEY_FUNCTION].filter(pl.col("method") == COCKCROFT_GAULT)
    gaps = values.sort("patient_id", "measured_at").select(pl.col("measured_at").diff().over("patient_id"))
    assert gaps.to_series().drop_nulls().unique().to_list() == [timedelta(days=1)]


def test_a_dose_lies_in_a_course_of_its_drug_and_a_few_are_missed(
    made: Ward, tables: dict[RowType, pl.DataFrame]
) -> None:
    doses = tables[DOSES_GIVEN]
    within = doses.join(made.antiviral_courses, on=["patient_id", "drug"]).filter(
        (pl.col("given_at") >= pl.col("started_at")) & (pl.col("given_at") < pl.col("stopped_at").fill_null(UNTIL))
    )
    assert within.height == doses.height
    assert 0.0 < (doses["administered"] == "missed").mean() < 0.06


def test_the_dose_of_a_day_is_that_of_the_label_s_band(tables: dict[RowType, pl.DataFrame]) -> None:
    """Ganciclovir with a clearance of 25 to 49 mL/min on that morning: 2.5 mg/kg once a day, unless the course is at half."""
    clearance = tables[KIDNEY_FUNCTION].filter(pl.col("method") == COCKCROFT_GAULT).sort("measured_at")
    given = (
        tables[DOSES_GIVEN]
        .filter((pl.col("drug") == "ganciclovir") & (pl.col("administered") == "given"))
        .join(tables[RENAL_REPLACEMENT].select("patient_id"), on="patient_id", how="anti")
        .sort("given_at")
        .join_asof(clearance, left_on="given_at", right_on="measured_at", by="patient_id", check_sortedness=False)
        .filter(pl.col("kidney_value").is_between(25, 49))
    )
    by_weight = (given["dose_mg"] / given["dosing_weight_kg"]).to_list()
    assert len(by_weight) > 20
    near = [abs(dose - 2.5) < 0.1 or abs(dose - 1.25) < 0.1 for dose in by_weight]
    # The band of a day is that of its first dose: a course that crosses 50 in the day may have one dose more of the other.
    assert sum(near) / len(near) > 0.95


def test_without_the_option_a_simulated_folder_is_as_it_was(tmp_path: Path) -> None:
    """The results, the stays and the truth are the same bytes; the courses differ in nothing but their dose."""
    simulate(6, 30, 7, out=tmp_path / "plain", root=tmp_path / "site")
    done = simulate(6, 30, 7, out=tmp_path / "beside", root=tmp_path / "site", with_bedside=True)
    plain = {path.name: path.read_bytes() for path in (tmp_path / "plain").iterdir()}
    beside = {path.name: path.read_bytes() for path in (tmp_path / "beside").iterdir()}
    assert {name for name in plain if plain[name] != beside[name]} == {"README.txt", "antiviral_courses.csv"}
    assert {f"{table}.csv" for table in done.rows} - plain.keys() == (beside.keys() - plain.keys()) | {
        "viral_load_results.csv",
        "truth.csv",
    }
    read = [
        pl.read_csv(tmp_path / folder / "antiviral_courses.csv").drop("dose_mg_per_kg", "interval_h")
        for folder in ("plain", "beside")
    ]
    assert read[0].equals(read[1])
