"""Who has died, of those of whom a death is on record; and which stays a death ended.

Rules of this file:
- What shows life after the death speaks against it (`last_alive`): one of the two is another patient's, or wrong.
- A death of which nobody stated the time or the day is a flag, which may be old: of a patient who lies in a bed it does not hold
  before the stay has ended.
- By a death that does not hold no stay ends, and the patient is not known to have died: it could not be told.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from cmvmon.domain.deaths import DEATHS, IN_BED, LIVES_AFTER
from cmvmon.domain.last_alive import last_alive
from cmvmon.domain.rows import ICU_STAYS


def deaths_on_record(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """`patient_id`, `died_at` and `doubt` of everybody of whom a death is on record: why it does not hold; null: it does.

    Args:
        tables: delivered tables by name, of what had begun, so that no death takes one back. Without stays, nobody lies in a bed.

    A death *lives_after* where anything shows life later (`last_alive`): after the moment of death, or on a later day (UTC) than
    the day that is stated. One of which nobody stated the time or the day is *in_bed* while a stay of its patient is open.
    """
    deaths, stays = tables[DEATHS.name], tables.get(ICU_STAYS.name, ICU_STAYS.empty())
    alive = last_alive(tables, deaths["patient_id"])
    in_bed = stays.filter(pl.col("discharged_at").is_null())["patient_id"].unique().implode()
    day, seen = pl.col("died_on").str.to_date(strict=False), pl.col("alive_at")
    lives_after = pl.any_horizontal(seen > pl.col("died_at"), seen.dt.date() > day).fill_null(False)
    is_undated = pl.col("died_on").is_null() & (pl.col("died_at") == pl.col("stated_at"))
    doubt = (
        pl.when(lives_after)
        .then(pl.lit(LIVES_AFTER))
        .when(is_undated & pl.col("patient_id").is_in(in_bed))
        .then(pl.lit(IN_BED))
    )
    return deaths.join(alive, on="patient_id", how="left").select("patient_id", "died_at", doubt=doubt)


def who_died(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """`patient_id` and `died_at` of whoever is known to have died: of those of `deaths_on_record` of whom there is no doubt."""
    return deaths_on_record(tables).filter(pl.col("doubt").is_null()).select("patient_id", "died_at")


def ended_by_death(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The stays of these tables, those without an end ended by the death of their patient.

    `tables`: as `deaths_on_record` reads them, with stays and deaths.

    >>> ended_by_death({"icu_stays": ICU_STAYS.empty(), "deaths": DEATHS.empty()}).height
    0
    """
    stays = tables[ICU_STAYS.name]
    return (
        stays.join(who_died(tables), on="patient_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce("discharged_at", "died_at").alias("discharged_at"))
        .select(stays.columns)
    )


def with_stays_ended(tables: Mapping[str, pl.DataFrame]) -> Mapping[str, pl.DataFrame]:
    """Delivered tables by name, of what had begun, with each stay that a death ended as one that has ended."""
    if not {DEATHS.name, ICU_STAYS.name} <= set(tables):
        return tables
    return {**tables, ICU_STAYS.name: ended_by_death(tables)}
