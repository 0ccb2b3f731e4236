"""The compartments that a course is judged by first: stated, else inferred, else the followed blood."""

from __future__ import annotations

import polars as pl
import pytest

from cmvmon.domain.known import Known
from cmvmon.domain.rows import ICU_STAYS
from cmvmon.facts.leading import LEADING
from tests.facts.reading import facts_of, told
from tests.patients import known

BLOOD = "plasma d0 5000"
RUNS = "ganciclovir d0-"


def leads(results: str, stays: str, courses: str = RUNS) -> set[tuple[str | None, str]]:
    return {(row["compartment"], row["leads_as"]) for row in told(LEADING, results, courses=courses, stays=stays)}


def test_what_the_team_states_stands_and_may_be_several() -> None:
    assert leads(BLOOD, "d-3- bal") == {("bal", "stated")}
    assert leads(BLOOD, "d-3- bal+csf") == {("bal", "stated"), ("csf", "stated")}
    assert leads("bal d0 50000; plasma d0 5000", "d-3- csf") == {("csf", "stated")}


def test_where_the_team_states_none_the_blood_is_followed_although_a_bal_is_high() -> None:
    assert leads("bal d0 50000; plasma d0 5000", "d-3- none") == {("plasma", "followed")}


@pytest.mark.parametrize(
    ("bal", "leading"),
    [
        ("d0 10000", "bal"),
        ("d0 9999", "plasma"),
        ("d-14 10000", "bal"),
        ("d-14.01 10000", "plasma"),
        ("d7 10000", "bal"),
        ("d7.01 10000", "plasma"),
        ("d3 >100000000", "bal"),
        ("d3 clash", "plasma"),
    ],
)
def test_the_lung_is_inferred_from_a_bal_at_the_line_from_14_days_before_to_7_days_after_the_anchor(
    bal: str, leading: str
) -> None:
    how = "inferred" if leading == "bal" else "followed"
    assert leads(f"bal {bal}; plasma d8 5000", "d-3-") == {(leading, how)}


def test_a_high_load_of_another_compartment_infers_no_lung() -> None:
    assert leads("csf d0 90000; plasma d0 90000", "d-3-") == {("plasma", "followed")}


@pytest.mark.parametrize(
    ("results", "blood"),
    [
        ("plasma d0 5000; whole_blood d0 5000; serum d0 5000", "plasma"),
        ("whole_blood d0 5000; serum d0 5000", "whole_blood"),
        ("plasma d0 5000; serum d5 5000", "serum"),
        ("bal d9 50; serum d5 5000", "serum"),
    ],
)
def test_the_followed_blood_is_the_newest_and_on_a_tie_plasma_then_whole_blood_then_serum(
    results: str, blood: str
) -> None:
    assert leads(results, "d-3-") == {(blood, "followed")}


def test_a_patient_without_blood_or_statement_has_one_row_that_names_no_place() -> None:
    assert leads("-", "d-3-") == {(None, "followed")}


@pytest.mark.parametrize(
    ("stays", "courses", "leading"),
    [
        ("d-9-d0 bal", RUNS, "bal"),  # ended at the very start of the course: it still counts
        ("d-9-d-0.1 bal", RUNS, "plasma"),
        ("d-9-d-5 bal / d-3- csf", RUNS, "csf"),
        ("d-9-d1 bal / d-3- csf", RUNS, "csf"),
        ("d-9-d1 bal / d-3-", RUNS, "bal"),
        ("d-9-d-5 bal / d-3-d-1", "-", "plasma"),  # without a course only the latest stay speaks
        ("d-9-d-5 bal / d-3-d-1 csf", "-", "csf"),
    ],
)
def test_a_statement_counts_when_its_stay_had_not_ended_before_the_course_and_the_latest_one_stands(
    stays: str, courses: str, leading: str
) -> None:
    assert {place for place, _ in leads(BLOOD, stays, courses)} == {leading}


@pytest.mark.parametrize("ventilated", [0, 1])
def test_of_two_statements_with_one_admission_the_one_on_a_ventilator_stands(ventilated: int) -> None:
    given = known(BLOOD, courses=RUNS, stays="d-3- bal / d-3- csf")
    stays = given[ICU_STAYS].with_row_index("n")
    at = pl.when(pl.col("n") == ventilated).then("admitted_at").alias("ventilation_started_at")
    tables = dict(given.tables) | {ICU_STAYS.name: stays.with_columns(at).drop("n")}
    found = facts_of(Known(tables)).of(LEADING)
    assert found["compartment"].to_list() == [("bal", "csf")[ventilated]]
