"""Which version of a result counts, in small tables; and what a row type does with a frame."""

from __future__ import annotations

import itertools

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.domain import words
from cmvmon.domain.compartments import COMPARTMENTS, by_specimen_code
from cmvmon.domain.conflicts import are_several_samples
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.domain.versions import current_results, current_versions
from tests.sites import day

CALLED = "called final"
CASES: dict[str, tuple[list[tuple[float | None, str, float]], float | str | None]] = {
    # (reported on day, status, load) ...            -> load that is used; None = none; "clash" = neither
    "one final result": ([(1, "final", 10)], 10),
    "a preliminary one is not used": ([(1, "preliminary", 10)], None),
    "final after preliminary": ([(1, "preliminary", 10), (2, "final", 20)], 20),
    "corrected after final": ([(1, "final", 10), (2, "corrected", 20)], 20),
    "a final reported later than a correction wins": ([(1, "corrected", 20), (2, "final", 30)], 30),
    "at one report time a correction wins": ([(1, "final", 10), (1, "corrected", 20)], 20),
    "withdrawn": ([(1, "final", 10), (2, "withdrawn", 10)], None),
    "a correction of what was withdrawn is not used": (
        [(1, "final", 10), (2, "withdrawn", 10), (3, "corrected", 15)],
        None,
    ),
    "nor is a second one": ([(1, "withdrawn", 10), (2, "corrected", 15), (3, "corrected", 20)], None),
    "withdrawn after a correction": ([(1, "final", 10), (2, "corrected", 15), (3, "withdrawn", 10)], None),
    "issued anew after a withdrawal": ([(1, "final", 10), (2, "withdrawn", 10), (3, "final", 15)], 15),
    "issued anew, and then corrected": (
        [(1, "final", 10), (2, "withdrawn", 10), (3, "final", 15), (4, "corrected", 20)],
        20,
    ),
    "issued anew before a late correction": (
        [(1, "withdrawn", 10), (2, "final", 15), (3, "corrected", 20), (4, "withdrawn", 1), (5, "corrected", 2)],
        None,
    ),
    "an unknown report time comes first": ([(None, "corrected", 10), (1, "final", 20)], 20),
    "two values, same time and status": ([(1, "final", 10), (1, "final", 20)], "clash"),
    "the same value twice is no clash": ([(1, "final", 10), (1, "final", 10)], 10),
    "two corrections received together": ([(1, "corrected", 10), (1, "corrected", 20)], "clash"),
    # called final without a value (HL7 U): its own load (1) is another version's, and is not read
    "called final": ([(1, "preliminary", 10), (2, CALLED, 1)], 10),
    "called final at the report time of the preliminary one": ([(1, "preliminary", 10), (1, CALLED, 1)], 10),
    "the last of the preliminary ones before it": (
        [(1, "preliminary", 10), (2, "preliminary", 20), (3, CALLED, 1)],
        20,
    ),
    "and none after it": ([(1, "preliminary", 10), (2, CALLED, 1), (3, "preliminary", 20), (4, CALLED, 1)], 10),
    "called final before anything was": ([(1, CALLED, 1), (2, "preliminary", 10)], None),
    "called final alone": ([(1, CALLED, 1)], None),
    "called final twice": ([(1, "preliminary", 10), (2, CALLED, 1), (2, CALLED, 3), (3, CALLED, 1)], 10),
    "withdrawn before it was called final": ([(1, "preliminary", 10), (2, "withdrawn", 10), (3, CALLED, 1)], None),
    "final before it was called so": ([(1, "preliminary", 10), (2, "final", 20), (3, CALLED, 1)], 20),
    "called final, then final": ([(1, "preliminary", 10), (2, CALLED, 1), (3, "final", 20)], 20),
    "called final and final at one time": ([(1, "preliminary", 10), (2, CALLED, 1), (2, "final", 20)], 20),
    "called final after a correction": ([(1, "corrected", 30), (2, "preliminary", 10), (3, CALLED, 1)], 30),
    "two preliminary ones of one time, called final": (
        [(1, "preliminary", 10), (1, "preliminary", 20), (2, CALLED, 1)],
        "clash",
    ),
    "a preliminary one without a report time, called final": ([(None, "preliminary", 10), (2, CALLED, 1)], 10),
    "called final, then withdrawn and corrected": (
        [(1, "preliminary", 10), (2, CALLED, 1), (3, "withdrawn", 10), (4, "corrected", 15)],
        None,
    ),
    "a clash that a later correction settles": ([(1, "final", 10), (1, "final", 20), (2, "corrected", 30)], 30),
}


def versions(rows: list[tuple[float | None, str, float]]) -> pl.DataFrame:
    made = [
        {
            "result_id": "lab:1:cmv_dna",
            "patient_id": "SYNTHETIC-1",
            "compartment": "plasma",
            "laboratory": "lab",
            "assay": "assay",
            "collected_at": day(0),
            "reported_at": None if reported is None else day(reported),
            "result_status": words.PRELIMINARY if status == CALLED else status,
            "confirms": status == CALLED or None,
            "detection": "quantified",
            "viral_load_iu_per_ml": float(load),
        }
        for reported, status, load in rows
    ]
    return VIRAL_LOAD_RESULTS.conform(pl.DataFrame(made, infer_schema_length=None))


@pytest.mark.parametrize("name", CASES)
def test_the_version_that_counts(name: str) -> None:
    rows, used = CASES[name]
    for order in itertools.permutations(rows):
        found = current_results(versions(list(order))).select("viral_load_iu_per_ml", "is_conflicting").rows()
        if used is None:
            assert found == []
        elif used == "clash":
            assert [clash for _, clash in found] == [True]
        else:
            assert found == [(float(used), False)]


# (reported on day, received on day, status, load) ... -> load that is used; None = none; "clash" = neither
RECEIVED = {
    "second correction without report times": ([(None, 1, "final", 10), (None, 2, "corrected", 20), (None, 3, "corrected", 30)], 30),
    "corrected back to what it was": ([(None, 1, "final", 10), (None, 2, "corrected", 20), (None, 3, "corrected", 10)], 10),
    "second correction at one report time": ([(1, 1, "final", 10), (1, 2, "corrected", 20), (1, 3, "corrected", 30)], 30),
    "corrected after a withdrawal without report times": ([(None, 1, "final", 10), (None, 2, "withdrawn", 10), (None, 3, "corrected", 15)], None),
    "a withdrawal without report time of a result with one": ([(1, 2, "final", 10), (None, 3, "withdrawn", 10)], None),
    "a correction without report time of a result with one": ([(1, 2, "final", 10), (None, 3, "corrected", 20)], 20),
    "a correction that is reported after one without report time": ([(None, 2, "corrected", 20), (3, 4, "corrected", 30)], 30),
    "a late correction of an earlier report time": ([(2, 3, "corrected", 20), (1, 4, "corrected", 30)], 20),
    "a clash that a third correction settles": ([(None, 2, "corrected", 10), (None, 2, "corrected", 20), (None, 3, "corrected", 30)], 30),
    "two corrections received together without report times": ([(None, 2, "corrected", 10), (None, 2, "corrected", 20)], "clash"),
    "two results without report times are never ordered by receipt": ([(None, 1, "final", 10), (None, 2, "final", 20)], "clash"),
    "a result that comes after its withdrawal": ([(None, 1, "withdrawn", 10), (None, 2, "final", 10)], None),
}  # fmt: skip


@pytest.mark.parametrize("name", RECEIVED)
def test_the_version_that_counts_where_only_receipt_tells_the_order(name: str) -> None:
    rows, used = RECEIVED[name]
    for order in itertools.permutations(rows):
        frame = versions([(reported, status, load) for reported, _, status, load in order])
        frame = frame.with_columns(received_at=pl.Series([day(received) for _, received, _, _ in order]))
        found = current_results(frame).select("viral_load_iu_per_ml", "is_conflicting").rows()
        if used is None:
            assert found == []
        elif used == "clash":
            assert [clash for _, clash in found] == [True]
        else:
            assert found == [(float(used), False)]


def test_a_preliminary_version_never_displaces_a_settled_one() -> None:
    assert current_results(versions([(1, "final", 10), (2, "preliminary", 20)]))["viral_load_iu_per_ml"].to_list() == [
        10.0
    ]


@pytest.mark.parametrize("later", [1, 2])
def test_one_number_for_two_patients_is_a_conflict_in_the_series_of_both(later: int) -> None:
    """At one report time, or the second reported later as final: neither patient's series may be read without it."""
    rows = versions([(1, "final", 10), (later, "final", 20)])
    other = pl.Series(["SYNTHETIC-1", "SYNTHETIC-2"])
    found = current_results(rows.with_columns(patient_id=other)).sort("patient_id")
    assert found.select("patient_id", "is_conflicting").rows() == [("SYNTHETIC-1", True), ("SYNTHETIC-2", True)]


def test_a_correction_may_move_a_result_to_another_patient() -> None:
    rows = versions([(1, "final", 10), (2, "corrected", 10)]).with_columns(
        patient_id=pl.Series(["SYNTHETIC-1", "SYNTHETIC-2"])
    )
    assert current_results(rows).select("patient_id", "is_conflicting").rows() == [("SYNTHETIC-2", False)]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_of_versions_that_say_the_same_the_first_that_came_is_told_in_whatever_order_they_stand(
    order: tuple[int, ...],
) -> None:
    """What was delivered of it stands on the page, and must not change from one night to the next."""
    same = versions([(1, "final", 800)] * 3).with_columns(
        received_at=pl.Series([day(3), day(2), day(2)]),
        sent_at=pl.Series([day(1), day(1.5), day(1)]),
        delivered_value=pl.Series(["800", "8,0E2", "800,0"]),
    )
    (current,) = current_versions(same[list(order)]).to_dicts()
    assert (current["delivered_value"], current["is_conflicting"]) == ("800,0", False)


def test_every_current_version_is_told_whatever_its_status() -> None:
    assert current_versions(versions([(1, "final", 10), (2, "withdrawn", 10)]))["result_status"].to_list() == [
        "withdrawn"
    ]


def test_a_row_type_gives_its_columns_in_order_and_fills_what_is_absent_with_null() -> None:
    frame = VIRAL_LOAD_RESULTS.conform(pl.DataFrame({"assay": ["a"], "other": [1], "result_id": ["r"]}))
    assert dict(frame.schema) == VIRAL_LOAD_RESULTS.schema
    assert frame.row(0, named=True)["assay"] == "a"
    assert frame["patient_id"].to_list() == [None]
    assert VIRAL_LOAD_RESULTS.column("assay").name == "assay"
    with pytest.raises(KeyError, match="has no column 'nothing'"):
        VIRAL_LOAD_RESULTS.column("nothing")


def test_each_specimen_code_stands_under_one_compartment() -> None:
    codes = [code for compartment in COMPARTMENTS for code in compartment.snomed]
    assert len(codes) == len(set(codes)) == len(by_specimen_code())
    assert by_specimen_code()["258607008"] == "bal"
    assert all(compartment.description for compartment in COMPARTMENTS)


_VERSIONS = st.lists(
    st.tuples(
        st.sampled_from([None, 1, 2]),  # reported on day
        st.sampled_from([3, 4]),  # received on day
        st.sampled_from(["preliminary", "final", "corrected", "withdrawn"]),
        st.sampled_from([("SYNTHETIC-1", "plasma", 0), ("SYNTHETIC-2", "plasma", 0), ("SYNTHETIC-1", "bal", 0.5)]),
    ),
    min_size=1,
    max_size=5,
)


@given(_VERSIONS)
def test_the_intake_calls_several_samples_what_the_assessment_does_not_use(
    told: list[tuple[int | None, int, str, tuple[str, str, float]]],
) -> None:
    """The rule stands twice, over single records and over columns: of one load, so that only the sample can differ."""
    rows = [
        {"patient_id": patient, "compartment": place, "collected_at": day(at), "received_at": day(received)}
        | {"reported_at": None if reported is None else day(reported), "result_status": status}
        for reported, received, status, (patient, place, at) in told
    ]
    made = [
        row | {"result_id": "lab:1:cmv_dna", "laboratory": "lab", "assay": "assay", "detection": "quantified"}
        for row in rows
    ]
    frame = VIRAL_LOAD_RESULTS.conform(
        pl.DataFrame(made, infer_schema_length=None).with_columns(viral_load_iu_per_ml=1e3)
    )
    is_used = not current_versions(frame)["is_conflicting"].any()
    if are_several_samples(rows):
        assert not is_used
    elif {row["result_status"] for row in rows} - {words.PRELIMINARY} == {words.FINAL}:
        assert (
            is_used
        )  # preliminary ones alone, or two corrections received together, can contradict each other besides
