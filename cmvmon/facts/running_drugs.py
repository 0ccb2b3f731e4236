"""Which antiviral drugs run, and since when each of them does: what a list of patients says of their treatment."""

from __future__ import annotations

from datetime import timedelta

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.facts.fact_table import Facts
from cmvmon.facts.treatment import TREATMENT

_OF_ONE = ("patient_id", "drug")


def running_drugs(facts: Facts) -> pl.DataFrame:
    """The drugs that `treatment` says run, as treatment or as prophylaxis, with the moment since when.

    A drug runs since the first of its rows that follow one another within `[response_clock] same_course_gap_days`: a change
    of dose starts nothing. Rows for another indication don't count, but of letermovir, which is prophylaxis whatever it is
    given for.

    Returns:
        patient_id, drug, since (UTC), is_prophylaxis; by patient, treatment first, then since and drug.
    """
    state = facts.of(TREATMENT)
    named = pl.concat(
        state.select("patient_id", drug=pl.col(column).str.split(";"), is_prophylaxis=pl.lit(is_prophylaxis))
        for column, is_prophylaxis in (("running_drugs", False), ("prophylaxis_drugs", True))
    )
    running = named.filter(pl.col("drug").is_not_null()).explode("drug")
    gap = timedelta(days=facts.protocol.response_clock.same_course_gap_days)
    far = pl.lit(facts.as_of).cast(pl.Datetime("us", "UTC"))
    is_other = pl.col("indication").fill_null("") == words.PROPHYLAXIS
    rows = (
        facts.prepared.begun[ANTIVIRAL_COURSES]
        .join(running, on=_OF_ONE)
        .filter(pl.col("is_prophylaxis") | ~is_other)
        .sort(*_OF_ONE, "started_at")
        .with_columns(until=pl.coalesce("stopped_at", far).cum_max().over(_OF_ONE).shift(1).over(_OF_ONE))
        .with_columns(begins=(pl.col("started_at") > pl.col("until") + gap).fill_null(True))
    )
    since = rows.filter("begins").group_by(*_OF_ONE, "is_prophylaxis").agg(since=pl.col("started_at").max())
    ordered = since.select(*_OF_ONE, "since", "is_prophylaxis")
    return ordered.sort("patient_id", "is_prophylaxis", "since", "drug")
