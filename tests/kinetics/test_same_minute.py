"""Results of one minute under two numbers: equal ones count once, impossible pairs are not used, likely pairs are left alone."""

from __future__ import annotations

import math

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.assess import assess
from cmvmon.domain.known import Known
from cmvmon.domain.rows import VIRAL_LOAD_RESULTS
from cmvmon.kinetics.noise.same_minute import count_twins_once, impossible_pairs, mark_pairs
from cmvmon.shell.folder.protocol_files import Protocol
from tests.sites import day

PROTOCOL = Protocol.shipped()


def results(*told: tuple[str, str], compartment: str = "plasma", seconds: int = 0, assay: str = "a") -> pl.DataFrame:
    """One row for each (id, value): a load, `<limit`, `>limit` or `nd`, all of one patient and minute; `day 7:` moves one."""
    rows = []
    for at, (result_id, text) in enumerate(told):
        detection = {"<": "below_lloq", ">": "above_uloq", "n": "not_detected"}.get(text[0], "quantified")
        rows.append(
            {
                "result_id": result_id, "patient_id": "SYNTHETIC-1", "compartment": compartment, "laboratory": "lab",
                "assay": assay, "collected_at": day(seconds * at / 86400), "result_status": "final", "detection": detection,
                "viral_load_iu_per_ml": float(text) if detection == "quantified" else None, "lod_iu_per_ml": 17.5,
                "lloq_iu_per_ml": float(text[1:]) if text[0] == "<" else 35.0,
                "uloq_iu_per_ml": float(text[1:]) if text[0] == ">" else 1e7,
            }
        )  # fmt: skip
    frame = VIRAL_LOAD_RESULTS.conform(pl.DataFrame(rows, infer_schema_length=None))
    return frame.with_columns(is_conflicting=pl.lit(False), sigma_log10=pl.lit(None, pl.Float64))


def ready(frame: pl.DataFrame) -> dict[str, bool]:
    """The results that stay, and whether each is in conflict."""
    marked = mark_pairs(frame, impossible_pairs(frame, protocol=PROTOCOL))
    return dict(count_twins_once(marked).select("result_id", "is_conflicting").rows())  # type: ignore[arg-type]


LEFT_ALONE = {
    "a little apart": ("50000", "20000"),
    "a load just above the limit of the other": ("60", "<35"),
    "not detected beside below the limit": ("nd", "<35"),
    "above range beside a load near its end": (">1e7", "9000000"),
}
IMPOSSIBLE = {
    "a load beside below the limit": ("50000", "<35"),
    "a load beside not detected": ("50000", "nd"),
    "ten times apart": ("50000", "5000"),
    "above range beside a low load": (">1e7", "5000"),
    "above range beside below the limit": (">1e7", "<35"),
}


@pytest.mark.parametrize("name", LEFT_ALONE)
def test_a_pair_that_noise_explains_is_two_measurements(name: str) -> None:
    first, second = LEFT_ALONE[name]
    assert ready(results(("A", first), ("B", second))) == {"A": False, "B": False}


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_a_pair_that_can_not_be_true_is_not_used_in_either_order(name: str) -> None:
    first, second = IMPOSSIBLE[name]
    assert ready(results(("A", first), ("B", second))) == {"A": True, "B": True}
    assert ready(results(("A", second), ("B", first))) == {"A": True, "B": True}


@pytest.mark.parametrize("text", ["1200", "<35", "nd", ">1e7"])
def test_equal_twins_count_once(text: str) -> None:
    assert ready(results(("B", text), ("A", text))) == {"A": False}
    assert ready(results(("A", text), ("B", text), ("C", text), seconds=10)) == {"A": False}


def test_a_third_result_shares_the_doubt_and_no_twin_of_it_is_taken_away() -> None:
    assert ready(results(("A", "50000"), ("B", "50000"), ("C", "<35"))) == {"A": True, "B": True, "C": True}


def test_two_lobes_of_a_lung_may_differ_and_another_assay_or_minute_is_another_sample() -> None:
    assert ready(results(("A", "50000"), ("B", "<200"), compartment="bal")) == {"A": False, "B": False}
    assert ready(results(("A", "50000"), ("B", "<35"), seconds=60)) == {"A": False, "B": False}
    apart = pl.concat([results(("A", "50000")), results(("B", "<35"), assay="b")])
    assert ready(apart) == {"A": False, "B": False}


def test_a_limit_that_is_not_known_shows_nothing() -> None:
    frame = results(("A", "50000"), ("B", "nd")).with_columns(
        lod_iu_per_ml=pl.lit(None, pl.Float64), lloq_iu_per_ml=pl.lit(None, pl.Float64)
    )
    assert ready(frame) == {"A": False, "B": False}


def test_the_bound_is_that_of_the_protocol_and_the_noise_that_of_the_laboratory() -> None:
    apart = 4 * math.sqrt(2) * 0.13
    for factor, is_impossible in ((0.999, False), (1.001, True)):
        frame = results(("A", "1000"), ("B", str(1000 * 10 ** (apart * factor))))
        assert set(ready(frame).values()) == {is_impossible}
        assert set(ready(frame.with_columns(sigma_log10=pl.lit(0.3))).values()) == {False}


@given(
    loads=st.lists(st.sampled_from(["50000", "20000", "1200", "<35", "nd"]), min_size=1, max_size=4),
    seed=st.integers(0, 99),
)
def test_row_order_changes_nothing(loads: list[str], seed: int) -> None:
    frame = results(*((f"R{n}", text) for n, text in enumerate(loads)))
    assert ready(frame.sample(fraction=1.0, shuffle=True, seed=seed)) == ready(frame)


def test_an_assessment_shows_a_pair_as_conflicting_and_a_twin_beside_its_equal() -> None:
    pair, twins = results(("A", "50000"), ("B", "<35")), results(("C", "700"), ("D", "700"))
    frame = pl.concat([pair, twins.with_columns(pl.col("collected_at") + pl.duration(days=7))])
    known = Known.of({VIRAL_LOAD_RESULTS: VIRAL_LOAD_RESULTS.conform(frame)})
    found = assess(known, protocol=PROTOCOL, as_of=day(8))
    assert dict(found.shown.select("result_id", "is_conflicting").rows()) == {
        "A": True,
        "B": True,
        "C": False,
        "D": False,
    }
    assert found.results["result_id"].to_list() == ["A", "B", "C"]
