"""Whether a patient is on treatment, since when, and from when a rise counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

from cmvmon.facts.duration import DURATION
from cmvmon.facts.stays import STAYS
from cmvmon.facts.treatment import TREATMENT
from tests import patients
from tests.facts.reading import facts_of, in_days, one


def of(courses: str, day: float = 40.0) -> dict[str, Any]:
    return one(TREATMENT, "plasma d0 9", courses=courses, day=day)


@pytest.mark.parametrize(
    ("courses", "state"),
    [
        ("never", "unknown"),
        ("-", "off"),
        ("ganciclovir d0-", "on"),
        ("ganciclovir d0-; letermovir(prophylaxis) d0-", "on"),
        ("ganciclovir d0-; foscarnet(?) d0-", "on"),  # what is known to be treatment decides
        ("ganciclovir d0-; brandname d0-", "on"),
        ("ganciclovir(prophylaxis) d0-", "off"),
        ("ganciclovir(?) d0-", "unknown"),
        ("letermovir(?) d0-", "off"),  # no drug of treatment, whatever it is given for
        ("letermovir(prophylaxis) d0-; ganciclovir(?) d0-", "unknown"),
        ("brandname d0-", "unknown"),
        ("brandname(?) d0-", "unknown"),
        ("brandname(prophylaxis) d0-", "off"),
        ("letermovir d0-", "off"),
        ("ganciclovir d0-d37", "on"),  # stopped exactly 72 hours before
        ("ganciclovir d0-d36.9", "off"),
        ("ganciclovir(?) d0-d36.9", "off"),
    ],
)
def test_a_patient_is_on_treatment_off_it_or_that_is_unknown(courses: str, state: str) -> None:
    assert of(courses)["treatment"] == state


def test_the_clock_is_the_latest_one_and_the_course_that_of_the_latest_clock() -> None:
    found = of("ganciclovir d0-d18.9; foscarnet d19-")
    assert (found["course_started_at"], found["anchor_at"], found["watched_since"]) == (0, 19, 0)
    found = of("ganciclovir d0-d5; foscarnet d29-")
    assert (found["course_started_at"], found["anchor_at"], found["watched_since"]) == (29, 29, 29)


@pytest.mark.parametrize(
    ("courses", "alone", "since"),
    [
        ("letermovir(prophylaxis) d3-; letermovir d8-", True, 3),
        ("letermovir(prophylaxis) d3-d36.9; letermovir d8-", True, 8),
        ("letermovir d3-d36.9", False, None),
        ("ganciclovir d5-; letermovir d3-", False, 5),
        ("ganciclovir d5-d20; letermovir d3-", True, 3),
        ("ganciclovir(?) d5-; letermovir d3-", False, None),
        ("valganciclovir(prophylaxis) d5-", False, 5),
        ("valganciclovir(prophylaxis) d5-; letermovir d3-", True, 3),
        ("ganciclovir(other) d5-", False, None),
    ],
)
def test_on_prophylaxis_a_rise_counts_from_the_earliest_start_of_what_runs(
    courses: str, alone: bool, since: float | None
) -> None:
    found = of(courses)
    assert (found["on_letermovir_alone"], found["watched_since"]) == (alone, since)


@pytest.mark.parametrize(
    ("stays", "discharged"),
    [("never", False), ("d-3-", False), ("d-3-d10", True), ("d-3-d10 / d12-", False), ("d-3-d10 / d12-d13", True)],
)
def test_a_patient_has_left_when_no_stay_on_record_is_open(stays: str, discharged: bool) -> None:
    assert one(STAYS, "plasma d0 9", stays=stays)["is_discharged"] is discharged


@pytest.mark.parametrize(
    ("courses", "heard", "state"),
    [
        ("-", 39, "unknown"),  # a course may have begun since
        ("ganciclovir d0-d20", 39, "unknown"),
        ("ganciclovir d0-", 37, "on"),  # stopped the moment after, it would run for 72 hours yet
        ("ganciclovir d0-", 36.9, "unknown"),
        ("ganciclovir d0-d37", 37.5, "on"),
        ("ganciclovir d0-d36.9", 37.5, "unknown"),
        ("ganciclovir d0-d39", 36.9, "unknown"),  # a stop that was planned may have come sooner
        ("ganciclovir d38-", 37.5, "unknown"),  # a start that was planned may not have come
        ("letermovir(prophylaxis) d0-", 39, "unknown"),
    ],
)
def test_a_silent_feed_leaves_on_treatment_only_whom_nothing_could_have_taken_off(
    courses: str, heard: float, state: str
) -> None:
    told = patients.known("plasma d0 9", courses=courses)
    told = replace(told, silent={"antiviral_courses": patients.moment(heard)})
    (found,) = in_days(facts_of(told, day=40).of(TREATMENT))
    assert (found["treatment"], found["last_known_at"]) == (state, heard)
    assert found["on_letermovir_alone"] is False
    assert (found["running_drugs"] is None) is (state == "unknown")


@pytest.mark.parametrize(
    ("courses", "brought_since", "state"),
    [
        ("ganciclovir d0-", True, "on"),
        ("ganciclovir d0-", False, "unknown"),
        ("ganciclovir d0-d38", True, "on"),  # a gap of two days, in which the clocks run
        ("ganciclovir d0-d20", True, "unknown"),  # what ended says nothing of what began
        ("ganciclovir(prophylaxis) d0-", True, "unknown"),
    ],
)
def test_what_another_feed_brings_while_the_agreed_ones_are_silent_runs_as_long_as_it_says(
    courses: str, brought_since: bool, state: str
) -> None:
    told = patients.known("plasma d0 9", courses=courses)
    rows = told.tables["antiviral_courses"].with_columns(delivery_id=pl.lit("came" if brought_since else "before"))
    told = replace(
        told,
        tables={**told.tables, "antiviral_courses": rows},
        silent={"antiviral_courses": patients.moment(30)},
        heard_since={"antiviral_courses": frozenset({"came"})},
    )
    (found,) = in_days(facts_of(told, day=40).of(TREATMENT))
    assert found["treatment"] == state


@pytest.mark.parametrize(
    ("courses", "stays", "day", "state", "known_at"),
    [
        ("ganciclovir d0-", "d-3-d30", 33, "on", None),  # 72 hours after the discharge, in which the clocks run
        ("ganciclovir d0-", "d-3-d30", 33.1, "unknown", 30),
        ("ganciclovir d0-d30", "d-3-d30", 31, "on", None),  # orders that end with the stay were not stopped
        ("ganciclovir d0-d30", "d-3-d30", 40, "unknown", 30),
        ("ganciclovir d0-d29.9", "d-3-d30", 40, "off", None),
        ("ganciclovir d0-d31", "d-3-d30", 40, "off", None),  # somebody said after it that it was stopped
        ("ganciclovir d0-d20; ganciclovir d32-", "d-3-d30", 40, "on", None),  # or begun
        ("ganciclovir d0-; foscarnet d32-", "d-3-d30", 40, "on", None),
        ("ganciclovir(?) d0-", "d-3-d30", 40, "unknown", 30),
        ("ganciclovir(prophylaxis) d0-", "d-3-d30", 40, "off", None),
        ("-", "d-3-d30", 40, "off", None),
        ("ganciclovir d0-", "d-3-d30 / d35-", 40, "on", None),  # back on the ward: what is on its list runs
        ("ganciclovir d0-", "never", 40, "on", None),
        ("never", "d-3-d30", 40, "unknown", None),
    ],
)
def test_what_ran_when_the_patient_left_is_neither_running_nor_stopped_after_it(
    courses: str, stays: str, day: float, state: str, known_at: float | None
) -> None:
    (found,) = in_days(facts_of(patients.known("plasma d0 9", courses=courses, stays=stays), day=day).of(TREATMENT))
    assert (found["treatment"], found["last_known_at"]) == (state, known_at)


def test_a_rise_counts_on_from_the_start_of_the_course_on_which_the_patient_left() -> None:
    told = patients.known("plasma d0 9", courses="ganciclovir d2-", stays="d-3-d30")
    assert in_days(facts_of(told, day=40).of(TREATMENT))[0]["watched_since"] == 2


def test_a_feed_that_was_silent_before_the_patient_left_is_when_the_medication_was_last_known() -> None:
    told = patients.known("plasma d0 9", courses="ganciclovir d0-", stays="d-3-d30")
    for heard, known_at in ((28, 28), (32, 30)):
        quiet = replace(told, silent={"antiviral_courses": patients.moment(heard)})
        (found,) = in_days(facts_of(quiet, day=40).of(TREATMENT))
        assert (found["treatment"], found["last_known_at"]) == ("unknown", known_at)


@pytest.mark.parametrize(
    ("courses", "stays", "treated_days"),
    [
        ("ganciclovir d0-", "d-3-", 40),
        ("ganciclovir d0-", "d-3-d30", 30),
        ("ganciclovir d0-d30", "d-3-d30", 30),
        ("ganciclovir d0-d14", "d-3-d30", 14),
        ("ganciclovir d32-", "d-3-d30", 8),
    ],
)
def test_days_of_treatment_are_counted_to_the_discharge_and_no_further(
    courses: str, stays: str, treated_days: float
) -> None:
    assert one(DURATION, "plasma d0 9", courses=courses, stays=stays, day=40)["treated_days"] == treated_days


@pytest.mark.parametrize(
    ("unread", "came", "left_at"),
    [
        ({patients.PATIENT}, 22, None),  # may be back
        ({patients.PATIENT}, None, None),
        ({patients.PATIENT}, 19, 20),  # it came before the discharge, and tells of no later stay
        ({"SYNTHETIC-0002"}, 22, 20),
        (set(), None, 20),
    ],
)
@pytest.mark.parametrize("drugs", ["ganciclovir d0-", "-"])
def test_of_whom_a_later_stay_could_not_be_read_it_is_not_known_that_they_have_left(
    unread: set[str], came: float | None, left_at: float | None, drugs: str
) -> None:
    told = patients.known("plasma d0 9", courses=drugs, stays="d-3-d20")
    until = {} if came is None else {"icu_stays": dict.fromkeys(unread, patients.moment(came))}
    told = replace(told, unread={"icu_stays": frozenset(unread)}, unread_until=until)
    (found,) = in_days(facts_of(told, day=40).of(STAYS))
    assert (found["left_at"], found["is_discharged"]) == (left_at, left_at is not None)
