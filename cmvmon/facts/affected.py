"""The compartments that a response is judged in: those that lead, and every blood, BAL, CSF and vitreous series besides."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import compartments, words
from cmvmon.domain.columns import RowType
from cmvmon.facts.columns import PATIENT_ID, PLACE, compartment, one_of, yes_no
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.leading import LEADING, NOWHERE
from cmvmon.facts.newest_series import recent_numbers
from cmvmon.facts.standing_in import STANDING_IN

AFFECTED = RowType(
    name="affected",
    description="The compartments that a response is judged in. No row: it is not judged there.",
    key=PLACE,
    columns=(
        PATIENT_ID,
        compartment(NOWHERE),
        yes_no("is_judged_for_response", "True: a response is judged here."),
        yes_no("is_leading", "Whether the course is judged by it first."),
        one_of(
            "affected_source",
            words.AFFECTED_SOURCE,
            "How it came to be one that leads, or that stands in for one.",
            "it is watched besides",
        ),
    ),
)


@fact_table(AFFECTED)
def affected(facts: Facts) -> pl.DataFrame:
    """What is stated or inferred decides which compartment leads; it silences no other one (rules.md section 3.0)."""
    leading = facts.of(LEADING).select(*PLACE, affected_source="leads_as", is_leading=pl.lit(True))
    standing_in = facts.of(STANDING_IN).select(
        *PLACE, affected_source=pl.lit(words.STANDS_IN), is_leading=pl.lit(False)
    )
    there = (
        facts.shared(recent_numbers).filter(pl.col("compartment").is_in(compartments.WATCHED)).select(PLACE).unique()
    )
    led = pl.concat([leading, standing_in])
    besides = there.join(led, on=PLACE, how="anti").with_columns(
        affected_source=pl.lit(None, dtype=pl.String), is_leading=pl.lit(False)
    )
    return pl.concat([led, besides]).with_columns(is_judged_for_response=True)
