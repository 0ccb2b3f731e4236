"""What goes wrong in one place stays there: the others go on, and the ward page says what is missing."""

from __future__ import annotations

import json
import re
import sqlite3
import subprocess
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest

from cmvmon.assess import Assessment
from cmvmon.domain.errors import ContractBroken, ProtocolError, SiteError
from cmvmon.facts import facts_at
from cmvmon.run.answers.dismissing import dismiss
from cmvmon.run.asking.quarantine_list import listed_quarantine
from cmvmon.run.daytime.feed import lab_feed
from cmvmon.run.deliveries.intake import take_in_file
from cmvmon.run.judging.assessing import assess_site, assessed, gate_computed
from cmvmon.shell.alerts import alert_store
from cmvmon.shell.store.session import now
from cmvmon.shell.work.opening import open_site
from cmvmon.text import language
from tests import sites
from tests.calls import here
from tests.nights import nightly
from tests.sites import course, day, drop, falling, result, stay

PACKAGED = Path(__file__).parents[2] / "cmvmon"


def operations(root: Path) -> list[tuple[str, str]]:
    with open_site(root) as opened, opened.reading() as connection:
        found = alert_store.alerts(connection, states={"open"})
    return sorted(
        (json.loads(a["subject"])["feed"], json.loads(a["evidence"])["code"])
        for a in found
        if a["rule"] == "operations"
    )


def test_a_feed_without_its_laboratory_file_does_not_stop_the_others(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    drop(tmp_path, "viral_load_results", [result("SYNTHETIC-9", 0, 1)], feed="aaa_unknown")
    drop(tmp_path, "icu_stays", [stay("SYNTHETIC-9")], feed="broken_lab")
    (tmp_path / "labs").mkdir()
    (tmp_path / "labs" / "broken_lab.toml").write_text("laboratory = ")
    (tmp_path / "drop" / "oops").mkdir()
    (tmp_path / "drop" / "oops" / "stays").mkdir()
    (tmp_path / "drop" / "synthetic" / "icu_stays" / "notes.txt").write_text("x")
    done = nightly(tmp_path, as_of=day(21.5))
    assert done.assessed.patients == 3
    assert len(done.taken_in.counted) == 3
    assert sorted(fault.code for fault in done.taken_in.faults) == [
        "laboratory_file",
        "laboratory_file",
        "unknown_ending",
        "unknown_table",
    ]
    assert any("labs/aaa_unknown.toml" in fault.message for fault in done.taken_in.faults)
    assert operations(tmp_path) == [
        ("aaa_unknown", "laboratory_file"),
        ("broken_lab", "laboratory_file"),
        ("oops", "unknown_table"),
        ("synthetic", "unknown_ending"),
    ]
    ward = (tmp_path / "pages" / "ward.en.html").read_text()
    assert ward.index("aaa_unknown") < ward.index("SYNTHETIC-SLOW")
    for feed in ("aaa_unknown", "broken_lab"):
        (tmp_path / "drop" / feed).rename(tmp_path / feed)
    (tmp_path / "drop" / "oops" / "stays").rmdir()
    (tmp_path / "drop" / "synthetic" / "icu_stays" / "notes.txt").unlink()
    nightly(tmp_path, as_of=day(22.5))
    landed = [("aaa_unknown", "laboratory_file"), ("broken_lab", "laboratory_file")]
    assert (
        operations(tmp_path) == landed
    )  # what has landed is not lost with its file: it waits until somebody dismisses it
    for waiting in [row["record"] for row in listed_quarantine(tmp_path) if row["reason"] == "never_judged"]:
        dismiss(tmp_path, waiting, why="sent by mistake", actor="A")
    nightly(tmp_path, as_of=day(22.6))
    assert operations(tmp_path) == []


def test_a_broken_laboratory_file_of_results_in_use_stops_the_assessment_and_says_so(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(21.5))
    (tmp_path / "labs" / "synthetic.toml").write_text("laboratory = ")
    with pytest.raises(ProtocolError, match=r"synthetic\.toml"):
        nightly(tmp_path, as_of=day(22.5))
    assert ("assessment", "laboratory_file") in operations(tmp_path)
    ward = (tmp_path / "pages" / "ward.en.html").read_text()
    assert "SYNTHETIC-SLOW" not in ward
    assert "laboratory file" in ward


def insert_past_our_checks(root: Path, statement: str) -> None:
    with sqlite3.connect(root / "cmvmon.sqlite") as connection:
        connection.execute(statement)


BROKEN_ROWS = {
    "viral_load_results": "INSERT INTO viral_load_results SELECT 99, 'x', patient_id, 'lung', laboratory, assay, collected_at, result_status, detection, viral_load_iu_per_ml, lod_iu_per_ml, lloq_iu_per_ml, uloq_iu_per_ml, accession_number, reported_at, sent_at, received_at, delivered_value, delivered_unit, delivery_id, is_released, confirms, 'x', 'x', 'x', landed_at, feed, attempt, 99 FROM viral_load_results LIMIT 1",
    "antiviral_courses": "INSERT INTO antiviral_courses SELECT 99, patient_id, 'foscarnet', 'maybe', dose_mg, dose_mg_per_kg, interval_h, 'oral', started_at, stopped_at, stop_reason, received_at, delivery_id, 'x', 'x', 'x', landed_at, feed, attempt, 99, is_withdrawn FROM antiviral_courses LIMIT 1",
    "icu_stays": "INSERT INTO icu_stays SELECT 99, 'x', patient_id, admitted_at, '2020-01-01T00:00:00.000000Z', ward, bed, ventilation_started_at, ventilation_stopped_at, ventilation_kind, affected_compartments, received_at, delivery_id, 'x', 'x', 'x', landed_at, feed, attempt, 99, is_withdrawn FROM icu_stays LIMIT 1",
}


@pytest.mark.usefixtures("judged_as_every_night")
@pytest.mark.parametrize("table", BROKEN_ROWS)
def test_a_delivered_table_that_breaks_its_contract_stops_the_assessment(tmp_path: Path, table: str) -> None:
    sites.ward_of_three(tmp_path)
    with open_site(tmp_path) as opened:
        for name in BROKEN_ROWS:
            take_in_file(
                opened,
                tmp_path / "drop" / "synthetic" / name / "one.csv",
                feed="synthetic",
                table=name,
                received_at=day(21),
            )
    insert_past_our_checks(tmp_path, BROKEN_ROWS[table])
    sites.give_its_hash(tmp_path, table)
    with pytest.raises(ContractBroken, match=f"{table} breaks its contract"):
        nightly(tmp_path, as_of=day(21.5))
    assert sites.rows(tmp_path, "SELECT count(*) FROM assessments") == [(0,)]
    assert operations(tmp_path) == [("assessment", "contract_broken")]
    assert "SYNTHETIC" not in (tmp_path / "pages" / "ward.en.html").read_text()
    if table == "icu_stays":  # neither a replay nor a part of the ward clears what stopped the whole
        with pytest.raises(ContractBroken):
            lab_feed(
                tmp_path,
                sites.rows(tmp_path, "SELECT delivery_id FROM deliveries WHERE table_name = 'viral_load_results'")[0][
                    0
                ],
                as_of=day(22),
            )
        assert operations(tmp_path) == [("assessment", "contract_broken")]


@pytest.mark.usefixtures("judged_as_every_night")
def test_a_computed_table_that_breaks_its_contract_is_neither_recorded_nor_shown(tmp_path: Path) -> None:
    """Priors of an absurd decline make weekly_decline break its own promise."""
    sites.ward_of_three(tmp_path)
    text = (PACKAGED / "protocol" / "icu_cmv_2024.toml").read_text(encoding="utf-8")
    (tmp_path / "protocol").mkdir()
    (tmp_path / "protocol" / "priors").mkdir()
    priors = (PACKAGED / "protocol" / "priors" / "simulated-1.toml").read_text(encoding="utf-8")
    absurd = re.sub(r"mean = \[([\d.]+), [-\d.]+", r"mean = [\1, 1e9", priors.replace('"simulated-1"', '"absurd-1"'))
    (tmp_path / "protocol" / "priors" / "absurd-1.toml").write_text(absurd)
    (tmp_path / "protocol" / "ours.toml").write_text(text.replace('name = "simulated-1"', 'name = "absurd-1"'))
    with pytest.raises(ContractBroken, match="weekly_decline breaks its contract"):
        nightly(tmp_path, as_of=day(21.5))
    assert sites.rows(tmp_path, "SELECT count(*) FROM assessments") == [(0,)]


def with_weeks(assessment: Assessment, weekly: pl.DataFrame) -> Assessment:
    facts = assessment.facts
    prepared = replace(facts.prepared, weekly_decline=weekly)
    return replace(assessment, facts=facts_at(prepared, protocol=facts.protocol, as_of=day(21.5)))


@pytest.mark.usefixtures("judged_as_every_night")
def test_the_gate_holds_the_computed_tables_to_their_promises_and_references(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(21.5))
    with open_site(tmp_path) as opened:
        good = assessed(opened, as_of=day(21.5))
    gate_computed(good, day(21.5))
    spoiled = {
        "verdicts": replace(good, verdicts=good.verdicts.with_columns(verdict=pl.lit("maybe"))),
        "verdicts of somebody": replace(
            good, verdicts=good.verdicts.with_columns(patient_id=pl.lit("SYNTHETIC-NOBODY"))
        ),
        "verdicts twice": replace(good, verdicts=pl.concat([good.verdicts, good.verdicts])),
        "weekly_decline": with_weeks(good, good.weekly_decline.with_columns(mean_probability_above_target=pl.lit(1.2))),
        "weekly_decline of no series": with_weeks(good, good.weekly_decline.with_columns(assay=pl.lit("other"))),
    }
    for name, assessment in spoiled.items():
        with pytest.raises(ContractBroken, match=f"{name.split()[0]} breaks its contract"):
            gate_computed(assessment, day(21.5))


def test_a_moment_far_ahead_is_refused_before_anything_is_recorded(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    with pytest.raises(SiteError, match="lies ahead of the clock"):
        nightly(tmp_path, as_of=now() + timedelta(days=400))
    assert sites.rows(tmp_path, "SELECT count(*) FROM deliveries") == [(0,)]


def test_a_patient_whose_only_course_could_not_be_read_is_not_called_untreated(tmp_path: Path) -> None:
    drop(tmp_path, "viral_load_results", [result("SYNTHETIC-1", 0, 50000), result("SYNTHETIC-2", 0, 50000)])
    drop(tmp_path, "antiviral_courses", [course("SYNTHETIC-1", start=0, stop=-1)])
    nightly(tmp_path, as_of=day(1))
    with open_site(tmp_path) as opened:
        verdicts = assessed(opened, as_of=day(1)).verdicts.filter(rule="bal_at_local_line")
    assert verdicts.select("patient_id", "verdict", "reason").rows() == [
        ("SYNTHETIC-1", "not_assessable", "treatment_unknown"),
        ("SYNTHETIC-2", "alert", None),
    ]


def test_a_correction_that_moves_a_result_assesses_both_patients(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(21.5))
    moved = [
        line.replace("SYNTHETIC-SLOW,", "SYNTHETIC-ONE,")
        .replace(",F", ",C")
        .replace(sites.text(day(d + 0.2)), sites.text(day(22)))
        for d, line in zip((0, 7, 14, 21), falling("SYNTHETIC-SLOW", 0.3), strict=True)
    ]
    path = drop(tmp_path, "viral_load_results", moved, name="moved.csv")
    with open_site(tmp_path) as opened:
        (landed,) = take_in_file(opened, path, feed="synthetic", table="viral_load_results", received_at=day(22.5))
    done = lab_feed(tmp_path, landed.delivery_id, as_of=day(22.6))
    assert done.assessed is not None
    assert done.assessed.patients == 2
    with open_site(tmp_path) as opened, opened.reading() as connection:
        states = {
            (a["patient_id"], a["state"], a["cause"]) for a in alert_store.alerts(connection) if a["rule"] == "response"
        }
    assert states == {("SYNTHETIC-SLOW", "closed", "facts_moved"), ("SYNTHETIC-ONE", "open", None)}


def test_an_alert_on_an_older_series_stands_until_that_is_old_and_the_newer_one_is_judged(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    sites.laboratories(tmp_path, "synthetic", "other")
    nightly(tmp_path, as_of=day(21.5))
    drop(tmp_path, "viral_load_results", [result("SYNTHETIC-SLOW", 22, 1000)], feed="other")
    nightly(tmp_path, as_of=day(22.5))
    assert response_alerts(tmp_path) == [("open", None)]
    nightly(tmp_path, as_of=day(35.1))
    assert response_alerts(tmp_path) == [("open", None)]
    low = [result("SYNTHETIC-SLOW", at, "<200") for at in (32, 35.2)]
    drop(tmp_path, "viral_load_results", low, feed="other", name="two.csv")
    nightly(tmp_path, as_of=day(35.5))
    assert response_alerts(tmp_path) == [("closed", "newer_series")]


def response_alerts(root: Path) -> list[tuple[str, str | None]]:
    """State and cause of the alerts of the patient with the slow fall."""
    with open_site(root) as opened, opened.reading() as connection:
        found = alert_store.alerts(connection, states={"open", "closed", "resolved"})
    return [(a["state"], a["cause"]) for a in found if (a["rule"], a["patient_id"]) == ("response", "SYNTHETIC-SLOW")]


def test_the_page_of_a_discharged_patient_says_when_she_left_and_shows_the_alert_that_nobody_has_acknowledged(
    tmp_path: Path,
) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(21.5))
    drop(tmp_path, "icu_stays", [stay("SYNTHETIC-SLOW", bed="S-00", end=22)], name="two.csv")
    nightly(tmp_path, as_of=day(21.8))
    assert (bed_on_the_page(tmp_path, "nl"), bed_on_the_page(tmp_path, "en")) == ("S-00", "S-00")  # a discharge to come
    nightly(tmp_path, as_of=day(22.5))
    page = sites.page_of(tmp_path, "SYNTHETIC-SLOW")
    assert "No open alerts" not in page
    assert "Load falls less" in page
    assert language("en").say("first.no_due_left") in page
    left = language("en").date(day(22), "Europe/Amsterdam"), language("nl").date(day(22), "Europe/Amsterdam")
    assert bed_on_the_page(tmp_path, "en") == f"none; left on {left[0]}"
    assert bed_on_the_page(tmp_path, "nl") == f"geen; vertrokken op {left[1]}"


def bed_on_the_page(root: Path, code: str) -> str:
    """What the page of the patient with the slow fall says for the bed."""
    return sites.page_of(root, "SYNTHETIC-SLOW", code).split('<dd id="bed">')[1].split("</dd>")[0]


def test_a_patient_with_an_urgent_alert_and_no_stay_is_on_the_list(tmp_path: Path) -> None:
    drop(tmp_path, "viral_load_results", [result("SYNTHETIC-1", 0, 50000)])
    drop(tmp_path, "antiviral_courses", [])
    drop(tmp_path, "icu_stays", [stay("SYNTHETIC-2")])
    nightly(tmp_path, as_of=day(1))
    assert "SYNTHETIC-1" in (tmp_path / "pages" / "ward.en.html").read_text()


def test_a_result_dated_ahead_is_judged_again_once_its_time_has_come(tmp_path: Path) -> None:
    drop(tmp_path, "viral_load_results", [result("SYNTHETIC-1", 0, 50000), result("SYNTHETIC-1", 7, 40000)])
    (first,) = nightly(tmp_path, as_of=day(1)).taken_in.counted
    assert first.reasons == {"collected_in_future": 1}
    assert nightly(tmp_path, as_of=day(1)).taken_in.counted[0].was_known
    (again,) = nightly(tmp_path, as_of=day(8)).taken_in.counted
    assert (again.received, again.accepted) == (1, 1)


def test_two_processes_that_bring_the_same_bytes_leave_them_once(tmp_path: Path) -> None:
    path = drop(tmp_path, "viral_load_results", falling("SYNTHETIC-1", 0.3))
    with open_site(tmp_path):
        pass
    command = [
        str(Path(sys.executable).parent / "cmvmon"),
        "ingest",
        str(path),
        "--feed",
        "synthetic",
        "--history",
        "--site",
        str(tmp_path),
    ]
    running = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    done = [process.communicate(timeout=120) for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], done
    assert sites.rows(tmp_path, "SELECT count(*) FROM viral_load_results") == [(4,)]
    assert sites.rows(tmp_path, "SELECT count(*) FROM deliveries") == [(1,)]


def test_a_file_that_is_missing_does_not_keep_the_next_from_being_taken_in(tmp_path: Path) -> None:
    good = drop(tmp_path, "viral_load_results", [result("SYNTHETIC-1", 0, 50000)])
    done = here("ingest", tmp_path / "nothing.csv", good, "--feed", "synthetic", site=tmp_path)
    assert done.returncode == 2
    assert "nothing.csv can't be read" in done.stderr
    assert "one.csv: received 1 = accepted 1" in done.stdout


def test_everybody_who_is_assessed_again_by_hand_gives_the_same_alerts(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(21.5))
    before = sites.everything(tmp_path)
    with open_site(tmp_path) as opened:
        assess_site(opened, as_of=day(21.5))
    assert sites.everything(tmp_path) == before


@pytest.mark.parametrize(
    ("line", "said"),
    [('language = "fr"', "must be one of"), ("language = 5", "must be one of"), ('demo = "no"', "true or false")],
)
def test_settings_of_the_wrong_kind_are_refused(tmp_path: Path, line: str, said: str) -> None:
    (tmp_path / "settings.toml").write_text(line)
    with pytest.raises(SiteError, match=said):
        nightly(tmp_path, as_of=day(1))


def test_records_set_apart_stand_on_the_ward_page_and_a_hidden_file_is_left_alone(tmp_path: Path) -> None:
    drop(tmp_path, "viral_load_results", [result("SYNTHETIC-1", 0, 50000), result("SYNTHETIC-2", 0, "ca. 500")])
    drop(tmp_path, "viral_load_results", [result("SYNTHETIC-3", 0, 1)], name=".half_written.csv")
    drop(tmp_path, "viral_load_results", [result("SYNTHETIC-4", 0, 700)], name="UPPER.CSV")
    done = nightly(tmp_path, as_of=day(1))
    assert sorted(counted.received for counted in done.taken_in.counted) == [1, 2]
    assert [fault.code for fault in done.taken_in.faults] == ["unfinished"]
    assert "Records set apart, not used: 1." in (tmp_path / "pages" / "ward.en.html").read_text()


def test_a_stay_with_two_beds_gives_none(tmp_path: Path) -> None:
    drop(tmp_path, "viral_load_results", [result("SYNTHETIC-1", 0, 50000)])
    drop(tmp_path, "icu_stays", [stay("SYNTHETIC-1", bed="S-01"), stay("SYNTHETIC-1", bed="S-02")])
    nightly(tmp_path, as_of=day(1))
    pages = "".join(path.read_text() for path in (tmp_path / "pages").glob("*.en.html"))
    assert "SYNTHETIC-1" in pages
    assert "S-01" not in pages
    assert "S-02" not in pages


def test_a_week_with_one_result_shows_no_estimate_of_its_own(tmp_path: Path) -> None:
    """Sampled on the hour every seven days, a week holds one result: its own estimate would be the assumption alone."""
    sites.ward_of_three(tmp_path)
    nightly(tmp_path, as_of=day(21.5))
    page = next(
        p.read_text()
        for p in (tmp_path / "pages").glob("*.en.html")
        if "SYNTHETIC-SLOW" in p.read_text() and "ward" not in p.name
    )
    assert "no pair of results" in page
    assert "0.7 (" not in page
