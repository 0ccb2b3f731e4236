"""Who has died, of those of whom a death is on record; and which stays a death ended.

Rules of this file:
- What shows life after the death speaks against it (`last_alive`): one of the two is another patient's, or wrong.
- A death of which nobody stated the time or the day is a flag, which may be old: of a patient who lies in a bed it does not hold
  before the stay has ended.
- By a death that does not hold no stay ends, and the patient is not known to have died: it could not be told.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from typing import NamedTuple

import polars as pl

from cmvmon.domain.deaths import DEATHS, IN_BED, LIVES_AFTER
from cmvmon.domain.known import Known
from cmvmon.domain.last_alive import last_alive
from cmvmon.domain.rows import ICU_STAYS


class Death(NamedTuple):
    """When a patient died, as it is told. `on`: the day, where the day alone was stated. `is_dated`: whether the moment or the day
    was; else the patient had died by `at`."""

    at: datetime
    on: date | None
    is_dated: bool


def deaths_on_record(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """`patient_id`, `died_at`, `died_on` (a date), `is_dated` (as `Death` has it) and `doubt` of everybody with a death on record:
    why it does not hold; null: it does.

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
    told = deaths.join(alive, on="patient_id", how="left")
    return told.select("patient_id", "died_at", died_on=day, is_dated=~is_undated, doubt=doubt)


def who_died(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """`deaths_on_record` of whoever is known to have died: of whose death there is no doubt."""
    return deaths_on_record(tables).filter(pl.col("doubt").is_null()).drop("doubt")


def known_to_have_died(begun: Known) -> pl.DataFrame:
    """`who_died` of what had begun by a moment."""
    return who_died({**begun.tables, DEATHS.name: begun[DEATHS]})


def by_patient(died: pl.DataFrame) -> dict[str, Death]:
    """The deaths of `who_died` by patient."""
    return {who: Death(*told) for who, *told in died.select("patient_id", "died_at", "died_on", "is_dated").iter_rows()}


def ended_by_death(tables: Mapping[str, pl.DataFrame]) -> pl.DataFrame:
    """The stays of these tables, those without an end ended by the death of their patient.

    `tables`: as `deaths_on_record` reads them, with stays and deaths.

    >>> ended_by_death({"icu_stays": ICU_STAYS.empty(), "deaths": DEATHS.empty()}).height
    0
    """
    return ended(tables[ICU_STAYS.name], who_died(tables))


def ended(stays: pl.DataFrame, died: pl.DataFrame) -> pl.DataFrame:
    """These stays, those without an end ended by the death of their patient. `died`: as `who_died` gives it."""
    return (
        stays.join(died.select("patient_id", "died_at"), on="patient_id", how="left", maintain_order="left")
        .with_columns(pl.coalesce("discharged_at", "died_at").alias("discharged_at"))
        .select(stays.columns)
    )


def with_stays_ended(tables: Mapping[str, pl.DataFrame]) -> Mapping[str, pl.DataFrame]:
    """Delivered tables by name, of what had begun, with each stay that a death ended as one that has ended."""
    if not {DEATHS.name, ICU_STAYS.name} <= set(tables):
        return tables
    return {**tables, ICU_STAYS.name: ended_by_death(tables)}
