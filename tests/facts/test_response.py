"""How a series has responded: the last week on the latest clock, and the results that it rests on."""

from __future__ import annotations

from typing import Any

from cmvmon.facts.response import RESPONSE
from tests.facts.reading import told


def weeks(results: str, courses: str = "ganciclovir d0-", day: float = 15.0) -> dict[tuple[str, str], dict[str, Any]]:
    rows = told(RESPONSE, results, courses=courses, day=day)
    return {(row["compartment"], row["laboratory"]): row for row in rows}


def numbers(row: dict[str, Any]) -> list[str]:
    return [name.removeprefix("lab:").removesuffix(":cmv_dna") for name in row["week_result_ids"]]


def test_a_week_rests_on_the_results_from_the_one_nearest_to_the_anchor_on_and_no_other() -> None:
    found = weeks("plasma d-20 500, d-1 90000, d0 100000, d7 30000, d14 9000")
    assert numbers(found["plasma", "lab"]) == ["plasma2", "plasma3", "plasma4"]


def test_each_series_of_a_patient_has_its_own_last_week_that_of_its_last_result() -> None:
    found = weeks(
        "plasma d-9 50, d0 100000, d7 30000; plasma@other d0 900, d6 700; bal d-30 5, d0 50000, d7 900, d14 800"
    )
    assert {place: (row["treatment_week"], numbers(row)) for place, row in found.items()} == {
        ("bal", "lab"): (3, ["bal1", "bal2", "bal3"]),
        ("plasma", "lab"): (2, ["plasma1", "plasma2"]),
        ("plasma", "other"): (1, ["plasma@other0", "plasma@other1"]),
    }


def test_the_week_is_that_of_the_latest_clock() -> None:
    found = weeks("plasma d0 100000, d7 30000, d20 20000, d27 9000", "ganciclovir d0-d18.9; foscarnet d19-", day=27.5)
    row = found["plasma", "lab"]
    assert (row["treatment_week"], numbers(row)) == (2, ["plasma2", "plasma3"])
