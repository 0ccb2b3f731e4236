"""Tables + protocol + as_of -> weekly decline and verdicts. A pure function: no clock, no store, no path.

known rows -> current results -> courses and anchors -> weekly decline -> subjects -> every rule -> verdicts
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.known import Known
from cmvmon.domain.next_sample import NEXT_SAMPLE
from cmvmon.domain.results import VERDICTS, WEEKLY_DECLINE
from cmvmon.domain.rows import ANTIVIRAL_COURSES, ICU_STAYS, VIRAL_LOAD_RESULTS
from cmvmon.domain.versions import current_versions, is_usable
from cmvmon.kinetics import concordance, treatment_courses, weekly_decline
from cmvmon.kinetics.next_sample.table import next_sample
from cmvmon.kinetics.noise.in_use import laboratory_sigma
from cmvmon.protocol import Protocol
from cmvmon.rules import all_rules, subjects, verdicts_of


@dataclass(frozen=True)
class Assessment:
    """What one assessment says, and the facts that the pages show beside it.

    Attributes:
        weekly_decline, verdicts: as their row types, sorted by key.
        subjects: the table that the rules read (`cmvmon.rules.subjects`).
        results: current results, with `is_conflicting` and `sigma_log10`.
        shown: the same and the preliminary ones, which a page shows and nothing judges.
        courses, stays: the rows that had begun, ends after `as_of` read as null; None = never delivered.
        concordance: whether blood follows other compartments, by patient and for the unit, as its row type.
    """

    weekly_decline: pl.DataFrame
    verdicts: pl.DataFrame
    subjects: pl.DataFrame
    results: pl.DataFrame
    shown: pl.DataFrame
    courses: pl.DataFrame | None
    stays: pl.DataFrame | None
    concordance: pl.DataFrame


def assess(known: Known, *, protocol: Protocol, as_of: datetime, method: str = "bank") -> Assessment:
    """The weekly decline of every series, and what every rule says of every subject, at `as_of`.

    The same known rows, protocol and `as_of` give the same answer, to the bit, whatever the order of the rows. A result
    collected after `as_of`, and a course or stay that starts after it, is not read; an end after it reads as null.
    `method`: how the decline is estimated, `bank` or `line`.

    Raises:
        ProtocolError: a rule has no stanza.
    """
    begun = known.begun(as_of)
    courses, stays = begun.if_delivered(ANTIVIRAL_COURSES), begun.if_delivered(ICU_STAYS)
    current = current_versions(begun[VIRAL_LOAD_RESULTS])
    results = laboratory_sigma(current.filter(is_usable()), known.assays).sort("collected_at", "result_id")
    clocks = treatment_courses(begun[ANTIVIRAL_COURSES], protocol=protocol, as_of=as_of)
    weekly = weekly_decline(results, clocks, protocol=protocol, as_of=as_of, method=method)
    compared = known.concordance
    if compared is None:
        compared = concordance(results, protocol=protocol, as_of=as_of)
    patients = pl.concat([frame.select("patient_id") for frame in begun.frames()]).unique()
    judged = subjects(
        patients=patients,
        results=results,
        courses=courses,
        unread_courses=known.unread_of(ANTIVIRAL_COURSES),
        stays=stays,
        clocks=clocks,
        weekly_decline=weekly,
        concordance=compared,
        protocol=protocol,
        as_of=as_of,
    )
    verdicts = pl.concat([verdicts_of(rule, judged, protocol=protocol) for rule in all_rules()]).with_columns(
        as_of=pl.lit(as_of), protocol_version=pl.lit(protocol.version_with_priors)
    )
    return Assessment(
        weekly_decline=WEEKLY_DECLINE.conform(weekly),
        verdicts=VERDICTS.conform(verdicts).sort("patient_id", "compartment", "subject", "rule", nulls_last=False),
        subjects=judged,
        results=results,
        shown=current.filter(pl.col("result_status") != words.WITHDRAWN).sort("collected_at", "result_id"),
        courses=courses,
        stays=stays,
        concordance=compared,
    )


def next_samples(
    assessment: Assessment, patients: Collection[str], *, protocol: Protocol, as_of: datetime
) -> pl.DataFrame:
    """`next_sample` of these patients; no row where no call is open, or the declines were not the bank's."""
    if assessment.courses is None:
        return NEXT_SAMPLE.empty()
    clocks = treatment_courses(assessment.courses, protocol=protocol, as_of=as_of)
    weekly = assessment.weekly_decline.filter(pl.col("patient_id").is_in(sorted(patients)))
    return next_sample(assessment.results, clocks, weekly, protocol=protocol, as_of=as_of)
