"""The compartments that a response is judged in: those that lead, and blood that stands in for one of them."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import words
from cmvmon.domain.columns import RowType
from cmvmon.facts.columns import PATIENT_ID, PLACE, compartment, one_of, yes_no
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.leading import LEADING, NOWHERE
from cmvmon.facts.standing_in import STANDING_IN

AFFECTED = RowType(
    name="affected",
    description="The compartments that a response is judged in. No row: it is not judged there.",
    key=PLACE,
    columns=(
        PATIENT_ID,
        compartment(NOWHERE),
        yes_no("is_judged_for_response", "True: a response is judged here."),
        one_of("affected_source", words.AFFECTED_SOURCE, "How it came to be one of them."),
    ),
)


@fact_table(AFFECTED)
def affected(facts: Facts) -> pl.DataFrame:
    """Every compartment that leads, and besides blood that stands in."""
    besides = facts.of(STANDING_IN).select(*PLACE, affected_source=pl.lit(words.STANDS_IN))
    leading = facts.of(LEADING).rename({"leads_as": "affected_source"})
    return pl.concat([leading, besides]).with_columns(is_judged_for_response=True)
