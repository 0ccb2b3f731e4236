"""When the leading compartments that are not blood were last sampled with a result."""

from __future__ import annotations

import polars as pl

from cmvmon.domain import compartments
from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.constraints import OneOf
from cmvmon.domain.samples_ordered import SAMPLES_ORDERED
from cmvmon.facts.by_series import latest_of, results_by_series
from cmvmon.facts.columns import PATIENT_ID, PLACE, days, days_long, moment
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.leading import LEADING
from cmvmon.facts.nobody import nobody_without
from cmvmon.facts.sampling import not_feasible, waiting
from cmvmon.facts.treatment import TREATMENT

_NONE = "blood leads, or the compartment has no result"

LEADING_FOLLOW_UP = RowType(
    name="leading_follow_up",
    description="The last sample with a result of a leading compartment that is not blood: of several the longest ago, and "
    "the newest. No row: blood leads, or nothing.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        Column(
            "longest_ago_compartment",
            Kind.TEXT,
            "The one sampled longest ago; one without a result comes first.",
            constraints=(OneOf("longest_ago_compartment", compartments.NAMES),),
        ),
        moment(
            "longest_ago_collected_at",
            "When its last sample with a result was collected, a conflicting one too.",
            _NONE,
        ),
        Column("longest_ago_result_id", Kind.TEXT, "Its result; the last by name of several.", null_means=_NONE),
        days("days_since_longest_ago", "Days from then to the moment that is judged, to a thousandth.", _NONE),
        moment("newest_leading_collected_at", "When the last sample of any of them was collected.", _NONE),
        moment(
            "waiting_longest_ago_collected_at",
            "When the last sample without a result of the one sampled longest ago was taken.",
            "there is none",
        ),
        moment(
            "longest_ago_not_feasible_at",
            "When it was stated that it can't be sampled, where that is the last word on it, and of the latest course.",
            "not stated",
        ),
        days(
            "longest_ago_earlier_gap_days",
            "The longest stretch of the latest course between two samples of it.",
            "no sample since the course began that has one before it",
        ),
    ),
)


@fact_table(LEADING_FOLLOW_UP)
def leading_follow_up(facts: Facts) -> pl.DataFrame:
    """A preliminary result is none yet: it may still change."""
    leads = facts.of(LEADING).select(PLACE).filter(~pl.col("compartment").is_in(compartments.BLOOD))
    results = facts.shared(results_by_series).join(leads, on=PLACE, how="semi", maintain_order="left")
    last = (
        latest_of(results)
        .group_by(PLACE)
        .agg(
            pl.col("collected_at").max(),
            result_id=pl.col("result_id").sort_by("collected_at", "result_id").last(),
        )
    )
    ordered = leads.join(last, on=PLACE, how="left").sort("patient_id", "collected_at", "compartment", nulls_last=False)
    age = facts.now - pl.col("longest_ago_collected_at")
    return (
        ordered.group_by("patient_id", maintain_order=True)
        .agg(
            longest_ago_compartment=pl.col("compartment").first(),
            longest_ago_collected_at=pl.col("collected_at").first(),
            longest_ago_result_id=pl.col("result_id").first(),
            newest_leading_collected_at=pl.col("collected_at").max(),
        )
        .with_columns(days_since_longest_ago=days_long(age))
        .join(_of_orders(facts), on=_LONGEST_AGO, how="left")
        .join(_earlier_gaps(facts, results), on=_LONGEST_AGO, how="left")
    )


_LONGEST_AGO = ("patient_id", "longest_ago_compartment")


@nobody_without(SAMPLES_ORDERED)
def _of_orders(facts: Facts) -> pl.DataFrame:
    """Of each compartment when the last sample without a result was taken, and when it was stated not to be feasible."""
    taken = facts.shared(waiting).group_by(PLACE).agg(waiting_longest_ago_collected_at=pl.col("collected_at").max())
    course = facts.of(TREATMENT).select("patient_id", "course_started_at")
    is_of_course = (pl.col("said_at") >= pl.col("course_started_at")).fill_null(True)
    stated = facts.shared(not_feasible).join(course, on="patient_id", how="left").filter(is_of_course)
    return taken.join(
        stated.select(*PLACE, longest_ago_not_feasible_at="said_at"), on=PLACE, how="full", coalesce=True
    ).rename({"compartment": "longest_ago_compartment"})


def _earlier_gaps(facts: Facts, results: pl.DataFrame) -> pl.DataFrame:
    """Of each compartment of these results the longest time in the latest course to a sample from one before it: the first sample
    ends none."""
    is_again = pl.all_horizontal(pl.col(name) == pl.col(name).shift(1) for name in PLACE)  # they come sorted by place
    before = pl.when(is_again).then(pl.col("collected_at").shift(1))
    gap = pl.when(before.is_not_null()).then(pl.col("collected_at") - pl.max_horizontal(before, "course_started_at"))
    return (
        results.select(*PLACE, "collected_at")
        .unique()
        .join(facts.of(TREATMENT).select("patient_id", "course_started_at"), on="patient_id")
        .sort(*PLACE, "collected_at")
        .with_columns(gap=gap)
        .filter(pl.col("collected_at") > pl.col("course_started_at"))
        .group_by(PLACE)
        .agg(longest_ago_earlier_gap_days=days_long(pl.col("gap").max()))
        .rename({"compartment": "longest_ago_compartment"})
    )
