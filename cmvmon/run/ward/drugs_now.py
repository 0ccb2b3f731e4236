"""What runs of each patient and since when, for the pages: out of an assessment, or by what the store knows."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from cmvmon.dashboards.row_views import DrugsNow, RunningDrug, StoppedDrug, UnlistedDrug
from cmvmon.domain import words
from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.known import Known
from cmvmon.domain.prepared import Prepared
from cmvmon.domain.results import CONCORDANCE, WEEKLY_DECLINE
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.facts import Facts, facts_at
from cmvmon.facts.running_drugs import running_drugs, unlisted_drugs
from cmvmon.facts.treatment import TREATMENT
from cmvmon.kinetics import treatment_courses
from cmvmon.shell.as_known import signs_of_life
from cmvmon.shell.waiting import feed_state
from cmvmon.shell.work.opening import OpenSite


def drugs_now(facts: Facts) -> dict[str, DrugsNow]:
    """By patient, what runs and what stopped only now; whoever is not in it is not known."""
    was_delivered = facts.prepared.begun.was_delivered(ANTIVIRAL_COURSES)
    runs: dict[str, list[RunningDrug]] = {}
    ended: dict[str, list[StoppedDrug]] = {}
    for row in facts.shared(running_drugs).iter_rows(named=True):
        patient_id, drug, is_prophylaxis = row["patient_id"], row["drug"], row["is_prophylaxis"]
        if row["stopped_at"] is None:
            runs.setdefault(patient_id, []).append(RunningDrug(drug, row["since"], is_prophylaxis))
        else:
            ended.setdefault(patient_id, []).append(StoppedDrug(drug, row["stopped_at"], is_prophylaxis))
    unlisted: dict[str, list[UnlistedDrug]] = {}
    for patient_id, drug, indication in facts.shared(unlisted_drugs).iter_rows():
        unlisted.setdefault(patient_id, []).append(UnlistedDrug(drug, indication))
    states = facts.of(TREATMENT).select("patient_id", "treatment", "last_known_at")
    return {
        patient_id: DrugsNow(
            treatment,
            tuple(runs.get(patient_id, ())),
            known_at,
            was_delivered,
            tuple(ended.get(patient_id, ())),
            tuple(unlisted.get(patient_id, ())),
        )
        for patient_id, treatment, known_at in states.iter_rows()
    }


def stored_drugs_now(
    opened: OpenSite,
    connection: sa.Connection,
    courses: pl.DataFrame | None,
    *,
    stays: pl.DataFrame | None,
    patients: Collection[str],
    unread: Collection[str],
    as_of: datetime,
) -> dict[str, DrugsNow]:
    """The same by the courses of these patients that had begun; nobody is assessed. `courses` None = never delivered.

    `stays`: their stays that had begun, ended where the patient died; None = never delivered.
    `unread`: of whom a course could not be read (`known.unread_of`).
    """
    table = BY_NAME[ANTIVIRAL_COURSES.name]
    silent = signs_of_life.silent_of(connection, opened.site, table.name, as_of=as_of)
    heard = {name: feed_state.landed_since(connection, name, last, as_of=as_of) for name, last in silent.items()}
    unread = set(unread) & set(patients)
    begun = Known.of(
        {ANTIVIRAL_COURSES: courses, ICU_STAYS: stays},
        unread={table.name: frozenset(unread)},
        silent=silent,
        heard_since=heard,
    )
    rows = ANTIVIRAL_COURSES.empty() if courses is None else courses
    clocks = treatment_courses(rows, protocol=opened.protocol, as_of=as_of)
    nothing = VIRAL_LOAD_RESULTS.empty()
    made = Prepared(begun, nothing, nothing, clocks, WEEKLY_DECLINE.empty(), CONCORDANCE.empty())
    found = drugs_now(facts_at(made, protocol=opened.protocol, as_of=as_of))
    unknown = DrugsNow(words.TREATMENT_UNKNOWN, known_at=silent.get(table.name), was_delivered=courses is not None)
    is_told = courses is not None and not silent
    none = DrugsNow(words.TREATMENT_OFF) if is_told else unknown
    return {p: unknown if p in unread else none for p in patients} | found
