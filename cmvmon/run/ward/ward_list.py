"""Who is on the ward's list, and what its rows show beside the alerts: cut out of an assessment, or read from the store."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import polars as pl
import sqlalchemy as sa

from cmvmon.assess import Assessment
from cmvmon.dashboards.row_views import DrugsNow
from cmvmon.domain import words
from cmvmon.domain.columns import RowType
from cmvmon.domain.deaths import when_left
from cmvmon.domain.delivered import BY_NAME, DELIVERED, LEADING
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS
from cmvmon.domain.versions import current_results
from cmvmon.domain.who_died import Death, by_patient, ended, known_to_have_died
from cmvmon.kinetics.noise.results_in_use import with_noise
from cmvmon.run.ward.drugs_now import drugs_now, stored_drugs_now
from cmvmon.run.ward.ended_stays import died
from cmvmon.shell.alerts import alert_store, stored_results
from cmvmon.shell.as_known import known, who_is_there
from cmvmon.shell.taken_in import touched
from cmvmon.shell.versions.links import links
from cmvmon.shell.work.opening import OpenSite

# Where no stays were ever delivered, or a patient's could not be read, she is on the ward's list, and has a page, for so long
# after the last result or course.
LISTED_FOR = timedelta(days=28)
# The rules whose verdict says that they look at the load: always, or off treatment.
_OF_RESPONSE = ("rebound", "response", "rise_on_prophylaxis")
_OFF_TREATMENT = ("bal_at_local_line", "recurrence", "untreated_rise")


@dataclass(frozen=True)
class WardList:
    """What the ward page is made from, at one moment.

    Attributes:
        patients: who is listed, sorted.
        results: current usable results of those patients, conflicting ones too.
        stays: their stays that had begun, ended where the patient died; None = never delivered.
        unassessed: rows of `verdicts` that are `not_assessable`: patient_id, rule, reason, compartment and subject.
        watched: patient_id and compartment of every load that a rule watches (`watched_by`).
        unplaced: those without an open stay of whom a stay or movement could not be read: where they lie is not known.
        drugs: by patient, what runs.
        died: who of them is known to have died, also where no stay is known.
    """

    patients: tuple[str, ...]
    results: pl.DataFrame
    stays: pl.DataFrame | None
    unassessed: pl.DataFrame
    watched: pl.DataFrame
    unplaced: frozenset[str] = frozenset()
    drugs: Mapping[str, DrugsNow] = field(default_factory=dict)
    died: Mapping[str, Death] = field(default_factory=dict)

    @property
    def left(self) -> frozenset[str]:
        """Who has left, of those of whom stays are known, or has died: no sample is expected of them."""
        return frozenset({*left_at(self.stays), *self.died})


def of_assessment(
    assessment: Assessment, *, as_of: datetime, urgent: Collection[str], unanswered: Collection[str]
) -> WardList:
    """The list as an assessment of everyone gives it.

    `urgent`: who has an alert to look at, also where no stay is known. `unanswered`: who has one that nobody has acknowledged:
    of whoever has left, those alone are listed.
    """
    unread = assessment.facts.prepared.begun.unread_of(ICU_STAYS)
    by_rows = _listed(assessment.results, assessment.courses, assessment.stays, unread, as_of)
    for_alerts = with_alerts(urgent, unanswered, assessment.stays)
    patients = tuple(sorted(by_rows | (for_alerts & set(assessment.patients))))
    said = assessment.verdicts.filter(pl.col("patient_id").is_in(patients))
    results = assessment.results.filter(pl.col("patient_id").is_in(patients))
    unplaced = _unplaced(patients, assessment.stays, unread)
    drugs, dead = drugs_now(assessment.facts), deaths_of(assessment)
    return WardList(patients, results, assessment.stays, _unassessed(said), watched_by(said), unplaced, drugs, dead)


def deaths_of(assessment: Assessment) -> dict[str, Death]:
    """Who is known to have died, by what an assessment was made of."""
    return by_patient(known_to_have_died(assessment.facts.prepared.begun))


def watched_by(verdicts: pl.DataFrame) -> pl.DataFrame:
    """The loads that a rule watches, by its verdict of them: patient_id and compartment.

    On treatment, and where that is not known, those whose response is judged. A rule for the untreated clears while treatment
    runs without a look at the load, so its verdict counts off treatment alone. A state that is only told watches nothing.
    """
    treatment = pl.col("evidence").str.json_path_match("$.treatment")
    off = verdicts.filter((pl.col("rule") == _OFF_TREATMENT[0]) & (treatment == words.TREATMENT_OFF))["patient_id"]
    watches = pl.col("rule").is_in(_OF_RESPONSE) | (
        pl.col("rule").is_in(_OFF_TREATMENT) & pl.col("patient_id").is_in(off.unique().implode())
    )
    of_a_load = verdicts.filter(pl.col("compartment").is_not_null() & watches)
    return of_a_load.select("patient_id", "compartment").unique().sort("patient_id", "compartment")


def _unassessed(verdicts: pl.DataFrame) -> pl.DataFrame:
    """What could not be told for want of something; a rule that only speaks from a later day on wants for nothing."""
    is_early = (pl.col("reason") == words.TOO_EARLY).fill_null(False)
    return verdicts.filter((pl.col("verdict") == words.NOT_ASSESSABLE) & ~is_early)


def stored_list(opened: OpenSite, *, as_of: datetime, urgent: Collection[str], unanswered: Collection[str]) -> WardList:
    """The list as the store gives it, nobody assessed: rows that were known, and what was said last of each patient.

    `urgent`, `unanswered`: as `of_assessment` has them.
    """
    with opened.reading() as connection:
        of_stays, of_courses = BY_NAME[ICU_STAYS.name], BY_NAME[ANTIVIRAL_COURSES.name]
        lately, in_bed = _lately(connection, as_of), _maybe_in_bed(connection, as_of)
        among = sorted(lately | (in_bed or set()) | set(urgent))
        one = links(connection, as_of=as_of, about=among)
        stays, unread = known.known_and_unread(connection, of_stays, as_of=as_of, patients=among, one=one)
        found = sorted((lately if in_bed is None else in_bed | (lately & unread)) | set(urgent))
        courses, unread_courses = known.known_and_unread(connection, of_courses, as_of=as_of, patients=found, one=one)
        stays = None if stays is None else of_stays.begun(stays.filter(pl.col("patient_id").is_in(found)), as_of)
        dead = died(connection, stays, as_of=as_of, patients=found, one=one)
        stays = None if stays is None else ended(stays, dead)
        courses = None if courses is None else of_courses.begun(courses, as_of)
        results = _begun(connection, LEADING.rows, as_of, touched.with_sharers(connection, found, as_of=as_of))
        used = current_results(LEADING.rows.empty() if results is None else results)
        used = used.filter(pl.col("patient_id").is_in(found))
        used = with_noise(used, known.assays_in_use(opened.site, used), protocol=opened.protocol)
        known_of = {p for frame in (stays, courses, used) if frame is not None for p in frame["patient_id"]}
        elsewhere = [
            table.rows for table in DELIVERED if not table.says_who and table.rows not in (ICU_STAYS, ANTIVIRAL_COURSES)
        ]
        missing = sorted(set(urgent) - known_of)
        others = [_begun(connection, rows, as_of, missing) for rows in elsewhere] if missing else []
        known_of |= {p for frame in others if frame is not None for p in frame["patient_id"]}
        for_alerts = with_alerts(urgent, unanswered, stays)
        patients = tuple(sorted(_listed(used, courses, stays, unread, as_of) | (for_alerts & known_of)))
        said = stored_results.last_verdicts(connection, patients, rules=(*_OF_RESPONSE, *_OFF_TREATMENT))
        drugs = stored_drugs_now(
            opened, connection, courses, stays=stays, patients=patients, unread=unread_courses, as_of=as_of
        )
    mine = used.filter(pl.col("patient_id").is_in(patients))
    unplaced = _unplaced(patients, stays, unread)
    told = _unassessed(said), watched_by(said)
    return WardList(patients, mine, stays, *told, unplaced, drugs, by_patient(dead))


def _listed(
    results: pl.DataFrame,
    courses: pl.DataFrame | None,
    stays: pl.DataFrame | None,
    unread: Collection[str],
    as_of: datetime,
) -> set[str]:
    """Patients with an open stay, and those with a result or course in the last weeks of whom a stay could not be read;
    where no stays were ever delivered, all with such a result or course."""
    since = as_of - LISTED_FOR
    lately = set(results.filter(pl.col("collected_at") >= since)["patient_id"])
    if courses is not None:
        goes_on = pl.col("stopped_at").is_null() | (pl.col("stopped_at") >= since)
        lately |= set(courses.filter(goes_on)["patient_id"])
    return lately if stays is None else _in_bed(stays) | (lately & set(unread))


def with_alerts(urgent: Collection[str], unanswered: Collection[str], stays: pl.DataFrame | None) -> set[str]:
    """Who is listed for an alert: of whoever has left, those of whom nobody has acknowledged one. The others as of `of_assessment`."""
    return (set(urgent) - left_at(stays).keys()) | set(unanswered)


def left_at(stays: pl.DataFrame | None) -> dict[str, datetime]:
    """When the last stay of each patient ended; without those of whom one is open, or none is known.

    `stays`: those that had begun, an end that lies ahead null.
    """
    return {} if stays is None else dict(when_left(stays).drop_nulls().iter_rows())


def _in_bed(stays: pl.DataFrame) -> set[str]:
    return set(stays.filter(pl.col("discharged_at").is_null())["patient_id"])


def _unplaced(patients: Collection[str], stays: pl.DataFrame | None, unread: Collection[str]) -> frozenset[str]:
    placed = set() if stays is None else _in_bed(stays)
    return frozenset((set(patients) & set(unread)) - placed)


def listed_or_alerted(opened: OpenSite, as_of: datetime) -> set[str]:
    """Whoever the ward page may show: patients who may be on its list, and those of whom an alert is open."""
    with opened.reading() as connection:
        alerted = {alert["patient_id"] for alert in alert_store.alerts(connection, states={"open"})}
        return {patient for patient in alerted if patient} | candidates(connection, as_of=as_of)


def candidates(connection: sa.Connection, *, as_of: datetime) -> set[str]:
    """Patients who may be on the list: whoever is listed by what was known, whatever the alerts, is among them."""
    lately, in_bed = _lately(connection, as_of), _maybe_in_bed(connection, as_of)
    if in_bed is None:
        return lately
    return in_bed | known.unread_of(connection, BY_NAME[ICU_STAYS.name], as_of=as_of, among=lately)


def _lately(connection: sa.Connection, as_of: datetime) -> set[str]:
    """Patients with a result or course in the last weeks, in any version."""
    since = as_of - LISTED_FOR
    lately = who_is_there.patients_since(connection, LEADING.rows, LEADING.starts, since=since, as_of=as_of)
    return lately | who_is_there.patients_without_end(
        connection, ANTIVIRAL_COURSES, "stopped_at", after=since, as_of=as_of
    )


def _maybe_in_bed(connection: sa.Connection, as_of: datetime) -> set[str] | None:
    """Patients with a stay that may be open; None = no stays were ever delivered."""
    if not known.was_delivered(connection, ICU_STAYS, as_of=as_of):
        return None
    return who_is_there.patients_without_end(connection, ICU_STAYS, "discharged_at", after=as_of, as_of=as_of)


def _begun(connection: sa.Connection, rows: RowType, as_of: datetime, patients: Collection[str]) -> pl.DataFrame | None:
    """Rows of these patients that had begun; None = never delivered."""
    table = BY_NAME[rows.name]
    found = known.known_table(connection, table, as_of=as_of, patients=patients)
    return None if found is None else table.begun(found, as_of)
