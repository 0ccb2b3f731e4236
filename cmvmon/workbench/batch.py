"""One batch of patients, from rows to rows: a function of what it is given, which every engine calls.

A batch holds every row of its own patients, and of other patients those results alone that bear the number of one of
theirs: a number that stands under two patients is no patient's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from cmvmon.assess import assess, next_samples
from cmvmon.domain import compartments
from cmvmon.domain.columns import RowType, split_by_promises
from cmvmon.domain.delivered import DELIVERED, LEADING
from cmvmon.domain.known import Known, all_told, with_unclear
from cmvmon.domain.next_sample import NEXT_SAMPLE
from cmvmon.domain.results import CONCORDANCE, VERDICTS, WEEKLY_DECLINE
from cmvmon.domain.rows import ASSAYS
from cmvmon.kinetics import concordance
from cmvmon.kinetics.noise.results_in_use import results_in_use
from cmvmon.protocol import Protocol
from cmvmon.rules import subject_fact_tables

OF_PATIENTS = tuple(table.rows for table in DELIVERED if not table.says_who)  # the leading table first
OPTIONAL = (*OF_PATIENTS[1:], ASSAYS)
FACTS = subject_fact_tables()
COMPUTED = (WEEKLY_DECLINE, VERDICTS, CONCORDANCE, *FACTS)
COMPUTED_NAMES = frozenset(row_type.name for row_type in (*COMPUTED, NEXT_SAMPLE))  # no laboratory can mend these
OF_UNIT = pl.col("scope") == "unit"
MOST_RESULTS = 50_000  # of one patient: one a minute for a month; what has more is no patient
TOO_MANY = "too_many_results"
Own = Callable[[pl.DataFrame], pl.DataFrame]  # the rows of a frame whose patient is the batch's own


def computed_tables(*, ask_next: bool) -> tuple[RowType, ...]:
    """The tables that an analysis computes."""
    return (*COMPUTED, NEXT_SAMPLE) if ask_next else COMPUTED


@dataclass(frozen=True)
class How:
    """How an analysis is done."""

    protocol: Protocol
    moment: datetime
    method: str
    ask_next: bool = False

    @property
    def computed(self) -> tuple[RowType, ...]:
        return computed_tables(ask_next=self.ask_next)


@dataclass(frozen=True)
class Batch:
    """What is known of a batch of patients.

    Args:
        tables: by name, typed rows as delivered, of each table that was delivered at all.
        assays: those of everybody.
        unreadable: by name of table, the patients whom rows name that could not be read.
        own: the patients that it is about; the others are there for the sake of a shared result number.
        crowded: those of its own with more than MOST_RESULTS results, of whom it holds nothing else: `patient_id`, `results`,
            `reason` and `column`, as they are set apart.
    """

    tables: Mapping[str, pl.DataFrame]
    assays: pl.DataFrame
    unreadable: Mapping[str, frozenset[str]]
    own: Own
    crowded: pl.DataFrame

    def results_in_use(self, how: How) -> pl.DataFrame:
        """The results of its own patients that count at that moment, with their noise."""
        return self.own(results_in_use(self.tables[LEADING.name], self.assays, protocol=how.protocol, as_of=how.moment))


def batch_of(
    tables: Mapping[str, pl.DataFrame], assays: pl.DataFrame, unreadable: Mapping[str, frozenset[str]], own: Own
) -> Batch:
    """A batch of these rows, without the patients who have too many results to be one."""
    per_patient = own(tables[LEADING.name].group_by("patient_id").agg(results=pl.len()))
    crowded = per_patient.filter(pl.col("results") > MOST_RESULTS).sort("patient_id")
    told = crowded.with_columns(reason=pl.lit(TOO_MANY), column=pl.lit("patient_id"))
    if not crowded.is_empty():
        others = ~pl.col("patient_id").is_in(crowded["patient_id"].implode())
        tables = {name: rows.filter(others) for name, rows in tables.items()}
    return Batch(tables, assays, unreadable, own, told)


@dataclass(frozen=True)
class Judged:
    """What was computed of a batch: by name of table, the rows of its own patients, and those that break a promise.

    `unit`: the unit's rows of `concordance`, as given, or as these patients say together.
    """

    kept: dict[str, pl.DataFrame]
    broken: dict[str, pl.DataFrame]
    unit: pl.DataFrame


def has_both(results: pl.DataFrame) -> bool:
    """Whether any patient has results of blood and of another compartment; two columns tell."""
    is_blood = pl.col("compartment").is_in(compartments.BLOOD)
    both = pl.col("patient_id").filter(is_blood).unique().is_in(pl.col("patient_id").filter(~is_blood).implode())
    return bool(results.select(both.any()).item())


def judge(batch: Batch, how: How, *, unit: pl.DataFrame | None, is_compared: bool = True) -> Judged:
    """The computed tables of a batch.

    Args:
        unit: the unit's rows of `concordance`, of all batches; None = this batch is the unit.
        is_compared: False where it is known that nobody has both blood and another compartment.
    """
    compared = None
    if unit is not None:
        own = CONCORDANCE.empty()
        if is_compared:
            own = concordance(batch.results_in_use(how), protocol=how.protocol, as_of=how.moment)
        compared = pl.concat([own.filter(~OF_UNIT), unit])
    # Each row once: an exchange has no versions, so the same row twice says nothing new.
    tables = {
        name: rows if name == LEADING.name else rows.unique(maintain_order=True) for name, rows in batch.tables.items()
    }
    known = Known(all_told(tables), batch.assays, with_unclear(batch.unreadable, tables), concordance=compared)
    assessment = assess(known, protocol=how.protocol, as_of=how.moment, method=how.method, facts_apart=True)
    found = {
        WEEKLY_DECLINE.name: assessment.weekly_decline,
        VERDICTS.name: assessment.verdicts,
        CONCORDANCE.name: assessment.concordance.filter(~OF_UNIT),
        **assessment.subject_facts,
    }
    if how.ask_next:
        everyone = assessment.patients
        found[NEXT_SAMPLE.name] = next_samples(assessment, everyone, protocol=how.protocol, as_of=how.moment)
    kept, broken = {}, {}
    for row_type in how.computed:
        kept[row_type.name], broken[row_type.name] = split_by_promises(batch.own(found.pop(row_type.name)), row_type)
    return Judged(kept, broken, assessment.concordance.filter(OF_UNIT) if unit is None else unit)


def patients_named(broken: pl.DataFrame) -> frozenset[str]:
    """The patients whom broken rows name."""
    names = broken["patient_id"].drop_nulls() if "patient_id" in broken.columns else ()
    return frozenset(str(p) for p in names)
