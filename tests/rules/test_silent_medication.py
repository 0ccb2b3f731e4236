"""Where the feeds of medication fall silent, a rise on treatment that was read stays true; what a rise is no answer to is not known."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cmvmon.assess import assess
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.shell.folder.protocol_files import Protocol
from tests import patients
from tests.patients import moment

ROSE = "plasma d0 10000, d7 100, d10 50000, d11 60000"
UNKNOWN = ("not_assessable", "treatment_unknown", None)


def said(results: str, courses: str, *, heard: float, as_of: float) -> dict[str, tuple[str, str | None, int | None]]:
    """Verdict, reason and tier, by rule, of plasma."""
    known = patients.known(results, courses=courses, stays="d-3- none")
    silent = replace(known, silent={ANTIVIRAL_COURSES.name: moment(heard)})
    found = assess(silent, protocol=Protocol.shipped(), as_of=moment(as_of)).verdicts.filter(compartment="plasma")
    return {row["rule"]: (row["verdict"], row["reason"], row["tier"]) for row in found.iter_rows(named=True)}


@pytest.mark.parametrize(
    ("says", "heard"),
    [("the rise came before the silence", 12), ("it came a day after the feeds were last heard of", 9)],
)
def test_a_rise_on_treatment_is_told_though_nothing_is_heard_of_it_since(says: str, heard: float) -> None:
    """Beyond the 72 hours for which a course is known to run on, when it is not known any more whether one does."""
    found = said(ROSE, "ganciclovir d0-", heard=heard, as_of=16)
    assert found["rebound"] == ("alert", None, 2), says
    assert found["response"] == found["untreated_rise"] == found["recurrence"] == UNKNOWN


def test_a_rise_is_counted_from_the_course_that_ran_then_and_of_nobody_who_was_on_none() -> None:
    ended = said(ROSE, "ganciclovir d-30-d-10", heard=9, as_of=16)
    stopped_lately = said(ROSE, "ganciclovir d0-d8", heard=9, as_of=16)
    on_prophylaxis = said(ROSE, "valganciclovir(prophylaxis) d0-", heard=9, as_of=16)
    assert ended["rebound"] == on_prophylaxis["rebound"] == UNKNOWN
    assert stopped_lately["rebound"] == ("alert", None, 2)


def test_where_only_the_model_tells_of_a_rise_it_is_neither_told_nor_clear() -> None:
    """What the model says of a rise counts on treatment alone, which is not known."""
    small = "plasma d0 100000, d7 10000, d14 1000, d20 3090, d25 3090"
    assert said(small, "ganciclovir d0-", heard=25, as_of=25.5)["rebound"] == ("alert", None, 3)
    assert said(small, "ganciclovir d0-", heard=22, as_of=25.5)["rebound"] == UNKNOWN
    flat = "plasma d0 100000, d7 10000, d14 1000, d20 900, d25 800"
    assert said(flat, "ganciclovir d0-", heard=22, as_of=25.5)["rebound"] == ("clear", None, None)
