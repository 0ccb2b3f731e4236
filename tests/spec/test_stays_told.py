"""Stays out of movements: a case for each trigger, every order of arrival, and a plain second way to count heads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cmvmon.data_contracts.gate import live_gate
from cmvmon.domain.patient_movements import CANCELS, MOVES, PATIENT_MOVEMENTS
from cmvmon.domain.rows import ICU_STAYS
from cmvmon.domain.stays_told import stays_told, stays_unclear

DAY = datetime(2026, 3, 1, 12, tzinfo=UTC)
Said = tuple[str, float, float | None, str | None]
"""What is stated: movement, recorded at hour, moved at hour, unit."""


def at(hours: float | None) -> datetime | None:
    return None if hours is None else DAY + timedelta(hours=hours)


def told(said: Sequence[Said], *, visit: str = "V1", patient: str = "SYNTHETIC-1") -> pl.DataFrame:
    rows: list[dict[str, Any]] = [
        {
            "patient_id": patient,
            "visit_number": visit,
            "movement": movement,
            "stated_at": at(recorded),
            "moved_at": at(moved),
            "unit": unit,
            "ward": unit and f"WARD-{unit}",
            "bed": None if moved is None else f"B{moved:g}",
            "received_at": at(50),
        }
        for movement, recorded, moved, unit in said
    ]
    return PATIENT_MOVEMENTS.conform(pl.DataFrame(rows, schema_overrides={"moved_at": pl.Datetime("us", "UTC")}))


def stays(said: Sequence[Said]) -> list[tuple[float, float | None, str]]:
    """Hours of admission and discharge, and the bed, of each stay."""
    found = stays_told(told(said))
    return [
        (
            (row["admitted_at"] - DAY) / timedelta(hours=1),
            None if row["discharged_at"] is None else (row["discharged_at"] - DAY) / timedelta(hours=1),
            row["bed"],
        )
        for row in found.to_dicts()
    ]


A01, A01_WARD = ("admission", 1.0, 1.0, "icu"), ("admission", 0.0, 0.0, "elsewhere")
IN, BED, OUT = ("transfer", 2.0, 2.0, "icu"), ("transfer", 3.0, 3.0, "icu"), ("transfer", 4.0, 4.0, "elsewhere")
BACK, LEFT = ("transfer", 5.0, 5.0, "icu"), ("discharge", 6.0, 6.0, None)
SECONDS = 5 / 3600
CASES: dict[str, tuple[tuple[Said, ...], list[tuple[float, float | None, str]]]] = {
    "A01 on the ICU": ((A01,), [(1, None, "B1")]),
    "A01 elsewhere": ((A01_WARD,), []),
    "A01 elsewhere, A02 to the ICU": ((A01_WARD, IN), [(2, None, "B2")]),
    "A02 to the ICU without an A01": ((IN,), [(2, None, "B2")]),
    "A02 to another bed of the ICU": ((A01, BED), [(1, None, "B3")]),
    "A02 off the ICU": ((A01, OUT), [(1, 4, "B1")]),
    "A02 off the ICU, of whom nothing is known": ((OUT,), []),
    "A02 off and back": ((A01, OUT, BACK), [(1, 4, "B1"), (5, None, "B5")]),
    "A03": ((A01, LEFT), [(1, 6, "B1")]),
    "A03 of whom nothing is known": ((LEFT,), []),
    "A02 off, A03": ((A01, OUT, LEFT), [(1, 4, "B1")]),
    "A11": ((A01, ("cancelled_admission", 1.5, None, None)), []),
    "A11 of an admission elsewhere": ((A01_WARD, ("cancelled_admission", 0.5, 0.0, None)), []),
    "A11, then A01 anew": ((A01, ("cancelled_admission", 1.5, 1.0, None), ("admission", 3.0, 2.5, "icu")), [(2.5, None, "B2.5")]),
    "A11 takes the moves before it back": ((A01_WARD, IN, ("cancelled_admission", 2.5, None, None)), []),
    "A12 of the way in": ((A01_WARD, IN, ("cancelled_transfer", 2.5, 2.0, None)), []),
    "A12 of the way out": ((A01, OUT, ("cancelled_transfer", 4.5, 4.0, None)), [(1, None, "B1")]),
    "A12 that names no moment takes the last": ((A01, BED, OUT, ("cancelled_transfer", 4.5, None, None)), [(1, None, "B3")]),
    "A12 that gives its own moment takes the last": ((A01, BED, OUT, ("cancelled_transfer", 4.5, 4.5, None)), [(1, None, "B3")]),
    "A12 names the one before the last": ((A01, BED, OUT, ("cancelled_transfer", 4.5, 3.0, None)), [(1, 4, "B1")]),
    "A12 of a move that has not come": ((A01, OUT, ("cancelled_transfer", 4.5, 3.5, None)), [(1, 4, "B1")]),
    "A12 twice takes two": ((A01, BED, OUT, ("cancelled_transfer", 4.5, None, None), ("cancelled_transfer", 4.6, None, None)), [(1, None, "B1")]),
    "A13": ((A01, LEFT, ("cancelled_discharge", 6.5, 6.0, None)), [(1, None, "B1")]),
    "A13 without a moment": ((A01, LEFT, ("cancelled_discharge", 6.5, None, None)), [(1, None, "B1")]),
    "A13, then A03 anew": ((A01, LEFT, ("cancelled_discharge", 6.5, None, None), ("discharge", 8.0, 7.0, None)), [(1, 7, "B1")]),
    "A13 recorded before the A03": ((A01, ("cancelled_discharge", 5.5, None, None), LEFT), [(1, 6, "B1")]),
    "a move that is recorded late": ((A01, LEFT, ("transfer", 7.0, 3.0, "icu")), [(1, 6, "B3")]),
    "the same move recorded twice, taken back once": ((A01, OUT, ("transfer", 4.2, 4.0, "elsewhere"), ("cancelled_transfer", 4.5, 4.0, None)), [(1, None, "B1")]),
    "A13 with the moment of the click": ((A01, LEFT, ("cancelled_discharge", 8.0, 8.0 - SECONDS, None)), [(1, None, "B1")]),
    "A13 with a moment long after the A03": ((A01, LEFT, ("cancelled_discharge", 8.0, 7.0, None)), [(1, None, "B1")]),
    "A13 of another moment than the only A03": ((A01, LEFT, ("cancelled_discharge", 8.0, 6.0 - SECONDS, None)), [(1, None, "B1")]),
    "A12 with the moment of the click": ((A01, OUT, ("cancelled_transfer", 4.5, 4.5 - SECONDS, None)), [(1, None, "B1")]),
    "A12 of the way in with the moment of the click": ((A01_WARD, IN, ("cancelled_transfer", 2.5, 2.5 - SECONDS, None)), []),
    "A11, and A01 anew recorded with it": ((A01, ("cancelled_admission", 1.5, None, None), ("admission", 1.5, 1.5, "icu")), [(1.5, None, "B1.5")]),
    "A11, and A01 anew of the same moment recorded with it": ((A01, ("cancelled_admission", 1.5, 1.0, None), ("admission", 1.5, 1.0, "icu")), [(1, None, "B1")]),
    "A11 recorded with the only A01": ((A01, ("cancelled_admission", 1.0, None, None)), [(1, None, "B1")]),
    "A11 recorded with a move": ((A01_WARD, IN, ("cancelled_admission", 2.0, None, None)), []),
    "A12, and the way in anew recorded with it": ((A01_WARD, IN, ("cancelled_transfer", 2.5, None, None), ("transfer", 2.5, 2.5, "icu")), [(2.5, None, "B2.5")]),
    "A13, and A03 anew recorded with it": ((A01, LEFT, ("cancelled_discharge", 8.0, None, None), ("discharge", 8.0, 7.0, None)), [(1, 7, "B1")]),
    "A13 recorded with the only A03": ((A01, LEFT, ("cancelled_discharge", 6.0, 6.0, None)), [(1, None, "B1")]),
    "a place that can't be told changes nothing": ((A01, ("transfer", 2.0, 2.0, None)), [(1, None, "B1")]),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_movements_come_to_these_stays_in_every_order_of_arrival(case: str) -> None:
    said, expected = CASES[case]
    for order in permutations(said):
        assert stays(order) == expected


UNCLEAR = {
    "A12 of a move that has not come",
    "A13 recorded before the A03",
    "A13 of another moment than the only A03",
    "A11 recorded with the only A01",
}


@pytest.mark.parametrize("case", CASES)
def test_where_it_can_not_be_told_what_was_taken_back_the_patient_is_named_in_every_order_of_arrival(case: str) -> None:
    said, _ = CASES[case]
    for order in permutations(said):
        found = stays_unclear(told(order))
        assert found["patient_id"].to_list() == ["SYNTHETIC-1"] * (case in UNCLEAR)


def test_what_takes_back_a_move_that_comes_later_is_clear_once_it_came() -> None:
    cancel: Said = ("cancelled_discharge", 6.5, 6.0, None)
    assert stays_unclear(told([A01, cancel]))["received_at"].to_list() == [at(50)]
    assert stays_unclear(told([A01, LEFT, cancel])).is_empty()


def test_every_movement_and_everything_that_takes_one_back_has_a_case() -> None:
    assert {movement for said, _ in CASES.values() for movement, *_ in said} == {*MOVES, *CANCELS}


_HOURS = st.integers(0, 12).map(float)
_UNIT = st.sampled_from(["icu", "elsewhere"])
_MOVE = st.one_of(
    st.tuples(st.sampled_from(["admission", "transfer"]), _HOURS, _HOURS, _UNIT),
    st.tuples(st.just("discharge"), _HOURS, _HOURS, st.none()),
)
_TAKES_BACK = st.tuples(st.sampled_from(sorted(CANCELS)), _HOURS, st.one_of(st.none(), _HOURS), st.none())


def _distinct(said: Sequence[Said]) -> list[Said]:
    """One statement of each key, and no two moves at one moment: which of them is the last can't be told."""
    by_key = {one[:3]: one for one in said}
    moments: dict[float | None, Said] = {}
    for one in by_key.values():
        if one[0] in MOVES:
            moments.setdefault(one[2], one)
    return [one for one in by_key.values() if one[0] in CANCELS or moments[one[2]] == one]


@given(st.lists(_MOVE, max_size=8).map(_distinct))
def test_an_hour_lies_in_a_stay_where_the_last_move_before_it_leads_to_the_icu(said: list[Said]) -> None:
    found = stays(said)
    for half in range(26):
        hour = half / 2 + 0.25
        before = [one for one in said if one[2] is not None and one[2] <= hour]
        last = max(before, key=lambda one: one[2] or 0.0, default=None)
        is_there = any(begin <= hour and (end is None or hour < end) for begin, end, _ in found)
        assert is_there == (last is not None and last[3] == "icu")


@given(st.lists(st.one_of(_MOVE, _TAKES_BACK), max_size=7).map(_distinct), st.randoms(use_true_random=False))
def test_the_order_of_arrival_changes_no_stay_and_every_stay_keeps_the_promises_of_the_table(
    said: list[Said], random: Any
) -> None:
    mixed = list(said)
    random.shuffle(mixed)
    one, other = stays_told(told(said)), stays_told(told(mixed))
    assert one.equals(other)
    assert live_gate("icu_stays", one, as_of=DAY + timedelta(days=9)).broken == ()
    assert one.schema == ICU_STAYS.schema


@given(st.lists(_MOVE, max_size=6).map(_distinct), st.sampled_from(["transfer", "discharge"]), _UNIT)
def test_a_move_that_is_taken_back_leaves_what_was_there_before_it(said: list[Said], movement: str, unit: str) -> None:
    move: Said = (movement, 20.0, 21.0, None if movement == "discharge" else unit)
    assert stays([*said, move, (f"cancelled_{movement}", 22.0, 21.0, None)]) == stays(said)


def test_two_visits_and_two_patients_of_one_visit_number_are_told_apart() -> None:
    parts = [told([A01]), told([A01, LEFT], visit="V2"), told([A01], patient="SYNTHETIC-2")]
    found = stays_told(pl.concat(parts))
    heads = sorted(zip(found["patient_id"], found["discharged_at"].is_null(), strict=True))
    assert heads == [("SYNTHETIC-1", False), ("SYNTHETIC-1", True), ("SYNTHETIC-2", True)]
    assert found["stay_id"].n_unique() == 3


def test_a_stay_is_known_since_the_last_statement_of_its_visit() -> None:
    later = told([LEFT]).with_columns(received_at=pl.lit(at(60)), delivery_id=pl.lit("b" * 64))
    found = stays_told(pl.concat([told([A01]), later], how="vertical_relaxed"))
    assert found.select("received_at", "delivery_id").row(0) == (at(60), "b" * 64)
