"""What is known of a result that stands no more: how it ended, how long it stood, and whether it came back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest

from cmvmon.assess import assess
from cmvmon.domain.known import Known
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.facts.taken_back import TAKEN_BACK
from cmvmon.shell.folder.protocol_files import Protocol
from tests.patients import PATIENT, moment, results_frame

OTHER = "SYNTHETIC-0002"
PROTOCOL = Protocol.shipped()


def version(
    status: str, received: float | None, *, of: str = PATIENT, reported: float | None = None, **said: Any
) -> dict[str, Any]:
    """One version of one result of BAL, taken on day 0; days of receipt and report."""
    (row,) = results_frame("bal d0 46000").to_dicts()
    moments = {"received_at": _at(received), "reported_at": _at(reported)}
    return row | {"patient_id": of, "result_status": status} | moments | said


def _at(day: float | None) -> datetime | None:
    return None if day is None else moment(day)


def taken_back(*versions: dict[str, Any], day: float = 8) -> list[dict[str, Any]]:
    frame = VIRAL_LOAD_RESULTS.conform(pl.DataFrame(versions, infer_schema_length=None))
    known = Known.of({VIRAL_LOAD_RESULTS: frame})
    return assess(known, protocol=PROTOCOL, as_of=moment(day), method="line").facts.of(TAKEN_BACK).to_dicts()


def test_it_stood_from_its_first_receipt_to_the_receipt_of_its_withdrawal() -> None:
    (row,) = taken_back(version("final", 1), version("corrected", 2), version("withdrawn", 5))
    assert (row["taken_back_how"], row["in_use_since"], row["taken_back_at"]) == ("withdrawn", moment(1), moment(5))
    assert row["taken_back_collected_at"] == moment(0)
    assert (row["has_another_result"], row["is_reissued"]) == (False, False)


def test_where_receipt_is_not_known_the_times_of_the_reports_count() -> None:
    (row,) = taken_back(version("final", None, reported=1), version("withdrawn", None, reported=3))
    assert row["taken_back_at"] - row["in_use_since"] == timedelta(days=2)


def test_reinstated_and_withdrawn_again_it_stood_from_the_first_version_to_the_last_withdrawal() -> None:
    versions = [
        version("final", 1, reported=1),
        version("withdrawn", 2, reported=2),
        version("corrected", 3, reported=3),
        version("withdrawn", 6, reported=6),
    ]
    (row,) = taken_back(*versions)
    assert (row["in_use_since"], row["taken_back_at"]) == (moment(1), moment(6))


@pytest.mark.parametrize(
    ("away", "how"),
    [(version("withdrawn", 2, reported=2), "withdrawn"), (version("corrected", 2, reported=2, of=OTHER), "moved")],
)
def test_one_that_stands_again_says_so_for_the_patient_who_has_it(away: dict[str, Any], how: str) -> None:
    found = taken_back(version("final", 1, reported=1), away, version("corrected", 3, reported=3, is_released=True))
    (row,) = [one for one in found if one["patient_id"] == PATIENT]
    assert (row["stands_again"], row["taken_back_how"], row["taken_back_at"]) == (True, how, moment(2))


def test_one_that_was_first_put_on_another_patient_is_gone_for_that_one_alone() -> None:
    found = taken_back(version("final", 1, of=OTHER), version("corrected", 4))
    assert [(row["patient_id"], row["stands_again"]) for row in found] == [(OTHER, False)]


def test_a_withdrawal_that_came_before_its_result_ended_it_before_it_stood() -> None:
    (row,) = taken_back(version("final", 5, reported=0.5), version("withdrawn", 1, reported=1))
    assert row["taken_back_at"] < row["in_use_since"]


def test_of_several_withdrawals_the_first_after_it_stood_counts_and_before_it_the_last() -> None:
    said_twice = [version("final", 1), version("withdrawn", 3), version("withdrawn", 5, delivered_value="again")]
    (row,) = taken_back(*said_twice)
    assert row["taken_back_at"] == moment(3)
    ahead = [version("withdrawn", day, reported=day, delivered_value=str(day)) for day in (1, 2)]
    (row,) = taken_back(version("final", 5, reported=0.5), *ahead)
    assert row["taken_back_at"] == moment(2)


def test_one_that_only_stood_as_preliminary_has_no_row() -> None:
    assert taken_back(version("preliminary", 1), version("withdrawn", 2)) == []


def test_given_to_another_patient_it_is_gone_for_the_first_and_not_for_the_other() -> None:
    (row,) = taken_back(version("final", 1), version("corrected", 4, of=OTHER))
    assert (row["patient_id"], row["taken_back_how"], row["taken_back_at"]) == (PATIENT, "moved", moment(4))


def test_given_to_another_patient_and_then_withdrawn_it_is_gone_for_the_one_who_had_it_last() -> None:
    versions = [version("final", 1), version("corrected", 3, of=OTHER), version("withdrawn", 5, of=OTHER)]
    found = {row["patient_id"]: row["taken_back_how"] for row in taken_back(*versions)}
    assert found[OTHER] == "withdrawn"


@pytest.mark.parametrize(
    ("of_new", "has_another", "is_reissued"),
    [
        ({}, True, True),
        ({"viral_load_iu_per_ml": 46001.0}, True, False),
        ({"detection": "below_lloq", "viral_load_iu_per_ml": None}, True, False),
        ({"collected_at": moment(0.01)}, False, False),
        ({"patient_id": OTHER}, False, False),
        ({"compartment": "plasma"}, False, False),
        ({"result_status": "preliminary"}, False, False),
    ],
)
def test_another_result_of_that_sample_counts_where_it_stands(
    of_new: dict[str, Any], has_another: bool, is_reissued: bool
) -> None:
    new = version("final", 4, result_id="lab:new:cmv_dna") | of_new
    (row,) = [
        one
        for one in taken_back(version("final", 1), version("withdrawn", 3), new)
        if one["result_id"] != "lab:new:cmv_dna"
    ]
    assert (row["has_another_result"], row["is_reissued"]) == (has_another, is_reissued)


def test_one_of_several_results_that_says_the_same_is_enough() -> None:
    others = [
        version("final", 4, result_id=f"lab:new{n}:cmv_dna", viral_load_iu_per_ml=load)
        for n, load in ((1, 9.0), (2, 46000.0))
    ]
    (row,) = [
        one
        for one in taken_back(version("final", 1), version("withdrawn", 3), *others)
        if "new" not in one["result_id"]
    ]
    assert row["is_reissued"]


def test_two_values_that_contradict_each_other_never_stood() -> None:
    """Neither was judged, so that nobody read the one as the result."""
    clash = [version("final", 1, reported=1), version("final", 1, reported=1, viral_load_iu_per_ml=9.0)]
    assert taken_back(*clash, version("withdrawn", 4, reported=4)) == []
