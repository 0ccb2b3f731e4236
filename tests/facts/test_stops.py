"""Why treatment was stopped or switched, as stated: of what was given last, and never of what still runs."""

from __future__ import annotations

from typing import Any

import pytest

from cmvmon.facts.stops import STOPS
from tests.facts.reading import told


def of(courses: str, day: float = 40.0) -> dict[str, Any]:
    (row,) = told(STOPS, "plasma d0 9", courses=courses, day=day)
    return row


@pytest.mark.parametrize(
    ("courses", "reason"),
    [
        ("ganciclovir d0-d14!toxicity", "toxicity"),
        ("ganciclovir d0-d14", None),
        ("ganciclovir d0-!toxicity", None),
        ("ganciclovir d0-d41!toxicity", None),  # stopped in advance
        ("ganciclovir d0-d7!toxicity; foscarnet d7-d14", None),  # of the last one nothing is stated
        ("ganciclovir d0-d7; foscarnet d7-d14!failure", "failure"),
        ("ganciclovir d0-d14!failure; foscarnet d7-d14!failure", "failure"),
        ("ganciclovir d0-d14!failure; foscarnet d7-d14", "failure"),
        ("ganciclovir d0-d14!failure; foscarnet d7-d14!toxicity", None),
        ("ganciclovir d0-d7!toxicity; ganciclovir d20-d30", None),  # another course
        ("ganciclovir d0-d14!other; ganciclovir(prophylaxis) d0-d14!death", "other"),
        ("ganciclovir d0-d14!other; letermovir d0-d14!death", "other"),
        ("ganciclovir(prophylaxis) d0-d14!toxicity", None),
        ("-", None),
    ],
)
def test_the_reason_of_a_course_is_that_of_what_was_given_last_in_it(courses: str, reason: str | None) -> None:
    assert of(courses)["course_stop_reason"] == reason


@pytest.mark.parametrize(
    ("courses", "switch"),
    [
        ("ganciclovir d0-d14!failure; foscarnet d14-", ("ganciclovir", 14, "failure")),
        ("ganciclovir d0-d14!toxicity; foscarnet d14-", ("ganciclovir", 14, "toxicity")),
        ("ganciclovir d0-d14; foscarnet d14-", ("ganciclovir", 14, None)),
        ("ganciclovir d0-d13!failure; foscarnet d15-", ("ganciclovir", 13, "failure")),
        ("ganciclovir d0-d16!failure; foscarnet d14-", ("ganciclovir", 16, "failure")),  # both for two days
        ("ganciclovir d0-; foscarnet d14-", (None, None, None)),  # added, not switched
        ("ganciclovir d0-!failure; foscarnet d14-", (None, None, None)),
        ("ganciclovir d0-d14!switched; valganciclovir d14-", (None, None, None)),  # no other drug
        ("ganciclovir d0-d5!failure; foscarnet d29-", (None, None, None)),  # another course
        ("ganciclovir d0-d9!failure; foscarnet d9-d19!toxicity; ganciclovir d19-", ("foscarnet", 19, "toxicity")),
        (
            "ganciclovir d0-d9!other; ganciclovir d9-d14!failure; foscarnet d14-",
            ("ganciclovir", 14, "failure"),
        ),  # a change of dose before it
        ("ganciclovir d0-d14!failure; cidofovir d2-d14!toxicity; foscarnet d14-", ("cidofovir;ganciclovir", 14, None)),
    ],
)
def test_a_switch_is_from_what_was_given_last_before_another_drug_began(courses: str, switch: tuple[Any, ...]) -> None:
    found = of(courses)
    assert (found["switched_from"], found["switched_from_at"], found["switch_reason"]) == switch


@pytest.mark.parametrize(
    ("courses", "failed"),
    [
        ("ganciclovir d0-d14!failure; foscarnet d14-", "ganciclovir"),
        ("ganciclovir d0-d14!failure; foscarnet d14-d20!failure", "foscarnet;ganciclovir"),
        ("ganciclovir d0-!failure", None),
        ("ganciclovir d0-d5!failure; ganciclovir d20-", None),
        ("ganciclovir d0-d14!toxicity; foscarnet d14-", None),
    ],
)
def test_a_stated_failure_is_one_of_this_course(courses: str, failed: str | None) -> None:
    assert of(courses)["failed_drugs"] == failed
