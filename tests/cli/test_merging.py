"""`cmvmon merge`: two numbers joined, listed and parted again; what it can't do is said, and names no patient."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.calls import here, run
from tests.sites import course, day, drop, result, stay, text, unmarked

OLD, NEW = "SYNTHETIC-1", "SYNTHETIC-9"


def test_a_merge_is_done_listed_and_undone_and_a_slip_is_told(tmp_path: Path) -> None:
    drop(tmp_path, "viral_load_results", [result(OLD, 0, 20000)])
    drop(tmp_path, "antiviral_courses", [course(OLD)])
    drop(tmp_path, "icu_stays", [stay(OLD)])
    assert here("nightly", site=tmp_path).returncode == 0
    assert here("merge", "--list", site=tmp_path).stdout.strip() == "no merges"
    done = run("merge", OLD, NEW, "--at", text(day(1)), "--by", "dr A", site=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "by_hand/patient_links: received 1 = accepted 1" in done.stdout
    assert "no date of birth is known of OLD and NEW" in done.stdout
    assert "NOTE     nothing is known of NEW: the patient goes on under a number that no feed has sent" in done.stdout
    (listed,) = json.loads(here("merge", "--list", "--json", site=tmp_path).stdout)
    assert (listed["number"], listed["merged_into"], listed["state"]) == (OLD, NEW, "holds")
    assert "patient numbers: 1 merged into another, 1 known" in here("doctor", site=tmp_path).stdout
    assert here("merge", OLD, NEW, "--at", text(day(1)), "--until", text(day(2)), site=tmp_path).returncode == 0
    assert " ended " in here("merge", "--list", site=tmp_path).stdout
    for arguments, code, says in (
        ((OLD, NEW), 2, "name both numbers and from when"),
        ((OLD, NEW, "--until", text(day(2))), 2, "give --at too, as `cmvmon merge --list` prints it"),
        ((OLD, "--until", text(day(2))), 2, "name both numbers and from when"),
        (("SYNTHETIC-4", NEW, "--at", text(day(1))), 2, "nothing is known of the number"),
        ((OLD, OLD, "--at", text(day(1))), 3, "merged_into_itself"),
        ((OLD, NEW, "--at", text(day(4)), "--until", text(day(3))), 3, "ended_before_merged"),
        ((OLD, NEW, "--at", "2131-01-01T00:00Z"), 2, "--at 2131-01-01T00:00:00Z is still to come"),
        ((OLD, NEW, "--at", text(day(1)), "--until", "2131-01-01T00:00Z"), 2, "--until 2131-01-01T00:00:00Z is still"),
    ):
        failed = here("merge", *arguments, site=tmp_path)
        assert (failed.returncode, says in failed.stderr, "SYNTHETIC" in failed.stderr) == (code, True, False)
    assert json.loads(here("quarantine", "list", "--json", site=tmp_path).stdout) == [], "nothing of a slip is stored"


def test_merges_that_contradict_each_other_are_told_by_status_without_a_number(tmp_path: Path) -> None:
    drop(tmp_path, "viral_load_results", [result(OLD, 0, 20000), result(NEW, 1, 900)])
    assert here("nightly", site=tmp_path).returncode == 0
    assert here("merge", OLD, NEW, "--at", text(day(1)), site=tmp_path).returncode == 0
    assert "NOT USED" not in here("status", site=tmp_path).stdout
    done = here("merge", NEW, OLD, "--at", text(day(2)), site=tmp_path)
    assert done.returncode == 0
    assert "NOT USED 2 merges of numbers should hold and are not used" in done.stdout, "it is said where it is done"
    assert "nothing is known of NEW" not in done.stdout
    told = here("status", site=tmp_path)
    assert (
        "NOT USED     2 merges of numbers should hold and are not used (`cmvmon merge --list`). 2: with others it leads back"
        in told.stdout
    )
    assert "SYNTHETIC" not in told.stdout
    assert json.loads(here("status", "--json", site=tmp_path).stdout)["n_merges_unused"] == 2
    assert told.returncode in (2, 3)  # 2: the night of today is missing in this site
    assert here("merge", NEW, OLD, "--at", text(day(2)), "--until", text(day(3)), site=tmp_path).returncode == 0
    assert "NOT USED" not in here("status", site=tmp_path).stdout


def test_a_merge_that_two_dates_of_birth_contradict_is_told_with_its_cause_when_it_comes_and_by_status(
    tmp_path: Path,
) -> None:
    drop(tmp_path, "viral_load_results", [result(OLD, 0, 20000), result(NEW, 1, 900)])
    assert here("nightly", site=tmp_path).returncode == 0
    born, file = tmp_path / "born.csv", tmp_path / "links.csv"
    said = f"{OLD},1961-05-30,{text(day(0))}\n{NEW},1971-05-30,{text(day(0))}\n"
    born.write_text(f"patient_id,born_on,stated_at\n{said}", "utf-8")
    file.write_text(f"patient_id,merged_into,merged_at\n{OLD},{NEW},{text(day(1))}\n", "utf-8")
    took = here("ingest", str(born), "--feed", "synthetic", "--table", "birth_dates", site=tmp_path)
    assert "accepted 2" in took.stdout, took.stdout + took.stderr
    told = here("ingest", str(file), "--feed", "synthetic", "--table", "patient_links", site=tmp_path)
    assert "accepted 1" in told.stdout, told.stdout + told.stderr
    assert "NOT USED 1 merge of numbers should hold and is not used" in told.stdout
    for words in (told.stdout, here("status", site=tmp_path).stdout):
        assert "their dates of birth differ" in words
        assert "SYNTHETIC" not in words


def test_two_who_lie_in_two_beds_are_told_when_they_are_merged_and_on_the_page_of_data_until_one_stay_ends(
    tmp_path: Path,
) -> None:
    drop(tmp_path, "icu_stays", [stay(OLD, bed="S-01"), stay(NEW, bed="S-03")])
    assert here("nightly", site=tmp_path).returncode == 0
    assert "two beds" not in data_page(tmp_path)
    done = run("merge", OLD, NEW, "--at", text(day(1)), "--by", "dr A", site=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "both lie in a bed, OLD in SYNTHETIC-ICU S-01 and NEW in SYNTHETIC-ICU S-03" in done.stdout
    assert here("nightly", site=tmp_path).returncode == 0
    assert "Patients with open stays in two beds since their numbers were merged: 1." in data_page(tmp_path)
    assert re.search(r"Look at: [^.]*patients in two beds since their numbers were merged: 1", data_page(tmp_path))
    drop(tmp_path, "icu_stays", [stay(OLD, bed="S-01", end=2)], name="ended.csv")
    assert here("nightly", site=tmp_path).returncode == 0
    assert "two beds" not in data_page(tmp_path)


def test_of_two_in_two_beds_whose_merge_is_not_used_nobody_is_told_that_they_are_one(tmp_path: Path) -> None:
    drop(tmp_path, "icu_stays", [stay(OLD, bed="S-01"), stay(NEW, bed="S-03"), stay("SYNTHETIC-3", bed="S-04", end=1)])
    assert here("nightly", site=tmp_path).returncode == 0
    assert here("merge", OLD, "SYNTHETIC-3", "--at", text(day(1)), site=tmp_path).returncode == 0
    done = here("merge", OLD, NEW, "--at", text(day(1)), site=tmp_path)
    assert "NOT USED 2 merges of numbers should hold and are not used" in done.stdout
    assert "lie in a bed" not in done.stdout


def data_page(root: Path) -> str:
    return unmarked((root / "pages" / "data.en.html").read_text("utf-8"))


@pytest.mark.parametrize(
    "other", [stay(NEW, bed="S-01"), stay(NEW, bed="S-03", end=2), stay("SYNTHETIC-3", bed="S-03")]
)
def test_of_one_bed_or_of_one_who_has_left_nothing_is_said(tmp_path: Path, other: str) -> None:
    drop(tmp_path, "icu_stays", [stay(OLD, bed="S-01"), other])
    assert here("nightly", site=tmp_path).returncode == 0
    done = run("merge", OLD, NEW, "--at", text(day(1)), "--by", "dr A", site=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "lie in a bed" not in done.stdout
    assert here("nightly", site=tmp_path).returncode == 0
    assert "two beds" not in data_page(tmp_path)
