"""How long a creatinine counts for the lines of cidofovir."""

from __future__ import annotations

import pytest

from cmvmon.facts.drug_lines import DRUG_LINES
from tests import patients
from tests.exposures import with_exposure
from tests.facts.reading import facts_of

HOUR, MINUTE = 1 / 24, 1 / 24 / 60


@pytest.mark.parametrize(
    ("says", "day", "umol_per_l"),
    [
        ("three days old but for a minute", 6 + HOUR - MINUTE, 200.0),
        ("exactly three days old", 6 + HOUR, None),
        ("a minute older", 6 + HOUR + MINUTE, None),
        ("taken this very minute", 3 + HOUR, 200.0),
    ],
)
def test_a_creatinine_counts_until_it_is_three_days_old(says: str, day: float, umol_per_l: float | None) -> None:
    """One value, taken an hour into day 3; the protocol lets a value of kidney function hold for three days."""
    rows = patients.known("plasma d0 100000", courses="cidofovir d0-")
    (row,) = facts_of(with_exposure(rows, kidney="umol 200 d3"), day=day).of(DRUG_LINES).to_dicts()
    assert row["creatinine_umol_per_l"] == umol_per_l, says
    assert (row["creatinine_at"] is None) == (umol_per_l is None), says
