"""Which drugs a list of patients says to run, since when, and which it says to have stopped only now."""

from __future__ import annotations

from typing import Any

import pytest

from cmvmon.facts.running_drugs import running_drugs, unlisted_drugs
from tests.facts.reading import facts, in_days


def told(courses: str, *, day: float = 20.0) -> list[tuple[Any, ...]]:
    """Drug, whether as prophylaxis, since which day, and the day of its stop (null: it runs)."""
    rows = in_days(facts("plasma d0 500", courses=courses, stays="d-3-", day=day).shared(running_drugs))
    return [(row["drug"], row["is_prophylaxis"], row["since"], row["stopped_at"]) for row in rows]


@pytest.mark.parametrize(
    ("courses", "said"),
    [
        ("ganciclovir d3-", [("ganciclovir", False, 3, None)]),
        ("ganciclovir d3-d19", [("ganciclovir", False, 3, 19)]),
        ("ganciclovir d3-d19; ganciclovir d19-", [("ganciclovir", False, 3, None)]),
        ("ganciclovir d3-d30", [("ganciclovir", False, 3, None)]),
        ("ganciclovir d3-d17", [("ganciclovir", False, 3, 17)]),
        ("ganciclovir d3-d16.9", []),
        ("ganciclovir d3-d18; ganciclovir d4-d19", [("ganciclovir", False, 3, 19)]),
        ("ganciclovir d3-d18; foscarnet d18-", [("foscarnet", False, 18, None), ("ganciclovir", False, 3, 18)]),
        (
            "letermovir(prophylaxis) d1-; ganciclovir d3-",
            [("ganciclovir", False, 3, None), ("letermovir", True, 1, None)],
        ),
    ],
)
def test_a_drug_runs_until_its_last_stop_and_is_told_for_72_hours_after_it(
    courses: str, said: list[tuple[Any, ...]]
) -> None:
    assert told(courses) == said


@pytest.mark.parametrize(("again", "since"), [(10, 0), (10.05, 10.05)])
def test_a_pause_of_seven_days_begins_nothing_and_an_hour_more_does(again: float, since: float) -> None:
    ((_, _, began, stopped),) = told(f"ganciclovir d0-d3; ganciclovir d{again}-")
    assert (began, stopped) == (pytest.approx(since, abs=1e-6), None)


@pytest.mark.parametrize(
    ("courses", "said"),
    [
        ("ganciclovir d3-; letermovir(prophylaxis) d1-", []),
        ("valaciclovir(other) d3-", []),
        ("brandname d3-", [("brandname", "treatment")]),
        ("brandname(?) d3-; brandname d4-; ganciclovir d3-", [("brandname", None), ("brandname", "treatment")]),
        ("brandname(prophylaxis) d3-d9; brandname(prophylaxis) d9-", [("brandname", "prophylaxis")]),
        ("brandname d3-d30", [("brandname", "treatment")]),
        ("brandname d3-d19", []),
        ("never", []),
    ],
)
def test_a_drug_that_the_protocol_does_not_list_is_told_while_it_runs_with_what_it_is_given_for(
    courses: str, said: list[tuple[str, str | None]]
) -> None:
    found = facts("plasma d0 500", courses=courses, stays="d-3-", day=20.0).shared(unlisted_drugs)
    assert found.columns == ["patient_id", "drug", "indication"]
    assert found.select("drug", "indication").rows() == said
