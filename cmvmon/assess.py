"""Tables + protocol + as_of -> weekly decline and verdicts. A pure function: no clock, no store, no path.

known rows -> current results -> courses and anchors -> weekly decline -> subjects -> every rule -> verdicts
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.next_sample import NEXT_SAMPLE
from cmvmon.domain.results import VERDICTS, WEEKLY_DECLINE
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.domain.versions import current_versions, is_usable
from cmvmon.kinetics import concordance, treatment_courses, weekly_decline
from cmvmon.kinetics.next_sample.table import next_sample
from cmvmon.kinetics.noise.in_use import laboratory_sigma
from cmvmon.protocol import Protocol
from cmvmon.rules import all_rules, subjects, verdicts_of


@dataclass(frozen=True)
class Tables:
    """What was known: rows that keep every promise of their row type, in any order.

    Attributes:
        viral_load_results: all known versions.
        antiviral_courses, icu_stays: current versions; None when such a table was never delivered.
        assays: noise by assay, compartment and date; the protocol's default holds where it has no row.
        unread_courses: patients of whom a course was delivered that could not be used: unless another one runs, whether
            they are treated is unknown.
        concordance: the table `concordance` of *every* patient at this moment, where these tables hold only some of
            them; None = the patients of these tables are the unit.
    """

    viral_load_results: pl.DataFrame
    antiviral_courses: pl.DataFrame | None
    icu_stays: pl.DataFrame | None
    assays: pl.DataFrame
    unread_courses: frozenset[str] = frozenset()
    concordance: pl.DataFrame | None = None


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


def assess(tables: Tables, *, protocol: Protocol, as_of: datetime, method: str = "bank") -> Assessment:
    """The weekly decline of every series, and what every rule says of every subject, at `as_of`.

    The same tables, protocol and `as_of` give the same answer, to the bit, whatever the order of the rows. A result
    collected after `as_of`, and a course or stay that starts after it, is not read; an end after it reads as null.
    `method`: how the decline is estimated, `bank` or `line`.

    Raises:
        ProtocolError: a rule has no stanza.
    """
    known = tables.viral_load_results.filter(pl.col("collected_at") <= as_of)
    courses = _begun(tables.antiviral_courses, "started_at", ("stopped_at",), as_of)
    stays = _begun(
        tables.icu_stays, "admitted_at", ("discharged_at", "ventilation_started_at", "ventilation_stopped_at"), as_of
    )
    current = current_versions(known)
    results = laboratory_sigma(current.filter(is_usable()), tables.assays).sort("collected_at", "result_id")
    clocks = treatment_courses(
        ANTIVIRAL_COURSES.empty() if courses is None else courses, protocol=protocol, as_of=as_of
    )
    weekly = weekly_decline(results, clocks, protocol=protocol, as_of=as_of, method=method)
    compared = tables.concordance
    if compared is None:
        compared = concordance(results, protocol=protocol, as_of=as_of)
    patients = pl.concat(
        [frame.select("patient_id") for frame in (known, courses, stays) if frame is not None]
    ).unique()
    judged = subjects(
        patients=patients,
        results=results,
        courses=courses,
        unread_courses=tables.unread_courses,
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
        verdicts=VERDICTS.conform(verdicts).sort(*VERDICTS.key, nulls_last=False),
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


def _begun(frame: pl.DataFrame | None, start: str, ends: tuple[str, ...], as_of: datetime) -> pl.DataFrame | None:
    """The rows that had begun by `as_of`, with what lies after it read as not known yet."""
    if frame is None:
        return None
    return frame.filter(pl.col(start) <= as_of).with_columns(
        pl.when(pl.col(end) <= as_of).then(pl.col(end)).alias(end) for end in ends
    )
