"""A patient who was born after the sample was collected, as one record says of both (faults.md, row 70)."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.feeds.born_after import BORN_AFTER, first_day, is_after_sample
from cmvmon.feeds.drafting.draft import draft_laboratory
from cmvmon.feeds.drafting.vocabulary import vocabulary
from cmvmon.feeds.laboratory import Laboratory, read_laboratory
from cmvmon.feeds.part import Part
from tests.feeds import fhir_texts, hl7_texts
from tests.feeds.fhir_texts import observation, patient, specimen
from tests.feeds.hl7_texts import file_of, message, order, reasons
from tests.feeds.shipped import LABS, NAMES, csv_bytes, deliver, laboratory

USED: tuple[list[str], list[str]] = (["F1"], [])
HELD: tuple[list[str], list[str]] = ([], [BORN_AFTER])


def told(part: Part) -> tuple[list[str], list[str]]:
    """The accession numbers that are used, and why the others wait."""
    return part.accepted["accession_number"].to_list(), reasons(part)


def hl7(born: str, lab: Laboratory | None = None, **changes: str) -> Part:
    """A message of one result, collected on 3 May 2026, whose patient was born then."""
    header, pid, *segments = message(*order(**changes))
    data = file_of([header, f"{pid}||FAKENAME^CANARY||{born}|F", *segments])
    return hl7_texts.results(data, laboratory=lab or laboratory("example_hl7"))


def fhir(born: object, **changes: Any) -> Part:
    """The same as a Bundle."""
    one = patient() | ({} if born is None else {"birthDate": born})
    return fhir_texts.results(fhir_texts.told(one, specimen(), observation(**changes)))


@pytest.mark.parametrize(("born", "found"), [
    ("19610530", USED), ("196105300815", USED), ("1961", USED), ("196105", USED), ("", USED), ('""', USED),
    ("20260502", USED),
    ("20260503", USED),  # a newborn, of the day of the sample
    ("202605032359+0200", USED),  # later on that day: an hour of birth is not held against the sample
    ("20260504", USED),  # the next day, where the two are told in other zones
    ("20260505", HELD), ("202605050001", HELD), ("20261231", HELD), ("20620530", HELD), ("99991231", HELD),
    ("202605", USED), ("202606", HELD), ("2026", USED), ("2027", HELD),
    ("20260231", USED), ("30-05-2061", USED), ("unknown", USED), ("0", USED), ("00000000", USED),  # no date: nothing is told
    ("02020503", USED), ("19000101", USED), ("0202", USED),  # absurd, and not after the sample
])  # fmt: skip
def test_of_hl7_a_birth_after_the_sample_sets_the_result_apart(born: str, found: tuple[list[str], list[str]]) -> None:
    assert told(hl7(born)) == found


@pytest.mark.parametrize(("born", "found"), [
    ("1961-05-30", USED), ("1961-05", USED), ("1961", USED), (None, USED), ("", USED),
    ("2026-05-03", USED), ("2026-05-04", USED), ("2026-05-05", HELD), ("2026-06", HELD), ("2027", HELD), ("2062-05-30", HELD),
    ("2026-02-30", USED), ("0202-05-03", USED), ("1900-01-01", USED), (20620530, HELD),
])  # fmt: skip
def test_of_fhir_a_birth_after_the_sample_sets_the_result_apart(
    born: object, found: tuple[list[str], list[str]]
) -> None:
    assert told(fhir(born)) == found


def test_the_reason_names_the_place_and_what_to_do_and_holds_no_date_and_no_name() -> None:
    for part, place in ((hl7("20620530"), "PID-7"), (fhir("2062-05-30"), "Patient.birthDate")):
        (row,) = part.quarantined.to_dicts()
        assert (row["reason"], row["column"]) == (BORN_AFTER, place)
        assert all(
            words in row["remedy"] for words in ("after the day on which the sample", "quarantine release", place)
        )
        assert "2062" not in row["remedy"]
        assert "12000" in row["delivered_text"]  # the value is kept
        assert "CANARY" not in str(row)


@pytest.mark.parametrize(("collected", "reason"), [
    ("02020503080000", "implausible_date"), ("19000101080000", "implausible_date"), ("00000503080000", "malformed_time"),
    ("20620503080000", "collected_in_future"),
])  # fmt: skip
def test_a_sample_of_the_year_0202_or_1900_is_set_apart_with_its_value(collected: str, reason: str) -> None:
    """The report is of 2026; of a sample before 1990 no date of birth need be stated."""
    part = hl7("", collected=collected, reported="")
    assert told(part) == ([], [reason])
    assert "12000" in part.quarantined["delivered_text"].item()


@pytest.mark.parametrize("status", ["D", "W", "X"])
def test_what_withdraws_takes_effect_whatever_date_of_birth_it_bears(status: str) -> None:
    part = hl7("20620530", status=status)
    assert part.withdrawals is not None
    assert (part.accepted["result_status"].to_list(), reasons(part)) == (["withdrawn"], [])


@pytest.mark.parametrize("status", ["F", "C", "P"])
def test_each_status_that_brings_a_value_waits(status: str) -> None:
    assert told(hl7("20620530", status=status)) == HELD


def test_a_person_may_say_that_it_stands() -> None:
    header, pid, *segments = message(*order())
    data = file_of([header, f"{pid}||||20620530", *segments])
    assert told(hl7_texts.results(data, confirmed=[1])) == USED


def test_another_patient_of_the_same_file_is_not_held_for_it() -> None:
    """A newborn and its mother in one file: each result is held against its own patient."""
    ours, theirs = message(*order()), message(*order(number="F2"), patient="SYNTH-2", control="S2")
    theirs[1] += "||||20620530"
    assert told(hl7_texts.results(file_of(ours, theirs))) == (["F1"], [BORN_AFTER])


ROW = {
    "patient_id": "SYNTH-1", "accession_number": "F1", "test": "CMVK", "specimen": "EDTA-plasma", "assay": "PCR-A", "value": "1.200",
    "unit": "IE/ml", "collected_at": "02-03-2026 08:15", "reported_at": "02-03-2026 16:00", "result_status": "definitief",
}  # fmt: skip


def _with_births() -> Laboratory:
    """The Dutch example, with a column of dates of birth."""
    text = (LABS / "example_nl.toml").read_text("utf-8")
    return read_laboratory(text.replace("[columns]\n", '[columns]\nborn_on = "Geboortedatum"\n', 1), name="example_nl")


def _csv(*born: str) -> bytes:
    """Its file with a row for each of these dates of birth."""
    rows = [ROW | {"accession_number": f"F{n}"} for n in range(1, len(born) + 1)]
    lines = csv_bytes("example_nl", rows).decode("cp1252").splitlines()
    return "".join(f"{line};{more}\n" for line, more in zip(lines, ("Geboortedatum", *born), strict=True)).encode(
        "cp1252"
    )


@pytest.mark.parametrize(("born", "is_held"), [
    ("30-05-1961", False), ("1961-05-30", False), ("19610530", False), ("30-05-1961 00:00", False), ("", False),
    ("02-03-2026", False), ("03-03-2026", False), ("04-03-2026", True), ("2026-03-04", True), ("30-05-2062", True),
    ("300562", False), ("311201", False), ("22432", False), ("2062", False), ("30-02-2062", False), ("onbekend", False),
    ("30-05-0202", False), ("01-01-1900", False),
])  # fmt: skip
def test_of_a_csv_file_the_declared_column_is_read_in_the_files_own_form(born: str, is_held: bool) -> None:
    """The sample is of 2 March 2026. Years without a century and numbers of days are no date here."""
    part = deliver(_csv(born), "example_nl", laboratory=_with_births())
    assert told(part) == (HELD if is_held else USED)
    assert part.quarantined["column"].to_list() == ["Geboortedatum"] * is_held


def test_of_several_rows_each_is_held_against_its_own_date_and_without_the_column_none_is() -> None:
    data = _csv("30-05-1961", "30-05-2062", "02-03-2026", "04-03-2026")
    found = deliver(data, "example_nl", laboratory=_with_births())
    assert told(found) == (["F1", "F3"], [BORN_AFTER, BORN_AFTER])
    assert found.quarantined["record_number"].to_list() == [2, 4]
    assert reasons(deliver(data, "example_nl")) == []


@given(days=st.integers(-400, 400), hour=st.integers(0, 23), east=st.integers(-11, 14))
def test_a_birth_on_the_samples_day_in_any_zone_is_never_after_it(days: int, hour: int, east: int) -> None:
    """Whatever zone names the day of birth, at the moment of the sample; two days later it always is."""
    collected_at = datetime(2026, 5, 3, hour, tzinfo=UTC) + timedelta(days=days)
    zone = ZoneInfo(f"Etc/GMT{-east:+d}") if east else ZoneInfo("UTC")
    here = ZoneInfo("Europe/Amsterdam")
    there = collected_at.astimezone(zone).date()
    assert not is_after_sample(there, collected_at, here)
    assert is_after_sample(collected_at.astimezone(here).date() + timedelta(days=2), collected_at, here)


@given(st.text(max_size=12))
def test_any_text_is_a_day_or_none(text: str) -> None:
    found = first_day(text, formats=("%d-%m-%Y %H:%M", "iso8601", "hl7"), is_of_message=True)
    assert found is None or isinstance(found, date)


def test_a_proposed_file_names_the_column() -> None:
    known = vocabulary(laboratory(name) for name in NAMES)
    drafted = draft_laboratory(_csv("30-05-1961", "12-11-1970", "02-02-1980"), name="new", known=known)
    assert 'born_on = "Geboortedatum"' in drafted
