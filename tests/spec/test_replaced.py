"""What a result said before, and what became of the results under an alert, in whatever order their versions came."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.domain.replaced import said_before, what_became_of
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.domain.versions import current_results
from tests.patients import DAY_0, moment


def version(number: int, status: str, load: float | None = 1000.0, **other: Any) -> dict[str, Any]:
    """Version `number` of the result A, reported and received so many hours after day 1."""
    at = DAY_0 + timedelta(days=1, hours=number)
    row = {
        "result_id": "A",
        "patient_id": "SYNTHETIC-1",
        "compartment": "plasma",
        "laboratory": "lab",
        "assay": "pcr",
        "collected_at": DAY_0,
        "result_status": status,
        "detection": "not_detected" if load is None else "quantified",
        "viral_load_iu_per_ml": load,
        "lloq_iu_per_ml": 35.0,
        "uloq_iu_per_ml": 1e7,
        "reported_at": at,
        "received_at": at,
    }
    return row | other


def table(rows: list[dict[str, Any]]) -> pl.DataFrame:
    return VIRAL_LOAD_RESULTS.conform(pl.DataFrame(rows, infer_schema_length=None))


FINAL = version(0, "final")
CASES = {
    "corrected": ([FINAL, version(1, "corrected", 300.0)], ("corrected", 1000.0)),
    "corrected twice": ([FINAL, version(1, "corrected", 300.0), version(2, "corrected", 20.5)], ("corrected", 300.0)),
    "a final again with another value": ([FINAL, version(1, "final", 300.0)], ("corrected", 1000.0)),
    "withdrawn": ([FINAL, version(1, "withdrawn", None)], ("withdrawn", 1000.0)),
    "corrected, then withdrawn": (
        [FINAL, version(1, "corrected", 300.0), version(2, "withdrawn", None)],
        ("withdrawn", 300.0),
    ),
    "a preliminary one withdrawn": (
        [version(0, "preliminary"), version(1, "withdrawn", None)],
        ("withdrawn", 1000.0),
    ),
    "given to another patient": ([FINAL, version(1, "corrected", patient_id="SYNTHETIC-2")], ("moved", 1000.0)),
    "corrected to what it was": ([FINAL, version(1, "corrected")], None),
    "a preliminary one that became final": ([version(0, "preliminary", 900.0), version(1, "final")], None),
    "two values under one number": ([FINAL, FINAL | {"viral_load_iu_per_ml": 5000.0}], None),
    "one version": ([FINAL], None),
}


@pytest.mark.parametrize("case", CASES)
@given(st.randoms(use_true_random=False))
def test_what_a_result_said_before_is_told_with_its_day(case: str, random: Any) -> None:
    rows, expected = CASES[case]
    shuffled = list(rows)
    random.shuffle(shuffled)
    found = said_before(table(shuffled))
    told = found.select("fate", "was_viral_load_iu_per_ml").rows()
    assert told == ([] if expected is None else [expected])
    if expected is not None:
        assert found["patient_id"].to_list() == ["SYNTHETIC-1"]
        assert found["replaced_at"].to_list() == [rows[-1]["reported_at"]]


def test_without_a_report_time_a_correction_came_when_it_was_received() -> None:
    late = version(5, "corrected", 300.0, reported_at=None)
    found = said_before(table([FINAL | {"reported_at": None}, late]))
    assert found["replaced_at"].to_list() == [late["received_at"]]


def became(rows: list[dict[str, Any]], *, since: datetime | None = None) -> str | None:
    versions = table(rows)
    rested = pl.DataFrame(
        [("alert", "SYNTHETIC-1", "A", since or FINAL["received_at"])],
        schema={"name": pl.String, "patient_id": pl.String, "result_id": pl.String, "since": pl.Datetime("us", "UTC")},
        orient="row",
    )
    found = what_became_of(rested, versions=versions, in_use=current_results(versions))
    return None if found.is_empty() else str(found["cause"][0])


@pytest.mark.parametrize(
    ("rows", "cause"),
    [
        ([FINAL], None),
        ([FINAL, version(1, "corrected")], None),
        ([FINAL, version(1, "withdrawn", None)], "facts_withdrawn"),
        ([FINAL, version(1, "corrected", patient_id="SYNTHETIC-2")], "facts_moved"),
        ([FINAL, version(1, "corrected", compartment="bal")], "facts_moved"),
        ([FINAL, version(1, "corrected", 300.0)], "facts_corrected"),
        ([FINAL, version(1, "corrected", collected_at=moment(0.5))], "facts_corrected"),
        ([FINAL, version(1, "final", 5.0), version(1, "final", 6.0)], "facts_in_doubt"),
        ([FINAL, version(1, "final", patient_id="SYNTHETIC-2")], "facts_in_doubt"),
        ([FINAL | {"result_id": "B"}], None),
    ],
)
def test_what_became_of_a_result_under_an_alert(rows: list[dict[str, Any]], cause: str | None) -> None:
    assert became(rows) == cause


def test_what_had_befallen_a_result_before_the_words_were_said_is_no_change() -> None:
    corrected = [FINAL, version(1, "corrected", 300.0)]
    assert became(corrected, since=version(1, "final")["received_at"]) is None
    doubtful = [FINAL, FINAL | {"viral_load_iu_per_ml": 5000.0}]
    assert became(doubtful) is None
