"""Counts and values in Dutch and American units give one verdict, and what came of a table is told from what did not."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.assess import assess
from cmvmon.domain.known import Known
from cmvmon.domain.laboratory_values import IN_JUDGED_UNIT, LABORATORY_VALUES, in_judged_unit
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.shell.folder.protocol_files import Protocol
from tests import patients
from tests.exposures import with_exposure
from tests.measured import with_measured
from tests.patients import PATIENT, moment

DUTCH = (
    "neutrophils 0.49 d4; neutrophils 0.5 d6; platelets 24 d4; platelets 25 d6; haemoglobin 5 d4; ionised_calcium 1.1 d1; "
    "total_calcium 2.3 d4; lymphocytes 0.4 d4; igg 4.2 d4"
)
AMERICAN = (
    "neutrophils@/uL 490 d4; neutrophils@K/uL 0.5 d6; platelets@/uL 24000 d4; platelets@K/uL 25 d6; haemoglobin@g/dL 8 d4; "
    "ionised_calcium@mg/dL 4.4 d1; total_calcium@mg/dL 9.2 d4; lymphocytes@/uL 400 d4; igg@mg/dL 420 d4"
)


def known(labs: str, courses: str = "ganciclovir d0-; foscarnet d1-") -> Known:
    return with_measured(patients.known("plasma d0 100000", courses=courses), labs=labs)


def said(of: Known, day: float) -> dict[str, tuple[str, str | None]]:
    """Verdict and reason by count or value."""
    verdicts = assess(of, protocol=Protocol.shipped(), as_of=moment(day)).verdicts
    mine = verdicts.filter(pl.col("rule") == "toxicity_monitoring")
    names = mine["subject"].str.json_path_match("$.analyte")
    return {
        name: (verdict, reason) for name, verdict, reason in zip(names, mine["verdict"], mine["reason"], strict=True)
    }


@pytest.mark.parametrize("day", [1.5, 4.5, 6.5, 9.5])
def test_dutch_and_american_units_give_the_same_verdicts(day: float) -> None:
    assert said(known(DUTCH), day) == said(known(AMERICAN), day)


def test_eight_grams_of_haemoglobin_are_five_millimoles() -> None:
    row = pl.DataFrame({"a": ["haemoglobin"], "v": [8.0], "u": ["g/dL"]})
    assert round(row.select(in_judged_unit(pl.col("a"), pl.col("v"), pl.col("u"))).item(), 1) == 5.0


@given(st.sampled_from(sorted(IN_JUDGED_UNIT)), st.floats(0.1, 100.0))
def test_a_value_is_the_same_in_each_unit_of_its_analyte_and_none_in_another(analyte: str, value: float) -> None:
    units = IN_JUDGED_UNIT[analyte]
    rows = pl.DataFrame({"v": [value / times for times in units.values()], "u": list(units)})
    made = rows.select(in_judged_unit(pl.lit(analyte), pl.col("v"), pl.col("u")))["v"]
    assert made.to_list() == pytest.approx([value] * len(units), abs=1e-6)
    other = pl.DataFrame({"v": [value], "u": ["%"]})
    assert other.select(in_judged_unit(pl.lit(analyte), pl.col("v"), pl.col("u"))).item() is None


def test_a_row_that_could_not_be_read_leaves_no_count_clear_and_no_value_missing() -> None:
    unread = replace(known(DUTCH), unread={LABORATORY_VALUES.name: frozenset({PATIENT})})
    later = said(unread, 6.5)
    assert later["neutrophils"] == later["ionised_calcium"] == ("not_assessable", "value_unread")
    assert said(unread, 4.5)["neutrophils"] == ("alert", None)


def test_a_feed_that_is_silent_leaves_a_missing_value_unknown_and_a_low_count_told() -> None:
    silent = replace(known(DUTCH), silent={LABORATORY_VALUES.name: moment(4.5) - timedelta(hours=6)})
    found = said(silent, 4.5)
    assert found["ionised_calcium"] == ("not_assessable", "values_not_known")
    assert found["platelets"] == ("alert", None)


@pytest.mark.parametrize(
    ("says", "came_day", "expected"),
    [
        ("after the newest neutrophils: it may be a newer count", 6.2, ("not_assessable", "value_unread")),
        ("before they were taken: it can be none", 4.4, ("clear", None)),
    ],
)
def test_a_row_that_could_not_be_read_casts_no_doubt_on_a_value_that_was_taken_after_it_came(
    says: str, came_day: float, expected: tuple[str, str | None]
) -> None:
    rows = known(DUTCH)
    plain = said(rows, 6.5)["neutrophils"]
    assert plain == ("clear", None)
    unread = replace(
        rows,
        unread={LABORATORY_VALUES.name: frozenset({PATIENT})},
        unread_until={LABORATORY_VALUES.name: {PATIENT: moment(came_day)}},
    )
    assert said(unread, 6.5)["neutrophils"] == expected, says


@pytest.mark.parametrize(
    ("says", "doses", "expected"),
    [
        ("a dose yesterday, as prophylaxis", "valganciclovir(prophylaxis) 900mg q24 d0-d4", ("alert", None)),
        ("the last dose six days ago", "ganciclovir 5 q12 d-5-d-1", ("alert", None)),
        ("the last dose eleven days ago", "ganciclovir 5 q12 d-10-d-6", ("not_assessable", "treatment_unknown")),
        ("every dose was missed", "ganciclovir 5 q240 d0-d4 !d0", ("not_assessable", "treatment_unknown")),
        ("only letermovir", "letermovir(prophylaxis) 480mg q24 d0-d4", ("not_assessable", "treatment_unknown")),
    ],
)
def test_a_dose_on_record_is_enough_where_courses_were_never_delivered(
    says: str, doses: str, expected: tuple[str, str | None]
) -> None:
    rows = with_exposure(known("neutrophils 0.3 d4.5", courses="never"), doses=doses)
    assert said(rows, 5)["neutrophils"] == expected, says


@pytest.mark.parametrize(
    ("says", "silent_day", "expected"),
    [
        (
            "heard of five days ago: it ran then, and that is within the days that counts are judged on",
            4.0,
            ("alert", None),
        ),
        (
            "heard of eight days ago: it is not known whether anything was given since",
            1.0,
            ("not_assessable", "treatment_unknown"),
        ),
    ],
)
def test_of_a_medication_that_fell_silent_the_last_dose_is_when_it_was_last_heard_of(
    says: str, silent_day: float, expected: tuple[str, str | None]
) -> None:
    rows = known("neutrophils 0.3 d8.5", courses="valganciclovir(prophylaxis) d-90-")
    silent = replace(rows, silent={ANTIVIRAL_COURSES.name: moment(silent_day)})
    assert said(silent, 9)["neutrophils"] == expected, says


def told(of: Known, day: float) -> list[str]:
    """The sentences of the alert on neutrophils, in order."""
    found = assess(of, protocol=Protocol.shipped(), as_of=moment(day)).verdicts
    mine = found.filter((pl.col("rule") == "toxicity_monitoring") & pl.col("subject").str.contains("neutrophils"))
    (evidence,) = mine["evidence"]
    return list(json.loads(evidence)["says"])


def test_the_words_say_whether_it_is_treatment_or_prophylaxis_or_was_given_last() -> None:
    low = "neutrophils 0.3 d4.5"
    assert {"runs", "prophylaxis", "other", "lately"}.isdisjoint(set(told(known(low, "ganciclovir d0-"), 5)) - {"runs"})
    assert "prophylaxis" in told(known(low, "valganciclovir(prophylaxis) d0-"), 5)
    assert "other" in told(known(low, "valganciclovir(other) d0-"), 5)
    changed = told(known(low, "ganciclovir d0-d3; foscarnet d3-"), 5)
    assert "runs" in changed
    assert "lately" in changed, "the drug that was given before the one that runs is told"
    again = told(known(low, "ganciclovir d-9-d-7; ganciclovir d0-"), 5)
    assert "lately" not in again, "a drug that runs again is not one of the past"


@pytest.mark.parametrize(
    ("courses", "is_told"),
    [
        ("ganciclovir d0-", True),
        ("foscarnet d0-", False),
        ("valganciclovir d0-", True),
        ("valganciclovir(prophylaxis) d0-", True),
        ("foscarnet d0-; ganciclovir d0-", True),
    ],
)
def test_the_label_of_ganciclovir_is_spoken_of_only_where_it_runs(courses: str, is_told: bool) -> None:
    found = assess(known("platelets 10 d4.5", courses), protocol=Protocol.shipped(), as_of=moment(5)).verdicts
    evidence = found.filter((pl.col("rule") == "toxicity_monitoring") & (pl.col("verdict") == "alert"))["evidence"]
    assert any("label" in json.loads(one)["says"] for one in evidence) is is_told
    assert len(evidence) > 0
