"""Pairs of drugs and lines of the label: what is never delivered, unread or silent stays apart, and both units give one answer."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cmvmon.assess import assess
from cmvmon.domain.co_medication import CO_MEDICATION
from cmvmon.domain.known import Known
from cmvmon.domain.renal_replacement import RENAL_REPLACEMENT
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.shell.folder.protocol_files import Protocol
from tests import patients
from tests.exposures import with_exposure
from tests.patients import PATIENT, moment

PROTOCOL = Protocol.shipped()
RESULTS = "plasma d0 100000, d7 10000"


def known(courses: str, *, kidney: str = "-", beside: str = "-") -> Known:
    return with_exposure(
        patients.known(RESULTS, courses=courses, stays="d-3-"), kidney=kidney, beside=beside, born="1961-05-30"
    )


def said(rows: Known, rule: str, other: str = "", day: float = 6.5) -> tuple[str, str | None]:
    verdicts = assess(rows, protocol=PROTOCOL, as_of=moment(day)).verdicts.filter(pl.col("rule") == rule)
    if other:
        verdicts = verdicts.filter(pl.col("subject").str.json_path_match("$.other_drug") == other)
    (found,) = verdicts.select("verdict", "reason").rows()
    return found  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("table", "other", "reason"),
    [
        (CO_MEDICATION, "pentamidine", "co_medication_unread"),
        (RENAL_REPLACEMENT, "citrate", "renal_replacement_unread"),
        (ANTIVIRAL_COURSES, "pentamidine", "courses_unread"),
    ],
)
def test_a_row_that_could_not_be_read_leaves_the_pair_unknown(table, other, reason) -> None:  # type: ignore[no-untyped-def]
    rows = replace(known("foscarnet d0-"), unread={table.name: frozenset({PATIENT})})
    assert said(rows, "interaction_note", other) == ("not_assessable", reason)
    other_patient = replace(known("foscarnet d0-"), unread={table.name: frozenset({"SYNTHETIC-0002"})})
    assert said(other_patient, "interaction_note", other) == ("clear", None)


def test_a_pair_that_is_known_alerts_whatever_else_could_not_be_read() -> None:
    rows = known("foscarnet d0-", beside="P01CX01 iv d3-")
    unread = replace(rows, unread={CO_MEDICATION.name: frozenset({PATIENT})})
    assert said(unread, "interaction_note", "pentamidine") == ("alert", None)


def test_other_drugs_that_are_silent_are_not_known_to_be_absent() -> None:
    rows = replace(known("foscarnet d0-"), silent={CO_MEDICATION.name: moment(3)})
    assert said(rows, "interaction_note", "pentamidine") == ("not_assessable", "co_medication_not_known")


@settings(max_examples=12, deadline=None)
@given(st.integers(min_value=50, max_value=300))
def test_one_creatinine_gives_one_verdict_in_both_units(hundredths: int) -> None:
    """From 0.50 to 3.00 mg/dL, as a laboratory writes it in two decimals, and the same in umol/L."""
    mg_per_dl = hundredths / 100
    answers = {
        said(known("cidofovir d0-", kidney=f"cg 90 d0-; {value} d-1-"), "drug_line")
        for value in (f"mgdl {mg_per_dl}", f"umol {mg_per_dl * 88.42}")
    }
    assert len(answers) == 1
    assert answers == {("alert", None) if mg_per_dl > 1.5 else ("not_assessable", "check_not_on_record")}


def test_a_whole_number_of_umol_per_l_is_above_the_line_from_134_on() -> None:
    answers = [
        said(known("cidofovir d0-", kidney=f"cg 90 d0-; umol {value} d-1-"), "drug_line")[0]
        for value in (132, 133, 134)
    ]
    assert answers == ["not_assessable", "not_assessable", "alert"]
