"""The line that a trough was below or above, and that no later one clearly left: of the same drug, dose and kidney state."""

from __future__ import annotations

import pytest

from cmvmon.facts.held_levels import HELD_LEVELS
from tests import patients
from tests.exposures import with_exposure
from tests.facts.reading import facts_of, in_days
from tests.measured import with_measured

HELD = ("held_low_mg_per_l", "held_low_sampled_at", "held_high_mg_per_l", "held_high_sampled_at")


def told(levels: str, *, doses: str = "ganciclovir 5 q12 d0-") -> tuple[float | None, ...]:
    """The lines, and the days of the samples, by a margin of a tenth."""
    known = patients.known("plasma d0 100000", courses="ganciclovir d0-", stays="d-3-")
    known = with_exposure(known, doses=doses, kidney="cg 80 d0-", born="1961-05-30")
    rows = in_days(facts_of(with_measured(known, levels=levels), day=9.5).of(HELD_LEVELS))
    if not rows:
        return ()
    (row,) = rows
    return tuple(None if row[name] is None else round(row[name], 2) for name in HELD)


@pytest.mark.parametrize(
    ("levels", "held"),
    [
        ("ganciclovir 1.9 d3.98", (1.9, 3.98, 1.9, 3.98)),
        (
            "ganciclovir 1.9 d3.98; ganciclovir 2.05 d5.98",
            (1.9, 3.98, 2.05, 5.98),
        ),  # within a tenth: the earlier low line holds
        ("ganciclovir 1.9 d3.98; ganciclovir 2.5 d5.98", (2.27, 3.98, 2.5, 5.98)),
        ("ganciclovir 4.2 d3.98; ganciclovir 3.95 d5.98", (3.95, 5.98, 4.2, 3.98)),
        ("ganciclovir 4.2 d3.98; ganciclovir 2.0 d5.98", (2.0, 5.98, 2.2, 3.98)),
        ("ganciclovir <0.5 d3.98", (0.5, 3.98, 0.0, 3.98)),
    ],
)
def test_the_lines_that_troughs_reached_and_did_not_clearly_leave(levels: str, held: tuple[float, ...]) -> None:
    assert told(levels) == held


def test_a_trough_on_another_dose_says_nothing_of_this_one() -> None:
    both = "ganciclovir 1.9 d3.98; ganciclovir 2.5 d7.98"
    assert told(both) == (2.27, 3.98, 2.5, 7.98)
    assert told(both, doses="ganciclovir 5 q12 d0-d4.1; ganciclovir 2.5 q12 d4.5-") == (2.5, 7.98, 2.5, 7.98)
