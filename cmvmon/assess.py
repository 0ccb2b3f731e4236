"""Known rows + protocol + as_of -> weekly decline and verdicts. A pure function: no clock, no store, no path.

known rows -> prepared (current results, clocks, weekly decline) -> facts -> every rule -> verdicts
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.known import Known
from cmvmon.domain.next_sample import NEXT_SAMPLE
from cmvmon.domain.prepared import Prepared
from cmvmon.domain.results import VERDICTS, WEEKLY_DECLINE
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.domain.versions import by_moment, current_versions, is_usable
from cmvmon.domain.who_died import with_stays_ended
from cmvmon.facts import Facts, facts_at
from cmvmon.facts.patients import PATIENTS
from cmvmon.kinetics import concordance, treatment_courses
from cmvmon.kinetics.next_sample.table import next_sample
from cmvmon.kinetics.noise.in_use import laboratory_sigma
from cmvmon.kinetics.noise.results_in_use import told_once
from cmvmon.kinetics.noise.same_minute import impossible_pairs, mark_pairs
from cmvmon.kinetics.weeks.weekly_decline import KernelInput, estimated_from, kernel_input
from cmvmon.protocol import Protocol
from cmvmon.rules import all_rules, judge, judge_apart, subject_fact_tables
from cmvmon.rules.verdict_order import ORDER


@dataclass(frozen=True)
class Assessment:
    """What one assessment says, and what the pages show beside it.

    Attributes:
        verdicts: as their row type, by patient, compartment, subject and rule.
        facts: every fact that the rules read (docs/facts.md), and `facts.prepared`.
        kernel_input: the rows and clocks that the declines were estimated from, where pages will be drawn; else None.
        subject_facts: by name of table, where they were asked for: the facts that verdicts rest on, once for each subject.
    """

    verdicts: pl.DataFrame
    facts: Facts
    kernel_input: KernelInput | None = None
    subject_facts: Mapping[str, pl.DataFrame] = field(default_factory=dict)

    @property
    def weekly_decline(self) -> pl.DataFrame:
        """As its row type, sorted by key."""
        return self.facts.prepared.weekly_decline

    @property
    def results(self) -> pl.DataFrame:
        """Current results, with `is_conflicting` and `sigma_log10`."""
        return self.facts.prepared.results

    @property
    def versions(self) -> pl.DataFrame:
        """Every known version of every result of a sample that had been taken, as `viral_load_results`."""
        return self.facts.prepared.begun[VIRAL_LOAD_RESULTS]

    @property
    def shown(self) -> pl.DataFrame:
        """The same and the preliminary ones, which a page shows and nothing judges."""
        return self.facts.prepared.shown

    @property
    def courses(self) -> pl.DataFrame | None:
        """The courses that had begun, ends after `as_of` read as null; None = never delivered."""
        return self.facts.prepared.begun.if_delivered(ANTIVIRAL_COURSES)

    @property
    def stays(self) -> pl.DataFrame | None:
        """The stays that had begun, ends after `as_of` read as null; None = never delivered."""
        return self.facts.prepared.begun.if_delivered(ICU_STAYS)

    @property
    def concordance(self) -> pl.DataFrame:
        """Whether blood follows other compartments, by patient and for the unit, as its row type."""
        return self.facts.prepared.concordance

    @property
    def patients(self) -> pl.Series:
        """Every patient of whom a row had begun, sorted."""
        return self.facts.of(PATIENTS)["patient_id"]


def assess(
    known: Known,
    *,
    protocol: Protocol,
    as_of: datetime,
    method: str = "bank",
    for_pages: bool = False,
    facts_apart: bool = False,
) -> Assessment:
    """The weekly decline of every series, and what every rule says of every subject, at `as_of`.

    The same known rows, protocol and `as_of` give the same answer, to the bit, whatever the order of the rows. A result
    collected after `as_of`, and a course or stay that starts after it, is not read; an end after it reads as null.
    `method`: how the decline is estimated, `bank` or `line`. `for_pages`: `kernel_input` is kept.
    `facts_apart`: the facts that verdicts rest on stand once for each subject in `subject_facts`, and not in their evidence.

    Raises:
        ContractBroken: a rule fires and clears at once.
    """
    made, given = _prepared(known, protocol=protocol, as_of=as_of, method=method)
    kept = given if for_pages else None
    del given  # large, and judging is where a range of a million series needs its room
    facts = facts_at(made, protocol=protocol, as_of=as_of)
    verdicts, apart = (
        judge_apart(all_rules(), facts, subject_fact_tables()) if facts_apart else (judge(all_rules(), facts), {})
    )
    verdicts = VERDICTS.conform(verdicts.with_columns(protocol_version=pl.lit(protocol.version_with_priors)))
    return Assessment(verdicts, facts, kept, apart)


def prepared(known: Known, *, protocol: Protocol, as_of: datetime, method: str = "bank") -> Prepared:
    """Current results with their noise, clocks, weekly decline and concordance of what was known at `as_of`."""
    return _prepared(known, protocol=protocol, as_of=as_of, method=method)[0]


def as_recorded(
    known: Known,
    *,
    verdicts: pl.DataFrame,
    weekly_decline: pl.DataFrame,
    protocol: Protocol,
    as_of: datetime,
    method: str,
) -> Assessment:
    """What was recorded of these patients, with the known rows that their pages show beside it: no decline is estimated and no rule
    judges. `as_of`, `protocol`, `method`: those under which it was recorded."""
    made, given = _prepared(known, protocol=protocol, as_of=as_of, method=method, weekly_decline=weekly_decline)
    facts = facts_at(made, protocol=protocol, as_of=as_of)
    return Assessment(VERDICTS.conform(verdicts).sort(ORDER, nulls_last=False), facts, given)


def _prepared(
    known: Known, *, protocol: Protocol, as_of: datetime, method: str, weekly_decline: pl.DataFrame | None = None
) -> tuple[Prepared, KernelInput]:
    """`weekly_decline`: as it was recorded; None = it is estimated."""
    begun = known.begun(as_of)
    begun = replace(begun, tables=with_stays_ended(begun.tables))
    current = current_versions(begun[VIRAL_LOAD_RESULTS])
    usable = by_moment(laboratory_sigma(current.filter(is_usable()), known.assays))
    pairs = impossible_pairs(usable, protocol=protocol)
    results = told_once(usable, pairs)
    is_shown = pl.col("result_status") != words.WITHDRAWN
    clocks = treatment_courses(begun[ANTIVIRAL_COURSES], protocol=protocol, as_of=as_of)
    compared = known.concordance
    if compared is None:
        compared = concordance(results, protocol=protocol, as_of=as_of)
    given = kernel_input(results, clocks, protocol=protocol, as_of=as_of, method=method)
    made = Prepared(
        begun=begun,
        results=results,
        shown=by_moment(mark_pairs(current.filter(is_shown), pairs)),
        clocks=clocks,
        weekly_decline=WEEKLY_DECLINE.conform(
            estimated_from(given, clocks, protocol) if weekly_decline is None else weekly_decline
        ),
        concordance=compared,
    )
    return made, given


def next_samples(
    assessment: Assessment, patients: Collection[str], *, protocol: Protocol, as_of: datetime
) -> pl.DataFrame:
    """`next_sample` of these patients; no row where no call is open, or the declines were not the bank's."""
    if assessment.courses is None:
        return NEXT_SAMPLE.empty()
    clocks = assessment.facts.prepared.clocks
    weekly = assessment.weekly_decline.filter(pl.col("patient_id").is_in(sorted(patients)))
    return next_sample(assessment.results, clocks, weekly, protocol=protocol, as_of=as_of)
