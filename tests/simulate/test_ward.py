"""The synthetic ward keeps every promise of its row types, is the same for the same seed, and is marked synthetic."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from cmvmon.domain.columns import Column, Kind, RowType, split_by_promises
from cmvmon.domain.constraints import Between, NotBefore
from cmvmon.domain.errors import CmvmonError
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.simulate import START, Ward, ward
from cmvmon.simulate.limits import moment_limits, number_limits

ROW_TYPES = (VIRAL_LOAD_RESULTS, ANTIVIRAL_COURSES, ICU_STAYS)
FRAMES = (*(row_type.name for row_type in ROW_TYPES), "truth")


@pytest.fixture(scope="module")
def large() -> Ward:
    return ward(3000, 56, seed=11)


@settings(max_examples=25, deadline=None)
@given(patients=st.integers(1, 25), days=st.integers(1, 120), seed=st.integers(0, 2**63))
def test_no_simulated_row_breaks_a_promise(patients: int, days: int, seed: int) -> None:
    simulated = ward(patients, days, seed)
    for row_type in ROW_TYPES:
        frame = getattr(simulated, row_type.name)
        assert dict(frame.schema) == row_type.schema
        _, broken = split_by_promises(frame, row_type)
        assert broken.is_empty(), broken["reason"].to_list()


def test_no_row_of_a_large_ward_breaks_a_promise(large: Ward) -> None:
    """Rare cases too: loads above the upper limit, corrections, switches of drug."""
    for row_type in ROW_TYPES:
        _, broken = split_by_promises(getattr(large, row_type.name), row_type)
        assert broken.is_empty(), broken["reason"].to_list()
    assert set(large.viral_load_results["detection"]) == {"not_detected", "below_lloq", "quantified", "above_uloq"}


def test_the_same_seed_gives_the_same_frames_and_another_seed_gives_others() -> None:
    first, again, other = ward(12, 40, 5), ward(12, 40, 5), ward(12, 40, 6)
    for name in FRAMES:
        assert_frame_equal(getattr(first, name), getattr(again, name))
        assert not getattr(first, name).equals(getattr(other, name))


def test_a_patient_is_the_same_whatever_the_number_of_patients() -> None:
    few, many = ward(9, 40, 5), ward(300, 40, 5)
    for name in FRAMES:
        frame = getattr(few, name)
        assert_frame_equal(frame, getattr(many, name).filter(pl.col("patient_id").is_in(frame["patient_id"].to_list())))


def test_a_later_start_moves_every_moment_and_nothing_else() -> None:
    moved = timedelta(days=366)
    early, late = ward(9, 40, 5), ward(9, 40, 5, start=START + moved)
    for name in FRAMES:
        shifted = getattr(early, name).with_columns(pl.col(pl.Datetime("us", "UTC")) + moved)
        assert_frame_equal(shifted, getattr(late, name))


def test_everything_is_marked_synthetic(large: Ward) -> None:
    for name in FRAMES:
        assert getattr(large, name)["patient_id"].str.contains(r"^SYNTHETIC-\d{4,}$").all()
    assert set(large.icu_stays["ward"]) == {"SYNTHETIC-ICU"}
    assert large.icu_stays["bed"].str.contains(r"^S-\d{2,}$").all()
    results = large.viral_load_results
    assert set(results["laboratory"]) == {"synthetic"}
    assert set(results["assay"]) == {"synthetic-pcr"}
    assert results["accession_number"].str.contains(r"^SYN\d{6,}$").all()
    assert (results["result_id"] == "synthetic:" + results["accession_number"] + ":cmv_dna").all()


def test_frames_are_sorted_and_their_keys_are_unique(large: Ward) -> None:
    results = large.viral_load_results
    assert_frame_equal(results, results.sort("patient_id", "compartment", "collected_at", "result_id", "reported_at"))
    assert not results.select("result_id", "result_status").is_duplicated().any()
    for row_type in (ANTIVIRAL_COURSES, ICU_STAYS):
        frame = getattr(large, row_type.name)
        assert not frame.select(row_type.key).is_duplicated().any()
    assert_frame_equal(large.truth, large.truth.sort("patient_id", "compartment"))
    assert large.truth.height == 2 * 3000


def test_every_patient_has_one_stay_with_ventilation_and_ganciclovir_from_the_anchor(large: Ward) -> None:
    assert large.icu_stays["stay_id"].n_unique() == large.icu_stays["patient_id"].n_unique() == 3000
    assert large.icu_stays["ventilation_started_at"].is_not_null().all()
    first = large.antiviral_courses.filter(drug="ganciclovir").select("patient_id", anchor_at="started_at")
    assert_frame_equal(first, large.truth.select("patient_id", "anchor_at").unique(maintain_order=True))
    assert set(large.antiviral_courses["drug"]) == {"ganciclovir", "foscarnet"}
    assert set(large.antiviral_courses["indication"]) == {"treatment"}


def test_nothing_is_known_before_it_happened_or_after_the_watch_ended(large: Ward) -> None:
    end = START + timedelta(days=56)
    for row_type in ROW_TYPES:
        for name, dtype in row_type.schema.items():
            if dtype == pl.Datetime("us", "UTC"):
                latest = getattr(large, row_type.name)[name].drop_nulls().max()
                assert latest is None or latest <= end, name
    assert large.icu_stays["discharged_at"].is_null().any()
    assert large.antiviral_courses["stopped_at"].is_null().any()


def test_both_compartments_are_sampled_before_and_after_the_anchor(large: Ward) -> None:
    anchors = large.truth.select("patient_id", "compartment", "anchor_at")
    sides = (
        large.viral_load_results.join(anchors, on=["patient_id", "compartment"])
        .group_by("compartment")
        .agg(before=(pl.col("collected_at") < pl.col("anchor_at")).sum(), rows=pl.len())
    )
    assert set(sides["compartment"]) == {"plasma", "bal"}
    assert (sides["before"] > 1000).all()
    assert (sides["rows"] > 2 * sides["before"]).all()


def test_a_corrected_result_has_its_first_report_and_a_later_correction_under_one_id(large: Ward) -> None:
    versions = large.viral_load_results.filter(pl.col("result_id").is_duplicated())
    pairs = versions.group_by("result_id", maintain_order=True).agg(
        "result_status", "reported_at", "viral_load_iu_per_ml"
    )
    assert 20 < pairs.height < 400
    for _, status, reported, load in pairs.iter_rows():
        assert status == ["final", "corrected"]
        assert reported[0] < reported[1]
        assert load[0] == pytest.approx(10 * load[1])


def test_loads_are_whole_and_within_the_limits_of_the_assay(large: Ward) -> None:
    results = large.viral_load_results
    assert (results["viral_load_iu_per_ml"].drop_nulls() % 1 == 0).all()
    limits = (
        results.select("compartment", "lod_iu_per_ml", "lloq_iu_per_ml", "uloq_iu_per_ml").unique().sort("compartment")
    )
    assert limits.rows() == [("bal", 100.0, 200.0, 1e8), ("plasma", 17.5, 35.0, 1e7)]


def test_limits_are_read_from_the_promises_of_a_row_type() -> None:
    narrow = RowType(
        "narrow",
        "A table with promises of its own.",
        ("load",),
        (
            Column("load", Kind.NUMBER, "", constraints=(Between("load", above=2.0, at_most=30.0),)),
            Column("free", Kind.NUMBER, ""),
            Column("at", Kind.MOMENT, "", constraints=(NotBefore("at", earliest=datetime(2020, 1, 1, tzinfo=UTC)),)),
        ),
    )
    assert number_limits(narrow, "load") == (2.0, 30.0)
    assert number_limits(narrow, "free") == (float("-inf"), float("inf"))
    assert moment_limits(narrow) == (datetime(2020, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC))
    with pytest.raises(ValueError, match="promises nothing about its moments"):
        moment_limits(RowType("timeless", "", (), ()))


@pytest.mark.parametrize(
    ("patients", "days", "seed", "start", "said"),
    [
        (0, 10, 1, START, "patients is 0; give 1 or more"),
        (1, 0, 1, START, "days is 0; give 1 to 3650"),
        (1, 4000, 1, START, "days is 4000"),
        (1, 10, -1, START, "seed is -1; give 0 or more"),
        (1, 10, 1, datetime(2024, 1, 1), "start has no time zone"),  # noqa: DTZ001
        (1, 10, 1, datetime(1990, 1, 2, tzinfo=UTC), "start is 1990-01-02; give 1990-02-10 to 2199-12-22"),
        (1, 10, 1, datetime(2199, 12, 31, tzinfo=UTC), "start is 2199-12-31"),
        (0, 0, 1, START, "patients is 0; give 1 or more; days is 0"),
    ],
)
def test_arguments_that_give_no_ward_are_refused_in_words(
    patients: int, days: int, seed: int, start: datetime, said: str
) -> None:
    with pytest.raises(CmvmonError, match=said):
        ward(patients, days, seed, start=start)
