"""Series whose latest results are of those that moved together: a question to their laboratory, and no word on the load."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import compartments
from cmvmon.domain.columns import Kind, RowType
from cmvmon.domain.rows import ANTIVIRAL_COURSES
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.columns import PATIENT_ID, PLACE, moment, series
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.leading import LEADING
from cmvmon.kinetics.moved.steps import steps
from cmvmon.kinetics.moved.together import standing

_NOT = "its results are none of those that moved together"
_MOVED = {**dict.fromkeys(SERIES_KEY, Kind.TEXT.dtype), "moved_since": Kind.MOMENT.dtype}

MOVED_SERIES = RowType(
    name="moved_series",
    description="A series whose latest results moved with those of many other patients of its laboratory.",
    key=SERIES_KEY,
    columns=(PATIENT_ID, *series(), moment("moved_since", "The first of its samples that moved.", _NOT)),
)
MOVED_FOLLOW_UP = RowType(
    name="moved_follow_up",
    description="A patient with such a series in blood, or in a leading compartment.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        moment("blood_moved_since", "The first sample that moved of blood.", _NOT),
        moment("leading_moved_since", "The same of the leading compartments that are not blood.", _NOT),
    ),
)


@fact_table(MOVED_SERIES)
def moved_series(facts: Facts) -> pl.DataFrame:
    """Which laboratory and assay it is, which way and since when, is a fact of the unit (`Known.moved_together`). Whether a series is
    one of those, its own results say. Source: rules.md section 5, faults row 118: a proposal of this project."""
    return facts.shared(moved)


@fact_table(MOVED_FOLLOW_UP)
def moved_follow_up(facts: Facts) -> pl.DataFrame:
    """Of several the first. Source: as above."""
    found = facts.shared(moved)
    in_blood = pl.col("compartment").is_in(compartments.BLOOD)
    since = pl.col("moved_since").min()
    blood = found.filter(in_blood).group_by("patient_id").agg(blood_moved_since=since)
    leads = found.filter(~in_blood).join(facts.of(LEADING).select(PLACE), on=PLACE, how="semi")
    leading = leads.group_by("patient_id").agg(leading_moved_since=since)
    return blood.join(leading, on="patient_id", how="full", coalesce=True)


def moved(facts: Facts) -> pl.DataFrame:
    """The series key and `moved_since` of every series that moved as its laboratory's did."""
    together = facts.prepared.begun.moved_together
    empty = pl.DataFrame(schema=_MOVED)
    if not together:  # nearly always
        return empty
    courses = facts.prepared.begun.if_delivered(ANTIVIRAL_COURSES)
    of_each = steps(facts.prepared.results, courses, protocol=facts.protocol, as_of=facts.as_of)
    found = [standing(of_each, one).select(*SERIES_KEY, moved_since=f"{one.way}_at") for one in together]
    return pl.concat([empty, *found]).group_by(SERIES_KEY).agg(pl.col("moved_since").min())
