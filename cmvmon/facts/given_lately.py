"""Which drugs of CMV treatment a patient gets that are not given as treatment, and which was given last: no fact table itself.

What harms the marrow harms it whatever it is given for, and for days after the last dose.
"""

from __future__ import annotations

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.doses_given import DOSES_GIVEN, GIVEN
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.facts.fact_table import Facts
from cmvmon.facts.treatment import is_treatment

COLUMNS = ("prophylactic_drugs", "other_drugs", "lately_drugs", "lately_until_at")


def given_lately(facts: Facts) -> pl.DataFrame:
    """By `patient_id`: `prophylactic_drugs` and `other_drugs` that run (sorted, joined by `;`, null: none), and of what no longer
    runs the last one that was given, `lately_drugs`, with `lately_until_at`, however long ago.

    `other_drugs` are given for something else, or for what is not on record. A drug was given until its course stopped, or until its
    last dose on record, whichever is later; where the medication has been silent since, until it was last heard of. Only drugs that
    the protocol lists as treatment; letermovir and aciclovir are none.
    """
    parts = facts.prepared.begun[ANTIVIRAL_COURSES].filter(_is_toxic(facts))
    silent_since = facts.prepared.begun.silent_since(ANTIVIRAL_COURSES)
    runs = pl.col("stopped_at").is_null()
    if silent_since is not None:
        heard = facts.prepared.begun.heard_since.get(ANTIVIRAL_COURSES.name, frozenset())
        runs = runs & pl.col("delivery_id").is_in(sorted(heard)).fill_null(False)
    courses = parts.select(
        "patient_id",
        "drug",
        is_prophylaxis=(pl.col("indication") == words.PROPHYLAXIS).fill_null(False),
        is_treatment=is_treatment(facts),
        runs=runs,
        until_at=pl.coalesce("stopped_at", pl.lit(silent_since, dtype=pl.Datetime("us", "UTC"))),
    )
    running = courses.filter("runs")
    others = (  # few have such a drug: the drugs of all the others need not be gathered
        running.filter(pl.col("is_prophylaxis") | ~pl.col("is_treatment"))
        .group_by("patient_id")
        .agg(
            prophylactic_drugs=_joined(pl.col("is_prophylaxis")),
            other_drugs=_joined(~pl.col("is_prophylaxis") & ~pl.col("is_treatment")),
        )
    )
    others = running.select("patient_id").unique().join(others, on="patient_id", how="left")
    lately = (
        pl.concat([courses.filter(~pl.col("runs")).select("patient_id", "drug", "until_at"), _last_doses(facts)])
        .join(running, on=["patient_id", "drug"], how="anti")
        .drop_nulls("until_at")
        .filter(pl.col("until_at") == pl.col("until_at").max().over("patient_id"))
        .group_by("patient_id")
        .agg(lately_drugs=_joined(pl.lit(True)), lately_until_at=pl.col("until_at").first())
    )
    return others.join(lately, on="patient_id", how="full", coalesce=True).select("patient_id", *COLUMNS)


def _last_doses(facts: Facts) -> pl.DataFrame:
    """Of each such drug the last dose that was given, whatever for; a site may send doses and no courses."""
    given = facts.prepared.begun[DOSES_GIVEN].filter((pl.col("administered") == GIVEN) & _is_toxic(facts))
    return given.group_by("patient_id", "drug").agg(until_at=pl.col("given_at").max())


def _is_toxic(facts: Facts) -> pl.Expr:
    return pl.col("drug").is_in(list(facts.protocol.treatment_drugs))


def _joined(is_one: pl.Expr) -> pl.Expr:
    drugs = pl.col("drug").filter(is_one).unique().sort()
    return pl.when(drugs.len() > 0).then(drugs.str.join(";"))
