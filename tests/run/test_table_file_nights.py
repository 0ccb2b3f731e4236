"""A pharmacy and a ward that export in Dutch, read with a table file alone: the nights of a real site from the command line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from tests import sites
from tests.calls import here, run
from tests.sites import result

pytestmark = pytest.mark.slow
TABLE_FILE = """feed = "apotheek"
description = "Made-up pharmacy and ward"
separator = ";"
encoding = "cp1252"
lines_above_header = 1
time_zone = "Europe/Amsterdam"
time_formats = ["%d-%m-%Y %H:%M"]
[numbers]
decimal = ","
[antiviral_courses.columns]
patient_id = "Patiëntnummer"
drug = "Middel"
indication = "Indicatie"
dose_mg = "Dosis (mg)"
doses_per_day = "Per 24 uur"
route = "Toediening"
started_at = "Start"
stopped_at = "Stop"
[antiviral_courses.words.drug]
ganciclovir = ["Cymevene"]
[antiviral_courses.words.indication]
treatment = ["behandeling"]
[antiviral_courses.words.route]
iv = ["intraveneus"]
[icu_stays.columns]
stay_id = "Opname"
patient_id = "Patiëntnummer"
admitted_at = "Opnamedatum"
admitted_time = "Opnametijd"
bed = "Bed"
affected_compartments = "Aangedaan"
[icu_stays.words.affected_compartments]
bal = ["long"]
"""
COURSES = """Export apotheek;;;;;;;
Patiëntnummer;Middel;Indicatie;Dosis (mg);Per 24 uur;Toediening;Start;Stop
SYNTHETIC-É1;CYMEVENE;Behandeling;312,5;2;Intraveneus;2-3-2026 10:00;
SYNTHETIC-2;Cymevene;{word};300;2;Intraveneus;2-3-2026 10:00;
"""
STAYS = """Export afdeling;;;;;
Opname;Patiëntnummer;Opnamedatum;Opnametijd;Bed;Aangedaan
1;SYNTHETIC-É1;25-2-2026;08:30;4;Long
2;SYNTHETIC-2;25-2-2026;09:15;5;
"""


def cmvmon(*arguments: str | Path, by: Callable[..., CompletedProcess[str]] = here) -> str:
    done = by(*arguments)
    assert done.returncode in (0, 3), done.stderr
    return done.stdout


def dropped(root: Path, table: str, name: str, text: str) -> None:
    path = root / "drop" / "apotheek" / table / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.replace("\n", "\r\n").encode("cp1252"))
    sites.lain_still(path)


def test_a_dutch_export_is_taken_in_and_a_mended_table_file_reads_what_was_set_apart(tmp_path: Path) -> None:
    root = tmp_path / "site"
    cmvmon("init", root)
    table_file = root / "tables" / "apotheek.toml"
    assert table_file.parent.is_dir()
    table_file.write_text(TABLE_FILE, encoding="utf-8")
    loads = ((0, 50000), (7, 45000), (14, 48000))
    sites.drop(
        root,
        "viral_load_results",
        [result(who, d, load) for who in ("SYNTHETIC-É1", "SYNTHETIC-2") for d, load in loads],
    )
    dropped(root, "antiviral_courses", "kuren.csv", COURSES.format(word="therapie"))
    dropped(root, "icu_stays", "opnames.csv", STAYS)

    cmvmon("nightly", "--site", root, "--as-of", "2026-03-17T06:00:00+01:00", by=run)
    stored = (
        "SELECT patient_id, drug, indication, dose_mg, interval_h, route, started_at FROM antiviral_courses ORDER BY 1"
    )
    began = "2026-03-02T09:00:00.000000Z"
    first = ("SYNTHETIC-É1", "ganciclovir", "treatment", 312.5, 12.0, "iv", began)
    assert sites.rows(root, stored) == [first]
    assert sites.rows(root, "SELECT reason FROM quarantined_records") == [("unknown_indication",)]
    assert sites.rows(root, "SELECT patient_id, admitted_at, bed, affected_compartments FROM icu_stays ORDER BY 1") == [
        ("SYNTHETIC-2", "2026-02-25T08:15:00.000000Z", "5", None),
        ("SYNTHETIC-É1", "2026-02-25T07:30:00.000000Z", "4", "bal"),
    ]
    rules = "SELECT DISTINCT patient_id FROM alert_events WHERE rule = 'response'"
    assert sites.rows(root, rules) == [("SYNTHETIC-É1",)]

    table_file.write_text(TABLE_FILE.replace('["behandeling"]', '["behandeling", "therapie"]'), encoding="utf-8")
    cmvmon("nightly", "--site", root, "--as-of", "2026-03-18T06:00:00+01:00")
    assert sites.rows(root, stored) == [("SYNTHETIC-2", "ganciclovir", "treatment", 300.0, 12.0, "iv", began), first]
    assert sites.rows(root, "SELECT * FROM waiting_records") == []
    assert sorted(sites.rows(root, rules)) == [("SYNTHETIC-2",), ("SYNTHETIC-É1",)]
    assert "apotheek: antiviral_courses, icu_stays" in cmvmon("doctor", "--site", root)


def test_a_table_file_that_can_not_be_read_stops_its_feed_and_no_other(tmp_path: Path) -> None:
    root = tmp_path / "site"
    cmvmon("init", root)
    (root / "tables" / "apotheek.toml").write_text('feed = "apotheek"\ncolour = 1\n', encoding="utf-8")
    dropped(root, "antiviral_courses", "kuren.csv", COURSES)
    sites.drop(root, "viral_load_results", [result("SYNTHETIC-1", 0, 50000)])
    cmvmon("nightly", "--site", root, "--as-of", "2026-03-17T06:00:00+01:00")
    assert sites.rows(root, "SELECT count(*) FROM viral_load_results") == [(1,)]
    assert sites.rows(root, "SELECT count(*) FROM antiviral_courses") == [(0,)]
    assert "apotheek" in cmvmon("alerts", "list", "--site", root)
