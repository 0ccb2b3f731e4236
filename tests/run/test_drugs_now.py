"""Since when a drug runs: a change of dose starts nothing, a pause does; and a refresh says what a night says."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest

from cmvmon.assess import assess
from cmvmon.domain.known import Known
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.run.assessing import assessed
from cmvmon.run.drugs_now import drugs_now
from cmvmon.run.night import nightly
from cmvmon.run.ward_list import of_assessment, stored_list
from cmvmon.shell.protocol_files import Protocol
from cmvmon.shell.session import open_site
from tests import sites
from tests.pages.made_up import AS_OF, course, day

# rows of one patient -> the day since which each drug runs, and whether as prophylaxis
CASES: dict[str, tuple[list[dict[str, object]], list[tuple[str, float, bool]]]] = {
    "one drug": ([course("ganciclovir", 3)], [("ganciclovir", 3, False)]),
    "a change of dose": (
        [course("ganciclovir", 3, 10), course("ganciclovir", 10, dose_mg_per_kg=2.5)],
        [("ganciclovir", 3, False)],
    ),
    "a pause within a course": (
        [course("ganciclovir", 3, 8), course("ganciclovir", 14)],
        [("ganciclovir", 3, False)],
    ),
    "another course": (
        [course("ganciclovir", 0, 2), course("ganciclovir", 14)],
        [("ganciclovir", 14, False)],
    ),
    "another drug": (
        [course("ganciclovir", 0, 12), course("foscarnet", 12)],
        [("foscarnet", 12, False)],
    ),
    "two drugs, the earlier first": (
        [course("foscarnet", 12), course("ganciclovir", 0)],
        [("ganciclovir", 0, False), ("foscarnet", 12, False)],
    ),
    "prophylaxis": (
        [course("letermovir", 1, indication="prophylaxis")],
        [("letermovir", 1, True)],
    ),
    "an overlap inside a longer row": (
        [course("ganciclovir", 0), course("ganciclovir", 2, 3), course("ganciclovir", 20)],
        [("ganciclovir", 0, False)],
    ),
    "what ended long ago": ([course("ganciclovir", 0, 5)], []),
}


@pytest.mark.parametrize("case", CASES)
def test_a_drug_runs_since_the_first_of_the_rows_that_follow_one_another(case: str) -> None:
    rows, expected = CASES[case]
    courses = ANTIVIRAL_COURSES.conform(pl.DataFrame(rows, infer_schema_length=None))
    made = assess(Known.of({ANTIVIRAL_COURSES: courses}), protocol=Protocol.shipped(), as_of=AS_OF, method="line")
    (found,) = drugs_now(made.facts).values()
    told = [(each.drug, each.since, each.is_prophylaxis) for each in found.running]
    assert told == [(drug, day(start), kept) for drug, start, kept in expected]


def test_a_refresh_reads_from_the_store_what_a_night_says_of_everybody(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    as_of = sites.day(16)
    nightly(tmp_path, as_of=as_of)
    with open_site(tmp_path) as opened:
        whole = of_assessment(assessed(opened, as_of=as_of, patients=None), as_of=as_of, urgent=set())
        stored = stored_list(opened, as_of=as_of, urgent=set())
    assert whole.patients == stored.patients
    assert len(stored.patients) > 1
    assert {p: whole.drugs[p] for p in whole.patients} == {p: stored.drugs[p] for p in stored.patients}
    assert any(now.running for now in stored.drugs.values())
