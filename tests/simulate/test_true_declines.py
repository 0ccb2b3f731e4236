"""What judges compute their truth from: declines to any day, until the LLOQ, and when a rise begins."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest

from cmvmon.domain.errors import CmvmonError
from cmvmon.simulate import Ward, true_declines, ward
from cmvmon.simulate.curves import PIECES, Curves

INF = math.inf


def lines(rows: list[tuple[float, list[tuple[float, float]]]]) -> Curves:
    """Curves of (load at the anchor, [(start, decline) of ANSWER, LATE and CHANGED])."""
    starts = np.zeros((len(rows), PIECES))
    declines = np.zeros((len(rows), PIECES))
    for i, (_, pieces) in enumerate(rows):
        (_, answer), (late_from, late), (changed_from, changed) = pieces
        changed_from = max(changed_from, 0.0)
        late_from = min(late_from, changed_from)
        starts[i] = [0.0, 0.0, late_from, late_from, late_from, changed_from, changed_from]
        declines[i] = [answer, answer, late, answer, late, answer, changed]
    at_anchor = np.array([load for load, _ in rows])
    return Curves(np.zeros(len(rows), dtype=np.int64), at_anchor, np.zeros(len(rows)), starts, declines)


def small_ward(curves: Curves) -> Ward:
    n = curves.at_anchor_log10.size
    truth = pl.DataFrame(
        {
            "patient_id": [f"SYNTHETIC-{i + 1:04d}" for i in range(n)],
            "anchor_at": [datetime(2024, 1, 1, tzinfo=UTC)] * n,
        }
    )
    return Ward(truth, truth, truth, truth, {"plasma": curves, "bal": curves})


#                 load   answer       late          change of drug
CASES = {
    "straight": (4.0, [(0, 1.0), (INF, 0.0), (INF, 1.0)]),
    "rebound": (4.0, [(0, 1.0), (14.0, -0.5), (INF, 1.0)]),
    "stopped": (4.0, [(0, 1.0), (INF, -0.5), (10.0, -1.0)]),
    "rises all along": (4.0, [(0, -0.3), (INF, 0.0), (INF, -0.3)]),
    "below LLOQ": (1.0, [(0, 1.0), (INF, 0.0), (INF, 1.0)]),
}


@pytest.fixture(scope="module")
def plasma() -> dict[tuple[str, float], dict[str, object]]:
    table = true_declines(small_ward(lines(list(CASES.values()))), [3, 7, 14, 21]).filter(compartment="plasma")
    names = dict(zip(table["patient_id"].unique(maintain_order=True), CASES, strict=True))
    return {(names[row["patient_id"]], row["day"]): row for row in table.to_dicts()}


LLOQ = math.log10(35)


@pytest.mark.parametrize(
    ("name", "day", "mean", "week", "until"),
    [
        ("straight", 3, 1.0, None, 1.0),
        ("straight", 7, 1.0, 1.0, 1.0),
        ("straight", 21, 1.0, 1.0, 1.0),
        ("rebound", 14, 1.0, 1.0, 1.0),
        ("rebound", 21, 0.5, -0.5, 0.5),
        ("stopped", 14, (10 - 4) / 14, 3 / 7 - 4 / 7, (10 - 4) / 14),
        ("rises all along", 21, -0.3, -0.3, -0.3),
        ("below LLOQ", 14, 1.0, 1.0, None),
    ],
)
def test_declines_by_hand(plasma, name: str, day: float, mean: float, week: float | None, until: float | None) -> None:  # type: ignore[no-untyped-def]
    row = plasma[name, day]
    assert row["true_mean_decline"] == pytest.approx(mean)
    assert row["true_week_decline"] == (None if week is None else pytest.approx(week))
    assert row["true_mean_decline_until_lloq"] == (None if until is None else pytest.approx(until))


def test_a_load_that_falls_slower_below_the_lloq_keeps_its_decline_until_there() -> None:
    """From 2.544 log10 at one per week the LLOQ is reached on day 7; the drug stops on day 9."""
    table = true_declines(small_ward(lines([(LLOQ + 1.0, [(0, 1.0), (INF, 0.0), (9.0, -2.0)])])), [14])
    row = table.filter(compartment="plasma").to_dicts()[0]
    assert row["true_mean_decline"] == pytest.approx((9 / 7 - 10 / 7) / 2)
    assert row["true_mean_decline_until_lloq"] == pytest.approx(1.0)


def test_a_rise_after_a_fall_has_its_day_and_a_rise_all_along_has_none(plasma) -> None:  # type: ignore[no-untyped-def]
    days = {name: plasma[name, 21]["rising_from_days"] for name in CASES}
    assert days == {"straight": None, "rebound": 14.0, "stopped": 10.0, "rises all along": None, "below LLOQ": None}
    assert [plasma["stopped", day]["is_rising_after_fall"] for day in (3, 7, 14, 21)] == [False, False, True, True]


@pytest.mark.parametrize("scenario", ["ward", "everything"])
def test_truths_agree_with_the_table_of_truth_and_with_the_loads(scenario: str) -> None:
    made = ward(300, 40, 5, scenario)
    table = true_declines(made, [7, 14, 21])
    assert table.height == 300 * 2 * 3
    assert table.rows() == table.sort("patient_id", "compartment", "day").rows()
    for day in (7, 14, 21):
        ours = table.filter(day=day)
        assert ours["class"].to_list() == made.truth["class"].to_list()
        assert ours["true_mean_decline"].to_list() == made.truth[f"mean_decline_day_{day}_log10_per_week"].to_list()
        loads = made.true_log10_load("bal", np.full(300, float(day)))
        assert ours.filter(compartment="bal")["true_load_log10"].to_list() == loads.tolist()
    rebounds = table.filter(pl.col("class") == "rebound", pl.col("rising_from_days").is_not_null())
    assert rebounds.height > 0


def test_the_order_of_patients_is_that_of_the_ward_beyond_four_digits() -> None:
    made = ward(10_001, 1, 5)
    table = true_declines(made, [14]).filter(compartment="plasma")
    assert table["patient_id"].to_list() == made.truth.filter(compartment="plasma")["patient_id"].to_list()
    assert table["true_load_log10"].to_list() == made.true_log10_load("plasma", np.full(10_001, 14.0)).tolist()


@pytest.mark.parametrize("days", [[], [0], [7, -1]])
def test_days_that_have_no_decline_are_refused(days: list[float]) -> None:
    with pytest.raises(CmvmonError, match="each above 0"):
        true_declines(ward(2, 10, 1), days)
