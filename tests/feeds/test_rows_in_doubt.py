"""A date of birth that can't be anybody's when it is stated is set apart with its value (faults.md, row 70)."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cmvmon.assess import assess
from cmvmon.facts.ages import AGES
from cmvmon.facts.context import CONTEXT
from cmvmon.feeds import judged_tables
from cmvmon.feeds.reasons import remedy
from cmvmon.run.judging.assessing import assessed
from cmvmon.run.nightly.night import nightly
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.shell.work.opening import open_site
from tests import patients, sites
from tests.exposures import with_exposure
from tests.feeds.hl7_told_texts import adt, apart, part, read
from tests.feeds.shipped import deliver
from tests.patients import moment
from tests.sites import day


@pytest.mark.parametrize(("born", "reason"), [
    ("1961-05-30", None), ("2026-05-03", None),
    ("2026-05-04", None),  # a newborn of the next day, where the two are told in other zones
    ("2026-05-05", "born_after_stated"), ("2027-01-01", "born_after_stated"), ("2062-05-30", "born_after_stated"),
    ("1906-05-03", None), ("1906-05-02", None), ("1906-05-01", "implausible_born_on"), ("1900-01-01", "implausible_born_on"),
    ("0202-05-30", "malformed_born_on"), ("1861-05-30", "malformed_born_on"), ("9999-12-31", "malformed_born_on"),
])  # fmt: skip
def test_a_date_of_birth_is_held_against_the_moment_at_which_it_was_stated(born: str, reason: str | None) -> None:
    data = (
        f"patient_id,born_on,stated_at\nSYNTH-1,{born},2026-05-03T21:59:00Z\nSYNTH-2,1970-02-28,2026-05-03T08:00:00Z\n"
    )
    found = deliver(data.encode(), "", "birth_dates")
    assert found.quarantined["reason"].to_list() == ([] if reason is None else [reason])
    assert found.accepted["born_on"].to_list() == [*([born] if reason is None else []), "1970-02-28"]
    if reason is not None:
        (row,) = found.quarantined.to_dicts()
        assert (row["column"], row["patient_id"]) == ("born_on", "SYNTH-1")
        assert born in row["delivered_text"]  # the value is kept
        assert born not in row["remedy"]


def test_of_hl7_each_person_is_held_against_the_event_of_its_own_message() -> None:
    found = read(
        adt("A28", born="19000101"), adt("A31", born="20620530", patient="SYNTH-2"), adt("A01", born="20260503", patient="SYNTH-3"),
    )  # fmt: skip
    assert part(found, "birth_dates").accepted["patient_id"].to_list() == ["SYNTH-3"]
    assert apart(found) == [
        ("birth_dates", "implausible_born_on", "born_on"), ("birth_dates", "born_after_stated", "born_on"),
    ]  # fmt: skip


def test_each_reason_says_whom_to_ask() -> None:
    assert all("Ask the sender" in remedy(code) for code in ("born_after_stated", "implausible_born_on"))


@pytest.mark.parametrize(("born", "is_child"), [
    ("1961-05-30", False), ("2010-05-30", True), ("2026-03-01", True),
    ("2026-03-02", True),  # tomorrow is today elsewhere
    ("2026-03-03", None), ("2062-05-30", None), ("never", None),
])  # fmt: skip
def test_a_stored_date_of_birth_that_is_still_to_come_makes_no_adult_a_child(born: str, is_child: bool | None) -> None:
    """Such a date was taken in before it was set apart; doses of children are not judged."""
    known = with_exposure(patients.known("plasma d0 500"), born=born)
    assessed = assess(known, protocol=Protocol.shipped(), as_of=moment(0))
    assert assessed.facts.of(AGES)["is_child"].to_list() == [is_child]


def test_a_cd4_count_that_was_stored_before_it_was_asked_stops_no_night_and_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sites.ward_of_three(tmp_path)
    line = "SYNTHETIC-ONE,hiv_aids,2026-01-02T08:00:00Z,,0.05,problem list"
    monkeypatch.setattr(judged_tables, "doubt_of", lambda _: None)  # as the release before
    path = tmp_path / "drop" / "synthetic" / "host_status" / "one.csv"
    path.parent.mkdir(parents=True)
    path.write_text(f"patient_id,condition,stated_at,ended_at,cd4_cells_per_ul,source\n{line}\n", encoding="utf-8")
    sites.lain_still(path)
    nightly(tmp_path, as_of=day(21))
    monkeypatch.undo()
    stored = sites.rows(tmp_path, "SELECT cd4_cells_per_ul FROM host_status")
    assert stored == [(0.05,)]
    nightly(tmp_path, as_of=day(22))
    with open_site(tmp_path) as opened:
        told = assessed(opened, as_of=day(22)).facts.of(CONTEXT).filter(pl.col("patient_id") == "SYNTHETIC-ONE")
    assert told.select("has_hiv", "cd4_cells_per_ul").rows() == [(True, None)]
