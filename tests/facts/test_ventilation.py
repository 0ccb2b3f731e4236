"""What the table of ventilation promises of oxygenation: a ratio can't be below 0, and can't fall by more than all of it."""

from __future__ import annotations

import polars as pl
import pytest

from cmvmon.domain.columns import split_by_promises
from cmvmon.facts.ventilation import VENTILATION
from tests import patients, sampling
from tests.facts.reading import facts_of
from tests.patients import PATIENT


@pytest.mark.parametrize(
    ("column", "value", "is_kept"),
    [
        ("pao2_fio2_change_percent", -100.0, True),
        ("pao2_fio2_change_percent", -100.1, False),
        ("early_pao2_fio2_mmhg", 0.0, True),
        ("early_pao2_fio2_mmhg", -0.1, False),
        ("late_pao2_fio2_mmhg", 0.0, True),
        ("late_pao2_fio2_mmhg", -0.1, False),
    ],
)
def test_a_ratio_falls_to_nothing_at_most(column: str, value: float, is_kept: bool) -> None:
    row = VENTILATION.conform(pl.DataFrame({"patient_id": [PATIENT], column: [value]}))
    kept, broken = split_by_promises(row, VENTILATION)
    assert (kept.height, broken["column"].to_list()) == ((1, []) if is_kept else (0, [column]))


@pytest.mark.parametrize(
    ("ratios", "early", "late", "change"),
    [
        ("d-2 100; d3 150", 100.0, 150.0, 50.0),
        ("d-2 100; d-1 300; d2 150; d3 50", 200.0, 100.0, -50.0),  # medians
        ("d-2 13.33224 kPa; d3 150", 100.0, 150.0, 50.0),  # 1 mmHg = 0.133322 kPa
        ("d-2 100", 100.0, None, None),
    ],
)
def test_oxygenation_is_told_in_mmhg_whichever_unit_it_came_in(
    ratios: str, early: float, late: float | None, change: float | None
) -> None:
    known = sampling.with_samples(patients.known("plasma d0 900", courses="-", stays="d-3- ~d-3-"), pf=ratios)
    (row,) = facts_of(known, day=12).of(VENTILATION).to_dicts()
    assert row["early_pao2_fio2_mmhg"] == pytest.approx(early, abs=1e-3)
    found = (row["late_pao2_fio2_mmhg"], row["pao2_fio2_change_percent"])
    assert found == ((None, None) if late is None else (pytest.approx(late), pytest.approx(change, abs=0.01)))
