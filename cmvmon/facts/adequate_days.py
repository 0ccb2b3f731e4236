"""How many days of an adequate dose lie before the latest sample of a series, and how many of the last ones were none."""

from __future__ import annotations

import polars as pl

from cmvmon.domain.columns import RowType
from cmvmon.domain.doses_given import DOSES_GIVEN
from cmvmon.domain.series import SERIES_KEY
from cmvmon.facts.columns import PATIENT_ID, count, days, series, yes_no
from cmvmon.facts.conditions import fact, number, truth
from cmvmon.facts.dose_days import ADEQUATE, HIGH, drug_days
from cmvmon.facts.fact_table import Facts, fact_table
from cmvmon.facts.falls import FALLS
from cmvmon.facts.kidney_days import treated_days
from cmvmon.facts.nobody import nobody_without

ADEQUATE_DAYS = RowType(
    name="adequate_days",
    description="The days of the response clock that were over when the latest sample of a series was taken, by what was given "
    "on them. No row: no dose with treatment intent is on record, or no sample.",
    key=SERIES_KEY,
    columns=(
        PATIENT_ID,
        *series(),
        days("clock_days", "Days of the response clock that were over at the sample."),
        days(
            "adequate_days",
            "Of these, days on which a drug was given at or above the dose of its band; the counter pauses.",
        ),
        count(
            "n_days_outside", "Of the last days that are asked for (`[exposure] adequate_days`), those that were not."
        ),
        yes_no(
            "doses_were_interrupted",
            "Whether more of those last days were not than an interruption of a course is long.",
        ),
    ),
)


@fact_table(ADEQUATE_DAYS)
@nobody_without(DOSES_GIVEN)
def adequate_days(facts: Facts) -> pl.DataFrame:
    """A day counts where one of the treatment drugs was not below its band: low, and not known, count as outside.

    The counter pauses and is never reset within a response clock, which another drug starts again. A run of days outside
    that is longer than `interrupted_gap_h` is an interruption of treatment. Source: rules.md sections 1 and 3.1.
    """
    policy = facts.protocol
    found = facts.shared(drug_days)
    is_adequate = pl.col("state").is_in([ADEQUATE, HIGH]).any()
    treated = facts.shared(treated_days).join(found.select("patient_id").unique(), on="patient_id", how="semi")
    told = treated.join(
        found.group_by("patient_id", "day").agg(is_adequate=is_adequate), on=["patient_id", "day"], how="left"
    )
    samples = facts.of(FALLS).select(*SERIES_KEY, "fall_to_collected_at")
    before = samples.join(told, on="patient_id").filter(pl.col("ends") <= pl.col("fall_to_collected_at"))
    asked = int(policy.exposure.adequate_days)
    is_outside, is_last = ~pl.col("is_adequate"), pl.col("day") > pl.col("day").max() - asked
    outside = (is_outside & is_last).sum().cast(pl.Int64)
    with_doses = samples.join(told.select("patient_id").unique(), on="patient_id", how="semi")
    counted = before.group_by(SERIES_KEY).agg(
        clock_days=pl.len().cast(pl.Float64),
        adequate_days=pl.col("is_adequate").sum().cast(pl.Float64),
        n_days_outside=outside,
        doses_were_interrupted=outside * 24 > policy.response_clock.interrupted_gap_h,
    )
    return (
        with_doses.select(SERIES_KEY)
        .join(counted, on=SERIES_KEY, how="left")
        .with_columns(
            pl.col("clock_days", "adequate_days", "n_days_outside").fill_null(0),
            pl.col("doses_were_interrupted").fill_null(False),
        )
    )


_asked = number("exposure.adequate_days")
has_doses = fact("adequate_days").is_known()
was_adequate = (fact("adequate_days") >= _asked) & ~truth("doses_were_interrupted")
is_long_enough = fact("clock_days") >= _asked
