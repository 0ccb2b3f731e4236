"""Why the latest course of treatment ended, and what was given in it before another drug, as far as somebody stated it."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.facts.columns import PATIENT_ID, moment, one_of
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.treatment import TREATMENT, is_treatment

_NO_SWITCH = "the response clock was not begun again by another drug, or an earlier one still runs"

STOPS = RowType(
    name="stops",
    description="Why the latest course of a patient was stopped or switched to another drug, as stated. No row: no course.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        one_of(
            "course_stop_reason",
            words.STOP_REASON,
            "Why that course ended: as stated with what was given last in it.",
            "it has not ended, nothing is stated, or rows that ended together do not agree",
        ),
        Column(
            "switched_from",
            Kind.TEXT,
            "The drugs that were given last in that course before the one that began its latest response clock, joined by `;`.",
            null_means=_NO_SWITCH,
        ),
        moment("switched_from_at", "When they were stopped.", _NO_SWITCH),
        one_of(
            "switch_reason",
            words.STOP_REASON,
            "Why they were stopped.",
            f"nothing is stated, they do not agree, or {_NO_SWITCH}",
        ),
        Column(
            "failed_drugs",
            Kind.TEXT,
            f"The treatment drugs of that course that were stopped for `{words.FAILURE}`, as stated, joined by `;`.",
            null_means="none",
        ),
    ),
)


@fact_table(STOPS)
def stops(facts: Facts) -> pl.DataFrame:
    """A reason is read only of a row that was stopped. What was given last are the rows that ended last, whatever began first;
    where several ended at one moment, what all those say that say anything. Nothing is concluded from a reason: it is what the team
    stated, in its words. Source: rules.md section 1 (response clock) and 3.1 (guide_duration)."""
    courses = facts.of(TREATMENT).select("patient_id", "course_started_at", "course_ended_at", "anchor_at")
    given = (
        facts.prepared.begun[ANTIVIRAL_COURSES]
        .filter(is_treatment(facts))
        .join(courses.drop_nulls("course_started_at"), on="patient_id")
        .filter(pl.col("started_at") >= pl.col("course_started_at"))
        .with_columns(
            group=pl.col("drug").replace_strict(
                dict(facts.protocol.treatment_drugs), default=None, return_dtype=pl.String
            ),
            # An end before the start is no end that can be used: the row counts as its first dose, as in the clocks.
            ended_at=pl.max_horizontal("started_at", "stopped_at"),
            runs=pl.col("stopped_at").is_null(),
            reason=pl.when(pl.col("stopped_at").is_not_null()).then("stop_reason"),
        )
    )
    found = courses.select("patient_id")
    for part in (_ended(given), _switched(given), _failed(given)):
        found = found.join(part, on="patient_id", how="left")
    return found


def _agreed() -> pl.Expr:
    """The reason of rows that ended together: what all those state that state one."""
    stated = pl.col("reason").drop_nulls().unique()
    return pl.when(stated.len() == 1).then(stated.first())


def _ended(given: pl.DataFrame) -> pl.DataFrame:
    last = given.filter(pl.col("ended_at") == pl.col("course_ended_at"))
    return last.group_by("patient_id").agg(course_stop_reason=_agreed())


def _switched(given: pl.DataFrame) -> pl.DataFrame:
    """Of the drugs that began before the latest clock, those that are of another group than what began with it."""
    begun_with = given.filter(pl.col("started_at") == pl.col("anchor_at")).select("patient_id", "group")
    earlier = given.filter(pl.col("started_at") < pl.col("anchor_at")).join(
        begun_with, on=["patient_id", "group"], how="anti"
    )
    last = pl.col("ended_at").max().over("patient_id")
    return (
        earlier.filter(~pl.col("runs").any().over("patient_id"))
        .filter(pl.col("ended_at") == last)
        .group_by("patient_id")
        .agg(
            switched_from=pl.col("drug").unique().sort().str.join(";"),
            switched_from_at=pl.col("ended_at").first(),
            switch_reason=_agreed(),
        )
    )


def _failed(given: pl.DataFrame) -> pl.DataFrame:
    failed = given.filter(pl.col("reason") == words.FAILURE)
    return failed.group_by("patient_id").agg(failed_drugs=pl.col("drug").unique().sort().str.join(";"))
