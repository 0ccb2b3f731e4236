"""Whether a patient is on treatment, since when, and from when a rise counts."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import polars as pl
import pytest

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
