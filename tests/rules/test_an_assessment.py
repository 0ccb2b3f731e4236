"""What an assessment hands to the pages beside its verdicts."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest

from cmvmon.assess import Assessment, assess, next_samples
from cmvmon.domain.known import Known
from cmvmon.domain.results import CONCORDANCE
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from tests.facts.reading import PROTOCOL
from tests.patients import PATIENT, known, moment

RESULTS = "plasma d0 100000, d7 30000, d14 9000; bal d3 500"
OTHER = "SYNTHETIC-0002"


def status(given: Known, which: str, to: str) -> Known:
    """The same with one result preliminary or withdrawn."""
    results = given[VIRAL_LOAD_RESULTS].with_columns(
        result_status=pl.when(pl.col("result_id").str.contains(which)).then(pl.lit(to)).otherwise("result_status")
    )
    return replace(given, tables=dict(given.tables) | {VIRAL_LOAD_RESULTS.name: results})


def made(given: Known, method: str = "bank") -> Assessment:
    return assess(given, protocol=PROTOCOL, as_of=moment(15), method=method)


WHOLE = known(RESULTS, courses="ganciclovir d0-d30", stays="d-3-d40 plasma")


def test_a_preliminary_result_is_shown_and_not_judged_and_a_withdrawn_one_is_neither() -> None:
    for to, is_shown in (("preliminary", True), ("withdrawn", False)):
        found = made(status(WHOLE, "plasma2", to), "line")
        last = "lab:plasma2:cmv_dna"
        assert (last in found.results["result_id"], last in found.shown["result_id"]) == (False, is_shown)
        assert found.results.height == 3


def test_ends_after_the_moment_are_not_known_yet() -> None:
    found = made(WHOLE, "line")
    assert found.courses is not None
    assert found.stays is not None
    assert (found.courses["stopped_at"].to_list(), found.stays["discharged_at"].to_list()) == ([None], [None])
    assert found.patients.to_list() == [PATIENT]
    never = made(known(RESULTS), "line")
    assert (never.courses, never.stays) == (None, None)


def test_a_table_of_concordance_that_is_given_is_used_and_else_it_is_computed() -> None:
    assert not made(WHOLE, "line").concordance.is_empty()
    assert made(replace(WHOLE, concordance=CONCORDANCE.empty()), "line").concordance.is_empty()


def test_verdicts_stand_by_patient_compartment_subject_and_rule_and_those_without_a_compartment_first() -> None:
    verdicts = made(WHOLE, "line").verdicts
    assert verdicts["compartment"][0] is None
    key = ["patient_id", "compartment", "subject", "rule"]
    assert verdicts.select(key).rows() == verdicts.select(key).sort(key, nulls_last=False).rows()
    assert verdicts["compartment"].n_unique() == 3


@pytest.mark.parametrize(("patients", "n"), [((), 0), ((OTHER,), 0), ((PATIENT,), 1), ((OTHER, PATIENT), 1)])
def test_the_next_sample_is_told_of_the_patients_that_are_asked_for(patients: tuple[str, ...], n: int) -> None:
    given = known("bal d0 93000, d4 7100, d7 40500", courses="ganciclovir d0-", stays="d-3- bal")
    undecided = assess(given, protocol=PROTOCOL, as_of=moment(7.5))
    found = next_samples(undecided, patients, protocol=PROTOCOL, as_of=moment(7.5))
    assert found["patient_id"].n_unique() == n


def test_without_courses_there_is_no_next_sample() -> None:
    assert next_samples(made(known(RESULTS)), (PATIENT,), protocol=PROTOCOL, as_of=moment(15)).is_empty()
