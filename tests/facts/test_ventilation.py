"""What the table of ventilation promises of oxygenation: a ratio can't be below 0, and can't fall by more than all of it."""

from __future__ import annotations

import polars as pl
import pytest

from cmvmon.domain.columns import split_by_promises
from cmvmon.facts.ventilation import VENTILATION
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
