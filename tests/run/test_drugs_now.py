"""Since when a drug runs: a change of dose starts nothing, a pause does; and a refresh says what a night says."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from cmvmon.assess import assess
from cmvmon.domain.known import Known
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.facts import Facts
from cmvmon.facts.drug_lines import DRUG_LINES
from cmvmon.run.judging.assessing import assessed
from cmvmon.run.nightly.night import nightly
from cmvmon.run.ward.drugs_now import drugs_now
from cmvmon.run.ward.ward_list import of_assessment, stored_list
from cmvmon.shell.folder.protocol_files import Protocol
from cmvmon.shell.work.opening import open_site
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
    "a stop that is only planned": ([course("ganciclovir", 3, 40)], [("ganciclovir", 3, False)]),
    "prophylaxis after treatment with the same drug": (
        [course("valganciclovir", 2, 10), course("valganciclovir", 10, indication="prophylaxis")],
        [("valganciclovir", 10, True)],
    ),
    "treatment after prophylaxis with the same drug": (
        [course("valganciclovir", 2, 10, indication="prophylaxis"), course("valganciclovir", 10)],
        [("valganciclovir", 10, False)],
    ),
    "prophylaxis beside treatment": (
        [course("letermovir", 1, indication="prophylaxis"), course("foscarnet", 2)],
        [("foscarnet", 2, False), ("letermovir", 1, True)],
    ),
    "one drug for both purposes": (
        [course("valganciclovir", 1, indication="prophylaxis"), course("valganciclovir", 5)],
        [("valganciclovir", 5, False), ("valganciclovir", 1, True)],
    ),
    "a drug given for something else": (
        [course("valganciclovir", 1, indication="other"), course("foscarnet", 5)],
        [("foscarnet", 5, False)],
    ),
}
TODAY = (AS_OF - day(0)) / timedelta(days=1)
# rows of one patient -> what runs, and what stopped lately with the days before `AS_OF`
STOPS: dict[str, tuple[list[dict[str, object]], list[str], list[tuple[str, float, bool]]]] = {
    "two days ago": ([course("ganciclovir", 2, TODAY - 2)], [], [("ganciclovir", 2, False)]),
    "foscarnet as ganciclovir": ([course("foscarnet", 2, TODAY - 2)], [], [("foscarnet", 2, False)]),
    "at the clock's end": ([course("ganciclovir", 2, TODAY - 3)], [], [("ganciclovir", 3, False)]),
    "before the clock's end": ([course("ganciclovir", 2, TODAY - 3.1)], [], []),
    "a switch": (
        [course("ganciclovir", 2, TODAY - 1), course("foscarnet", TODAY - 1)],
        ["foscarnet"],
        [("ganciclovir", 1, False)],
    ),
    "a dose that was changed": (
        [course("ganciclovir", 2, TODAY - 1), course("ganciclovir", TODAY - 1)],
        ["ganciclovir"],
        [],
    ),
    "prophylaxis": ([course("letermovir", 2, TODAY - 1, indication="prophylaxis")], [], [("letermovir", 1, True)]),
    "prophylaxis that goes on as treatment": (
        [course("valganciclovir", 2, TODAY - 1, indication="prophylaxis"), course("valganciclovir", TODAY - 1)],
        ["valganciclovir"],
        [("valganciclovir", 1, True)],
    ),
}


def facts_of(rows: list[dict[str, object]], **known: Any) -> Facts:
    courses = ANTIVIRAL_COURSES.conform(pl.DataFrame(rows, infer_schema_length=None))
    told = Known.of({ANTIVIRAL_COURSES: courses}, **known)
    return assess(told, protocol=Protocol.shipped(), as_of=AS_OF, method="line").facts


@pytest.mark.parametrize("case", CASES)
def test_a_drug_runs_since_the_first_of_the_rows_that_follow_one_another(case: str) -> None:
    rows, expected = CASES[case]
    (found,) = drugs_now(facts_of(rows)).values()
    told = [(each.drug, each.since, each.is_prophylaxis) for each in found.running]
    assert told == [(drug, day(start), kept) for drug, start, kept in expected]


@pytest.mark.parametrize("case", STOPS)
def test_a_drug_that_stopped_does_not_run_however_long_the_rules_count_it(case: str) -> None:
    rows, running, stopped = STOPS[case]
    (found,) = drugs_now(facts_of(rows)).values()
    assert [each.drug for each in found.running] == running
    told = [(each.drug, each.stopped_at, each.is_prophylaxis) for each in found.stopped]
    assert told == [(drug, AS_OF - timedelta(days=days), kept) for drug, days, kept in stopped]


@pytest.mark.parametrize("stop", [None, TODAY - 2, TODAY, TODAY + 1])
def test_the_row_the_drug_lines_and_foscarnet_s_own_facts_agree_on_whether_it_runs(stop: float | None) -> None:
    facts = facts_of([course("foscarnet", 2, stop)])
    (row,) = drugs_now(facts).values()
    lines = facts.of(DRUG_LINES).filter(pl.col("drug") == "foscarnet")
    assert bool(row.running) is any(lines["drug_runs"])
    assert bool(row.running) is (stop is None or stop > TODAY)


def test_of_a_silent_feed_a_stop_is_told_as_a_stop_and_what_had_none_as_running() -> None:
    silent = {"antiviral_courses": AS_OF - timedelta(days=1)}
    rows = [course("ganciclovir", 2, TODAY - 2), course("foscarnet", TODAY - 2)]
    (found,) = drugs_now(facts_of(rows, silent=silent)).values()
    assert [each.drug for each in found.running] == ["foscarnet"]
    assert [each.drug for each in found.stopped] == ["ganciclovir"]
    begun_since = [course("ganciclovir", 2), course("letermovir", TODAY - 0.5, indication="prophylaxis")]
    (found,) = drugs_now(facts_of(begun_since, silent=silent)).values()
    assert [each.drug for each in found.running] == ["ganciclovir"]  # whether the planned start came is not known


def test_of_whom_treatment_is_unknown_nothing_is_told_to_run_or_to_have_stopped() -> None:
    rows = [course("ganciclovir", 2, indication=None), course("letermovir", 2, indication="prophylaxis")]
    (found,) = drugs_now(facts_of(rows)).values()
    assert (found.treatment, found.running, found.stopped) == ("unknown", (), ())


def test_a_refresh_reads_from_the_store_what_a_night_says_of_everybody(tmp_path: Path) -> None:
    sites.ward_of_three(tmp_path)
    as_of = sites.day(16)
    nightly(tmp_path, as_of=as_of)
    with open_site(tmp_path) as opened:
        whole = of_assessment(assessed(opened, as_of=as_of, patients=None), as_of=as_of, urgent=set(), unanswered=set())
        stored = stored_list(opened, as_of=as_of, urgent=set(), unanswered=set())
    assert whole.patients == stored.patients
    assert len(stored.patients) > 1
    assert {p: whole.drugs[p] for p in whole.patients} == {p: stored.drugs[p] for p in stored.patients}
    assert any(now.running for now in stored.drugs.values())
