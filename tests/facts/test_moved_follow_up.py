"""Since when the newest blood, and the newest of a leading compartment, moved with many others of its laboratory: of several the first."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cmvmon.domain.moved_together import UP, MovedTogether
from cmvmon.facts.moved_together import MOVED_FOLLOW_UP
from tests import patients
from tests.facts.reading import facts_of, in_days
from tests.patients import moment


def told(
    results: str, *, stays: str = "d-3- bal", courses: str = "ganciclovir d0-"
) -> list[tuple[float | None, float | None]]:
    known = patients.known(results, courses=courses, stays=stays)
    assays = (
        known.tables["viral_load_results"].select("laboratory", "assay").unique().sort("laboratory", "assay").rows()
    )
    together = tuple(MovedTogether(laboratory, assay, UP, moment(12), 9, 10, 7) for laboratory, assay in assays)
    found = facts_of(replace(known, moved_together=together), day=15.0).of(MOVED_FOLLOW_UP)
    assert found["patient_id"].to_list() == [patients.PATIENT] * found.height
    return [(row["blood_moved_since"], row["leading_moved_since"]) for row in in_days(found)]


@pytest.mark.parametrize(
    ("results", "since"),
    [
        ("plasma d7 1000, d14 10000", [(14, None)]),
        ("bal d7 9000, d14 90000", [(None, 14)]),
        ("plasma d7 1000, d13 10000; bal d7 9000, d14 90000", [(13, 14)]),
        ("plasma d7 1000, d14 10000; whole_blood d7 1000, d13 10000", [(13, None)]),
        ("urine d7 9000, d14 90000", []),  # it leads nothing
        ("plasma d7 1000, d14 900", []),
    ],
)
def test_blood_and_a_leading_compartment_each_have_their_own_begin(
    results: str, since: list[tuple[float | None, float | None]]
) -> None:
    assert told(results) == since
