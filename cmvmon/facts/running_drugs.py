"""Which antiviral drugs run and since when, which stopped only now, and which the protocol does not list: what a list of patients says
of their treatment."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.facts.fact_table import Facts
from cmvmon.facts.treatment import TREATMENT, begins_anew, is_known_to_run, is_prophylaxis, is_treatment

_OF_ONE = ("patient_id", "drug", "is_prophylaxis")


def running_drugs(facts: Facts) -> pl.DataFrame:
    """The drugs given as treatment or as prophylaxis that have no stop yet, and those that stopped no longer before than the
    rules' clocks run on after a stop (`[response_clock] interrupted_gap_h`).

    A stop that is planned after `as_of` is no stop yet. One drug for two purposes is two rows, each with its own start. A
    drug runs since the first of its rows for that purpose that follow one another within `same_course_gap_days`: a change
    of dose starts nothing. Letermovir is prophylaxis whatever it is given for. Of whoever it is unknown whether they are
    treated nothing is told.

    Returns:
        patient_id, drug, is_prophylaxis, since (UTC), stopped_at (UTC; null: it runs); by patient, what runs first, then
        treatment, since and drug.
    """
    is_told = pl.col("treatment") != words.TREATMENT_UNKNOWN
    rows = (
        facts.prepared.begun[ANTIVIRAL_COURSES]
        .join(facts.of(TREATMENT).filter(is_told).select("patient_id"), on="patient_id")
        .with_columns(is_prophylaxis=is_prophylaxis(facts), counts=is_known_to_run(facts))
        .filter(pl.col("is_prophylaxis") | is_treatment(facts))
        .sort(*_OF_ONE, "started_at")
        .with_columns(begins=begins_anew(facts, _OF_ONE))
    )
    runs = pl.col("counts") & pl.col("stopped_at").is_null()
    found = (
        rows.group_by(_OF_ONE)
        .agg(
            since=pl.col("started_at").filter("begins").max(),
            stopped_at=pl.when(~runs.any()).then(pl.col("stopped_at").filter("counts").max()),
            counts=pl.col("counts").any(),
        )
        .filter("counts")
        .select(*_OF_ONE, "since", "stopped_at")
    )
    return found.sort("patient_id", pl.col("stopped_at").is_not_null(), "is_prophylaxis", "since", "drug")


def unlisted_drugs(facts: Facts) -> pl.DataFrame:
    """The antiviral drugs on record that run and that the protocol does not list, so that nothing is known of what they treat.

    Returns:
        patient_id, drug, indication (null: not known), each once; by patient, drug and indication.
    """
    of_one = ("patient_id", "drug", "indication")
    rows = facts.prepared.begun[ANTIVIRAL_COURSES]
    is_listed = pl.col("drug").is_in([*facts.protocol.drugs])
    if rows.filter(~is_listed).is_empty():  # nearly always
        return rows.clear().select(of_one)
    told = rows.filter(~is_listed & is_known_to_run(facts) & pl.col("stopped_at").is_null())
    return told.select(of_one).unique().sort(of_one)
