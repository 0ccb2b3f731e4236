"""The delivered table `deaths`: that a patient died, and when; and which stays a death ended.

Rules of this file:
- A death can be taken back: a statement that the patient is alive replaces the one of a death, and has no moment of death.
- A stay that began after the death speaks against it: one of the two is another patient's, or wrong. No stay ends by such a death,
  and the patient is not known to have died.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.conditional import NullWhen, RequiresUnless
from cmvmon.domain.constraints import Matches, NotBefore, OneOf, Ordered
from cmvmon.domain.rows import ICU_STAYS, PATIENT_ID, RECEIVED

DIED, ALIVE = SAYS = ("died", "alive")
_ANY, _FROM_1 = "(?:0|1|2|3|4|5|6|7|8|9)", "(?:1|2|3|4|5|6|7|8|9)"
_A_DATE = f"(?:19|20){_ANY}{_ANY}-(?:0{_FROM_1}|10|11|12)-(?:0{_FROM_1}|1{_ANY}|2{_ANY}|30|31)"

DEATHS = RowType(
    name="deaths",
    description="The death of one patient, or the statement that takes one back. Whoever has no row is not known to have died.",
    key=("patient_id",),
    columns=(
        PATIENT_ID,
        Column(
            "died_at",
            Kind.MOMENT,
            "When the patient died; where no time of it was stated, when it was stated: the patient had died by then.",
            "UTC",
            "the row takes a death back",
            (NotBefore("died_at"),),
        ),
        Column(
            "died_on",
            Kind.TEXT,
            "The date of death, such as 2026-03-01, where no time of it was stated.",
            null_means="`died_at` is the moment of death, or not even its date was stated",
            constraints=(
                Matches(
                    "died_on", _A_DATE, "is a date such as 2026-03-01, of this century or the last", "malformed_died_on"
                ),
            ),
        ),
        Column(
            "says",
            Kind.TEXT,
            "Whether the row states a death, or that the patient is alive: that takes a death back.",
            null_means="it states a death",
            constraints=(OneOf("says", SAYS),),
        ),
        Column("stated_at", Kind.MOMENT, "When it was stated.", "UTC", constraints=(NotBefore("stated_at"),)),
        *RECEIVED,
    ),
    across=(
        RequiresUnless("died_at", "says", (ALIVE,)),
        Ordered("died_at", "stated_at", "died_after_stated"),
        NullWhen("died_at", "says", (ALIVE,), "alive_and_died_at"),
        NullWhen("died_on", "says", (ALIVE,), "alive_and_died_on"),
    ),
)


def who_died(deaths: pl.DataFrame, stays: pl.DataFrame) -> pl.DataFrame:
    """`patient_id` and `died_at` of whoever is known to have died.

    Args:
        deaths: rows of `deaths` that had begun, so that none of them takes a death back.
        stays: rows of `icu_stays` that had begun. One that began after the death, or on a later day
            than the day that is stated, speaks against it.
    """
    last, day = (
        stays.group_by("patient_id").agg(pl.col("admitted_at").max()),
        pl.col("died_on").str.to_date(strict=False),
    )
    is_after = (pl.col("admitted_at") > pl.col("died_at")) | (pl.col("admitted_at").dt.date() > day).fill_null(False)
    return (
        deaths.join(last, on="patient_id", how="left")
        .filter(is_after.fill_null(False).not_())
        .select("patient_id", "died_at")
    )


def ended_by_death(stays: pl.DataFrame, deaths: pl.DataFrame) -> pl.DataFrame:
    """The same stays, those without an end ended by the death of their patient.

    `stays`, `deaths`: as `who_died` reads them.

    >>> ended_by_death(ICU_STAYS.empty(), DEATHS.empty()).height
    0
    """
    return (
        stays.join(who_died(deaths, stays), on="patient_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce("discharged_at", "died_at").alias("discharged_at"))
        .select(stays.columns)
    )


def with_stays_ended(tables: Mapping[str, pl.DataFrame]) -> Mapping[str, pl.DataFrame]:
    """Delivered tables by name, of what had begun, with each stay that a death ended as one that has ended."""
    if not {DEATHS.name, ICU_STAYS.name} <= set(tables):
        return tables
    return {**tables, ICU_STAYS.name: ended_by_death(tables[ICU_STAYS.name], tables[DEATHS.name])}
