"""The delivered tables: for each, all that intake, store, replay and assessment must know of it, in one entry.

To add one: its row type in `rows.py`, one entry here, its whole-table contract. Nothing else names a delivered table.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.birth_dates import BIRTH_DATES
from cmvmon.domain.cmv_serology import CMV_SEROLOGY
from cmvmon.domain.co_medication import CO_MEDICATION
from cmvmon.domain.columns import RowType
from cmvmon.domain.deaths import DEATHS
from cmvmon.domain.doses_given import DOSES_GIVEN
from cmvmon.domain.drug_levels import DRUG_LEVELS
from cmvmon.domain.host_status import HOST_STATUS
from cmvmon.domain.hsv_results import HSV_RESULTS
from cmvmon.domain.kidney_function import KIDNEY_FUNCTION
from cmvmon.domain.laboratory_values import IONISED_CALCIUM, LABORATORY_VALUES
from cmvmon.domain.oxygenation import OXYGENATION
from cmvmon.domain.patient_links import PATIENT_LINKS
from cmvmon.domain.patient_movements import PATIENT_MOVEMENTS
from cmvmon.domain.renal_replacement import RENAL_REPLACEMENT
from cmvmon.domain.resistance_reports import RESISTANCE_REPORTS
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.domain.samples_ordered import SAMPLES_ORDERED
from cmvmon.domain.stays_told import stays_told, stays_unclear
from cmvmon.domain.treatment_limitations import TREATMENT_LIMITATIONS


class Versions(Enum):
    """Which version of a record is the last one.

    REPORTED: the sender states it, by (reported_at, result_status). What changes a record is ordered by when its message
        was sent, at one report time or without any, and by receipt where that is not known either.
    SNAPSHOT: what came last.
    """

    REPORTED = "reported"
    SNAPSHOT = "snapshot"

    def told_apart_by(self, record: Mapping[str, Any]) -> tuple[str, ...]:
        """The columns that tell a version from others of its record, beside its key."""
        stated = ("reported_at", "result_status", "confirms") if self is Versions.REPORTED else ()
        if stated and record["confirms"] and record["reported_at"] is None:  # it stands where it was sent
            return (*stated, "sent_at")
        if not self.is_by_receipt(record):
            return stated
        sent = ("sent_at",) if self is Versions.REPORTED else ()
        return (*stated, *sent, "received_at", "landed_at")

    def is_by_receipt(self, record: Mapping[str, Any]) -> bool:
        """Whether a version that says something else later, under the same words of its sender, takes its place."""
        return self is Versions.SNAPSHOT or record["result_status"] in words.CHANGES_A_RESULT


@dataclass(frozen=True)
class Told:
    """Another delivered table out of whose statements more rows of a table are made, wherever what was known is read.

    Attributes:
        by: the name of that table.
        rows: its standing rows as rows of the table.
        unclear: `patient_id` and `received_at` of those of which it can't be told what they mean.
    """

    by: str
    rows: Callable[[pl.DataFrame], pl.DataFrame]
    unclear: Callable[[pl.DataFrame], pl.DataFrame]


@dataclass(frozen=True)
class Delivered:
    """One table that the world sends us.

    Attributes:
        rows: its row type.
        starts: the column that says from when a row holds; a row that starts after `as_of` is not read.
        known_since: the columns, the first that is not null, that date a record which is delivered as history.
        ends: columns whose moments after `as_of` read as "not yet": null.
        says_of_ends: a column, and the one of `ends` that it says something of: what ends after `as_of` has no reason yet either.
        versions: which version of a record is the last one.
        whole: the column that names what several rows may be of (the stay); empty = each row is for itself.
        of_whole: columns that say something of all of it: the last word on it holds for each of its rows.
        required: an assessment needs it; without it there is nothing to judge.
        identity: columns that a withdrawal need not repeat: it is read with those of the record that it names.
        patients: the columns that name a patient.
        asked_for: a column, and words of it: whether any row of the unit ever held such a word is asked, so that a patient
            without one can be told from a unit that does not send it (`Known.ever_sent`).
        by_laboratory: its records come in a laboratory's own words and are read with the feed's laboratory file; the
            others are exchanged in our columns and words.
        told: where more of its rows come from; None = from nowhere.
        stated: the column that says when a row was stated, where messages make such statements: of a record's statements the
            one that was stated last holds, in whichever order they came; empty = what came last holds.
    """

    rows: RowType
    starts: str
    known_since: tuple[str, ...]
    ends: tuple[str, ...] = ()
    says_of_ends: tuple[tuple[str, str], ...] = ()
    versions: Versions = Versions.SNAPSHOT
    whole: str = ""
    of_whole: tuple[str, ...] = ()
    required: bool = False
    identity: tuple[str, ...] = ()
    patients: tuple[str, ...] = ("patient_id",)
    asked_for: tuple[str, tuple[str, ...]] = ("", ())
    by_laboratory: bool = False
    told: Told | None = None
    stated: str = ""

    @property
    def says_who(self) -> bool:
        """Whether its rows say of two numbers that they are one patient; they tell nothing else of anybody."""
        return len(self.patients) > 1

    @property
    def name(self) -> str:
        return self.rows.name

    def known_from(self) -> pl.Expr:
        """Since when a row that is delivered as history counts as known."""
        return pl.coalesce(*self.known_since)

    def begun(self, frame: pl.DataFrame, as_of: datetime) -> pl.DataFrame:
        """The rows that had begun by `as_of`, with what lies after it read as not known yet (null)."""
        told = (*zip(self.ends, self.ends, strict=True), *self.says_of_ends)
        return frame.filter(pl.col(self.starts) <= as_of).with_columns(
            pl.when((pl.col(end) <= as_of).fill_null(True)).then(name).alias(name) for name, end in told
        )


DELIVERED: tuple[Delivered, ...] = (
    Delivered(
        VIRAL_LOAD_RESULTS,
        starts="collected_at",
        known_since=("reported_at", "collected_at"),
        versions=Versions.REPORTED,
        required=True,
        identity=("patient_id", "compartment", "laboratory", "assay", "collected_at"),
        by_laboratory=True,
    ),
    Delivered(
        ANTIVIRAL_COURSES,
        starts="started_at",
        known_since=("started_at",),
        ends=("stopped_at",),
        says_of_ends=(("stop_reason", "stopped_at"),),
    ),
    Delivered(
        ICU_STAYS,
        starts="admitted_at",
        known_since=("admitted_at",),
        ends=("discharged_at", "ventilation_started_at", "ventilation_stopped_at"),
        whole="stay_id",
        of_whole=("admitted_at", "discharged_at"),
        told=Told(PATIENT_MOVEMENTS.name, stays_told, stays_unclear),
    ),
    Delivered(
        PATIENT_MOVEMENTS,
        starts="stated_at",
        known_since=("stated_at",),
    ),
    Delivered(
        HOST_STATUS,
        starts="stated_at",
        known_since=("stated_at",),
        ends=("ended_at",),
    ),
    Delivered(
        BIRTH_DATES,
        starts="stated_at",
        known_since=("stated_at",),
    ),
    Delivered(
        DEATHS,
        starts="died_at",
        known_since=("stated_at",),
        stated="stated_at",
    ),
    Delivered(
        DOSES_GIVEN,
        starts="given_at",
        known_since=("given_at",),
    ),
    Delivered(
        KIDNEY_FUNCTION,
        starts="measured_at",
        known_since=("measured_at",),
    ),
    Delivered(
        RENAL_REPLACEMENT,
        starts="started_at",
        known_since=("started_at",),
        ends=("stopped_at",),
    ),
    Delivered(
        DRUG_LEVELS,
        starts="sampled_at",
        known_since=("sampled_at",),
    ),
    Delivered(
        LABORATORY_VALUES,
        asked_for=("analyte", (IONISED_CALCIUM,)),
        starts="sampled_at",
        known_since=("sampled_at",),
    ),
    Delivered(
        CO_MEDICATION,
        starts="started_at",
        known_since=("started_at",),
        ends=("stopped_at",),
    ),
    Delivered(
        RESISTANCE_REPORTS,
        starts="requested_at",
        known_since=("reported_at", "requested_at"),
        ends=("reported_at",),
    ),
    Delivered(
        SAMPLES_ORDERED,
        starts="ordered_at",
        known_since=("stated_at", "ordered_at"),
        ends=("collected_at",),
        stated="stated_at",
    ),
    Delivered(
        OXYGENATION,
        starts="measured_at",
        known_since=("measured_at",),
    ),
    Delivered(
        CMV_SEROLOGY,
        starts="sampled_at",
        known_since=("sampled_at",),
    ),
    Delivered(
        HSV_RESULTS,
        starts="collected_at",
        known_since=("collected_at",),
    ),
    Delivered(
        TREATMENT_LIMITATIONS,
        starts="stated_at",
        known_since=("stated_at",),
        ends=("ended_at",),
    ),
    Delivered(
        PATIENT_LINKS,
        starts="merged_at",
        known_since=("merged_at",),
        ends=("ended_at",),
        patients=("patient_id", "merged_into"),
    ),
)
NAMES: tuple[str, ...] = tuple(table.name for table in DELIVERED)
BY_NAME: dict[str, Delivered] = {table.name: table for table in DELIVERED}
LEADING: Delivered = next(table for table in DELIVERED if table.required)
"""The table without which nothing is judged: whose patients, and whose last moment, an analysis goes by."""
LINKS: Delivered = next(table for table in DELIVERED if table.says_who)
"""The table by which several numbers are one patient."""
BIRTHS: Delivered = BY_NAME[BIRTH_DATES.name]
"""The table by which numbers that were merged may be seen to be two patients all the same."""
BY_LABORATORY: frozenset[str] = frozenset(table.name for table in DELIVERED if table.by_laboratory)
ROWS, WHOLE_SNAPSHOT, CHANGES = SENDS = ("rows", "snapshot", "changes")
"""What a delivery of a table is: rows, of which what is not repeated stands; all that holds now; or what has changed."""
WHOLE_DELIVERY = "delivery"
"""In place of a table's name, where it can't be told for which table a record is meant."""
WITHDRAWS_UNKNOWN = "withdraws_unknown_record"
"""The reason of a withdrawal that is not whole, and names a record that is not known: it waits for that record."""
CORRECTS_WITHDRAWN = "corrects_withdrawn_result"
"""The reason of a correction that was reported after the result had been withdrawn: it is not used unless a person says so."""
REJECTED_BY_A_PERSON = "rejected_by_a_person"
"""The reason of a record that could be used, and of which a person said that it is not to be."""
TWO_LABORATORIES = "number_of_two_laboratories"
"""The reason of a result whose patient's number another laboratory sends too, where nobody says that both mean one patient."""
SNAPSHOT_REFUSED = "snapshot_refused"
"""The reason of every record of a snapshot that was refused as a whole: what was known before stands, of its patients too."""
TOO_MANY_WITHDRAWN = "too_many_withdrawn"
"""Why a snapshot is refused that lacks too many of the standing records."""
CONFLICT = "conflicting_values"
"""The reason of a record that contradicts another one of its version: both are known, neither is chosen."""


def with_what_it_tells(name: str) -> tuple[str, ...]:
    """That table and those of which rows are made of its statements: what is not known of the one is not known of the others.

    >>> with_what_it_tells("patient_movements"), with_what_it_tells("icu_stays")
    (('patient_movements', 'icu_stays'), ('icu_stays',))
    """
    return (name, *(table.name for table in DELIVERED if table.told is not None and table.told.by == name))
