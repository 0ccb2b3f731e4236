"""A delivery that fills several tables: one transaction, a balance for each, judged again as a whole, and told of whom it could not read."""

from __future__ import annotations

import json
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from cmvmon.domain.errors import SiteError, StoreError
from cmvmon.domain.known import Known
from cmvmon.domain.laboratory_values import LABORATORY_VALUES
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.run.deliveries.intake import take_in_drop, take_in_file
from cmvmon.shell.as_known import known
from cmvmon.shell.work.opening import open_site
from tests import sites
from tests.sites import day, text

LABS = Path(__file__).parents[2] / "cmvmon" / "feeds" / "labs"


def result(patient: str, value: object, unit: str = "IU/mL") -> dict[str, object]:
    return {
        "table": "viral_load_results", "patient_id": patient, "accession_number": f"A-{patient}", "specimen": "bal",
        "value": value, "collected_at": text(day(0)), "test": "CMVQ", "assay": "synthetic-pcr", "unit": unit,
        "reported_at": text(day(0.2)), "status": "F",
    }  # fmt: skip


def stay(patient: str, **other: object) -> dict[str, object]:
    return {
        "table": "icu_stays",
        "stay_id": f"S-{patient}",
        "patient_id": patient,
        "admitted_at": text(day(-5)),
    } | other


def dropped(root: Path, *records: dict[str, Any], feed: str = "synthetic", name: str = "one.ndjson") -> Path:
    path = root / "drop" / feed / name
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(record) for record in (*records, {"records": len(records)})]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def what_was_known(root: Path, at: float) -> Known:
    with open_site(root) as opened, opened.reading() as connection:
        return known.known(connection, opened.site, as_of=day(at))


BALANCE = "SELECT table_name, attempt, received, accepted, quarantined, duplicates, ignored, refused, format FROM deliveries ORDER BY attempt, table_name"


def test_one_file_of_the_drop_folder_fills_its_tables_each_with_its_balance(site: Path) -> None:
    dropped(site, result("P1", 1000), stay("P1"), result("P2", "?"), {"table": "notes"})
    with open_site(site) as opened:
        done = take_in_drop(opened, received_at=day(1))
        again = take_in_drop(opened, received_at=day(2))
    assert done.faults == ()
    assert [(c.table, c.received, c.accepted, c.quarantined) for c in done.counted] == [
        ("viral_load_results", 2, 1, 1), ("icu_stays", 1, 1, 0), ("delivery", 1, 0, 1),
    ]  # fmt: skip
    assert all(c.was_known and c.duplicates == c.received for c in again.counted)
    assert sites.rows(site, BALANCE) == [
        ("delivery", 1, 1, 0, 1, 0, 0, None, "ndjson"),
        ("icu_stays", 1, 1, 1, 0, 0, 0, None, "ndjson"),
        ("viral_load_results", 1, 2, 1, 1, 0, 0, None, "ndjson"),
    ]


def test_a_write_that_fails_in_the_second_table_leaves_nothing_of_the_first(tmp_path: Path) -> None:
    dropped(tmp_path, result("P1", 1000), stay("P1"))
    with open_site(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "cmvmon.sqlite") as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON icu_stays BEGIN SELECT RAISE(ABORT, 'disk is full'); END"
        )
    with open_site(tmp_path) as opened, pytest.raises(StoreError, match="nothing was changed"):
        take_in_drop(opened, received_at=day(1))
    assert sites.rows(tmp_path, "SELECT count(*) FROM deliveries") == [(0,)]
    assert sites.rows(tmp_path, "SELECT count(*) FROM viral_load_results") == [(0,)]


def test_a_mended_laboratory_file_judges_again_only_the_table_that_waited(site: Path) -> None:
    dropped(site, result("P1", 1000), stay("P1"), result("P2", 500, unit="IE/ml")).rename(site / "one.ndjson")
    with open_site(site) as opened:
        take_in_file(opened, site / "one.ndjson", feed="synthetic", received_at=day(1))
        packaged = (LABS / "synthetic.toml").read_text(encoding="utf-8")
        mended = packaged.replace('"IU/mL" =', '"IE/ml" = "iu_per_ml"\n"IU/mL" =')
        (site / "labs" / "synthetic.toml").write_text(mended, encoding="utf-8")
        again = take_in_drop(opened, received_at=day(2)).counted
        assert take_in_drop(opened, received_at=day(3)).counted == ()
    assert [(c.table, c.attempt, c.received, c.accepted) for c in again] == [("viral_load_results", 2, 1, 1)]


def test_results_wait_for_their_laboratory_file_and_the_stays_beside_them_do_not(site: Path) -> None:
    dropped(site, result("P1", 1000), stay("P1"), feed="icu")
    with open_site(site) as opened:
        first = take_in_drop(opened, received_at=day(1)).counted
        text_ = (
            (LABS / "synthetic.toml")
            .read_text(encoding="utf-8")
            .replace('laboratory = "synthetic"', 'laboratory = "icu"')
        )
        (site / "labs" / "icu.toml").write_text(text_, encoding="utf-8")
        again = take_in_drop(opened, received_at=day(2)).counted
    assert [(c.table, c.accepted, c.refused) for c in first] == [
        ("viral_load_results", 0, "laboratory_file"), ("icu_stays", 1, None),
    ]  # fmt: skip
    assert [(c.table, c.accepted, c.refused) for c in again] == [("viral_load_results", 1, None)]


def test_bytes_that_came_under_the_wrong_ending_are_taken_in_under_the_right_one(site: Path) -> None:
    path = dropped(site, result("P1", 1000))
    wrong = path.rename(site / "one.csv")
    with open_site(site) as opened:
        (as_csv,) = take_in_file(opened, wrong, feed="synthetic", received_at=day(1))
        (as_ndjson,) = take_in_file(opened, wrong.rename(path), feed="synthetic", received_at=day(2))
    assert as_csv.refused is not None
    assert (as_ndjson.refused, as_ndjson.attempt, as_ndjson.accepted) == (None, 2, 1)
    assert what_was_known(site, 3)[VIRAL_LOAD_RESULTS].height == 1


@pytest.mark.parametrize(
    ("record", "rows"),
    [
        (result("P1", "?"), VIRAL_LOAD_RESULTS),
        (stay("P1", discharged_at="yesterday"), ICU_STAYS),
        ({"table": "antiviral_courses", "patient_id": "P1", "drug": "ganciclovir", "started_at": "01-03-2026"}, ANTIVIRAL_COURSES),
    ],
)  # fmt: skip
def test_of_whom_a_row_could_not_be_read_is_known_of_every_table_from_its_delivery_on(
    site: Path, record: dict[str, object], rows: Any
) -> None:
    dropped(site, record)
    with open_site(site) as opened:
        take_in_drop(opened, received_at=day(2))
    assert what_was_known(site, 3).unread_of(rows) == {"P1"}
    assert what_was_known(site, 3).unread_until[rows.name] == {"P1": day(2)}
    assert what_was_known(site, 1).unread_of(rows) == frozenset()
    others = {ICU_STAYS, ANTIVIRAL_COURSES, VIRAL_LOAD_RESULTS} - {rows}
    assert not any(what_was_known(site, 3).unread_of(other) for other in others)


def test_a_record_that_is_sent_again_came_when_it_came_first(site: Path) -> None:
    for at, name, others in ((2, "one.ndjson", ()), (3, "two.ndjson", (result("P2", 1000),))):
        dropped(site, result("P1", "?"), *others, name=name)
        with open_site(site) as opened:
            take_in_drop(opened, received_at=day(at))
    found = what_was_known(site, 4)
    assert found.unread_until[VIRAL_LOAD_RESULTS.name] == {"P1": day(2)}
    assert [(one.patient_id, one.came_at) for one in found.results_unread()] == [("P1", day(2))]


def test_whether_a_unit_sends_a_value_is_known_from_the_first_of_anybody_on(site: Path) -> None:
    value = {"table": "laboratory_values", "patient_id": "P1", "sampled_at": text(day(1)), "unit": "mmol/L"}
    dropped(site, value | {"analyte": "total_calcium", "analyte_value": "2.3"}, name="one.ndjson")
    with open_site(site) as opened:
        take_in_drop(opened, received_at=day(2))
    dropped(site, value | {"analyte": "ionised_calcium", "analyte_value": "1.1"}, name="two.ndjson")
    with open_site(site) as opened:
        take_in_drop(opened, received_at=day(3))
    sent = [what_was_known(site, at).was_ever_sent(LABORATORY_VALUES, "ionised_calcium") for at in (2.5, 3.5)]
    assert sent == [False, True]


@pytest.mark.slow
def test_the_command_takes_such_a_file_and_refuses_a_table_beside_it(tmp_path: Path) -> None:
    path = dropped(tmp_path, result("P1", 1000), stay("P1"))
    command = [
        str(Path(sys.executable).parent / "cmvmon"),
        "ingest",
        str(path),
        "--feed",
        "synthetic",
        "--site",
        str(tmp_path),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stderr
    assert "one.ndjson (viral_load_results): received 1 = accepted 1" in done.stdout
    assert "one.ndjson (icu_stays): received 1 = accepted 1" in done.stdout
    with open_site(tmp_path) as opened, pytest.raises(SiteError, match="leave --table out"):
        take_in_file(opened, path, feed="synthetic", table="icu_stays", received_at=day(1))


def test_a_file_in_the_place_of_another_format_is_told_and_left(site: Path) -> None:
    (site / "drop" / "synthetic" / "icu_stays").mkdir(parents=True)
    dropped(site, stay("P1")).rename(site / "drop" / "synthetic" / "icu_stays" / "one.ndjson")
    sites.drop(site, "icu_stays", [sites.stay("P2")]).rename(site / "drop" / "synthetic" / "one.csv")
    with open_site(site) as opened:
        done = take_in_drop(opened, received_at=day(1))
    assert done.counted == ()
    assert sorted(fault.code for fault in done.faults) == ["not_in_a_table", "unknown_ending"]
