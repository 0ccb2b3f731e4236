"""Blood taken with the latest sample of the lower airways: which of several points is told, and how far it rose."""

from __future__ import annotations

import math
from typing import Any

import pytest

from cmvmon.facts.parallel_blood import PARALLEL_BLOOD
from tests.facts.reading import told

BAL = "bal d0 1000000, d4 1000, d10 20000"


def blood(results: str, bal: str = BAL) -> dict[str, Any] | None:
    rows = told(PARALLEL_BLOOD, f"{bal}; {results}", courses="ganciclovir d0-")
    assert len(rows) <= 1
    return {name.removeprefix("parallel_blood_"): value for name, value in rows[0].items()} if rows else None


def test_its_rise_counts_from_its_own_lowest_before_it() -> None:
    found = blood("plasma d0 5000, d4 100, d6 300, d9 1500")
    assert found is not None
    assert (found["compartment"], found["collected_at"]) == ("plasma", 9)
    assert found["result_id"] == "lab:plasma3:cmv_dna"
    assert found["rise_log10"] == round(math.log10(1500) - math.log10(100), 9)


def test_a_sample_above_range_before_it_leaves_the_lowest_as_it_was() -> None:
    found = blood("plasma d0 100, d4 >10000000, d9 1500")
    assert found is not None
    assert found["rise_log10"] == round(math.log10(1500) - math.log10(100), 9)


@pytest.mark.parametrize(
    ("results", "which"),
    [
        ("plasma d0 100, d8 1500", ("plasma", 8)),  # exactly 48 hours before it
        ("plasma d0 100, d12 1500", ("plasma", 12)),  # and after it
        ("plasma d0 100, d7.9 1500", None),
        ("plasma d0 100, d12.1 1500", None),
        ("plasma d9 1500", None),  # nothing before it
        ("plasma d0 100, d9 nd", None),  # no lower limit
        ("urine d0 100, d9 1500", None),
        # of several the one that rose most
        ("plasma d0 100, d9 1500, d10 900", ("plasma", 9)),
        ("plasma d0 100, d9 900, d10 1500", ("plasma", 10)),
        ("plasma d0 100, d9 900; serum d0 100, d9 1500", ("serum", 9)),
        # that rose as much: the nearest, then the earlier, then by name
        ("plasma d0 100, d8.5 1500, d9.5 1500", ("plasma", 9.5)),
        ("plasma d0 100, d9.5 1500, d11 1500", ("plasma", 9.5)),
        ("plasma d0 100, d9 1500, d11 1500", ("plasma", 9)),
        ("whole_blood d0 100, d9 1500; plasma d0 100, d9 1500", ("plasma", 9)),
        ("whole_blood d0 100, d9 1500; serum d0 100, d9 1500", ("serum", 9)),
    ],
)
def test_of_the_blood_within_48_hours_the_one_that_stands_highest(
    results: str, which: tuple[str, float] | None
) -> None:
    found = blood(results)
    assert (found and (found["compartment"], found["collected_at"])) == which


def test_only_the_lower_airways_have_parallel_blood() -> None:
    assert blood("plasma d0 100, d9 1500", bal="csf d0 1000000, d4 1000, d10 20000") is None
    assert blood("plasma d0 100, d9 1500", bal="tracheal_aspirate d0 1000000, d4 1000, d10 20000") is not None


def test_each_airway_has_its_own_and_the_lowest_of_one_blood_series_is_not_that_of_another() -> None:
    rows = told(
        PARALLEL_BLOOD,
        f"{BAL}; tracheal_aspirate d0 5000, d20 9000; plasma d0 40, d9 1500; serum d0 900, d19 1500",
        courses="ganciclovir d0-",
        day=21.0,
    )
    assert {
        row["compartment"]: (row["parallel_blood_compartment"], row["parallel_blood_rise_log10"]) for row in rows
    } == {
        "bal": ("plasma", round(math.log10(1500) - math.log10(40), 9)),
        "tracheal_aspirate": ("serum", round(math.log10(1500) - math.log10(900), 9)),
    }
