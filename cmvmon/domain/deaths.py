"""The delivered table `deaths`: that a patient died, and when; and who has left.

A death can be taken back: a statement that the patient is alive replaces the one of a death, and has no moment of death. Which death
holds: `cmvmon.domain.who_died`.
"""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl

from cmvmon.domain.columns import Column, Kind, RowType
from cmvmon.domain.conditional import NullWhen, RequiresUnless
from cmvmon.domain.constraints import NotBefore, OneOf, Ordered, a_date
from cmvmon.domain.rows import ICU_STAYS, PATIENT_ID, RECEIVED

DIED, ALIVE = SAYS = ("died", "alive")
LIVES_AFTER, IN_BED = DOUBTS = ("lives_after", "in_bed")
"""Why a death that is on record does not hold."""

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
            constraints=(a_date("died_on"),),
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


def when_left(stays: pl.DataFrame) -> pl.DataFrame:
    """`patient_id` and `left_at`, when the last stay of each ended; null: one is open.

    Args:
        stays: rows of `icu_stays` that had begun, an end that lies ahead null.
    """
    at = pl.col("discharged_at")
    return stays.group_by("patient_id").agg(left_at=pl.when(at.is_not_null().all()).then(at.max()))


def when_back(stays: pl.DataFrame) -> pl.DataFrame:
    """`patient_id` and `back_at`, when each patient who had left came in last; no row of one who never left before.

    Args:
        stays: as `when_left`. One that begins at the moment at which another ends is a move, and nobody has left.
    """
    came, left = pl.col("admitted_at"), pl.col("discharged_at")
    far = pl.lit(datetime.max.replace(tzinfo=UTC)).cast(ICU_STAYS.schema["discharged_at"])
    before = left.fill_null(far).cum_max().shift(1).over("patient_id", order_by="admitted_at")
    return stays.filter(came > before).group_by("patient_id").agg(back_at=came.max())
