"""Known rows + protocol + as_of -> weekly decline and verdicts. A pure function: no clock, no store, no path.

known rows -> prepared (current results, clocks, weekly decline) -> facts -> every rule -> verdicts
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.known import Known
from cmvmon.domain.next_sample import NEXT_SAMPLE
from cmvmon.domain.prepared import Prepared
from cmvmon.domain.results import VERDICTS, WEEKLY_DECLINE
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.domain.versions import current_versions, is_usable
from cmvmon.facts import Facts, facts_at
from cmvmon.facts.patients import PATIENTS
from cmvmon.kinetics import concordance, treatment_courses, weekly_decline
from cmvmon.kinetics.next_sample.table import next_sample
from cmvmon.kinetics.noise.in_use import laboratory_sigma
from cmvmon.protocol import Protocol
from cmvmon.rules import all_rules, judge

_VERDICT_ORDER = ("patient_id", "compartment", "subject", "rule")


@dataclass(frozen=True)
class Assessment:
    """What one assessment says, and what the pages show beside it.

    Attributes:
        verdicts: as their row type, by patient, compartment, subject and rule.
        facts: every fact that the rules read (docs/facts.md), and `facts.prepared`.
    """

    verdicts: pl.DataFrame
    facts: Facts

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


def assess(known: Known, *, protocol: Protocol, as_of: datetime, method: str = "bank") -> Assessment:
    """The weekly decline of every series, and what every rule says of every subject, at `as_of`.

    The same known rows, protocol and `as_of` give the same answer, to the bit, whatever the order of the rows. A result
    collected after `as_of`, and a course or stay that starts after it, is not read; an end after it reads as null.
    `method`: how the decline is estimated, `bank` or `line`.

    Raises:
        ContractBroken: a rule fires and clears at once.
    """
    facts = facts_at(prepared(known, protocol=protocol, as_of=as_of, method=method), protocol=protocol, as_of=as_of)
    verdicts = judge(all_rules(), facts).with_columns(protocol_version=pl.lit(protocol.version_with_priors))
    return Assessment(VERDICTS.conform(verdicts).sort(_VERDICT_ORDER, nulls_last=False), facts)


def prepared(known: Known, *, protocol: Protocol, as_of: datetime, method: str = "bank") -> Prepared:
    """Current results with their noise, clocks, weekly decline and concordance of what was known at `as_of`."""
    begun = known.begun(as_of)
    current = current_versions(begun[VIRAL_LOAD_RESULTS])
    results = laboratory_sigma(current.filter(is_usable()), known.assays).sort("collected_at", "result_id")
    clocks = treatment_courses(begun[ANTIVIRAL_COURSES], protocol=protocol, as_of=as_of)
    compared = known.concordance
    if compared is None:
        compared = concordance(results, protocol=protocol, as_of=as_of)
    return Prepared(
        begun=begun,
        results=results,
        shown=current.filter(pl.col("result_status") != words.WITHDRAWN).sort("collected_at", "result_id"),
        clocks=clocks,
        weekly_decline=WEEKLY_DECLINE.conform(
            weekly_decline(results, clocks, protocol=protocol, as_of=as_of, method=method)
        ),
        concordance=compared,
    )


def next_samples(
    assessment: Assessment, patients: Collection[str], *, protocol: Protocol, as_of: datetime
) -> pl.DataFrame:
    """`next_sample` of these patients; no row where no call is open, or the declines were not the bank's."""
    if assessment.courses is None:
        return NEXT_SAMPLE.empty()
    clocks = assessment.facts.prepared.clocks
    weekly = assessment.weekly_decline.filter(pl.col("patient_id").is_in(sorted(patients)))
    return next_sample(assessment.results, clocks, weekly, protocol=protocol, as_of=as_of)
