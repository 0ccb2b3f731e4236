"""Blood results that are still preliminary: none yet for a rule, but told with how many there are and of when the last is."""

from __future__ import annotations

import json

import polars as pl
import pytest

from cmvmon.assess import assess
from cmvmon.domain.known import Known
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.facts.follow_up import FOLLOW_UP
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.text import alert_sentence, language
from tests import patients
from tests.patients import moment


def judged(results: str, preliminary_from: float) -> tuple[dict[str, object], dict[str, object]]:
    """The patient's follow-up and the verdict of `no_follow_up` at day 20; results of that day on are preliminary."""
    reported = patients.results_frame(results).with_columns(
        result_status=pl.when(pl.col("collected_at") >= moment(preliminary_from))
        .then(pl.lit("preliminary"))
        .otherwise("result_status")
    )
    given = {
        VIRAL_LOAD_RESULTS: reported,
        ANTIVIRAL_COURSES: patients.courses_frame("ganciclovir d0-"),
        ICU_STAYS: patients.stays_frame("d-3-"),
    }
    found = assess(Known.of(given), protocol=Protocol.shipped(), as_of=moment(20))
    (verdict,) = found.verdicts.filter(rule="no_follow_up").to_dicts()
    (facts,) = found.facts.of(FOLLOW_UP).to_dicts()
    return facts, verdict


@pytest.mark.parametrize(
    ("results", "preliminary_from", "n", "last", "says", "en", "nl"),
    [
        ("plasma d0 9, d7 8", 0, 2, 7, ["preliminary_alone"], "2 preliminary blood results, the last", "2 voorlopige"),
        ("plasma d0 9; serum d12 8", 0, 2, 12, ["preliminary_alone"], "2 preliminary blood", "2 voorlopige"),
        (
            "plasma d0 9",
            0,
            1,
            0,
            ["preliminary_alone"],
            "1 preliminary blood result, of",
            "1 voorlopige bloeduitslag, van",
        ),
        (
            "plasma d0 9, d7 8",
            7,
            1,
            7,
            ["overdue", "preliminary_since"],
            "Since then 1 preliminary",
            "Sindsdien 1 voor",
        ),
        ("plasma d0 9, d7 8, d9 7", 7, 2, 9, ["overdue", "preliminary_since"], "Since then 2 pre", "Sindsdien 2 voor"),
        ("plasma d0 9; bal d7 8", 7, 0, None, ["overdue"], "Latest: 1 Mar", "Laatste: 01-03"),
    ],
)
def test_preliminary_blood_results_are_told_and_are_no_follow_up(
    results: str, preliminary_from: float, n: int, last: float | None, says: list[str], en: str, nl: str
) -> None:
    facts, verdict = judged(results, preliminary_from)
    assert facts["n_preliminary_blood"] == n
    assert facts["last_preliminary_blood_collected_at"] == (None if last is None else moment(last))
    evidence = json.loads(str(verdict["evidence"]))
    assert (verdict["verdict"], evidence["says"]) == ("alert", says)
    for code, said in (("en", en), ("nl", nl)):
        assert said in alert_sentence("no_follow_up", evidence, language(code))


def test_a_preliminary_result_before_the_last_final_one_is_not_counted() -> None:
    reported = patients.results_frame("plasma d0 9, d7 8").with_columns(
        result_status=pl.when(pl.col("collected_at") < moment(7)).then(pl.lit("preliminary")).otherwise("result_status")
    )
    found = assess(Known.of({VIRAL_LOAD_RESULTS: reported}), protocol=Protocol.shipped(), as_of=moment(20))
    (facts,) = found.facts.of(FOLLOW_UP).to_dicts()
    assert (facts["n_preliminary_blood"], facts["last_blood_collected_at"]) == (0, moment(7))


@pytest.mark.parametrize(
    ("results", "last", "compartment"),
    [
        ("plasma d0 9; serum d12 8", 12, "serum"),
        ("plasma d12 9; serum d0 8", 12, "plasma"),
        ("plasma d0 9, d12 8; serum d5 8; bal d15 9", 12, "plasma"),
        ("plasma d7 not_detected; serum d7 500", 7, "serum"),  # at one moment what was measured
        ("plasma d7 500; serum d7 not_detected", 7, "plasma"),
    ],
)
def test_the_last_blood_result_is_the_newest_of_all_blood_with_its_own_number(
    results: str, last: float, compartment: str
) -> None:
    reported = patients.results_frame(results)
    found = assess(Known.of({VIRAL_LOAD_RESULTS: reported}), protocol=Protocol.shipped(), as_of=moment(20))
    (facts,) = found.facts.of(FOLLOW_UP).to_dicts()
    (row,) = reported.filter(compartment=compartment, collected_at=moment(last)).to_dicts()
    assert (facts["last_blood_collected_at"], facts["last_blood_compartment"]) == (moment(last), compartment)
    assert facts["last_blood_result_id"] == row["result_id"]
