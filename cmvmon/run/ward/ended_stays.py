"""Stays out of the store, those of the dead ended by their death."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import polars as pl
import sqlalchemy as sa

from cmvmon.domain.deaths import DEATHS, ended_by_death
from cmvmon.domain.delivered import BY_NAME
from cmvmon.domain.patient_links import Links
from cmvmon.shell.as_known import known

_DEATHS = BY_NAME[DEATHS.name]


def ended_stays(
    connection: sa.Connection,
    stays: pl.DataFrame,
    *,
    as_of: datetime,
    patients: Collection[str],
    one: Links | None = None,
) -> pl.DataFrame:
    """The same stays, with an end where a death that was known at `as_of` ended one.

    `stays`: rows of `icu_stays` of these patients that had begun. `one`: as `known.known_table` has it.
    """
    deaths = known.known_table(connection, _DEATHS, as_of=as_of, patients=patients, one=one)
    return stays if deaths is None else ended_by_death(stays, _DEATHS.begun(deaths, as_of))
